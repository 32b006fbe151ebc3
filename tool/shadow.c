/* SPDX-License-Identifier: MIT */
#include "shadow.h"

#include <stdbool.h>
#include <stdlib.h>

/* A hash table with linear probing, at most half full. */
struct slot {
	uint64_t page;        /* its number */
	unsigned char *bytes; /* NULL: the slot is empty */
};

struct shadow {
	struct slot *slots;
	size_t room, used; /* room is a power of two */
	struct slot last;  /* the one asked for last: it is often the next one too */
};

#define FIRST_ROOM 1024

struct shadow *shadow_create(void)
{
	struct shadow *shadow = calloc(1, sizeof *shadow);
	if (!shadow)
		return NULL;
	shadow->room = FIRST_ROOM;
	shadow->slots = calloc(shadow->room, sizeof *shadow->slots);
	if (!shadow->slots) {
		free(shadow);
		return NULL;
	}
	return shadow;
}

void shadow_destroy(struct shadow *shadow)
{
	if (!shadow)
		return;
	for (size_t i = 0; i < shadow->room; i++)
		free(shadow->slots[i].bytes);
	free(shadow->slots);
	free(shadow);
}

/* The slot that holds the page, or the empty one where it belongs. */
static struct slot *find(struct slot *slots, size_t room, uint64_t page)
{
	size_t at = (size_t)(page * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (room - 1);
	while (slots[at].bytes && slots[at].page != page)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static bool grow(struct shadow *shadow)
{
	size_t room = shadow->room * 2;
	struct slot *slots = calloc(room, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < shadow->room; i++)
		if (shadow->slots[i].bytes)
			*find(slots, room, shadow->slots[i].page) = shadow->slots[i];
	free(shadow->slots);
	shadow->slots = slots;
	shadow->room = room;
	return true;
}

static unsigned char *page_bytes(struct shadow *shadow, uint64_t page)
{
	struct slot *slot = find(shadow->slots, shadow->room, page);
	if (slot->bytes)
		return slot->bytes;
	if (shadow->used >= shadow->room / 2) {
		if (!grow(shadow))
			return NULL;
		slot = find(shadow->slots, shadow->room, page);
	}
	slot->bytes = calloc(1, SHADOW_PAGE_BYTES);
	if (!slot->bytes)
		return NULL;
	slot->page = page;
	shadow->used++;
	return slot->bytes;
}

unsigned char *shadow_bytes(struct shadow *shadow, uint64_t address)
{
	uint64_t page = address / SHADOW_PAGE_BYTES;
	if (!shadow->last.bytes || shadow->last.page != page) {
		unsigned char *bytes = page_bytes(shadow, page);
		if (!bytes)
			return NULL;
		shadow->last = (struct slot){page, bytes};
	}
	return shadow->last.bytes + address % SHADOW_PAGE_BYTES;
}

const unsigned char *shadow_next_page(const struct shadow *shadow, size_t *cursor, uint64_t *address)
{
	while (*cursor < shadow->room) {
		const struct slot *slot = &shadow->slots[(*cursor)++];
		if (slot->bytes) {
			*address = slot->page * SHADOW_PAGE_BYTES;
			return slot->bytes;
		}
	}
	return NULL;
}
