/* SPDX-License-Identifier: MIT */
#include "nt/nt.h"

#include <string.h>

#include "base/user.h"

#define HOST_LOWEST UINT64_C(0x10000)
#if defined(__x86_64__)
#define HOST_END (UINT64_C(1) << 47) /* of the canonical addresses that a user can have */
#else
#define HOST_END (UINT64_C(1) << 56)
#endif

bool host_range_ok(const void *pointer, uint64_t bytes)
{
	uint64_t address = (uintptr_t)pointer;
	return address >= HOST_LOWEST && address < HOST_END && bytes <= HOST_END - address;
}

bool host_pointer_ok(const void *pointer)
{
	return host_range_ok(pointer, 1);
}

/* ---- its memory ------------------------------------------------------------------------------ */

#if defined(__x86_64__)

NTSTATUS host_get(void *to, const void *from, uint64_t bytes)
{
	return user_copy(to, from, bytes, USER_SERVICE, NULL);
}

NTSTATUS host_put(void *to, const void *from, uint64_t bytes)
{
	return user_copy(to, from, bytes, USER_SERVICE, NULL);
}

#else /* there is no native engine that could make it inaccessible */

NTSTATUS host_get(void *to, const void *from, uint64_t bytes)
{
	memcpy(to, from, bytes);
	return STATUS_SUCCESS;
}

NTSTATUS host_put(void *to, const void *from, uint64_t bytes)
{
	return host_get(to, from, bytes);
}

#endif

/* What lies a little above the stack pointer is the caller's own: nothing has to be asked. */
#define NEAR_STACK UINT64_C(16384)

static bool is_on_stack(const void *pointer, uint64_t bytes)
{
	uint64_t above = (uintptr_t)pointer - (uintptr_t)__builtin_frame_address(0);
	return above < NEAR_STACK && bytes < NEAR_STACK - above;
}

static NTSTATUS probe(const void *pointer, uint64_t bytes, bool store)
{
	if (is_on_stack(pointer, bytes))
		return STATUS_SUCCESS;
	if (!host_range_ok(pointer, bytes))
		return STATUS_ACCESS_VIOLATION;
	return user_is_guarded() ? user_probe(pointer, bytes, store, USER_SERVICE, NULL)
	                         : STATUS_SUCCESS;
}

NTSTATUS probe_in(const void *pointer, uint64_t bytes)
{
	return probe(pointer, bytes, false);
}

NTSTATUS probe_out(void *pointer, uint64_t bytes)
{
	return probe(pointer, bytes, true);
}
