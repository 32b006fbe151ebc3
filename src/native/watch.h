/* SPDX-License-Identifier: MIT
 *
 * Write watch of the host's pages (rules WW).
 *
 * What this is: two ways to notice stores, with the same answers. By faults (watch_faults.c): a page that is
 * not marked cannot be written, and the fault marks it. By the host (watch_host.c): it notes stores
 * by itself, and is asked; marks of pages whose contents go are moved to the allocation's set before,
 * and a mark counts wherever it is. A process has one way, chosen when watched memory is first
 * committed.
 *
 * Threads: the space is locked, for writing where it does not say otherwise.
 */
#ifndef NTMM_NATIVE_WATCH_H
#define NTMM_NATIVE_WATCH_H

#include <ntmm/native.h>

#include "base/os_watch.h"
#include "engine.h"
#include "space/runs.h"

struct native;

/* Each of a range, or a page, of one watched allocation whose set is `set`. Errors: an errno value. */
struct watch_way {
	ntmm_watch_way name;
	/* What the host is to allow of a committed page now: OS_PAGE_ bits. */
	unsigned (*access)(const struct page_set *set, uint64_t page, prot_t prot);
	/* The pages are about to be committed or protected. */
	int (*open)(struct native *native, struct page_set *set, struct range range, prot_t prot);
	/* They are about to be committed no more. */
	int (*close)(struct native *native, struct page_set *set, struct range range);
	/* They have been committed all the time, and are zero from now on. */
	void (*discard)(struct native *native, struct page_set *set, struct range range);
	/* (The space is locked for reading.) A store to the page has faulted and is to be made. */
	int (*store)(struct native *native, struct page_set *set, uint64_t page, prot_t prot);
	void (*marks)(struct native *native, struct page_set *set, struct range range,
	              struct marks *marks);
};

struct watch {
	const struct watch_way *way; /* (l) NULL: not chosen yet */
	struct os_watch host;        /* (l) by the host */
};

extern const struct watch_way watch_by_faults, watch_by_host;

/* ---- for who has pages that may be watched --------------------------------------------------- */

/* `set` is that of the allocation; the rest as above. */
unsigned watch_access(const struct native *native, const struct page_set *set, uint64_t page,
                      prot_t prot);
int watch_open(struct native *native, struct page_set *set, struct range range, prot_t prot);
int watch_close(struct native *native, struct page_set *set, struct range range);
void watch_discard(struct native *native, struct page_set *set, struct range range);
int watch_store(struct native *native, struct page_set *set, uint64_t page, prot_t prot);
/* As engine.marks. */
void watch_marks(struct space *space, struct range range, struct marks *marks);

/* STATUS_NOT_SUPPORTED: the host does not allow it; STATUS_CONFLICTING_ADDRESSES: another has been
 * chosen. */
NTSTATUS watch_choose(struct native *native, ntmm_watch_way name);

/* ---- fork ------------------------------------------------------------------------------------ */

/* Before the process forks: the child will know what has been stored to by now. What other threads store
 * between this and the fork may be unmarked in the child. */
void watch_fork(struct native *native);
/* In the child, which is alone. */
void watch_forked(struct native *native);

/* ---- for watch.c alone ------------------------------------------------------------------------ */

/* Marks that the host has in `range` go to the set too. */
void watch_harvest(const struct native *native, struct page_set *set, struct range range);
/* Committed pages in a row are armed: the marks are in the set. An errno value. */
int watch_arm(const struct native *native, struct range range);
/* Pages of a run of this attribute will fault when they are stored to. */
void watch_protect(struct page_set *set, struct range range, attr_t attr);

#endif
