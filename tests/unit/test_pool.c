/* SPDX-License-Identifier: MIT
 *
 * base/pool.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "base/pool.h"

#define MANY 300000

static bool no_memory;

void *__real_os_alloc(size_t bytes);
void *__wrap_os_alloc(size_t bytes);
void *__real_os_map(size_t bytes);
void *__wrap_os_map(size_t bytes);

void *__wrap_os_alloc(size_t bytes)
{
	return no_memory ? NULL : __real_os_alloc(bytes);
}

void *__wrap_os_map(size_t bytes)
{
	return no_memory ? NULL : __real_os_map(bytes);
}

static void *must_take(struct pool *pool)
{
	assert_true(pool_reserve(pool, 1));
	return pool_take(pool);
}

/* Every byte of every object is its own, through all sizes of blocks. */
static void objects_do_not_overlap(void **state)
{
	static uint64_t *objects[MANY];
	struct pool pool;
	(void)state;
	pool_init(&pool, 3 * sizeof(uint64_t));
	for (uint64_t i = 0; i < MANY; i++) {
		objects[i] = must_take(&pool);
		objects[i][0] = objects[i][1] = objects[i][2] = i;
	}
	for (uint64_t i = 0; i < MANY; i++)
		assert_true(objects[i][0] == i && objects[i][1] == i && objects[i][2] == i);
	assert_true(pool.total < MANY * (uint64_t)32 + (5 << 20)); /* the last block is not full */
	pool_end(&pool);
	assert_int_equal(pool.total + pool.spare, 0);
}

static void small_objects_lie_in_one_cache_line(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes <= 200; bytes++) {
		struct pool pool;
		pool_init(&pool, bytes);
		for (unsigned i = 0; i < 300; i++) {
			uintptr_t first = (uintptr_t)must_take(&pool);
			assert_int_equal(first % sizeof(void *), 0);
			if (bytes <= 64)
				assert_int_equal(first / 64, (first + bytes - 1) / 64);
			else
				assert_int_equal(first % 64, 0);
		}
		pool_end(&pool);
	}
}

static void what_is_given_back_is_taken_again(void **state)
{
	struct pool pool;
	void *objects[100];
	(void)state;
	pool_init(&pool, 1024);
	assert_true(pool_reserve(&pool, 100));
	size_t total = pool.total;
	for (unsigned round = 0; round < 1000; round++) {
		uint64_t spare = pool.spare;
		for (unsigned i = 0; i < 100; i++)
			objects[i] = pool_take(&pool);
		assert_int_equal(pool.spare, spare - 100);
		for (unsigned i = 0; i < 100; i++)
			pool_give(&pool, objects[i]);
		assert_int_equal(pool.spare, spare);
		assert_ptr_equal(must_take(&pool), objects[99]);
		pool_give(&pool, objects[99]);
	}
	assert_int_equal(pool.total, total);
	pool_end(&pool);
}

static void without_memory_nothing_changes(void **state)
{
	struct pool pool;
	(void)state;
	pool_init(&pool, 1024);
	no_memory = true;
	assert_false(pool_reserve(&pool, 1));
	no_memory = false;
	assert_true(pool_reserve(&pool, 5000)); /* more than a block holds otherwise */
	assert_true(pool.spare >= 5000);
	uint64_t spare = pool.spare;
	no_memory = true;
	assert_false(pool_reserve(&pool, spare + 1));
	assert_true(pool_reserve(&pool, spare));
	no_memory = false;
	for (; spare; spare--)
		memset(pool_take(&pool), 0xA5, 1024);
	assert_int_equal(pool.spare, 0);
	pool_end(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_do_not_overlap),
		cmocka_unit_test(small_objects_lie_in_one_cache_line),
		cmocka_unit_test(what_is_given_back_is_taken_again),
		cmocka_unit_test(without_memory_nothing_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
