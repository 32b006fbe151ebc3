/* SPDX-License-Identifier: MIT
 *
 * A touch of one page of a process: the rules are asked, then the page is brought in.
 *
 * Threads: any; (0) no lock held. May block on I/O.
 */
#ifndef NTMM_MACHINE_PAGER_TOUCH_H
#define NTMM_MACHINE_PAGER_TOUCH_H

#include "machine/pager/fault.h"
#include "space/arena.h"

struct ntmm_machine;

/* A process as the machine sees it: what Windows can say, and where the pages are. */
struct machine_process {
	struct space space;
	struct page_map map;
	struct ntmm_machine *machine;
	struct ntmm_thread *threads; /* guarded by the space's lock */
	bool threads_forgotten;      /* (the same) by the map; its machine may be gone, too */
	_Atomic bool gone;           /* has ended: map may not be used */
};

static inline struct machine_process *machine_process_of(struct space *space)
{
	return (struct machine_process *)(void *)space;
}

/* Locks what Windows can say (for reading) and where the pages are. False when the process has ended:
 * then nothing is locked. */
bool machine_process_lock(struct machine_process *process);
void machine_process_unlock(struct machine_process *process);

static inline const struct space *space_of_map(const struct page_map *map)
{
	const char *process = (const char *)map - offsetof(struct machine_process, map);
	return &((const struct machine_process *)(const void *)process)->space;
}

/* Called with the page present, accessed and, for a store, dirty; the pager's lock is held. */
typedef NTSTATUS (*touch_visitor)(struct fault *fault, void *context);

struct touch {
	struct machine_process *process; /* addresses of its machine's arena are meant, too */
	uint64_t address;
	ntmm_access access;
	enum access_mode mode;
	touch_visitor visit;
	void *context;
};

enum touch_result {
	TOUCH_DONE,      /* *status is what the visitor returned */
	TOUCH_VIOLATION,
	TOUCH_GUARD,     /* the guard is still set */
	TOUCH_FAILED,    /* STATUS_IN_PAGE_ERROR: *status is why */
};
enum touch_result touch_page(const struct touch *touch, NTSTATUS *status);

/* Clears the guard of a page, if it still is a guard page; MODE_SERVICE and exceptions.
 * STATUS_GUARD_PAGE_VIOLATION; STATUS_SUCCESS when another was quicker (try again);
 * STATUS_INSUFFICIENT_RESOURCES when there is no memory for it. */
NTSTATUS touch_clear_guard(struct machine_process *process, uint64_t page);

/* touch_page by the system, as a status; a guard is consumed (S27). */
NTSTATUS touch_as_service(const struct touch *touch);

/* ---- patch.c --------------------------------------------------------------------------------- */

/* The page, committed in a view of an image, becomes the process's own; `change` is called with its
 * bytes, the pager's lock held. STATUS_SUCCESS, STATUS_IN_PAGE_ERROR, STATUS_ACCESS_VIOLATION. */
NTSTATUS touch_patch(struct machine_process *process, uint64_t page,
                     void (*change)(void *context, uint64_t page, void *bytes), void *context);

/* ---- lock_range.c, prefetch.c: operations of the engine -------------------------------------------------- */

NTSTATUS pages_lock(struct space *space, struct range range, unsigned how);
NTSTATUS pages_unlock(struct space *space, struct range range, unsigned how);
void pages_prefetch(struct space *space, struct range range);

/* Copies to or from a page that threads may be using. */
void touch_copy(void *to, const void *from, uint64_t bytes);

#endif
