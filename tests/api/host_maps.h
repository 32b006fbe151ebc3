/* SPDX-License-Identifier: MIT
 *
 * Mappings of the host's, not of the library's, and what VirtualQuery should tell of them.
 */
#ifndef TESTS_API_HOST_MAPS_H
#define TESTS_API_HOST_MAPS_H

#include <sys/mman.h>
#include <unistd.h>

#include "place.h"

static inline MEMORY_BASIC_INFORMATION query(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	assert_ptr_equal(info.BaseAddress, at(address_in(address) & ~(uint64_t)(PAGE - 1)));
	return info;
}

static inline void check(const void *address, SIZE_T size, DWORD state, DWORD protect, DWORD type)
{
	MEMORY_BASIC_INFORMATION info = query(address);
	assert_int_equal(info.RegionSize, size);
	assert_int_equal(info.State, state);
	assert_int_equal(info.Protect, protect);
	assert_int_equal(info.Type, type);
}

/* Some pages alone, with nothing on either side. */
static inline char *map_alone(uint64_t pages, int protection, int flags, int fd)
{
	char *around = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = mmap(around + PAGE, pages * PAGE, protection, flags | MAP_FIXED, fd, 0);
	assert_ptr_equal(memory, around + PAGE);
	munmap(around, PAGE);
	munmap(around + (pages + 1) * PAGE, PAGE);
	return memory;
}

static inline int file_of(uint64_t bytes)
{
	char name[] = "/tmp/ntmm-maps-XXXXXX";
	int fd = mkstemp(name);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static inline void check_image(const void *address, DWORD protect, const void *base)
{
	MEMORY_BASIC_INFORMATION info = query(address);
	assert_int_equal(info.Type, MEM_IMAGE);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, protect);
	assert_int_equal(info.AllocationProtect, PAGE_EXECUTE_WRITECOPY);
	assert_ptr_equal(info.AllocationBase, base);
}

#endif
