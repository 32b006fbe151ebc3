/* SPDX-License-Identifier: MIT */
#include "native/native.h"

#include "base/os.h"
#include "base/os_maps.h"
#include "base/os_pages.h"

#define LARGEST_CHUNK (UINT64_C(1) << 40 >> PAGE_SHIFT)
#define LEAST_CHUNK (UINT64_C(1) << 21 >> PAGE_SHIFT)
#define SPACE_SHARE 4 /* of a limited address space a chunk takes one part in so many */

/* ---- chunks ---------------------------------------------------------------------------------- */

/* How large to begin with: as large as one is, or as fits a limit of the process. */
static uint64_t first_try(uint64_t pages)
{
	uint64_t limit = page_of(os_space_limit()) / SPACE_SHARE;
	uint64_t try = limit < LARGEST_CHUNK ? round_down(limit, LEAST_CHUNK) : LARGEST_CHUNK;
	return max_u64(max_u64(try, LEAST_CHUNK), round_up(pages, GRANULE_PAGES));
}

/* Whole large pages' worth, cut out of what the host gave. */
static struct range align(struct range got, uint64_t pages)
{
	uint64_t start = round_up(got.start, LARGE_PAGES);
	struct range kept = {start, start + pages};
	if (kept.start > got.start)
		os_pages_release(pointer_to_page(got.start),
		                 bytes_of((struct range){got.start, kept.start}));
	if (kept.end < got.end)
		os_pages_release(pointer_to_page(kept.end),
		                 bytes_of((struct range){kept.end, got.end}));
	return kept;
}

/* Memory for a chunk of at least `pages`. Empty: the host has no room. */
static struct range reserve(uint64_t pages)
{
	for (uint64_t try = first_try(pages); try >= pages; try /= 2) {
		try = max_u64(round_down(try, GRANULE_PAGES), pages);
		void *at = os_pages_reserve((size_t)address_of(try + LARGE_PAGES));
		uint64_t start = page_of((uintptr_t)at);
		if (at)
			return align((struct range){start, start + try + LARGE_PAGES}, try);
		if (try == pages)
			break;
	}
	return (struct range){0, 0};
}

static void insert(struct arena *arena, struct chunk chunk)
{
	unsigned i = arena->chunks++;
	for (; i && arena->chunk[i - 1].range.start > chunk.range.start; i--)
		arena->chunk[i] = arena->chunk[i - 1];
	arena->chunk[i] = chunk;
}

static size_t granule_bytes(struct range range)
{
	return (size_t)round_up(range_pages(range) / GRANULE_PAGES, PAGE_BYTES);
}

