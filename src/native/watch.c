/* SPDX-License-Identifier: MIT
 *
 * By the processor's own means: what has not been written cannot be written, and the fault marks it.
 */
#include "native/watch.h"

#include "base/os_pages.h"
#include "native/pages.h"

unsigned watch_access(const struct native *native, const struct page_set *watch, uint64_t page,
                      prot_t prot)
{
	unsigned how = host_access(prot);
	(void)native;
	return page_set_has(watch, page) ? how : how & ~(unsigned)OS_PAGE_WRITE;
}

int watch_open(struct native *native, const struct page_set *watch, struct range range,
               prot_t prot)
{
	unsigned how = host_access(prot);
	int error = pages_open(native, range, how & ~(unsigned)OS_PAGE_WRITE, false);
	struct range rest = range, marked;
	while (!error && how & OS_PAGE_WRITE && page_set_find(watch, rest, &marked)) {
		error = os_pages_protect(pointer_to_page(marked.start), bytes_of(marked), how);
		rest.start = marked.end;
	}
	return error;
}

int watch_store(struct native *native, struct page_set *watch, uint64_t page, prot_t prot)
{
	page_set_add(watch, page); /* first: once the page is open, others store without a fault */
	return page_open(native, page, host_access(prot));
}

/* A run of one protection. When the host cannot split its mappings any more all of the run is protected: what
 * is marked will be marked again by its next store. */
static void rearm_run(const struct page_set *watch, struct range run, struct range range,
                      unsigned how)
{
	struct range rest = {max_u64(run.start, range.start), min_u64(run.end, range.end)}, marked;
	while (page_set_find(watch, rest, &marked)) {
		if (os_pages_protect(pointer_to_page(marked.start), bytes_of(marked), how))
			(void)os_pages_protect(pointer_to_page(run.start), bytes_of(run), how);
		rest.start = marked.end;
	}
}

void watch_rearm(struct space *space, struct range range)
{
	const struct page_set *watch = runs_at(&space->runs, range.start).vad->watch;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		unsigned how = host_access(attr_prot(run.attr));
		if (attr_is_committed(run.attr) && how & OS_PAGE_WRITE)
			rearm_run(watch, (struct range){run.start, run.end}, range,
			          how & ~(unsigned)OS_PAGE_WRITE);
		page = run.end;
	}
}
