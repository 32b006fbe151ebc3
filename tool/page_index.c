/* SPDX-License-Identifier: MIT */
#include "page_index.h"

#include <stdlib.h>

#define FIRST_ROOM 1024

/* The entry of the page, or the unused one where it belongs. */
static struct page_entry *find(const struct page_index *index, uint64_t page)
{
	size_t at = (size_t)(page * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (index->room - 1);
	while (index->entries[at].used && index->entries[at].page != page)
		at = (at + 1) & (index->room - 1);
	return &index->entries[at];
}

static bool grow(struct page_index *index)
{
	struct page_index larger = {.room = index->room ? index->room * 2 : FIRST_ROOM, .count = index->count};
	larger.entries = calloc(larger.room, sizeof *larger.entries);
	if (!larger.entries)
		return false;
	for (size_t i = 0; i < index->room; i++)
		if (index->entries[i].used)
			*find(&larger, index->entries[i].page) = index->entries[i];
	free(index->entries);
	*index = larger;
	return true;
}

struct page_entry *page_index_at(struct page_index *index, uint64_t page)
{
	if (index->count >= index->room / 2 && !grow(index))
		return NULL;
	struct page_entry *entry = find(index, page);
	if (!entry->used) {
		*entry = (struct page_entry){.page = page, .used = true};
		index->count++;
	}
	return entry;
}

bool page_index_has(const struct page_index *index, uint64_t page)
{
	return index->room && find(index, page)->used;
}

const struct page_entry *page_index_next(const struct page_index *index, size_t *cursor)
{
	while (*cursor < index->room) {
		const struct page_entry *entry = &index->entries[(*cursor)++];
		if (entry->used)
			return entry;
	}
	return NULL;
}

void page_index_end(struct page_index *index)
{
	free(index->entries);
	*index = (struct page_index){0};
}
