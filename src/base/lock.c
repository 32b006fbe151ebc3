/* SPDX-License-Identifier: MIT
 *
 * Locks, and in debug builds the proof that each thread takes them in the order of rank.h.
 *
 * As ranks only rise, a thread holds at most one lock of each: a bit per rank says all.
 */
#include "base/lock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#ifdef NTMM_DEBUG

static _Thread_local unsigned held __attribute__((tls_model("initial-exec")));

static const char *const rank_names[RANKS] = {
	[RANK_HANDLES] = "handles",
	[RANK_SPACE] = "space",
	[RANK_GROWTH] = "growth",
	[RANK_SECTION] = "section",
	[RANK_FILE] = "file",
	[RANK_PAGER] = "pager",
	[RANK_LEAF] = "leaf",
};

static _Noreturn void breach(const char *verb, enum rank rank)
{
	fprintf(stderr, "ntmm: lock order: %s '%s' while holding:", verb, rank_names[rank]);
	for (unsigned i = 0; i < RANKS; i++)
		if (held >> i & 1)
			fprintf(stderr, " '%s'", rank_names[i]);
	fprintf(stderr, "%s\n", held ? "" : " nothing");
	abort();
}

static void note_take(enum rank rank)
{
	if (held >> rank)
		breach("taking", rank);
	held |= 1u << rank;
}

static void note_drop(enum rank rank)
{
	if (!(held >> rank & 1))
		breach("dropping", rank);
	held &= ~(1u << rank);
}

/* The lock is taken again at the end of a wait, so nothing above it may be held meanwhile. */
static void note_wait(enum rank rank)
{
	if (held >> rank != 1)
		breach("waiting in", rank);
}

void lock_none_held(void)
{
	if (held)
		breach("nothing should be held at", (enum rank)__builtin_ctz(held));
}

void lock_may_take(enum rank rank)
{
	if (held >> rank)
		breach("about to take", rank);
}

#else

static void note_take(enum rank rank)
{
	(void)rank;
}

static void note_drop(enum rank rank)
{
	(void)rank;
}

static void note_wait(enum rank rank)
{
	(void)rank;
}

void lock_none_held(void)
{
}

void lock_may_take(enum rank rank)
{
	(void)rank;
}

#endif

void lock_init(struct lock *lock, enum rank rank)
{
	lock->rank = rank;
	CHECK(!pthread_mutex_init(&lock->mutex, NULL));
}

void lock_destroy(struct lock *lock)
{
	CHECK(!pthread_mutex_destroy(&lock->mutex));
}

void lock_take(struct lock *lock)
{
	note_take(lock->rank);
	CHECK(!pthread_mutex_lock(&lock->mutex));
}

void lock_drop(struct lock *lock)
{
	note_drop(lock->rank);
	CHECK(!pthread_mutex_unlock(&lock->mutex));
}

void lock_wait(struct lock *lock, pthread_cond_t *condition)
{
	note_wait(lock->rank);
	note_drop(lock->rank);
	CHECK(!pthread_cond_wait(condition, &lock->mutex));
	note_take(lock->rank);
}

/* What is held is mostly held for less time than it takes to sleep and be woken, which is some 20 us for two
 * threads that take turns. */
#define MOST_TRIES 100
/* Between two tries, about 1 us: whoever has the lock, and what it guards in the cache, goes on meanwhile; to
 * take turns at each call costs more than the calls. */
#define PAUSES 64

static void pause_a_little(void)
{
#if defined(__x86_64__)
	for (unsigned i = 0; i < PAUSES; i++)
		__builtin_ia32_pause();
#endif
}

/* Whether `try` has got the lock. */
static bool spin(struct shared_lock *lock, int (*try)(pthread_rwlock_t *lock))
{
	for (unsigned i = 0; lock->spins && i < MOST_TRIES; i++) {
		if (!try(&lock->rwlock))
			return true;
		pause_a_little();
	}
	return false;
}

void shared_lock_init(struct shared_lock *lock, enum rank rank)
{
	pthread_rwlockattr_t attributes;

	lock->rank = rank;
	lock->spins = false;
	CHECK(!pthread_rwlockattr_init(&attributes));
	/* glibc's default lets a stream of readers, here faults, hold off a writer for good. */
	CHECK(!pthread_rwlockattr_setkind_np(&attributes,
	                                     PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
	CHECK(!pthread_rwlock_init(&lock->rwlock, &attributes));
	CHECK(!pthread_rwlockattr_destroy(&attributes));
}

void shared_lock_destroy(struct shared_lock *lock)
{
	CHECK(!pthread_rwlock_destroy(&lock->rwlock));
}

void shared_lock_read(struct shared_lock *lock)
{
	note_take(lock->rank);
	if (!spin(lock, pthread_rwlock_tryrdlock))
		CHECK(!pthread_rwlock_rdlock(&lock->rwlock));
}

void shared_lock_write(struct shared_lock *lock)
{
	note_take(lock->rank);
	if (!spin(lock, pthread_rwlock_trywrlock))
		CHECK(!pthread_rwlock_wrlock(&lock->rwlock));
}

void shared_lock_drop(struct shared_lock *lock)
{
	note_drop(lock->rank);
	CHECK(!pthread_rwlock_unlock(&lock->rwlock));
}

/* A thread holds one lock of a rank at most, otherwise, so that any order among those of one will do. */
void lock_fork(struct lock *lock, enum fork_step step)
{
	if (step == FORK_BEFORE) {
		CHECK(!pthread_mutex_lock(&lock->mutex));
		return;
	}
	CHECK(!pthread_mutex_unlock(&lock->mutex));
}

/* The host knows who holds a lock for writing by a number that the child's thread does not have: there it is
 * let go for those who watch (ThreadSanitizer), and begins anew. */
void shared_lock_fork(struct shared_lock *lock, enum fork_step step)
{
	if (step == FORK_BEFORE) {
		CHECK(!pthread_rwlock_wrlock(&lock->rwlock));
		return;
	}
	CHECK(!pthread_rwlock_unlock(&lock->rwlock));
	if (step != FORK_IN_CHILD)
		return;
	bool spins = lock->spins;
	shared_lock_init(lock, lock->rank);
	lock->spins = spins;
}
