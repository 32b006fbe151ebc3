/* SPDX-License-Identifier: MIT
 *
 * An allocator built on VirtualAlloc as the malloc of a whole program: the C library, its threads and the
 * test runner live on it. So no call of the library may need malloc.
 */
#include "place.h"
#include "support/sanitized.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#if !IS_SANITIZED

/* ---- the allocator --------------------------------------------------------------------------- */

#define HEADER 16       /* bytes before each block: its class, or its size with CLASSES */
#define CLASSES 12      /* blocks of 32 bytes to 64 KB, their header included */
#define SLAB (256 << 10)

struct header {
	size_t bytes; /* asked for */
	size_t class;
};

struct block {
	struct block *next;
};

static struct block *given[CLASSES]; /* guarded by `busy`, as `committed` */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static atomic_ulong slabs, blocks;

static void enter(void)
{
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		;
}

static void leave(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

static size_t class_of(size_t bytes)
{
	size_t class = 0;
	while (class < CLASSES && ((size_t)32 << class) < bytes + HEADER)
		class++;
	return class;
}

static bool add_slab(size_t class)
{
	size_t each = (size_t)32 << class;
	char *slab = VirtualAlloc(NULL, SLAB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	if (!slab)
		return false;
	atomic_fetch_add(&slabs, 1);
	for (size_t at = 0; at + each <= SLAB; at += each) {
		struct block *block = (void *)(slab + at);
		block->next = given[class];
		given[class] = block;
	}
	return true;
}

static void *take(size_t class)
{
	enter();
	struct block *block = given[class] || add_slab(class) ? given[class] : NULL;
	if (block)
		given[class] = block->next;
	leave();
	return block;
}

static void *take_large(size_t bytes)
{
	return VirtualAlloc(NULL, bytes + HEADER, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void *malloc(size_t bytes)
{
	size_t class = class_of(bytes);
	struct header *header = class < CLASSES ? take(class) : take_large(bytes);
	if (!header)
		return NULL;
	*header = (struct header){bytes, class};
	atomic_fetch_add(&blocks, 1);
	return (char *)header + HEADER;
}

void free(void *memory)
{
	if (!memory)
		return;
	struct header *header = (void *)((char *)memory - HEADER);
	size_t class = header->class;
	atomic_fetch_sub(&blocks, 1);
	if (class == CLASSES) {
		VirtualFree(header, 0, MEM_RELEASE);
		return;
	}
	struct block *block = (void *)header;
	enter();
	block->next = given[class];
	given[class] = block;
	leave();
}

void *calloc(size_t count, size_t bytes)
{
	size_t all;
	void *memory = __builtin_mul_overflow(count, bytes, &all) ? NULL : malloc(all);
	return memory ? memset(memory, 0, all) : NULL;
}

void *realloc(void *memory, size_t bytes)
{
	void *new = malloc(bytes);
	if (!memory || !new)
		return new;
	size_t had = ((struct header *)(void *)((char *)memory - HEADER))->bytes;
	memcpy(new, memory, had < bytes ? had : bytes);
	free(memory);
	return new;
}

/* Threads' stacks and thread-local memory ask for alignment; such blocks are kept for good. */
void *memalign(size_t alignment, size_t bytes)
{
	char *memory = malloc(bytes + alignment + 2 * HEADER);
	if (!memory || alignment <= HEADER)
		return memory;
	uintptr_t at = ((uintptr_t)memory + HEADER + alignment - 1) & ~(uintptr_t)(alignment - 1);
	struct header *header = (void *)(at - HEADER);
	*header = (struct header){bytes, 0};
	return (void *)at;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
	*memory = memalign(alignment, bytes);
	return *memory ? 0 : 12; /* ENOMEM */
}

/* ---- a program that uses it ------------------------------------------------------------------ */

static void test_c_library(void **state)
{
	char *line = NULL;
	size_t room = 0;
	(void)state;
	FILE *file = fopen("/proc/self/maps", "r");
	assert_non_null(file);
	int lines = 0;
	while (getline(&line, &room, file) > 0)
		lines++;
	fclose(file);
	free(line);
	assert_true(lines > 10);
	assert_true(atomic_load(&slabs) > 0);
}

#define NODES 2000

static void *work(void *context)
{
	unsigned seed = *(unsigned *)context;
	unsigned char *node[NODES] = {NULL};
	size_t bytes[NODES] = {0};
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned at = (seed >> 8) % NODES;
		if (node[at] && (node[at][0] != (unsigned char)at ||
		                 node[at][bytes[at] - 1] != (unsigned char)at))
			return context;
		free(node[at]);
		bytes[at] = (seed >> 16) % (i % 100 ? 500 : 200000) + 1;
		node[at] = malloc(bytes[at]);
		if (!node[at])
			return context;
		memset(node[at], (int)at, bytes[at]);
	}
	for (unsigned i = 0; i < NODES; i++)
		free(node[i]);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[4];
	unsigned seed[4] = {1, 2, 3, 4};
	void *bad;
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, &seed[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
	}
}

/* Calls of every kind, while all that allocates comes back to VirtualAlloc. */
static void test_calls(void **state)
{
	DWORD old;
	(void)state;
	unsigned long before = atomic_load(&blocks);
	HANDLE section =
		CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 1 << 20, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	view[5] = 1;
	assert_succeeds(UnmapViewOfFile(view));
	assert_succeeds(CloseHandle(section));
	char *watched = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                             PAGE_READWRITE);
	assert_non_null(watched);
	assert_succeeds(VirtualProtect(watched, PAGE, PAGE_READONLY, &old));
	assert_succeeds(VirtualFree(watched, 0, MEM_RELEASE));
	assert_int_equal(atomic_load(&blocks), before); /* the calls took nothing from malloc */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c_library),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else /* a sanitizer's malloc cannot be replaced */

int main(void)
{
	puts("skipped: the sanitizer has a malloc of its own");
	return 0;
}

#endif
