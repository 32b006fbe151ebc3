/* SPDX-License-Identifier: MIT
 *
 * The page map: four levels of tables in the machine's frames, in the processor's format (S4).
 *
 *      47    39 38    30 29    21 20    12 11     0
 *     | level 4| level 3| level 2| level 1| offset |     9 bits each index 512 entries of 8 bytes
 *
 * A place is one entry: number `index` of table `table`, which is at `level` (1 lowest ... 4 top).
 * Units: page numbers. Threads: guarded by the pager's lock, but for map_look_up.
 */
#ifndef NTMM_MACHINE_MAP_WALK_H
#define NTMM_MACHINE_MAP_WALK_H

#include "base/linger.h"
#include "machine/map/pte.h"

#define MAP_LEVELS 4
#define MAP_FANOUT 512

struct place {
	struct pte *entry;
	frame_t table;
	uint16_t index;
	uint8_t level;
};

/* The place of `page`'s entry, as deep as the tables are present: at level 1, or where the walk had to
 * stop, at an entry that is not present, or is a large page's (level 2). */
struct place map_walk(const struct phys *phys, frame_t root, uint64_t page);

static inline bool place_is_large(struct place place)
{
	return place.level == 2 && pte_is_large(pte_load(place.entry));
}

/* Pages that an entry at `level` stands for. */
static inline uint64_t map_span(unsigned level)
{
	return UINT64_C(1) << (9 * (level - 1));
}

/* The entry of `page`, as a processor finds it: without any lock, while others change the tables; not
 * present, when a table is not. What is called a table must stay one meanwhile (shoot.h). */
static inline struct pte map_look_up(const uint8_t *ram, const struct pte *root, uint64_t page)
{
	const struct pte *table = root;
#pragma GCC unroll 4
	for (unsigned level = MAP_LEVELS; level > 1; level--) {
		struct pte pte = pte_load_acquire(&table[page / map_span(level) % MAP_FANOUT]);
		if (!pte_is_present(pte))
			return pte;
		if (level == 2 && pte_is_large(pte))
			return pte_of_large(pte, page);
		table = (const struct pte *)(const void *)(ram + pte_ram_offset(pte));
		linger();
	}
	return pte_load_acquire(&table[page % MAP_FANOUT]);
}

/* Writes an entry, and keeps the counts of its table. */
void map_set(struct phys *phys, struct place place, struct pte value);

/* The entry that refers to the frame of a page or table (not of a top table). */
struct place map_place_of(const struct phys *phys, frame_t frame);

/* Which top table's map, and which page (the first one, of a table) the frame stands for. */
struct mapped {
	uint32_t map;
	uint64_t page;
};
struct mapped map_owner_of(const struct phys *phys, frame_t frame);

#endif
