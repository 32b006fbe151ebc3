/* SPDX-License-Identifier: MIT
 *
 * The host process as a process of Windows: made when somebody first asks for it.
 */
#include "native/native.h"

#include <pthread.h>

#include <ntmm/native.h>

#include "base/check.h"
#include "base/os.h"
#include "native/fork.h"
#include "object/fork.h"
#include "object/process.h"
#include "win32/error.h"

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static struct process *made; /* guarded by `making` */

static NTSTATUS make(void)
{
	struct space *space;
	NTSTATUS status = native_begin(&space);
	if (!status)
		status = process_create(space, &native_engine, &made);
	if (!status)
		process_set_host(made);
	return status;
}

NTSTATUS process_make_host(struct process **process)
{
	pthread_mutex_lock(&making);
	NTSTATUS status = made ? STATUS_SUCCESS : make();
	*process = made;
	pthread_mutex_unlock(&making);
	return status;
}

bool ntmm_native_set_commit_limit(uint64_t bytes)
{
	struct process *process;
	if (!win32_ok(process_make_host(&process)))
		return false;
	native_set_commit_limit(native_now(), bytes ? max_u64(page_of(bytes), 1) : 0);
	return true;
}

/* ---- fork ----------------------------------------------------------------------------------- */

/* Locks by their ranks; the host process does not begin meanwhile. */
static void before_fork(void)
{
	pthread_mutex_lock(&making);
	objects_fork(FORK_BEFORE);
	native_fork(FORK_BEFORE);
	objects_fork_files(FORK_BEFORE);
	native_fork_last(FORK_BEFORE);
}

static void after_fork(enum fork_step step)
{
	native_fork_last(step);
	objects_fork_files(step);
	native_fork(step);
	objects_fork(step);
	pthread_mutex_unlock(&making);
}

static void after_fork_in_parent(void)
{
	after_fork(FORK_IN_PARENT);
}

static void after_fork_in_child(void)
{
	after_fork(FORK_IN_CHILD);
}

/* As early as can be: what registers later is asked first whether the process may fork, and an allocator that
 * is built on this library must be, or a thread that has its lock may wait for ours. */
__attribute__((constructor(101))) static void expect_forks(void)
{
	CHECK(!os_at_fork(before_fork, after_fork_in_parent, after_fork_in_child));
}
