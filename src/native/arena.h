/* SPDX-License-Identifier: MIT
 *
 * The arena: address space that the library keeps for allocations, so that to reserve and to release is
 * bookkeeping; and the places outside it that a caller names.
 *
 * What this is: chunks of inaccessible memory, and for each granule of 64 KB of them what the host makes
 * of its pages:
 *
 *      shut    inaccessible, all of it, by the mapping's protection
 *      open    read and written, by the mapping's protection; pages that are not committed are guarded
 *      mixed   each page has a protection of its own; one that is not committed is guarded, or
 *              inaccessible by its protection
 *      own     outside the arena, or on a host without guards: as mixed, but there are no guards
 *
 * Granules that are open join into one mapping, whatever small allocations are in them: the host allows
 * only some 65 000 mappings. A page that is committed is never guarded.
 *
 * Units: pages. Threads: the space is locked for writing.
 */
#ifndef NTMM_NATIVE_ARENA_H
#define NTMM_NATIVE_ARENA_H

#include "space/space.h"

enum granule { GRANULE_SHUT, GRANULE_OPEN, GRANULE_MIXED, GRANULE_OWN };

#define MOST_CHUNKS 64

struct chunk {
	struct range range; /* whole granules */
	uint8_t *granules;  /* enum granule of each */
};

struct arena {
	struct chunk chunk[MOST_CHUNKS]; /* sorted */
	unsigned chunks;
	bool guards; /* the host has them */
};

/* As engine.h says of them. */
NTSTATUS arena_place(struct space *space, const struct place_wish *wish, uint64_t *start);
NTSTATUS arena_claim(struct space *space, struct range range);
void arena_drop(struct space *space, struct range range);

/* Whether all of `range` is the arena's. */
bool arena_has(const struct arena *arena, struct range range);

/* Pages in a row whose granules are alike. */
struct piece {
	struct range range;
	enum granule granule;
	const struct chunk *chunk; /* NULL: outside */
};
/* The first piece of `range`, not empty. */
struct piece arena_piece(const struct arena *arena, struct range range);
/* The granules that lie whole in the range, of one chunk, are `granule` from now on; arena_set_all: also those
 * that lie in it in part. */
void arena_set(const struct chunk *chunk, struct range range, enum granule granule);
void arena_set_all(const struct chunk *chunk, struct range range, enum granule granule);

static inline void *pointer_to_page(uint64_t page)
{
	return (void *)(uintptr_t)address_of(page);
}

static inline size_t bytes_of(struct range range)
{
	return (size_t)address_of(range_pages(range));
}

#endif
