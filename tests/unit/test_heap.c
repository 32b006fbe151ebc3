/* SPDX-License-Identifier: MIT
 *
 * base/heap.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/os.h"
#include "support/sanitized.h"

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)
#define MANY 1000000u

/* A block, and what it has been filled with. */
struct held {
	unsigned char *block;
	size_t bytes;
	unsigned char fill;
};

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static bool is_all(const unsigned char *block, size_t bytes, unsigned char value)
{
	return !bytes || (*block == value && !memcmp(block, block + 1, bytes - 1));
}

static struct held hold(size_t bytes)
{
	struct held held = {heap_alloc(bytes), bytes, (unsigned char)next_random()};
	assert_non_null(held.block);
	assert_int_equal((uintptr_t)held.block % 16, 0);
	assert_true(is_all(held.block, bytes, 0));
	memset(held.block, held.fill, bytes);
	return held;
}

static void let_go(struct held *held)
{
	assert_true(is_all(held->block, held->bytes, held->fill));
	heap_free(held->block);
	*held = (struct held){NULL, 0, 0};
}

static size_t some_bytes(void)
{
	size_t most = (size_t)16 << next_random() % 14;
	return 1 + next_random() % most;
}

/* Each block is zero, and nobody else's until it is freed. */
static void blocks_are_zero_and_do_not_overlap(void **state)
{
	static struct held held[3000];
	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		struct held *one = &held[next_random() % 3000];
		if (one->block)
			let_go(one);
		else
			*one = hold(some_bytes());
	}
	for (unsigned i = 0; i < 3000; i++)
		if (held[i].block)
			let_go(&held[i]);
}

static void every_size_is_served(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 70 * KB; bytes += bytes < 3000 ? 1 : 61) {
		struct held two[2] = {hold(bytes), hold(bytes)};
		let_go(&two[0]);
		let_go(&two[1]);
	}
	heap_free(NULL);
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_null(heap_alloc(SIZE_MAX));
	assert_null(heap_alloc(SIZE_MAX / 2));
	assert_null(heap_alloc((size_t)1 << 50));
}

static size_t resident_bytes(void)
{
	unsigned long all, resident;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
	fclose(file);
	return resident * 4 * KB;
}

static struct held many[MANY];

/* A million small objects cost little, and what they cost is given back. */
static void little_is_wasted_and_memory_goes_back(void **state)
{
	(void)state;
	memset(many, 1, sizeof many);
	size_t before = resident_bytes();
	for (unsigned i = 0; i < MANY; i++)
		many[i] = hold(100);
	size_t full = resident_bytes();
	for (unsigned i = 0; i < MANY; i++)
		let_go(&many[i]);
	size_t after = resident_bytes();
	assert_true(IS_SANITIZED || full < before + (size_t)MANY * 114);
	assert_true(full > before + (size_t)MANY * 99);
	assert_true(after < before + 4 * MB);
	for (unsigned i = 0; i < MANY; i++) /* what comes again is zero */
		many[i] = hold(40);
	for (unsigned i = MANY; i-- > 0;)
		let_go(&many[i]);
}

static void *work(void *seed)
{
	struct held held[200] = {{NULL, 0, 0}};
	uint64_t random = (uintptr_t)seed;
	for (unsigned i = 0; i < 30000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		struct held *one = &held[(random >> 33) % 200];
		size_t bytes = 1 + (random >> 40) % (i % 50 ? 300 : 80000);
		if (one->block) {
			if (!is_all(one->block, one->bytes, one->fill))
				return NULL;
			heap_free(one->block);
			one->block = NULL;
			continue;
		}
		*one = (struct held){heap_alloc(bytes), bytes, (unsigned char)random};
		if (!one->block || !is_all(one->block, bytes, 0))
			return NULL;
		memset(one->block, one->fill, bytes);
	}
	for (unsigned i = 0; i < 200; i++)
		heap_free(held[i].block);
	return seed;
}

static void threads_allocate_at_once(void **state)
{
	pthread_t threads[4];
	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	for (uintptr_t i = 0; i < 4; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_int_equal((uintptr_t)result, i + 1);
	}
}

static int child_status(pid_t child)
{
	int status;
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* While other threads allocate the child finds the heap whole: the library holds it around fork. */
static void a_forked_child_allocates(void **state)
{
	pthread_t threads[2];
	(void)state;
	if (IS_SANITIZED)
		skip();
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 7)), 0);
	for (unsigned i = 0; i < 30; i++) {
		pid_t child = fork();
		if (!child)
			_exit(work((void *)(uintptr_t)(i + 1)) ? 0 : 1);
		assert_int_equal(child_status(child), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Until the host has no more; all that was to be had can be used and freed. */
static int exhaust(void)
{
	static unsigned char *blocks[100000];
	unsigned count = 0;
	struct rlimit limit = {64 * MB + resident_bytes(), RLIM_INFINITY};
	if (setrlimit(RLIMIT_AS, &limit))
		return 1;
	while (count < 100000 && (blocks[count] = heap_alloc(2000)))
		memset(blocks[count++], 7, 2000);
	if (count < 5000 || count == 100000 || heap_alloc(MB))
		return 2;
	for (unsigned i = 0; i < count; i++)
		heap_free(blocks[i]);
	unsigned again = 0;
	while (again < count && (blocks[again] = heap_alloc(1900)))
		again++;
	return again + 1000 > count ? 0 : 3; /* where the host maps the last area is chance */
}

static void without_memory_nothing_is_broken(void **state)
{
	(void)state;
	if (IS_SANITIZED)
		skip();
	pid_t child = fork();
	if (!child)
		_exit(exhaust());
	assert_int_equal(child_status(child), 0);
}

/* mlockall keeps the host from dropping a range. */
static int use_locked(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return 77;
	unsigned char *memory = os_map(64 * KB);
	if (!memory)
		return 77;
	memset(memory, 3, 64 * KB);
	os_map_zero(memory, 64 * KB);
	if (!is_all(memory, 64 * KB, 0))
		return 1;
	return work((void *)3) ? 0 : 2;
}

static void all_memory_may_be_locked(void **state)
{
	(void)state;
	if (IS_SANITIZED)
		skip();
	pid_t child = fork();
	if (!child)
		_exit(use_locked());
	int status = child_status(child);
	if (status == 77 << 8)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_zero_and_do_not_overlap),
		cmocka_unit_test(every_size_is_served),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(little_is_wasted_and_memory_goes_back),
		cmocka_unit_test(threads_allocate_at_once),
		cmocka_unit_test(a_forked_child_allocates),
		cmocka_unit_test(without_memory_nothing_is_broken),
		cmocka_unit_test(all_memory_may_be_locked),
	};
	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
