/* SPDX-License-Identifier: MIT
 *
 * The host process as a process of Windows: made when somebody first asks for it.
 */
#include "native/native.h"

#include <pthread.h>

#include <ntmm/native.h>

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
