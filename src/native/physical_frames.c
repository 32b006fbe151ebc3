/* SPDX-License-Identifier: MIT
 *
 * Which frames there are, who has them, and where they are mapped.
 */
#include "base/os.h"
#include "base/os_file.h"
#include "base/os_pages.h"
#include "native/arena.h"
#include "native/physical.h"

#define FIRST_ROOM 4096u
#define MOST_ROOM (UINT32_C(1) << 31)

void physical_init(struct physical *physical)
{
	*physical = (struct physical){.fd = -1, .end = 1};
}

/* ---- tables ---------------------------------------------------------------------------------- */

static size_t frames_bytes(uint32_t room)
{
	return room * sizeof(struct native_frame);
}

static size_t chains_bytes(uint32_t room)
{
	return room * sizeof(uint32_t);
}

static void free_tables(struct physical *physical)
{
	if (physical->frames)
		os_unmap(physical->frames, frames_bytes(physical->room));
	if (physical->chains)
		os_unmap(physical->chains, chains_bytes(physical->room));
	page_set_drop(physical->unused);
}

static void move_unused(struct page_set *to, const struct physical *from)
{
	struct range rest = {1, from->end}, found;
	while (from->unused && page_set_find(from->unused, rest, &found)) {
		page_set_add_all(to, found);
		rest.start = found.end;
	}
}

/* What `from` has goes over to the empty tables of `to`. */
static void move_tables(struct physical *to, const struct physical *from)
{
	for (uint32_t i = 1; i < from->end; i++) {
		to->frames[i] = from->frames[i];
		if (from->frames[i].page != PAGE_NONE)
			frame_enter(to, i, from->frames[i].page);
	}
	move_unused(to->unused, from);
}

/* Twice as much room. */
static bool grow(struct physical *physical)
{
	struct physical grown = *physical;
	if (physical->room >= MOST_ROOM)
		return false;
	grown.room = physical->room ? physical->room * 2 : FIRST_ROOM;
	grown.frames = os_map(frames_bytes(grown.room));
	grown.chains = os_map(chains_bytes(grown.room));
	grown.unused = page_set_create((struct range){0, grown.room});
	if (!grown.frames || !grown.chains || !grown.unused) {
		free_tables(&grown);
		return false;
	}
	move_tables(&grown, physical);
	free_tables(physical);
	*physical = grown;
	return true;
}

/* ---- where ----------------------------------------------------------------------------------- */

static uint32_t *chain_of(const struct physical *physical, uint64_t page)
{
	return &physical->chains[page & (physical->room - 1)];
}

uint32_t frame_at_page(const struct physical *physical, uint64_t page)
{
	if (!physical->room)
		return 0;
	uint32_t frame = *chain_of(physical, page);
	while (frame && physical->frames[frame].page != page)
		frame = physical->frames[frame].next;
	return frame;
}

void frame_enter(struct physical *physical, uint32_t frame, uint64_t page)
{
	uint32_t *chain = chain_of(physical, page);
	physical->frames[frame].page = page;
	physical->frames[frame].next = *chain;
	*chain = frame;
}

void frame_leave(struct physical *physical, uint32_t frame)
{
	struct native_frame *frames = physical->frames;
	uint32_t *link = chain_of(physical, frames[frame].page);
	while (*link != frame)
		link = &frames[*link].next;
	*link = frames[frame].next;
	frames[frame].page = PAGE_NONE;
}

/* ---- whose ----------------------------------------------------------------------------------- */

bool frame_is_own(const struct physical *physical, uint64_t number)
{
	return number && number < physical->end && physical->frames[number].own;
}

static bool open_file(struct physical *physical)
{
	return physical->fd >= 0 || !os_memory_file(0, &physical->fd);
}

static uint64_t take_unused(struct physical *physical, uint64_t *frames, uint64_t count)
{
	struct range rest = {1, physical->end}, found;
	uint64_t got = 0;
	while (got < count && physical->unused && page_set_find(physical->unused, rest, &found)) {
		found.end = min_u64(found.end, found.start + (count - got));
		for (uint64_t i = found.start; i < found.end; i++)
			frames[got++] = i;
		page_set_remove(physical->unused, found);
		rest.start = found.end;
	}
	return got;
}

uint64_t frames_take(struct physical *physical, uint64_t *frames, uint64_t count)
{
	if (!open_file(physical))
		return 0;
	uint64_t got = take_unused(physical, frames, count);
	while (got < count) {
		if (physical->end >= physical->room && !grow(physical))
			break;
		physical->frames[physical->end].page = PAGE_NONE;
		frames[got++] = physical->end++;
	}
	return got;
}

void frames_give(struct physical *physical, const uint64_t *frames, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		physical->frames[frames[i]].own = true;
}

/* What cannot be emptied is not given out again. */
void frames_put(struct physical *physical, uint32_t first, uint32_t count)
{
	struct range range = {first, (uint64_t)first + count};
	for (uint64_t i = range.start; i < range.end; i++)
		physical->frames[i] = (struct native_frame){.page = PAGE_NONE};
	if (!os_memory_punch(physical->fd, address_of(first), address_of(count)))
		page_set_add_all(physical->unused, range);
}

void frames_forget(struct physical *physical)
{
	if (physical->fd >= 0)
		os_file_close(physical->fd);
	free_tables(physical);
	void *spare = physical->spare;
	physical_init(physical);
	physical->spare = spare;
}
