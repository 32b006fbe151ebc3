/* SPDX-License-Identifier: MIT
 *
 * ntmm/machine.h: machines, their figures and their observer.
 */
#include "base/check.h"
#include "embed/embed.h"
#include "object/handle.h"
#include "object/section.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/retire.h"
#include "machine/pager/segment.h"
#include "machine/pager/visit.h"
#include "machine/pager/write.h"
#include "win32/error.h"

const char *ntmm_error_message(void)
{
	return complaint();
}

NTSTATUS ntmm_machine_create(const ntmm_machine_config *config, ntmm_machine **machine)
{
	complain_nothing();
	if (!config || !machine) {
		complain("no configuration, or nowhere to put the machine");
		return STATUS_INVALID_PARAMETER;
	}
	if (config->flags & NTMM_MACHINE_WIN9X)
		win32_meet_9x();
	return machine_create(config, machine);
}

static void end_process(struct process *process, void *context)
{
	(void)context;
	process_end(process, 0);
	process->domain = NULL;
}

void ntmm_machine_destroy(ntmm_machine *machine)
{
	if (!machine)
		return;
	complain_nothing();
	process_each(machine, end_process, NULL);
	section_objects_end(machine);
	machine_destroy(machine);
}

const void *ntmm_machine_ram(const ntmm_machine *machine, uint64_t *bytes)
{
	if (bytes)
		*bytes = address_of(machine->pager.phys.count);
	return machine->pager.phys.ram;
}

void *ntmm_machine_shared_page(ntmm_machine *machine)
{
	return frame_bytes(&machine->pager.phys, machine->pager.shared_page);
}

static void fill_states(const struct pager *pager, ntmm_machine_counters *c)
{
	const uint64_t *in_state = pager->phys.in_state;
	c->ram = pager->phys.count;
	c->zeroed = in_state[FRAME_ZEROED];
	c->free = in_state[FRAME_FREE] + in_state[FRAME_ZEROING];
	c->standby = in_state[FRAME_STANDBY];
	c->modified = in_state[FRAME_MODIFIED];
	c->active = in_state[FRAME_ACTIVE];
	c->transition = in_state[FRAME_READING] + in_state[FRAME_WRITING];
	c->tables = in_state[FRAME_TABLE] + in_state[FRAME_IDLE];
	c->fixed = in_state[FRAME_FIXED];
	c->modified_no_write = in_state[FRAME_NO_WRITE];
	c->bad = in_state[FRAME_BAD];
	c->physical = in_state[FRAME_PHYSICAL];
	c->large = in_state[FRAME_LARGE];
}

static void fill_ledgers(struct pager *pager, ntmm_machine_counters *c)
{
	c->commit_total = atomic_load(&pager->commit.total);
	c->commit_limit = atomic_load(&pager->commit.limit);
	c->commit_peak = atomic_load(&pager->commit.peak);
	c->resident_total = atomic_load(&pager->resident.total);
	c->resident_limit = atomic_load(&pager->resident.limit);
	c->slots = stores_usable(&pager->stores);
	c->slots_used = stores_used(&pager->stores);
}

static void fill_events(const struct pager *pager, ntmm_machine_counters *c)
{
	c->demand_zero = pager->tally.demand_zero;
	c->soft = pager->tally.soft;
	c->hard = pager->tally.hard;
	c->violations = pager->tally.violations;
	c->guards = pager->tally.guards;
	c->page_ins = pager->tally.page_ins;
	c->page_outs = pager->tally.page_outs;
	c->trimmed = pager->tally.trimmed;
	c->stray_writes = pager->tally.stray_writes;
	c->read_errors = pager->read_errors;
	c->write_errors = pager->write_errors;
	c->lost_events = pager->queue.lost;
	for (uint32_t i = 0; i < pager->map_count; i++)
		c->processes += pager->maps[i] && !pager->maps[i]->segment &&
		                pager->maps[i] != pager->arena;
}

NTSTATUS ntmm_machine_get_counters(ntmm_machine *machine, ntmm_machine_counters *counters)
{
	if (!counters || counters->size != sizeof *counters)
		return STATUS_INFO_LENGTH_MISMATCH;
	*counters = (ntmm_machine_counters){.size = sizeof *counters};
	lock_take(&machine->pager.lock);
	fill_states(&machine->pager, counters);
	fill_ledgers(&machine->pager, counters);
	fill_events(&machine->pager, counters);
	segments_count(&machine->pager, &counters->unwritten, &counters->stranded);
	lock_drop(&machine->pager.lock);
	return STATUS_SUCCESS;
}

