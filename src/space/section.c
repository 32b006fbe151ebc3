/* SPDX-License-Identifier: MIT */
#include "space/section.h"

#include "base/check.h"
#include "engine.h"
#include "space/space.h"
#include "space/tables.h"

/* Runs belong to an allocation; all of a section's do to this one. */
static struct vad whole_section = {.kind = VAD_VIEW};

static NTSTATUS init_runs(struct section *section)
{
	struct range whole = {0, section->pages};
	if (!runs_init(&section->commit, whole))
		return STATUS_NO_MEMORY;
	if (!runs_prepare(&section->commit, 1)) {
		runs_destroy(&section->commit);
		return STATUS_NO_MEMORY;
	}
	runs_set(&section->commit, whole, &whole_section, ATTR_RESERVED);
	return STATUS_SUCCESS;
}

NTSTATUS section_init(struct section *section, const struct engine *engine, struct ledger *ledger,
                      const struct section_wish *wish)
{
	*section = (struct section){.engine = engine,
	                            .ledger = ledger,
	                            .kind = wish->kind,
	                            .pages = wish->pages,
	                            .reserve = wish->reserve,
	                            .parts = wish->parts,
	                            .part_count = wish->part_count,
	                            .base = wish->base};
	atomic_init(&section->references, 1);
	NTSTATUS status = wish->reserve ? init_runs(section) : STATUS_SUCCESS;
	if (status)
		return status;
	shared_lock_init(&section->lock, RANK_SECTION);
	section->backing = wish->backing;
	return STATUS_SUCCESS;
}

void section_destroy(struct section *section)
{
	ledger_return(section->ledger, section->charged);
	if (section->reserve)
		runs_destroy(&section->commit);
	shared_lock_destroy(&section->lock);
}

void section_retain(struct section *section)
{
	CHECK(atomic_fetch_add(&section->references, 1));
}

bool section_retain_if_alive(struct section *section)
{
	uint32_t count = atomic_load(&section->references);
	while (count && !atomic_compare_exchange_weak(&section->references, &count, count + 1))
		;
	return count;
}

void section_release(struct section *section)
{
	uint32_t before = atomic_fetch_sub(&section->references, 1);
	CHECK(before);
	if (before == 1)
		section->engine->section_free(section);
}

NTSTATUS section_charge(struct section *section, uint64_t pages)
{
	if (!ledger_charge(section->ledger, pages))
		return STATUS_COMMITMENT_LIMIT;
	shared_lock_write(&section->lock);
	section->charged += pages;
	shared_lock_drop(&section->lock);
	return STATUS_SUCCESS;
}

bool section_is_committed(struct section *section, uint64_t page, uint64_t *end)
{
	if (!section->reserve)
		return true;
	shared_lock_read(&section->lock);
	struct run run = runs_at(&section->commit, page);
	shared_lock_drop(&section->lock);
	*end = min_u64(*end, run.end);
	return attr_is_committed(run.attr);
}

/* Pages that are to be charged when all of `range` is committed. */
static uint64_t price(const struct section *section, struct range range)
{
	uint64_t pages = range_pages(range) - runs_committed(&section->commit, range);
	return pages ? pages + tables_to_add(&section->commit, range) : 0;
}

NTSTATUS section_charge_commit(struct section *section, struct range range, uint64_t *charge)
{
	if (!section->reserve)
		return STATUS_SUCCESS;
	shared_lock_write(&section->lock);
	uint64_t pages = price(section, range);
	bool ready = !pages || runs_prepare(&section->commit, 1);
	shared_lock_drop(&section->lock);
	if (!ready)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (!ledger_charge(section->ledger, pages))
		return STATUS_COMMITMENT_LIMIT;
	*charge = pages;
	return STATUS_SUCCESS;
}

/* What others have committed since it was charged is not needed. */
static NTSTATUS commit(struct section *section, struct range range, uint64_t charge)
{
	uint64_t pages = price(section, range);
	bool ready = !pages || runs_prepare(&section->commit, 1);
	if (pages && ready)
		runs_set(&section->commit, range, &whole_section, ATTR_COMMITTED);
	uint64_t kept = ready ? pages : 0;
	section->charged += kept;
	ledger_return(section->ledger, charge - kept);
	return ready ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS section_commit(struct section *section, struct range range, uint64_t charge)
{
	if (!section->reserve)
		return STATUS_SUCCESS;
	shared_lock_write(&section->lock);
	NTSTATUS status = commit(section, range, charge);
	shared_lock_drop(&section->lock);
	return status;
}

void section_uncharge(struct section *section, uint64_t charge)
{
	ledger_return(section->ledger, charge);
}

bool section_all_committed(struct section *section, struct range range)
{
	if (!section->reserve)
		return true;
	shared_lock_read(&section->lock);
	bool all = runs_committed(&section->commit, range) == range_pages(range);
	shared_lock_drop(&section->lock);
	return all;
}

uint64_t section_tables(uint64_t pages)
{
	uint64_t tables = 0;
	for (unsigned level = 1; level <= TABLE_LEVELS; level++)
		tables += round_up(pages, UINT64_C(1) << TABLE_BITS * level) >> TABLE_BITS * level;
	return tables;
}

const struct section_part *section_part_at(const struct section *section, uint64_t page)
{
	unsigned low = 0, high = section->part_count - 1;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (page < section->parts[middle].range.end)
			high = middle;
		else
			low = middle + 1;
	}
	return &section->parts[low];
}

void section_forked(struct section *section)
{
	shared_lock_init(&section->lock, RANK_SECTION);
}
