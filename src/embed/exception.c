/* SPDX-License-Identifier: MIT
 *
 * ntmm/exception.h, and who owns the signals (ntmm/native.h).
 */
#include <ntmm/exception.h>
#include <ntmm/native.h>

#include "native/handlers.h"
#include "native/signals.h"
#include "win32/error.h"

static NTSTATUS begin(void)
{
	NTSTATUS status = signals_begin();
	if (!status)
		(void)signals_enter_thread(); /* without: no stack overflows */
	return status;
}

static PVOID add(enum handler_list list, ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
{
	if (!handler) {
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	if (!win32_ok(begin()))
		return NULL;
	uint64_t key = handlers_add(list, first, handler);
	if (!key)
		win32_fail(ERROR_NOT_ENOUGH_MEMORY);
	return (PVOID)(uintptr_t)key;
}

PVOID AddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
{
	return add(HANDLERS_OF_EXCEPTIONS, first, handler);
}

PVOID AddVectoredContinueHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
{
	return add(HANDLERS_OF_CONTINUING, first, handler);
}

ULONG RemoveVectoredExceptionHandler(PVOID handle)
{
	return handlers_remove(HANDLERS_OF_EXCEPTIONS, (uintptr_t)handle);
}

ULONG RemoveVectoredContinueHandler(PVOID handle)
{
	return handlers_remove(HANDLERS_OF_CONTINUING, (uintptr_t)handle);
}

bool ntmm_native_take_signals(void)
{
	return win32_ok(signals_take());
}

bool ntmm_native_leave_signals(void)
{
	return win32_ok(signals_leave());
}

bool ntmm_native_signal(int signal, void *info, void *context)
{
	return signals_handle(signal, info, context);
}

bool ntmm_native_thread_enter(void)
{
	NTSTATUS status = signals_begin();
	return win32_ok(status ? status : signals_enter_thread());
}
