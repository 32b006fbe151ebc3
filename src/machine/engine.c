/* SPDX-License-Identifier: MIT
 *
 * The engine table of machines: the rules' requests, handed to the pager.
 */
#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#include "base/os.h"
#include "machine/machine.h"
#include "machine/thread/thread.h"
#include "machine/pager/change.h"
#include "machine/pager/events.h"
#include "machine/pager/large.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/page_map.h"
#include "machine/pager/physical.h"
#include "machine/pager/share.h"
#include "machine/pager/transfer.h"
#include "machine/pager/shoot.h"
#include "machine/pager/trim.h"

static struct page_map *map_of(struct space *space)
{
	return &machine_process_of(space)->map;
}

/* ---- (W) ------------------------------------------------------------------------------------ */

static void protect(struct space *space, struct range range, prot_t prot)
{
	pages_protect(map_of(space), range, prot);
	if (prot_is_guard(prot))
		stack_note_guard(machine_process_of(space), range);
}

static void decommit(struct space *space, struct range range)
{
	pages_decommit(map_of(space), range);
}

static void rearm(struct space *space, struct range range)
{
	pages_rearm(map_of(space), range, vad_watch(space_run(space, address_of(range.start)).vad));
}

static void reset(struct space *space, struct range range)
{
	pages_reset(map_of(space), range);
}

static bool reset_undo(struct space *space, struct range range)
{
	/* What lies behind the page must not come back: a section's page, or what a clone shows. */
	bool covers = vad_view(runs_at(&space->runs, range.start).vad) || map_of(space)->clones;
	return pages_reset_undo(map_of(space), range, covers);
}

static void offer(struct space *space, struct range range, unsigned priority)
{
	pages_offer(map_of(space), range, priority);
}

static bool reclaim(struct space *space, struct range range)
{
	return pages_reset_undo(map_of(space), range, map_of(space)->clones);
}

static void discard(struct space *space, struct range range)
{
	pages_discard(map_of(space), range);
}

/* ---- copies (0) ------------------------------------------------------------------------------ */

static NTSTATUS copy(struct space *space, uint64_t address, void *host, uint64_t bytes,
                     enum copy_way way, uint64_t *done)
{
	struct transfer transfer = {.process = machine_process_of(space),
	                            .address = address,
	                            .bytes = bytes,
	                            .host = host,
	                            .access = way == COPY_WRITE ? NTMM_STORE : NTMM_LOAD,
	                            .mode = MODE_FOREIGN};
	return transfer_bytes(&transfer, done);
}

/* ---- sections -------------------------------------------------------------------------------- */

static NTSTATUS section_create(struct space *space, const struct section_wish *wish,
                               struct section **section)
{
	struct pager *pager = map_of(space)->pager;
	struct segment *segment;
	segments_retry_stranded(pager);
	NTSTATUS status = segment_create(pager, &machine_engine, wish, &segment);
	if (!status)
		*section = &segment->section;
	return status;
}

static void section_free(struct section *section)
{
	struct pager *pager = segment_of(section)->map.pager;
	segment_end(segment_of(section));
	pager_deliver(pager);
}

static NTSTATUS section_flush(struct section *section, struct range range)
{
	struct segment *segment = segment_of(section);
	NTSTATUS status = segment_flush(segment, range);
	pager_deliver(segment->map.pager);
	return status;
}

static void section_cut(struct section *section, uint64_t bytes)
{
	segment_cut(segment_of(section), bytes);
}

static NTSTATUS patch(struct space *space, uint64_t page,
                      void (*change)(void *context, uint64_t page, void *bytes), void *context)
{
	return touch_patch(machine_process_of(space), page, change, context);
}

static bool section_fits(struct space *space, const struct section *section)
{
	return section->ledger == space->ledger;
}

static void map_view(struct space *space, struct view *view)
{
	segment_link(map_of(space), view);
}

static void unmap_view(struct space *space, struct view *view)
{
	pages_decommit(map_of(space), view->range);
	segment_unlink(map_of(space), view);
}

static uint64_t copied(struct space *space, struct range range, bool *is_copied)
{
	return segment_copied(map_of(space), range, is_copied);
}

/* ---- figures (0) ----------------------------------------------------------------------------- */

static void empty(struct space *space)
{
	if (!machine_process_lock(machine_process_of(space)))
		return;
	trim_all(map_of(space));
	machine_process_unlock(machine_process_of(space));
	pager_deliver(map_of(space)->pager);
}

static bool is_in_view(const struct space *space, uint64_t page)
{
	const struct vad *vad = runs_at(&space->runs, page).vad;
	return vad && vad_view(vad);
}

/* The page is the process's, not a section's. */
static bool is_own(const struct page_map *map, struct place place, struct pte pte)
{
	if (pte_is_present(pte) && place.level == 1)
		return !is_shared(&map->pager->phys, place, pte_frame(pte));
	return place.level == 1 && !pte_is_zero(pte);
}

static void residency(struct space *space, uint64_t page, struct residency *residency)
{
	struct page_map *map = map_of(space);
	*residency = (struct residency){0};
	if (!machine_process_lock(machine_process_of(space)))
		return;
	struct place place = map_walk(&map->pager->phys, map->root, page);
	struct pte pte = pte_load(place.entry);
	if (place_is_large(place))
		*residency = (struct residency){
			.valid = true, .locked = true, .large = true, .prot = pte_prot(pte)};
	residency->shared = is_in_view(space, page) && !is_own(map, place, pte);
	if (place.level == 1 && pte_is_present(pte)) {
		const struct frame *record = frame_at(&map->pager->phys, pte_frame(pte));
		residency->valid = true;
		residency->locked = page_locks(map, place) || record->state == FRAME_PHYSICAL;
		residency->prot = pte_prot(pte);
		residency->sharers = residency->shared ? record->share : 0;
	}
	machine_process_unlock(machine_process_of(space));
}

