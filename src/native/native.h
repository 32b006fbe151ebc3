/* SPDX-License-Identifier: MIT
 *
 * The native engine: the calling Linux process as a Windows process.
 *
 * What this is: one space over the host's own pages. What Windows can say about them is in the space, as
 * for a machine; where a page is, is the host's business. What the host must be asked for is asked
 * in the last step that can fail (engine.h, R), so that a call that fails has changed nothing.
 *
 * Threads: (l) guarded by the space's lock, (s) set before there is a second thread that knows it. No
 * lock is held while memory of the program is touched: the touch may fault, and the fault's handler
 * takes the space's lock.
 */
#ifndef NTMM_NATIVE_NATIVE_H
#define NTMM_NATIVE_NATIVE_H

#include "native/arena.h"
#include "native/lazy_free.h"
#include "native/locked.h"
#include "native/physical.h"
#include "native/slack.h"
#include "native/watch.h"
#include "space/space.h"

struct native {
	struct space space;
	struct ledger ledger;
	struct slack slack;       /* (s), but what it says of itself */
	struct arena arena;       /* (l) */
	struct locked locked;     /* (l) */
	struct lazy_free lazy;    /* (l) */
	struct physical physical; /* (l) */
	struct watch watch;       /* (l) */
	struct ws_limits limits;  /* (l) */
};

extern const struct engine native_engine;

static inline struct native *native_of(struct space *space)
{
	return (struct native *)(void *)space;
}

/* The one there is; NULL: it has not begun. Any thread, also in a signal handler. */
struct native *native_now(void);

/* Pages; 0: as it was at first. */
void native_set_commit_limit(struct native *native, uint64_t pages);

/* The process's space, ready for process_create. It is made once and never ends. STATUS_NOT_SUPPORTED: the
 * host's processor or its pages are not those of x86-64; STATUS_NO_MEMORY. */
NTSTATUS native_begin(struct space **space);

#endif
