/* SPDX-License-Identifier: MIT */
#include "machine/thread/thread.h"
#include "machine/pager/shoot.h"

static void clear_tlb(struct ntmm_tlb *tlb)
{
	tlb->version = NTMM_TLB_VERSION;
	for (unsigned i = 0; i < NTMM_TLB_LINES; i++)
		tlb->lines[i] =
			(struct ntmm_tlb_line){NTMM_TLB_EMPTY, NTMM_TLB_EMPTY, NTMM_TLB_EMPTY, 0};
}

/* ---- the arena of a Windows 9x: the pager's lock is held -------------------------------------- */

static struct page_map *arena_of(const struct ntmm_thread *thread)
{
	struct space *shared = thread->process->space.shared;
	return shared ? &machine_process_of(shared)->map : NULL;
}

static void enter_arena(struct ntmm_thread *thread)
{
	struct page_map *arena = arena_of(thread);
	thread->stores_end = UINT64_MAX;
	if (!arena)
		return;
	thread->stores_end = arena->stray_start;
	thread->shared.tlb = &thread->tlb;
	shoot_enlist(arena, &thread->shared);
}

void thread_leave_arena(struct ntmm_thread *thread)
{
	if (thread->shared.tlb)
		shoot_translator(arena_of(thread), &thread->shared);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

NTSTATUS thread_start(struct ntmm_thread *thread, struct machine_process *process)
{
	struct page_map *map = &process->map;
	clear_tlb(&thread->tlb);
	thread->process = process;
	thread->translator.tlb = &thread->tlb;
	shared_lock_write(&process->space.lock);
	bool ended = process->space.ended;
	if (!ended) {
		thread->next = process->threads;
		process->threads = thread;
		lock_take(&map->pager->lock);
		shoot_enlist(map, &thread->translator);
		enter_arena(thread);
		lock_drop(&map->pager->lock);
	}
	shared_lock_drop(&process->space.lock);
	return ended ? STATUS_PROCESS_IS_TERMINATING : STATUS_SUCCESS;
}

void thread_stop(struct ntmm_thread *thread)
{
	struct machine_process *process = thread->process;
	shared_lock_write(&process->space.lock);
	struct ntmm_thread **link = &process->threads;
	while (*link && *link != thread)
		link = &(*link)->next;
	if (*link)
		*link = thread->next;
	if (!process->threads_forgotten) {
		lock_take(&process->map.pager->lock);
		shoot_delist(&process->map, &thread->translator);
		if (thread->shared.tlb)
			shoot_delist(arena_of(thread), &thread->shared);
		lock_drop(&process->map.pager->lock);
	}
	shared_lock_drop(&process->space.lock);
}

static ULONG_PTR access_number(const struct ntmm_thread *thread, ntmm_access access)
{
	if (access == NTMM_FETCH)
		return thread->process->space.nx ? 8 : 0; /* EX-2 */
	return access == NTMM_STORE;
}

bool thread_raise(struct ntmm_thread *thread, NTSTATUS code, ntmm_access access, uint64_t address)
{
	EXCEPTION_RECORD *record = &thread->exception;
	*record = (EXCEPTION_RECORD){.ExceptionCode = (DWORD)code, .NumberParameters = 2};
	record->ExceptionInformation[0] = access_number(thread, access);
	record->ExceptionInformation[1] = (ULONG_PTR)address;
	return false;
}

bool thread_raise_in_page(struct ntmm_thread *thread, ntmm_access access, uint64_t address,
                          NTSTATUS reason)
{
	thread_raise(thread, STATUS_IN_PAGE_ERROR, access, address);
	thread->exception.NumberParameters = 3;
	thread->exception.ExceptionInformation[2] = (DWORD)reason; /* EX-7 */
	return false;
}