static void usage(struct space *space, struct usage *usage)
{
	const struct page_map *map = map_of(space);
	*usage = (struct usage){0};
	if (!machine_process_lock(machine_process_of(space)))
		return;
	usage->faults = map->tally.demand_zero + map->tally.soft + map->tally.hard;
	usage->working_set = map->active;
	usage->working_set_peak = map->active_peak;
	machine_process_unlock(machine_process_of(space));
}

static void memory(struct space *space, struct memory_status *status)
{
	struct pager *pager = map_of(space)->pager;
	*status = (struct memory_status){0};
	if (!machine_process_lock(machine_process_of(space)))
		return;
	status->physical = pager->phys.count;
	status->available = phys_available(&pager->phys);
	status->commit_limit = atomic_load(&pager->commit.limit);
	status->commit_total = atomic_load(&pager->commit.total);
	machine_process_unlock(machine_process_of(space));
}

/* ---- working-set limits (0) ------------------------------------------------------------------ */

static void get_limits(struct space *space, struct ws_limits *limits)
{
	*limits = (struct ws_limits){0};
	if (!machine_process_lock(machine_process_of(space)))
		return; /* it ends just now */
	*limits = map_of(space)->limits;
	machine_process_unlock(machine_process_of(space));
}

static uint64_t promised(const struct ws_limits *limits)
{
	return limits->flags & QUOTA_LIMITS_HARDWS_MIN_ENABLE ? limits->minimum : 0;
}

/* A hard minimum is a promise of frames: charged to the resident ledger. What is less than before needs
 * no room there. */
static bool promise(struct ledger *resident, const struct ws_limits *before,
                    const struct ws_limits *limits)
{
	uint64_t old = promised(before), new = promised(limits);
	if (limits->minimum > atomic_load(&resident->limit))
		return false;
	if (new > old)
		return ledger_charge(resident, new - old);
	ledger_return(resident, old - new);
	return true;
}

static NTSTATUS set_limits(struct space *space, const struct ws_limits *limits)
{
	struct page_map *map = map_of(space);
	NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
	if (!machine_process_lock(machine_process_of(space)))
		return STATUS_PROCESS_IS_TERMINATING;
	if (promise(&map->pager->resident, &map->limits, limits)) {
		map->limits = *limits;
		trim_to_maximum(map);
		status = STATUS_SUCCESS;
	}
	machine_process_unlock(machine_process_of(space));
	pager_deliver(map->pager);
	return status;
}

/* ---- the rest (0) ---------------------------------------------------------------------------- */

static void note(struct space *space, enum note note, struct range range)
{
	struct page_map *map = map_of(space);
	struct pager *pager = map->pager;
	if (!__atomic_load_n(&pager->queue.observer, __ATOMIC_RELAXED) ||
	    !machine_process_lock(machine_process_of(space)))
		return;
	ntmm_event_kind kind = note == NOTE_ALLOC ? NTMM_EVENT_ALLOC : NTMM_EVENT_FREE;
	if (pager->queue.observer)
		event_queue_push(pager, (ntmm_event){kind, map->pid, 0, address_of(range.start),
		                                     range_pages(range), UINT64_MAX, UINT64_MAX});
	machine_process_unlock(machine_process_of(space));
	pager_deliver(pager);
}

/* No thread has a translation from now on, nor gets one. They may be destroyed while the pages go. */
static void forget_threads(struct machine_process *process)
{
	struct page_map *map = &process->map;
	atomic_store(&process->gone, true);
	shared_lock_write(&process->space.lock);
	lock_take(&map->pager->lock);
	shoot_map(map);
	for (struct ntmm_thread *thread = process->threads; thread; thread = thread->next)
		thread_leave_arena(thread);
	lock_drop(&map->pager->lock);
	process->threads_forgotten = true;
	shared_lock_drop(&process->space.lock);
}

static void end(struct space *space)
{
	struct machine_process *process = machine_process_of(space);
	struct page_map *map = &process->map;
	forget_threads(process);
	page_map_destroy(map);
	pager_deliver(map->pager);
}

static void free_process(struct space *space)
{
	space_destroy(space);
	os_free(machine_process_of(space));
}

const struct engine machine_engine = {
	.protect = protect,
	.decommit = decommit,
	.rearm = rearm,
	.reset = reset,
	.reset_undo = reset_undo,
	.offer = offer,
	.reclaim = reclaim,
	.discard = discard,
	.large_commit = large_commit,
	.physical_allocate = physical_allocate,
	.physical_free = physical_free,
	.physical_map = physical_map,
	.lock = pages_lock,
	.unlock = pages_unlock,
	.copy = copy,
	.prefetch = pages_prefetch,
	.empty = empty,
	.residency = residency,
	.usage = usage,
	.memory = memory,
	.get_limits = get_limits,
	.set_limits = set_limits,
	.section_create = section_create,
	.section_free = section_free,
	.section_fits = section_fits,
	.section_flush = section_flush,
	.section_cut = section_cut,
	.patch = patch,
	.map = map_view,
	.unmap = unmap_view,
	.copied = copied,
	.note = note,
	.end = end,
	.free = free_process,
};
