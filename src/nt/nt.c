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

NTSTATUS probe_memory(const void *pointer, uint64_t bytes, bool store)
{
	if (!host_range_ok(pointer, bytes))
		return STATUS_ACCESS_VIOLATION;
	return user_is_guarded() ? user_probe(pointer, bytes, store, USER_SERVICE, NULL)
	                         : STATUS_SUCCESS;
}
