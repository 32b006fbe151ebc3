/* SPDX-License-Identifier: MIT
 *
 * Locks do what locks do; in debug builds a breach of the order of rank.h ends the program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lock.h"

#define THREADS 4
#define ROUNDS 5000

static struct lock lock;
static struct shared_lock shared;
static long under_lock, under_shared;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int make_locks(void **unused)
{
	(void)unused;
	lock_init(&lock, RANK_PAGER);
	shared_lock_init(&shared, RANK_SPACE);
	under_lock = under_shared = 0;
	return 0;
}

static int destroy_locks(void **unused)
{
	(void)unused;
	lock_none_held();
	lock_destroy(&lock);
	shared_lock_destroy(&shared);
	return 0;
}

static void *count_up(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		shared_lock_write(&shared);
		under_shared++;
		shared_lock_drop(&shared);
		lock_take(&lock);
		under_lock++;
		lock_drop(&lock);
	}
	return NULL;
}

static void one_thread_at_a_time(void **unused)
{
	pthread_t threads[THREADS];

	(void)unused;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(under_lock, THREADS * ROUNDS);
	assert_int_equal(under_shared, THREADS * ROUNDS);
}

static void *read_once(void *unused)
{
	(void)unused;
	shared_lock_read(&shared);
	shared_lock_drop(&shared);
	return NULL;
}

/* The other thread reads and ends while this one reads. */
static void readers_share(void **unused)
{
	pthread_t thread;

	(void)unused;
	shared_lock_read(&shared);
	assert_int_equal(pthread_create(&thread, NULL, read_once, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	shared_lock_drop(&shared);
}

static void *change_and_tell(void *unused)
{
	(void)unused;
	lock_take(&lock);
	under_lock = 1;
	pthread_cond_signal(&changed);
	lock_drop(&lock);
	return NULL;
}

/* The other thread gets the lock only because the wait drops it. */
static void a_wait_drops_the_lock(void **unused)
{
	pthread_t thread;

	(void)unused;
	shared_lock_read(&shared);
	lock_take(&lock);
	assert_int_equal(pthread_create(&thread, NULL, change_and_tell, NULL), 0);
	while (!under_lock)
		lock_wait(&lock, &changed);
	lock_drop(&lock);
	shared_lock_drop(&shared);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

#ifdef NTMM_DEBUG

static void take_in_order(void)
{
	shared_lock_read(&shared);
	lock_take(&lock);
	shared_lock_drop(&shared); /* drops come in any order */
	lock_drop(&lock);
	lock_none_held();
}

static void take_downwards(void)
{
	lock_take(&lock);
	shared_lock_read(&shared);
}

static void take_twice_of_a_rank(void)
{
	struct lock other;

	lock_init(&other, RANK_PAGER);
	lock_take(&lock);
	lock_take(&other);
}

static void read_twice(void)
{
	shared_lock_read(&shared);
	shared_lock_read(&shared);
}

static void take_above_what_stays_held(void)
{
	shared_lock_write(&shared);
	lock_take(&lock);
	shared_lock_drop(&shared);
	shared_lock_write(&shared);
}

static void drop_what_is_not_held(void)
{
	lock_drop(&lock);
}

static void wait_with_a_later_lock(void)
{
	struct lock leaf;

	lock_init(&leaf, RANK_LEAF);
	lock_take(&lock);
	lock_take(&leaf);
	lock_wait(&lock, &changed);
}

static void hold_where_nothing_may_be(void)
{
	lock_take(&lock);
	lock_none_held();
}

static void might_take_upwards(void)
{
	shared_lock_read(&shared);
	lock_may_take(RANK_PAGER);
	shared_lock_drop(&shared);
}

static void might_take_downwards(void)
{
	lock_take(&lock);
	lock_may_take(RANK_SPACE);
}

static bool aborts(void (*act)(void))
{
	int status;
	pid_t child = fork();

	if (!child) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		close(STDERR_FILENO);
		alarm(10); /* a breach that goes unseen may block for good */
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void breaches_of_the_order_abort(void **unused)
{
	(void)unused;
	assert_false(aborts(take_in_order));
	assert_true(aborts(take_downwards));
	assert_true(aborts(take_twice_of_a_rank));
	assert_true(aborts(read_twice));
	assert_true(aborts(take_above_what_stays_held));
	assert_true(aborts(drop_what_is_not_held));
	assert_true(aborts(wait_with_a_later_lock));
	assert_true(aborts(hold_where_nothing_may_be));
	assert_false(aborts(might_take_upwards));
	assert_true(aborts(might_take_downwards));
}

#else

static void breaches_of_the_order_abort(void **unused)
{
	(void)unused;
	skip(); /* found in debug builds only */
}

#endif

#define LOCK_TEST(test) cmocka_unit_test_setup_teardown(test, make_locks, destroy_locks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCK_TEST(one_thread_at_a_time),
		LOCK_TEST(readers_share),
		LOCK_TEST(a_wait_drops_the_lock),
		LOCK_TEST(breaches_of_the_order_abort),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
