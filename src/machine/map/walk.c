/* SPDX-License-Identifier: MIT */
#include "machine/map/walk.h"

#include "base/check.h"

static struct place place_in(const struct phys *phys, frame_t table, unsigned level, unsigned index)
{
	struct pte *entries = frame_bytes(phys, table);
	return (struct place){&entries[index], table, (uint16_t)index, (uint8_t)level};
}

struct place map_walk(const struct phys *phys, frame_t root, uint64_t page)
{
	frame_t table = root;
	for (unsigned level = MAP_LEVELS;; level--) {
		struct place place =
			place_in(phys, table, level, page / map_span(level) % MAP_FANOUT);
		struct pte pte = pte_load(place.entry);
		if (level == 1 || !pte_is_present(pte) || (level == 2 && pte_is_large(pte)))
			return place;
		table = pte_frame(pte);
	}
}

void map_set(struct phys *phys, struct place place, struct pte value)
{
	struct pte old = pte_load(place.entry);
	struct frame *table = frame_at(phys, place.table);
	table->used = (table->used + !pte_is_zero(value) - !pte_is_zero(old)) & 0x3FF;
	table->resident = (table->resident + pte_is_resident(value) - pte_is_resident(old)) & 0x3FF;
	pte_store(place.entry, value);
}

struct place map_place_of(const struct phys *phys, frame_t frame)
{
	const struct frame *record = frame_at(phys, frame);
	CHECK(record->level < MAP_LEVELS && record->table != NO_FRAME);
	return place_in(phys, record->table, record->level + 1u, record->entry);
}

struct mapped map_owner_of(const struct phys *phys, frame_t frame)
{
	const struct frame *record = frame_at(phys, frame);
	uint64_t page = 0;
	for (unsigned level = record->level; level < MAP_LEVELS; level++) {
		page += record->entry * map_span(level + 1);
		record = frame_at(phys, record->table);
	}
	return (struct mapped){record->table, page};
}
