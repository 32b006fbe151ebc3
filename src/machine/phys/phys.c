/* SPDX-License-Identifier: MIT
 *
 * RAM and the supply of free frames.
 */
#include "machine/phys/phys.h"

#include <string.h>

#include "base/check.h"
#include "base/os.h"
#include "base/os_pages.h"

static size_t database_bytes(uint64_t frames)
{
	return round_up(frames * sizeof(struct frame), PAGE_BYTES);
}

static bool map_shared(struct phys *phys, size_t bytes)
{
	if (os_memory_file(bytes, &phys->ram_file))
		return false;
	phys->ram = os_map_file(phys->ram_file, bytes);
	if (!phys->ram)
		os_file_close(phys->ram_file);
	return phys->ram;
}

static bool map_ram(struct phys *phys, bool shared)
{
	if (shared)
		return map_shared(phys, phys->count * PAGE_BYTES);
	phys->ram = os_map(phys->count * PAGE_BYTES);
	return phys->ram;
}

static void unmap_ram(struct phys *phys)
{
	os_unmap(phys->ram, phys->count * PAGE_BYTES);
	if (phys->ram_file >= 0)
		os_file_close(phys->ram_file);
}

bool phys_init(struct phys *phys, uint64_t frames, bool shared)
{
	*phys = (struct phys){.count = frames, .high = (frame_t)frames, .ram_file = -1};
	frame_list_init(&phys->free);
	frame_list_init(&phys->zeroed);
	for (unsigned priority = 0; priority < PRIORITIES; priority++)
		frame_list_init(&phys->standby[priority]);
	frame_list_init(&phys->modified);
	frame_list_init(&phys->no_write);
	frame_list_init(&phys->bad);
	phys->in_state[FRAME_ZEROED] = frames;
	if (!map_ram(phys, shared))
		return false;
	phys->frames = os_map(database_bytes(frames));
	if (!phys->frames) {
		unmap_ram(phys);
		return false;
	}
	return true;
}

void phys_destroy(struct phys *phys)
{
	os_unmap(phys->frames, database_bytes(phys->count));
	unmap_ram(phys);
}

uint64_t phys_free_count(const struct phys *phys)
{
	return phys->in_state[FRAME_FREE] + phys->in_state[FRAME_ZEROED];
}

uint64_t phys_available(const struct phys *phys)
{
	return phys_free_count(phys) + phys->in_state[FRAME_STANDBY];
}

static frame_t take_never_used(struct phys *phys, enum frame_use use)
{
	while (phys->low < phys->high) {
		frame_t frame = use == USE_TABLE ? phys->low++ : --phys->high;
		if (frame_at(phys, frame)->state == FRAME_BAD)
			continue;
		frame_at(phys, frame)->state = FRAME_ZEROED;
		return frame;
	}
	return NO_FRAME;
}

static frame_t take_first(struct phys *phys, struct frame_list *list)
{
	frame_t frame = list->first;
	if (frame != NO_FRAME)
		frame_list_remove(phys, list, frame);
	return frame;
}

static frame_t take_zeroed(struct phys *phys, enum frame_use use)
{
	frame_t frame = take_first(phys, &phys->zeroed);
	return frame != NO_FRAME ? frame : take_never_used(phys, use);
}

bool phys_begin_zeroing(struct phys *phys, frame_t *frame)
{
	frame_t first = take_first(phys, &phys->free);
	if (first == NO_FRAME)
		return false;
	frame_set_state(phys, first, FRAME_ZEROING);
	*frame = first;
	return true;
}

/* The caller's, with a record of its own; contents as `use` says. */
static void hand_out(struct phys *phys, frame_t frame, enum frame_use use)
{
	struct frame *record = frame_at(phys, frame);
	if (record->state == FRAME_FREE && use != USE_READ)
		memset(frame_bytes(phys, frame), 0, PAGE_BYTES);
	*record = (struct frame){.next = NO_FRAME,
	                         .previous = NO_FRAME,
	                         .table = NO_FRAME,
	                         .priority = PRIORITY_NORMAL,
	                         .state = record->state};
}

frame_t phys_take(struct phys *phys, enum frame_use use)
{
	frame_t frame = use == USE_READ ? take_first(phys, &phys->free) : take_zeroed(phys, use);
	if (frame == NO_FRAME)
		frame = use == USE_READ ? take_zeroed(phys, use) : take_first(phys, &phys->free);
	if (frame != NO_FRAME)
		hand_out(phys, frame, use);
	return frame;
}

void phys_retire(struct phys *phys, frame_t frame)
{
	struct frame *record = frame_at(phys, frame);
	if (frame >= phys->low && frame < phys->high) /* in no list */
		*record = (struct frame){.table = NO_FRAME, .state = FRAME_ZEROED};
	else
		frame_list_remove(phys, record->state == FRAME_FREE ? &phys->free : &phys->zeroed, frame);
	frame_set_state(phys, frame, FRAME_BAD);
}

static bool was_never_used(const struct phys *phys, frame_t frame)
{
	return frame >= phys->low && frame < phys->high;
}

bool phys_block_is_free(const struct phys *phys, frame_t first)
{
	if (first + LARGE_PAGES > phys->count)
		return false;
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++) {
		enum frame_state state = frame_at(phys, frame)->state;
		if (state != FRAME_FREE && state != FRAME_ZEROED)
			return false;
	}
	return true;
}

/* What was never used stays one block: what lies between it and the block taken is listed from now on. */
static void use_down_to(struct phys *phys, frame_t first)
{
	while (phys->low < phys->high && first < phys->high) {
		frame_t frame = take_never_used(phys, USE_DATA);
		if (frame != NO_FRAME)
			frame_list_append(phys, &phys->zeroed, frame);
	}
}

void phys_take_block(struct phys *phys, frame_t first)
{
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++)
		if (was_never_used(phys, frame))
			use_down_to(phys, first);
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++) {
		bool zeroed = frame_at(phys, frame)->state == FRAME_ZEROED;
		frame_list_remove(phys, zeroed ? &phys->zeroed : &phys->free, frame);
		hand_out(phys, frame, USE_DATA);
	}
}
