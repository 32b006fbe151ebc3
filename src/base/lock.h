/* SPDX-License-Identifier: MIT
 *
 * Locks with ranks (rank.h). Not recursive. Taking and dropping never fails.
 */
#ifndef NTMM_BASE_LOCK_H
#define NTMM_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/rank.h"

struct lock {
	pthread_mutex_t mutex;
	enum rank rank;
};

void lock_init(struct lock *lock, enum rank rank);
void lock_destroy(struct lock *lock);
void lock_take(struct lock *lock);
void lock_drop(struct lock *lock);

/* A lock that any number may share for reading. Writers are not starved. */
struct shared_lock {
	pthread_rwlock_t rwlock;
	enum rank rank;
	bool spins; /* who waits tries for some microseconds before it sleeps */
};

void shared_lock_init(struct shared_lock *lock, enum rank rank);
void shared_lock_destroy(struct shared_lock *lock);
void shared_lock_read(struct shared_lock *lock);
void shared_lock_write(struct shared_lock *lock);
void shared_lock_drop(struct shared_lock *lock);

/* Around fork: who is about to fork holds all locks whose data the child will use, in the order of their
 * ranks, of one rank all there are. Afterwards they are let go, in the parent and in the child. */
enum fork_step { FORK_BEFORE, FORK_IN_PARENT, FORK_IN_CHILD };
void lock_fork(struct lock *lock, enum fork_step step);
void shared_lock_fork(struct shared_lock *lock, enum fork_step step);

/* Waits for `condition`, dropping `lock` meanwhile: the caller re-checks what it waited for. */
void lock_wait(struct lock *lock, pthread_cond_t *condition);

/* Debug: aborts unless the calling thread holds no lock. */
void lock_none_held(void);
/* Debug: aborts unless the calling thread might take a lock of that rank now. */
void lock_may_take(enum rank rank);

#endif
