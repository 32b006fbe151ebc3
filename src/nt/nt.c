/* SPDX-License-Identifier: MIT */
#include "nt/nt.h"

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
