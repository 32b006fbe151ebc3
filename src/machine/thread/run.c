/* SPDX-License-Identifier: MIT
 *
 * The host's processor runs a thread's code: faults of its own become the thread's.
 */
#include "base/check.h"
#include "base/os_pages.h"
#include "machine/pager/shadow.h"
#include "machine/thread/thread.h"

/* In the lowest 64 KB nothing can be allocated (AS-3). */
struct range thread_run_range(const struct ntmm_thread *thread)
{
	const struct layout *layout = thread->process->space.layout;
	return (struct range){GRANULE_PAGES, page_of(layout->maximum) + 1};
}

NTSTATUS thread_run_begin(struct ntmm_thread *thread)
{
	struct machine_process *process = thread->process;
	if (layout_is_9x(process->space.layout)) {
		complain("the processes of a Windows 9x cannot be shown to the host's processor");
		return STATUS_NOT_SUPPORTED;
	}
	shared_lock_write(&process->space.lock);
	NTSTATUS status = STATUS_PROCESS_IS_TERMINATING;
	if (!process->threads_forgotten) {
		lock_take(&process->map.pager->lock);
		status = shadow_begin(&process->map, thread_run_range(thread));
		lock_drop(&process->map.pager->lock);
	}
	shared_lock_drop(&process->space.lock);
	return status;
}

/* Once the map has forgotten its threads the pager may be gone; nobody but they has to do with the
 * shadow then. */
void thread_run_end(struct ntmm_thread *thread)
{
	struct machine_process *process = thread->process;
	struct page_map *map = &process->map;
	shared_lock_write(&process->space.lock);
	if (!process->threads_forgotten)
		lock_take(&map->pager->lock);
	shadow_end(map);
	if (!process->threads_forgotten)
		lock_drop(&map->pager->lock);
	shared_lock_drop(&process->space.lock);
}

/* Inside. All that the translation allows, so that a page that is loaded from and stored to does not
 * fault again and again. */
static unsigned rights(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	const uint64_t page = address_of(page_of(address));
	const struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, page);
	unsigned how = OS_PAGE_READ;
	if (__atomic_load_n(&line->store, NTMM_TLB_ORDER) == page)
		how |= OS_PAGE_WRITE;
	return access == NTMM_FETCH ? how | OS_PAGE_EXECUTE : how;
}

enum showing { SHOWN, MISSED, REFUSED };

static enum showing try_show(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	enum showing showing = MISSED;
	ntmm_tlb_enter(&thread->tlb);
	const uint8_t *byte = thread_find(thread, access, address);
	if (byte) {
		unsigned how = rights(thread, access, address);
		bool shown = shadow_show(thread->process->map.shadow, page_of(address),
		                         byte - address % PAGE_BYTES, how);
		showing = shown ? SHOWN : REFUSED;
	}
	ntmm_tlb_leave(&thread->tlb);
	return showing;
}

bool thread_run_fault(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	for (;;) {
		switch (try_show(thread, access, address)) {
		case SHOWN:
			return true;
		case REFUSED:
			return thread_raise_in_page(thread, access, address,
			                            STATUS_INSUFFICIENT_RESOURCES);
		case MISSED:
			if (!thread_fault(thread, access, address))
				return false;
		}
	}
}
