/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include "base/check.h"
#include "base/os.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_POISONS 1
#endif
#endif
#ifdef POOL_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#else
#define POISON(memory, bytes) ((void)0)
#define UNPOISON(memory, bytes) ((void)0)
#endif

#define CACHE_LINE ((size_t)64)
#define LEAST_BLOCK ((size_t)4 << 10)
#define MAP_FROM ((size_t)1 << 20) /* smaller blocks are allocated */
#define MOST_BLOCK ((size_t)4 << 20)
#define HOST_PAGE ((size_t)4 << 10)

struct pool_object {
	struct pool_object *next;
};

/* At the start of the block's memory. */
struct pool_block {
	struct pool_block *next;
	size_t bytes;
};

static size_t round_to(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* A power of two up to a cache line, whole lines beyond. */
static size_t packed(size_t bytes)
{
	size_t power = sizeof(struct pool_object);
	while (power < bytes && power < CACHE_LINE)
		power *= 2;
	return round_to(bytes, power);
}

void pool_init(struct pool *pool, size_t bytes)
{
	*pool = (struct pool){.bytes = packed(bytes)};
}

static void block_free(struct pool_block *block)
{
	UNPOISON(block, block->bytes);
	if (block->bytes >= MAP_FROM)
		os_unmap(block, block->bytes);
	else
		os_free(block);
}

void pool_end(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;
		pool->blocks = block->next;
		block_free(block);
	}
	pool_init(pool, pool->bytes);
}

static size_t block_bytes(const struct pool *pool, uint64_t objects)
{
	size_t least = objects * pool->bytes + sizeof(struct pool_block) + CACHE_LINE;
	size_t bytes = pool->total;
	if (bytes < LEAST_BLOCK)
		bytes = LEAST_BLOCK;
	if (bytes > MOST_BLOCK)
		bytes = MOST_BLOCK;
	return round_to(bytes > least ? bytes : least, HOST_PAGE);
}

/* Room for `objects` more, at least. */
static bool add_block(struct pool *pool, uint64_t objects)
{
	size_t bytes = block_bytes(pool, objects);
	struct pool_block *block = bytes >= MAP_FROM ? os_map(bytes) : os_alloc(bytes);
	if (!block)
		return false;
	for (; pool->fresh < pool->fresh_end; pool->fresh += pool->bytes, pool->spare--)
		pool_give(pool, pool->fresh);
	*block = (struct pool_block){pool->blocks, bytes};
	pool->blocks = block;
	pool->total += bytes;
	char *start = (char *)round_to((uintptr_t)(block + 1), CACHE_LINE);
	uint64_t room = (uint64_t)((char *)block + bytes - start) / pool->bytes;
	pool->fresh = start;
	pool->fresh_end = start + room * pool->bytes;
	pool->spare += room;
	POISON(start, room * pool->bytes);
	return true;
}

bool pool_reserve(struct pool *pool, uint64_t objects)
{
	return pool->spare >= objects || add_block(pool, objects - pool->spare);
}

void *pool_take(struct pool *pool)
{
	CHECK(pool->spare);
	pool->spare--;
	struct pool_object *object = pool->given;
	if (object) {
		UNPOISON(object, pool->bytes);
		pool->given = object->next;
		return object;
	}
	object = (struct pool_object *)(void *)pool->fresh;
	pool->fresh += pool->bytes;
	UNPOISON(object, pool->bytes);
	return object;
}

void pool_give(struct pool *pool, void *memory)
{
	struct pool_object *object = memory;
	UNPOISON(object, pool->bytes);
	object->next = pool->given;
	pool->given = object;
	pool->spare++;
	POISON(object, pool->bytes);
}
