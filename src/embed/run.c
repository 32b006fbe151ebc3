/* SPDX-License-Identifier: MIT
 *
 * ntmm_thread_run: a host thread runs its own code as a machine's thread.
 */
#include <ntmm/thread.h>

#include "base/check.h"
#include "machine/thread/thread.h"
#include "native/guest.h"
#include "native/signals.h"
#include "win32/error.h"

static const EXCEPTION_RECORD *touch(void *context, ntmm_access access, uint64_t address)
{
	ntmm_thread *thread = context;
	return thread_run_fault(thread, access, address) ? NULL : ntmm_thread_exception(thread);
}

static NTSTATUS begin(ntmm_thread *thread)
{
	NTSTATUS status = signals_begin();
	if (status)
		return status;
	(void)signals_enter_thread(); /* without: no stack overflows */
	return thread_run_begin(thread);
}

bool ntmm_thread_run(ntmm_thread *thread, void (*body)(void *context), void *context)
{
	if (!ntmm_thread_attach(thread))
		return false;
	NTSTATUS status = begin(thread);
	if (!status) {
		struct range range = thread_run_range(thread);
		const struct guest guest = {address_of(range.start), address_of(range.end), touch,
		                            thread};
		guest_set(&guest);
		body(context);
		guest_set(NULL);
		thread_run_end(thread);
	}
	ntmm_thread_detach();
	return win32_ok(status);
}