static bool add_chunk(struct arena *arena, uint64_t pages)
{
	if (arena->chunks == MOST_CHUNKS)
		return false;
	struct range range = reserve(pages);
	if (range.start == range.end)
		return false;
	uint8_t *granules = os_map_sparse(granule_bytes(range));
	if (granules)
		insert(arena, (struct chunk){range, granules});
	else
		os_pages_release(pointer_to_page(range.start), bytes_of(range));
	return granules;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool overlap(struct range a, struct range b, struct range *both)
{
	*both = (struct range){max_u64(a.start, b.start), min_u64(a.end, b.end)};
	return both->start < both->end;
}

static bool place_in_chunks(struct space *space, const struct place_wish *wish, uint64_t *start)
{
	const struct arena *arena = &native_of(space)->arena;
	struct place_wish within = *wish;
	for (unsigned i = 0; i < arena->chunks; i++) {
		unsigned at = wish->top_down ? arena->chunks - 1 - i : i;
		if (overlap(wish->bounds, arena->chunk[at].range, &within.bounds) &&
		    within.bounds.end - within.bounds.start >= wish->pages &&
		    !space_place(space, &within, start))
			return true;
	}
	return false;
}

/* Where the host has nothing: for who wants a place that no chunk has. */
static NTSTATUS place_in_hole(const struct place_wish *wish, uint64_t *start)
{
	uint64_t address;
	struct os_hole_wish hole = {.bytes = address_of(wish->pages),
	                            .alignment = address_of(wish->align),
	                            .lowest = address_of(wish->bounds.start),
	                            .highest = address_of(wish->bounds.end) - 1,
	                            .top_down = wish->top_down};
	if (!os_maps_find_hole(&hole, OS_MAPS_FASTEST, &address))
		return STATUS_NO_MEMORY;
	*start = page_of(address);
	return STATUS_SUCCESS;
}

/* Chunks lie where the host likes: one would be no use to who wants a place lower than most. */
static bool is_anywhere(const struct space *space, const struct place_wish *wish)
{
	return wish->bounds.start <= page_of(space->layout->minimum) &&
	       wish->bounds.end > page_of(space->layout->highest);
}

NTSTATUS arena_place(struct space *space, const struct place_wish *wish, uint64_t *start)
{
	struct arena *arena = &native_of(space)->arena;
	if (place_in_chunks(space, wish, start))
		return STATUS_SUCCESS;
	if (!is_anywhere(space, wish))
		return place_in_hole(wish, start);
	if (add_chunk(arena, wish->pages + wish->align) && place_in_chunks(space, wish, start))
		return STATUS_SUCCESS;
	return STATUS_NO_MEMORY;
}

/* The first pages of `range` that are no chunk's; false when there are none. */
static bool outside(const struct arena *arena, struct range *range)
{
	for (unsigned i = 0; i < arena->chunks && range->start < range->end; i++) {
		struct range chunk = arena->chunk[i].range;
		if (range_has(chunk, range->start))
			range->start = min_u64(chunk.end, range->end);
		else if (chunk.start > range->start)
			range->end = min_u64(chunk.start, range->end);
	}
	return range->start < range->end;
}

/* To give back a part of a mapping may take another. A place that the host refuses even so stays kept. */
static void release(struct native *native, struct range range)
{
	void *at = pointer_to_page(range.start);
	if (!os_pages_release(at, bytes_of(range)))
		return;
	slack_give(&native->slack);
	(void)os_pages_release(at, bytes_of(range));
	slack_keep(&native->slack);
}

static void release_outside(struct native *native, struct range range)
{
	for (struct range gap = range; outside(&native->arena, &gap);
	     gap = (struct range){gap.end, range.end})
		release(native, gap);
}

NTSTATUS arena_claim(struct space *space, struct range range)
{
	struct native *native = native_of(space);
	const struct arena *arena = &native->arena;
	int error = 0;
	struct range gap = range;
	while (!error && outside(arena, &gap)) {
		error = os_pages_reserve_at(pointer_to_page(gap.start), bytes_of(gap));
		gap = error ? gap : (struct range){gap.end, range.end};
	}
	if (!error)
		return STATUS_SUCCESS;
	release_outside(native, (struct range){range.start, gap.start});
	return error == OS_EXISTS ? STATUS_CONFLICTING_ADDRESSES : STATUS_INSUFFICIENT_RESOURCES;
}

void arena_drop(struct space *space, struct range range)
{
	release_outside(native_of(space), range);
}

/* ---- granules -------------------------------------------------------------------------------- */

static const struct chunk *chunk_at(const struct arena *arena, uint64_t page)
{
	for (unsigned i = 0; i < arena->chunks; i++)
		if (range_has(arena->chunk[i].range, page))
			return &arena->chunk[i];
	return NULL;
}

bool arena_has(const struct arena *arena, struct range range)
{
	return !outside(arena, &range);
}

static uint64_t granule_of(const struct chunk *chunk, uint64_t page)
{
	return (page - chunk->range.start) / GRANULE_PAGES;
}

struct piece arena_piece(const struct arena *arena, struct range range)
{
	struct piece piece = {range, GRANULE_OWN, chunk_at(arena, range.start)};
	if (!piece.chunk) {
		outside(arena, &piece.range);
		return piece;
	}
	const struct chunk *chunk = piece.chunk;
	uint64_t end = min_u64(range.end, chunk->range.end);
	uint64_t last = granule_of(chunk, end - 1), g = granule_of(chunk, range.start);
	enum granule state = chunk->granules[g];
	while (g < last && chunk->granules[g + 1] == state)
		g++;
	piece.range.end = min_u64(end, chunk->range.start + (g + 1) * GRANULE_PAGES);
	piece.granule = arena->guards ? state : GRANULE_OWN;
	return piece;
}

static void set(const struct chunk *chunk, struct range range, enum granule granule)
{
	uint64_t first = granule_of(chunk, range.start), end = granule_of(chunk, range.end);
	for (uint64_t g = first; g < end; g++)
		if (chunk->granules[g] != granule)
			chunk->granules[g] = (uint8_t)granule;
}

void arena_set(const struct chunk *chunk, struct range range, enum granule granule)
{
	range.start = round_up(range.start, GRANULE_PAGES);
	range.end = round_down(range.end, GRANULE_PAGES);
	if (range.start < range.end)
		set(chunk, range, granule);
}

void arena_set_all(const struct chunk *chunk, struct range range, enum granule granule)
{
	range.start = round_down(range.start, GRANULE_PAGES);
	range.end = round_up(range.end, GRANULE_PAGES);
	set(chunk, range, granule);
}