NTSTATUS ntmm_machine_add_paging_file(ntmm_machine *machine, const ntmm_paging_file *file)
{
	complain_nothing();
	if (file)
		return machine_add_paging_file(machine, file);
	complain("no paging file");
	return STATUS_INVALID_PARAMETER;
}

static void fill_paging_file(const struct store *store, ntmm_paging_file_counters *c)
{
	c->failed = store->failed;
	c->pages = store->slots.count;
	c->maximum_pages = store->slots.most;
	c->used = store->slots.used;
	c->bad = store->slots.bad;
	c->reads = atomic_load(&store->transfers[NTMM_TRANSFER_READ]);
	c->writes = atomic_load(&store->transfers[NTMM_TRANSFER_WRITE]);
	c->read_errors = atomic_load(&store->read_errors);
	c->write_errors = atomic_load(&store->write_errors);
}

NTSTATUS ntmm_machine_get_paging_file(ntmm_machine *machine, uint32_t number,
                                      ntmm_paging_file_counters *counters)
{
	if (!counters || counters->size != sizeof *counters)
		return STATUS_INFO_LENGTH_MISMATCH;
	NTSTATUS status = STATUS_INVALID_PARAMETER;
	lock_take(&machine->pager.lock);
	if (number < machine->pager.stores.count) {
		*counters = (ntmm_paging_file_counters){.size = sizeof *counters};
		fill_paging_file(machine->pager.stores.store[number], counters);
		status = STATUS_SUCCESS;
	}
	lock_drop(&machine->pager.lock);
	return status;
}

struct agreement {
	const struct space *space;
	bool fine;
};

/* What the processor may do by an entry is what Windows says of the page. */
static void check_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct agreement *agreement = context;
	struct pte pte = pte_load(place.entry);
	struct run run = runs_at(&agreement->space->runs, page); /* no section's lock below the pager's */
	if (run.vad && vad_mapped(run.vad))
		run = space_run(agreement->space, address_of(page));
	const struct page_set *watch = run.vad ? vad_watch(run.vad) : NULL;
	attr_t attr = run.attr;
	prot_t prot = attr_prot(attr);
	bool agrees = attr_is_committed(attr) && !(attr & ATTR_OFFERED) &&
	              (pte_prot(pte) == prot || pte_prot(pte) == prot_after_copy(prot) ||
	               (attr_level(attr) && pte_prot(pte) == prot_before_copy(prot)));
	if (agreement->fine && pte_is_present(pte) && !agrees)
		agreement->fine =
			complain("process %u, page %#lx: the entry and the space disagree",
		                 map->pid, page);
	if (agreement->fine && watch && pte_is_present(pte) && pte_is_dirty(pte) &&
	    !page_set_has(watch, page))
		agreement->fine = complain("process %u, page %#lx: written, but not marked",
		                           map->pid, page);
}

static bool check_inside(struct machine_process *inside)
{
	struct agreement agreement = {&inside->space, true};
	if (!machine_process_lock(inside))
		return true;
	visit_present_tables(&inside->map, space_whole(inside->space.layout), check_entry,
	                     &agreement);
	bool fine = agreement.fine && space_check(&inside->space);
	machine_process_unlock(inside);
	return fine;
}

static void check_process(struct process *process, void *context)
{
	bool *fine = context;
	*fine = *fine && check_inside(machine_process_of(process->space));
}

bool ntmm_machine_check(ntmm_machine *machine)
{
	bool fine = true;
	complain_nothing();
	process_each(machine, check_process, &fine);
	fine = fine && (!machine->arena || check_inside(machine->arena));
	lock_take(&machine->pager.lock);
	fine = fine && pager_check(&machine->pager);
	lock_drop(&machine->pager.lock);
	return fine;
}

uint64_t ntmm_machine_balance(ntmm_machine *machine, uint64_t available)
{
	segments_retry(&machine->pager);
	uint64_t reached = pager_balance(&machine->pager, available);
	pager_deliver(&machine->pager);
	return reached;
}

uint64_t ntmm_machine_write_modified(ntmm_machine *machine, uint64_t pages)
{
	uint64_t done = 0, now = 1;
	NTSTATUS status = STATUS_SUCCESS;
	segments_retry(&machine->pager);
	while (done < pages && now) {
		now = write_cluster(&machine->pager, &status);
		done += now;
	}
	pager_deliver(&machine->pager);
	return done;
}

NTSTATUS ntmm_machine_observe(ntmm_machine *machine, ntmm_observer observer, void *context)
{
	return pager_observe(&machine->pager, observer, context);
}

NTSTATUS ntmm_machine_mark_bad(ntmm_machine *machine, uint64_t frame)
{
	if (frame >= machine->pager.phys.count)
		return STATUS_INVALID_PARAMETER;
	return pager_retire(&machine->pager, (frame_t)frame);
}
