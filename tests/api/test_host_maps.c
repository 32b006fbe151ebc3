/* SPDX-License-Identifier: MIT
 *
 * What the host process has mapped by itself, as VirtualQuery tells it; and that no call
 * replaces it (rules VQ-6, VQ-7, VQ-10, VQ-16, CW-4; VA-24).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ntmm/ntapi.h>

#include "host_maps.h"

#include <ntmm/native.h>

/* ---- what each kind looks like --------------------------------------------------------------- */

static void anonymous_memory_is_private(void **state)
{
	static const struct {
		int host;
		DWORD state, protect;
	} kinds[] = {
		{PROT_NONE, MEM_RESERVE, 0},
		{PROT_READ, MEM_COMMIT, PAGE_READONLY},
		{PROT_READ | PROT_WRITE, MEM_COMMIT, PAGE_READWRITE},
		{PROT_READ | PROT_EXEC, MEM_COMMIT, PAGE_EXECUTE_READ},
		{PROT_READ | PROT_WRITE | PROT_EXEC, MEM_COMMIT, PAGE_EXECUTE_READWRITE},
		{PROT_EXEC, MEM_COMMIT, PAGE_EXECUTE},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char *memory = map_alone(3, kinds[i].host, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		check(memory, 3 * PAGE, kinds[i].state, kinds[i].protect, MEM_PRIVATE);
		check(memory + PAGE + 5, 2 * PAGE, kinds[i].state, kinds[i].protect, MEM_PRIVATE);
		assert_ptr_equal(query(memory + PAGE).AllocationBase, memory);
		munmap(memory, 3 * PAGE);
		assert_int_equal(query(memory).State, MEM_FREE);
	}
}

static void shared_memory_and_files_are_mapped(void **state)
{
	int fd = file_of(4 * PAGE);
	(void)state;
	char *shared = map_alone(2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	check(shared, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_MAPPED);
	char *file = map_alone(4, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	check(file, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_MAPPED);
	assert_int_equal(query(file).AllocationProtect, PAGE_READWRITE);
	char *closed = map_alone(4, PROT_NONE, MAP_SHARED, fd);
	check(closed, 4 * PAGE, MEM_COMMIT, PAGE_NOACCESS, MEM_MAPPED);
	char *read = map_alone(4, PROT_READ, MAP_PRIVATE, fd);
	check(read, 4 * PAGE, MEM_COMMIT, PAGE_READONLY, MEM_MAPPED);
	munmap(shared, 2 * PAGE);
	munmap(file, 4 * PAGE);
	munmap(closed, 4 * PAGE);
	munmap(read, 4 * PAGE);
	close(fd);
}

/* CW-4, VQ-8: what has been written is a copy, and not alike. */
static void private_files_are_copied_on_write(void **state)
{
	int fd = file_of(5 * PAGE);
	(void)state;
	char *copy = map_alone(5, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	assert_int_equal(*(volatile char *)copy, 0);
	check(copy, 5 * PAGE, MEM_COMMIT, PAGE_WRITECOPY, MEM_MAPPED);
	*(volatile char *)(copy + 2 * PAGE) = 1;
	check(copy, 2 * PAGE, MEM_COMMIT, PAGE_WRITECOPY, MEM_MAPPED);
	check(copy + 2 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_MAPPED);
	check(copy + 3 * PAGE, 2 * PAGE, MEM_COMMIT, PAGE_WRITECOPY, MEM_MAPPED);
	assert_ptr_equal(query(copy + 3 * PAGE).AllocationBase, copy);
	assert_int_equal(mprotect(copy, 5 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	check(copy, 2 * PAGE, MEM_COMMIT, PAGE_EXECUTE_WRITECOPY, MEM_MAPPED);
	check(copy + 2 * PAGE, PAGE, MEM_COMMIT, PAGE_EXECUTE_READWRITE, MEM_MAPPED);
	munmap(copy, 5 * PAGE);
	close(fd);
}

static int zero[3 * PAGE], initialised[3 * PAGE] = {1};
static const int constant[3 * PAGE] = {1};

static void programs_and_libraries_are_images(void **state)
{
	const char *program = query(constant).AllocationBase;
	const char *libc = query(dlsym(RTLD_NEXT, "getppid")).AllocationBase;
	(void)state;
	assert_memory_equal(program, "\177ELF", 4);
	assert_memory_equal(libc, "\177ELF", 4);
	check_image(constant + PAGE, PAGE_READONLY, program);
	check_image(at((uintptr_t)programs_and_libraries_are_images), PAGE_EXECUTE_READ, program);
	*(volatile int *)&initialised[PAGE] = 2;
	check_image(&initialised[PAGE], PAGE_READWRITE, program);
	*(volatile int *)&zero[PAGE] = 2;
	check_image(&zero[PAGE], PAGE_READWRITE, program);
	check_image(dlsym(RTLD_NEXT, "getppid"), PAGE_EXECUTE_READ, libc);
	check_image(libc, PAGE_READONLY, libc);
}

/* An object is an image as long as it is loaded. */
static void what_is_loaded_comes_and_goes(void **state)
{
	void *library = dlopen("libutil.so.1", RTLD_NOW | RTLD_LOCAL);
	(void)state;
	if (!library)
		skip();
	void *function = dlsym(library, "openpty");
	char *base = query(function).AllocationBase;
	check_image(function, PAGE_EXECUTE_READ, base);
	dlclose(library);
}

static void check_is_private(const void *address)
{
	MEMORY_BASIC_INFORMATION info = query(address);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.Type, MEM_PRIVATE);
}

static void *check_stack(void *unused)
{
	check_is_private(&unused);
	return NULL;
}

/* Of the main thread the stack may end above all addresses that Windows has: where the host is told not
 * to place things at random. */
static void stacks_and_heaps_are_private(void **state)
{
	char *small = calloc(1, 100), *large = calloc(1, 1 << 20);
	pthread_t thread;
	(void)state;
	check_is_private(small);
	check_is_private(large);
	assert_int_equal(pthread_create(&thread, NULL, check_stack, NULL), 0);
	pthread_join(thread, NULL);
	free(small);
	free(large);
}

/* VQ-20 of an image: all of it. */
static void the_whole_of_it(void **state)
{
	MEMORY_REGION_INFORMATION region;
	uint64_t written;
	char *program = query(constant).AllocationBase;
	char *reserved = map_alone(3, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)state;
	assert_int_equal(NtQueryVirtualMemory(GetCurrentProcess(), address_in(&zero[PAGE]),
	                                      MemoryRegionInformation, &region, sizeof region,
	                                      &written), 0);
	assert_int_equal(region.AllocationBase, address_in(program));
	assert_int_equal(region.AllocationProtect, PAGE_EXECUTE_WRITECOPY);
	assert_true(region.AllocationBase + region.RegionSize > address_in(&zero[PAGE]));
	assert_true(region.CommitSize <= region.RegionSize);
	assert_true(region.CommitSize >= sizeof zero + sizeof initialised);
	assert_int_equal(NtQueryVirtualMemory(GetCurrentProcess(), address_in(reserved) + PAGE,
	                                      MemoryRegionInformation, &region, sizeof region,
	                                      &written), 0);
	assert_int_equal(region.AllocationBase, address_in(reserved));
	assert_int_equal(region.RegionSize, 3 * PAGE);
	assert_int_equal(region.CommitSize, 0);
	munmap(reserved, 3 * PAGE);
	assert_int_equal(NtQueryVirtualMemory(GetCurrentProcess(), address_in(reserved),
	                                      MemoryRegionInformation, &region, sizeof region,
	                                      &written), STATUS_MEMORY_NOT_ALLOCATED);
}

static PSAPI_WORKING_SET_EX_BLOCK resident(void *address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = address};
	assert_true(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	return entry.VirtualAttributes;
}

/* WS-10. */
static void what_is_resident(void **state)
{
	char *memory = map_alone(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)state;
	memory[PAGE] = 1;
	assert_false(resident(memory).Valid);
	assert_true(resident(memory + PAGE).Valid);
	assert_int_equal(resident(memory + PAGE).Win32Protection, PAGE_READWRITE);
	assert_false(resident(memory + PAGE).Shared);
	assert_true(resident(dlsym(RTLD_NEXT, "getppid")).Shared);
	munmap(memory, 2 * PAGE);
	assert_false(resident(memory + PAGE).Valid);
}

/* ---- the whole address space ----------------------------------------------------------------- */

static bool are_alike(const MEMORY_BASIC_INFORMATION *a, const MEMORY_BASIC_INFORMATION *b)
{
	return a->State == b->State && a->Protect == b->Protect && a->Type == b->Type &&
	       a->AllocationBase == b->AllocationBase;
}

/* VQ-4, VQ-7: region by region, to the end, and no two neighbours are alike. */
static void it_can_be_walked(void **state)
{
	char *mine = must_commit(3 * PAGE, PAGE_READWRITE);
	uint64_t address = 0;
	MEMORY_BASIC_INFORMATION before = {.State = 0}, info;
	unsigned own = 0, images = 0, free_regions = 0;
	(void)state;
	while (VirtualQuery(at(address), &info, sizeof info)) {
		assert_ptr_equal(info.BaseAddress, at(address));
		assert_true(info.RegionSize && info.RegionSize % PAGE == 0);
		assert_false(are_alike(&before, &info));
		own += info.AllocationBase == mine;
		images += info.Type == MEM_IMAGE;
		free_regions += info.State == MEM_FREE;
		before = info;
		address += info.RegionSize;
	}
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_int_equal(address, UINT64_C(0x7FFFFFFF0000));
	assert_int_equal(own, 1);
	assert_true(images >= 8 && free_regions >= 3);
	assert_true(VirtualFree(mine, 0, MEM_RELEASE));
}

struct line {
	uint64_t start, end;
	char access[5];
};

static unsigned read_maps(struct line *lines, unsigned most)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char text[512];
	unsigned count = 0;
	while (count < most && fgets(text, sizeof text, file)) {
		struct line *line = &lines[count];
		count += sscanf(text, "%lx-%lx %4s", &line->start, &line->end, line->access) == 3;
	}
	fclose(file);
	return count;
}

static bool is_written(DWORD protect)
{
	return protect & (PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE |
	                  PAGE_EXECUTE_WRITECOPY);
}

/* The protection is the host's. Before anything is allocated: the arena's memory is told of as free. */
static void it_is_what_the_host_says(void **state)
{
	static struct line lines[500];
	unsigned seen = 0, count = read_maps(lines, 500);
	(void)state;
	for (unsigned i = 0; i < count && lines[i].end < UINT64_C(0x7FFFFFFF0000); i++) {
		MEMORY_BASIC_INFORMATION info = query(at(lines[i].start));
		bool reserved = !strncmp(lines[i].access, "---p", 4);
		if (reserved && info.State != MEM_COMMIT)
			continue; /* a reservation, a gap, or the library's own */
		assert_int_equal(info.State, MEM_COMMIT);
		assert_int_equal(is_written(info.Protect), lines[i].access[1] == 'w');
		assert_int_equal((info.Protect & 0xF0) != 0, lines[i].access[2] == 'x');
		assert_true(info.Type == MEM_MAPPED || lines[i].access[3] == 'p');
		seen++;
	}
	assert_true(seen > 10);
}

/* VQ-10: free memory ends where something of the host's begins, whatever there is of the library's. */
static void free_memory_ends_at_what_is_there(void **state)
{
	char *gap = mmap(NULL, 64 * GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *low = at((address_in(gap) + GRANULE - 1) & ~(uint64_t)(GRANULE - 1));
	(void)state;
	munmap(low, 60 * GRANULE);
	check(low, 60 * GRANULE, MEM_FREE, PAGE_NOACCESS, 0);
	assert_ptr_equal(VirtualAlloc(low + 20 * GRANULE, PAGE, MEM_RESERVE, PAGE_READWRITE),
	                 low + 20 * GRANULE);
	check(low + 3 * PAGE, 20 * GRANULE - 3 * PAGE, MEM_FREE, PAGE_NOACCESS, 0);
	char *host = mmap(low + 30 * GRANULE + PAGE, PAGE, PROT_READ,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(low + 20 * GRANULE + PAGE, 10 * GRANULE, MEM_FREE, PAGE_NOACCESS, 0);
	check(host, PAGE, MEM_COMMIT, PAGE_READONLY, MEM_PRIVATE);
	check(host + PAGE, 30 * GRANULE - 2 * PAGE, MEM_FREE, PAGE_NOACCESS, 0);
	assert_true(VirtualFree(low + 20 * GRANULE, 0, MEM_RELEASE));
	munmap(gap, 64 * GRANULE);
}

/* ---- nothing of it is changed ---------------------------------------------------------------- */

/* Each call is refused, or does nothing. */
static void try_all(char *memory)
{
	assert_fails(VirtualAlloc(memory, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 487);
	assert_fails(VirtualAlloc(memory, PAGE, MEM_COMMIT, PAGE_READWRITE), 487);
	assert_fails(VirtualAlloc(memory, PAGE, MEM_RESET, PAGE_READWRITE), 487);
	assert_fails(VirtualFree(memory, 0, MEM_RELEASE), 487);
	assert_fails(VirtualFree(memory, PAGE, MEM_DECOMMIT), 487);
	assert_fails(VirtualUnlock(memory, PAGE), ERROR_NOT_LOCKED);
	assert_fails(UnmapViewOfFile(memory), 487);
	assert_fails(FlushViewOfFile(memory, PAGE), 487);
	assert_int_not_equal(DiscardVirtualMemory(memory, PAGE), 0);
	assert_int_not_equal(OfferVirtualMemory(memory, PAGE, VmOfferPriorityLow), 0);
}

static void it_can_be_locked(void **state) /* VL-3, VL-4: as what a malloc on Windows returns */
{
	char *memory = map_alone(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)state;
	assert_true(ntmm_native_take_signals());
	assert_true(VirtualLock(memory, PAGE));
	assert_true(VirtualLock(memory, PAGE));
	assert_fails(VirtualUnlock(memory, 2 * PAGE), ERROR_NOT_LOCKED);
	assert_true(VirtualUnlock(memory, PAGE));
	assert_fails(VirtualUnlock(memory, PAGE), ERROR_NOT_LOCKED);
	munmap(memory, 2 * PAGE);
	assert_fails(VirtualLock(memory, PAGE), ERROR_NOACCESS);
}

static void it_is_left_alone(void **state)
{
	char *memory = map_alone(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)state;
	memset(memory, 0x5A, 2 * PAGE);
	try_all(memory);
	try_all((char *)&initialised[PAGE]);
	check(memory, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_PRIVATE);
	for (unsigned i = 0; i < 2 * PAGE; i++)
		assert_int_equal(memory[i], 0x5A);
	munmap(memory, 2 * PAGE);
}

/* ---- nothing is laid over it -------------------------------------------------------------------- */

/* VA-24: neither over it, nor when a reservation would meet it further on. */
static void nothing_is_laid_over_it(void **state)
{
	char *gap = mmap(NULL, 16 * GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *low = at((address_in(gap) + GRANULE - 1) & ~(uint64_t)(GRANULE - 1));
	(void)state;
	munmap(low, 14 * GRANULE);
	*(volatile char *)mmap(low + 7 * GRANULE, PAGE, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) = 9;
	assert_fails(VirtualAlloc(low, 8 * GRANULE, MEM_RESERVE, PAGE_READWRITE), 487);
	check(low, 7 * GRANULE, MEM_FREE, PAGE_NOACCESS, 0);
	assert_int_equal(low[7 * GRANULE], 9);
	assert_ptr_equal(VirtualAlloc(low, 7 * GRANULE, MEM_RESERVE, PAGE_READWRITE), low);
	check(low, 7 * GRANULE, MEM_RESERVE, 0, MEM_PRIVATE);
	assert_true(VirtualFree(low, 0, MEM_RELEASE));
	munmap(gap, 16 * GRANULE);
}

/* AS-3. */
static void the_lowest_addresses_are_refused(void **state)
{
	(void)state;
	assert_fails(VirtualAlloc(at(PAGE), PAGE, MEM_RESERVE, PAGE_READWRITE), 87);
	assert_fails(VirtualAlloc(at(GRANULE - 1), PAGE, MEM_RESERVE, PAGE_READWRITE), 87);
}

/* GP-9 of what is not the library's. */
static void it_can_be_copied(void **state)
{
	static int there = 5;
	int here = 0;
	SIZE_T done;
	(void)state;
	assert_true(ReadProcessMemory(GetCurrentProcess(), &there, &here, sizeof here, &done));
	assert_int_equal(here, 5);
	here = 6;
	assert_true(WriteProcessMemory(GetCurrentProcess(), &there, &here, sizeof here, &done));
	assert_int_equal(there, 6);
	char *memory = map_alone(2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	assert_fails(WriteProcessMemory(GetCurrentProcess(), memory, &here, 1, &done), 998);
	assert_fails(WriteProcessMemory(GetCurrentProcess(), memory + PAGE, &here, PAGE + 1, &done), 998);
	munmap(memory + PAGE, PAGE);
	assert_fails(WriteProcessMemory(GetCurrentProcess(), memory + PAGE, &here, 1, &done), 487);
	munmap(memory, PAGE);
}

/* ---- threads --------------------------------------------------------------------------------- */

static atomic_bool stop;

static void *map_and_allocate(void *unused)
{
	(void)unused;
	while (!stop) {
		void *mine = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		void *host = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(host, 3 * PAGE);
		VirtualFree(mine, 0, MEM_RELEASE);
	}
	return NULL;
}

/* While others allocate and map the library's own is never taken for the host's. */
static void queries_meet_changes(void **state)
{
	pthread_t threads[2];
	(void)state;
	stop = false;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_and_allocate, NULL), 0);
	for (unsigned round = 0; round < 20; round++) {
		MEMORY_BASIC_INFORMATION info;
		char *mine = must_commit(PAGE, PAGE_READWRITE);
		for (uint64_t address = 0; VirtualQuery(at(address), &info, sizeof info);
		     address += info.RegionSize)
			assert_true(info.RegionSize);
		assert_int_equal(query(mine).RegionSize, PAGE);
		assert_int_equal(query(constant).Type, MEM_IMAGE);
		assert_true(VirtualFree(mine, 0, MEM_RELEASE));
	}
	stop = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_the_host_says), /* first */
		cmocka_unit_test(anonymous_memory_is_private),
		cmocka_unit_test(shared_memory_and_files_are_mapped),
		cmocka_unit_test(private_files_are_copied_on_write),
		cmocka_unit_test(programs_and_libraries_are_images),
		cmocka_unit_test(what_is_loaded_comes_and_goes),
		cmocka_unit_test(stacks_and_heaps_are_private),
		cmocka_unit_test(the_whole_of_it),
		cmocka_unit_test(what_is_resident),
		cmocka_unit_test(it_can_be_walked),
		cmocka_unit_test(free_memory_ends_at_what_is_there),
		cmocka_unit_test(it_is_left_alone),
		cmocka_unit_test(it_can_be_locked),
		cmocka_unit_test(nothing_is_laid_over_it),
		cmocka_unit_test(the_lowest_addresses_are_refused),
		cmocka_unit_test(it_can_be_copied),
		cmocka_unit_test(queries_meet_changes),
	};
	return cmocka_run_group_tests_name("host maps", tests, NULL, NULL);
}
