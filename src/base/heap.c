/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/os.h"

#define SLAB_BYTES ((size_t)64 << 10)
#define AREA_BYTES ((size_t)1 << 20) /* slabs are mapped so many at once */
#define HEAD_BYTES ((size_t)64)      /* before the first block: a cache line */
#define HOST_PAGE ((size_t)4 << 10)

#define FINE_BYTES ((size_t)16) /* sizes up to 8 of them are so far apart */
#define FINE_SIZES 8u
#define STEPS 4u /* sizes to a doubling beyond */
#define DOUBLINGS 7u
#define STEPS_MOST ((size_t)16 << 10) /* the last of these */
#define PART_SIZES 3u                 /* then a third of a slab, half of it, all */
#define SIZES (FINE_SIZES + STEPS * DOUBLINGS + PART_SIZES)
#define SMALL_MOST (SLAB_BYTES - HEAD_BYTES)

/* Slabs that are kept with their memory when they are empty. */
#define WARM_MOST 16u

#define SLAB_MARK 0x6e746d6dU
#define LARGE_MARK 0x4e544d4dU

struct block {
	struct block *next;
};

/* Lies at a multiple of SLAB_BYTES: the head of a slab, or of a block that was mapped by itself. */
struct slab {
	uint32_t mark;
	uint32_t used;                /* blocks that are out */
	uint32_t fresh;               /* bytes from the slab's start: beyond, no block was out */
	uint16_t size;                /* an index */
	bool is_zero;                 /* from `fresh` on */
	struct block *given;          /* back, and not out again: linked */
	struct slab *next, *previous; /* of those with room of its size, or of empty ones */
	size_t bytes;                 /* of a large block: that are mapped */
};
_Static_assert(sizeof(struct slab) <= HEAD_BYTES, "the head of a slab");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slab *with_room[SIZES]; /* guarded by lock, as all below */
static struct slab *warm, *cold;      /* empty; cold ones are zero but for their head */
static unsigned warm_count;
static char *area, *area_end; /* not touched yet: whole slabs */

void heap_hold(void)
{
	CHECK(!pthread_mutex_lock(&lock));
}

void heap_let_go(void)
{
	CHECK(!pthread_mutex_unlock(&lock));
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t part_bytes(unsigned parts)
{
	return SMALL_MOST / parts / FINE_BYTES * FINE_BYTES;
}

static unsigned size_of(size_t bytes)
{
	if (bytes <= FINE_BYTES * FINE_SIZES)
		return bytes ? (unsigned)((bytes - 1) / FINE_BYTES) : 0;
	if (bytes > STEPS_MOST)
		return SIZES - 1 - (bytes <= part_bytes(2)) - (bytes <= part_bytes(3));
	unsigned doubling = 63 - (unsigned)__builtin_clzl(bytes - 1); /* 2^doubling < bytes */
	size_t step = (size_t)1 << (doubling - 2);
	unsigned part = (unsigned)((bytes - 1 - ((size_t)1 << doubling)) / step);
	return FINE_SIZES + (doubling - 7) * STEPS + part;
}

static size_t block_bytes(unsigned size)
{
	if (size < FINE_SIZES)
		return (size + 1) * FINE_BYTES;
	if (size >= SIZES - PART_SIZES)
		return part_bytes(SIZES - size);
	unsigned beyond = size - FINE_SIZES;
	return (STEPS + 1 + beyond % STEPS) << (5 + beyond / STEPS);
}

/* ---- slabs: the lock is held ----------------------------------------------------------------- */

static void enlist(struct slab **list, struct slab *slab)
{
	slab->previous = NULL;
	slab->next = *list;
	if (slab->next)
		slab->next->previous = slab;
	*list = slab;
}

static void delist(struct slab **list, struct slab *slab)
{
	*(slab->previous ? &slab->previous->next : list) = slab->next;
	if (slab->next)
		slab->next->previous = slab->previous;
}

static bool has_room(const struct slab *slab)
{
	return slab->given || slab->fresh + block_bytes(slab->size) <= SLAB_BYTES;
}

static struct slab *from_list(struct slab **list)
{
	struct slab *slab = *list;
	delist(list, slab);
	return slab;
}

static struct slab *from_area(void)
{
	if (area == area_end)
		return NULL;
	struct slab *slab = (struct slab *)(void *)area;
	area += SLAB_BYTES;
	*slab = (struct slab){.mark = SLAB_MARK, .is_zero = true};
	return slab;
}

static struct slab *take_empty(void)
{
	if (!warm)
		return cold ? from_list(&cold) : from_area();
	warm_count--;
	return from_list(&warm);
}

/* An empty slab begins to serve blocks of a size. */
static struct slab *begin(unsigned size)
{
	struct slab *slab = take_empty();
	if (!slab)
		return NULL;
	slab->size = (uint16_t)size;
	slab->fresh = HEAD_BYTES;
	slab->given = NULL;
	enlist(&with_room[size], slab);
	return slab;
}

/* *is_zero: the block is. */
static struct block *take(unsigned size, bool *is_zero)
{
	struct slab *slab = with_room[size] ? with_room[size] : begin(size);
	if (!slab)
		return NULL;
	struct block *block = slab->given;
	*is_zero = !block && slab->is_zero;
	if (block) {
		slab->given = block->next;
	} else {
		block = (struct block *)(void *)((char *)slab + slab->fresh);
		slab->fresh += (uint32_t)block_bytes(size);
	}
	slab->used++;
	if (!has_room(slab))
		delist(&with_room[size], slab);
	return block;
}

/* The slab, if it is empty and its memory should go: it is in no list then. */
static struct slab *give(struct slab *slab, struct block *block)
{
	if (!has_room(slab))
		enlist(&with_room[slab->size], slab);
	block->next = slab->given;
	slab->given = block;
	if (--slab->used)
		return NULL;
	delist(&with_room[slab->size], slab);
	slab->is_zero = false;
	if (warm_count >= WARM_MOST)
		return slab;
	enlist(&warm, slab);
	warm_count++;
	return NULL;
}

/* ---- the host: the lock is not held ---------------------------------------------------------- */

/* More slabs than one, if the host lets us have them. */
static bool map_slabs(void)
{
	char *made = NULL;
	size_t bytes = AREA_BYTES * 2;
	while (!made && bytes > SLAB_BYTES) {
		bytes /= 2;
		made = os_map_aligned(bytes, SLAB_BYTES);
	}
	if (!made)
		return false;
	heap_hold();
	bool first = area == area_end;
	if (first) {
		area = made;
		area_end = made + bytes;
	}
	heap_let_go();
	if (!first)
		(void)os_unmap_aligned(made, bytes);
	return true;
}

static void give_back(struct slab *slab)
{
	if (os_unmap_aligned(slab, SLAB_BYTES))
		return;
	*slab = (struct slab){.mark = SLAB_MARK, .is_zero = true};
	heap_hold();
	enlist(&cold, slab);
	heap_let_go();
}

static void *alloc_large(size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + HEAD_BYTES + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
	struct slab *head = os_map_aligned(bytes, SLAB_BYTES);
	if (!head)
		return NULL;
	*head = (struct slab){.mark = LARGE_MARK, .bytes = bytes};
	return (char *)head + HEAD_BYTES;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

void *heap_alloc(size_t bytes)
{
	if (bytes > SMALL_MOST)
		return alloc_large(bytes);
	unsigned size = size_of(bytes);
	struct block *block;
	bool is_zero = false;
	do {
		heap_hold();
		block = take(size, &is_zero);
		heap_let_go();
	} while (!block && map_slabs());
	return !block || is_zero ? block : memset(block, 0, bytes);
}

void heap_free(void *block)
{
	if (!block)
		return;
	struct slab *slab = (struct slab *)((uintptr_t)block & ~(uintptr_t)(SLAB_BYTES - 1));
	if (slab->mark == LARGE_MARK) {
		(void)os_unmap_aligned(slab, slab->bytes);
		return;
	}
	heap_hold();
	CHECK(slab->mark == SLAB_MARK && slab->used);
	struct slab *gone = give(slab, block);
	heap_let_go();
	if (gone)
		give_back(gone);
}
