/* SPDX-License-Identifier: MIT
 *
 * The library never calls malloc: programs put their allocator on top of it. Here malloc and its
 * relatives end the program when they are called from inside a call of the library.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntmm/file.h>
#include <ntmm/native.h>

#include "place.h"
#include "privilege.h"
#include "support/pe.h"
#include "support/sanitized.h"
#include "support/touch.h"

static _Thread_local bool is_inside;

#if !IS_SANITIZED /* a sanitizer has its own, and the library uses it */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);

static void check_outside(const char *call)
{
	if (!is_inside)
		return;
	is_inside = false;
	fprintf(stderr, "%s is called by the library\n", call);
	abort();
}

void *malloc(size_t bytes)
{
	check_outside("malloc");
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	check_outside("calloc");
	return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
	check_outside("realloc");
	return __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
	check_outside("memalign");
	return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	check_outside("aligned_alloc");
	return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
	check_outside("posix_memalign");
	*block = __libc_memalign(alignment, bytes);
	return *block ? 0 : 12;
}

void free(void *block)
{
	check_outside("free");
	__libc_free(block);
}

#endif

static ntmm_machine *make_machine(uint32_t flags)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config, .flags = flags,
	                              .ram_bytes = 1 << 20, .paging_file_bytes = 8 << 20};
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	return machine;
}

static void make_no_machine(void)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config, .paging_file_bytes = 1 << 20,
	                              .paging_file_path = "/no/such/directory/at/all"};
	assert_int_not_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	assert_int_not_equal(*ntmm_error_message(), 0);
}

/* Reserve to release, and what is between. */
static void use_memory(void)
{
	DWORD old;
	MEMORY_BASIC_INFORMATION info;
	char *base = VirtualAlloc(NULL, 64 * PAGE, MEM_RESERVE | MEM_WRITE_WATCH, PAGE_READWRITE);
	assert_non_null(base);
	for (int i = 0; i < 64; i += 2)
		assert_non_null(VirtualAlloc(base + i * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_true(VirtualProtect(base, PAGE, PAGE_READONLY | PAGE_GUARD, &old));
	assert_true(VirtualLock(base + 2 * PAGE, PAGE));
	assert_true(VirtualUnlock(base + 2 * PAGE, PAGE));
	assert_true(WriteProcessMemory(GetCurrentProcess(), base + 4 * PAGE, "x", 1, NULL));
	assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
	assert_non_null(VirtualAlloc(base + 4 * PAGE, PAGE, MEM_RESET, PAGE_READWRITE));
	assert_int_equal(OfferVirtualMemory(base + 6 * PAGE, PAGE, VmOfferPriorityLow), 0);
	assert_int_equal(ReclaimVirtualMemory(base + 6 * PAGE, PAGE), 0);
	assert_true(VirtualFree(base + 8 * PAGE, PAGE, MEM_DECOMMIT));
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_false(VirtualFree(base, 0, MEM_RELEASE));
}

/* More allocations than fit in a page of anything. */
static void use_many(void)
{
	static void *base[5000];
	for (unsigned i = 0; i < 5000; i++)
		assert_non_null(base[i] = VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE));
	for (unsigned i = 0; i < 5000; i++)
		assert_true(VirtualFree(base[i], 0, MEM_RELEASE));
}

static void use_views(void)
{
	HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    16 * PAGE, u"a name of its own");
	assert_non_null(section);
	for (int i = 0; i < 20; i++) {
		char *view = MapViewOfFile(section, i % 2 ? FILE_MAP_WRITE : FILE_MAP_COPY, 0, 0, 0);
		assert_non_null(view);
		assert_true(WriteProcessMemory(GetCurrentProcess(), view, "x", 1, NULL));
		assert_true(UnmapViewOfFile(view));
	}
	CloseHandle(section);
}

static void use_windows(void)
{
	ULONG_PTR frames[20], count = 20;
	assert_true(with_privilege(SE_PRIVILEGE_ENABLED));
	assert_true(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames));
	char *window = VirtualAlloc(NULL, 20 * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	assert_non_null(window);
	assert_true(MapUserPhysicalPages(window, count, frames));
	assert_true(VirtualFree(window, 0, MEM_RELEASE));
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, frames));
}

static void use_system(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	SYSTEM_INFO system;
	GetSystemInfo(&system);
	assert_true(GlobalMemoryStatusEx(&status));
	assert_true(EmptyWorkingSet(GetCurrentProcess()));
}

/* An image whose fixups are not in order, moved; so that they are sorted. */
static struct pe *image_with_fixups(void)
{
	static const uint8_t code[2 * PAGE];
	enum { COUNT = 200 };
	struct pe_fixup fixup[COUNT];
	struct pe *pe = pe_new(PE_32, 0x400000);
	uint32_t text = pe_section(pe, ".text", code, sizeof code, sizeof code, PE_CODE);
	for (unsigned i = 0; i < COUNT; i++)
		fixup[i] = (struct pe_fixup){text + 8 * (COUNT - i), PE_HIGHLOW, 0};
	pe_relocations(pe, fixup, COUNT);
	return pe;
}

static void use_image(int fd)
{
	HANDLE file;
	char byte, *view[2];
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ | GENERIC_EXECUTE, &file), 0);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
	assert_non_null(section);
	for (int i = 0; i < 2; i++) {
		assert_non_null(view[i] = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0));
		assert_true(ReadProcessMemory(GetCurrentProcess(), view[i] + PAGE, &byte, 1, NULL));
	}
	for (int i = 0; i < 2; i++)
		assert_true(UnmapViewOfFile(view[i]));
	CloseHandle(section);
	CloseHandle(file);
}

/* Twice what the machine's RAM holds. */
static void use_paging(ntmm_thread *thread)
{
	char *base = must_commit(2 << 20, PAGE_READWRITE);
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t at = 0; at < 2 << 20; at += PAGE)
			assert_true(ntmm_store64(thread, address_in(base) + at, at));
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
}

static void ignore(void *context, const ntmm_event *event)
{
	(void)context, (void)event;
}

static void use_clone(ntmm_machine *machine)
{
	HANDLE clone = ntmm_process_clone(GetCurrentProcess());
	if (clone)
		CloseHandle(clone);
	assert_true(ntmm_machine_check(machine));
}

static void a_machine_allocates_nothing(void **state)
{
	struct pe *pe = image_with_fixups();
	int fd = pe_open(pe);
	(void)state;
	is_inside = true;
	make_no_machine();
	struct place place = {.machine = make_machine(0)};
	assert_int_equal(ntmm_machine_observe(place.machine, ignore, NULL), STATUS_SUCCESS);
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	use_memory();
	use_many();
	use_views();
	use_windows();
	use_system();
	use_image(fd);
	use_paging(place.thread);
	use_clone(place.machine);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
	is_inside = false;
	close(fd);
	pe_free(pe);
}

/* ---- the native process ----------------------------------------------------------------------- */

static void walk_address_space(void)
{
	MEMORY_BASIC_INFORMATION info;
	unsigned regions = 0;
	for (uint64_t address = 0; VirtualQuery(at(address), &info, sizeof info); regions++)
		address += info.RegionSize;
	assert_true(regions > 10);
}

static void use_file(const char *path)
{
	char byte;
	HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL,
	                          OPEN_EXISTING, 0, NULL);
	assert_ptr_not_equal(file, INVALID_HANDLE_VALUE);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	view[0] = 1;
	assert_true(FlushViewOfFile(view, 0));
	assert_true(ReadProcessMemory(GetCurrentProcess(), view, &byte, 1, NULL));
	assert_true(UnmapViewOfFile(view));
	assert_true(CloseHandle(section) && CloseHandle(file));
}

static char *_Atomic reserved;

static LONG NTAPI commit_it(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	return VirtualAlloc(reserved, PAGE, MEM_COMMIT, PAGE_READWRITE)
	               ? EXCEPTION_CONTINUE_EXECUTION
	               : EXCEPTION_CONTINUE_SEARCH;
}

static void use_handler(void)
{
	PVOID handler = AddVectoredExceptionHandler(1, commit_it);
	assert_non_null(handler);
	char *memory = VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(memory);
	reserved = memory;
	poke(memory, 1);
	assert_true(RemoveVectoredExceptionHandler(handler));
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

static void *use_on_thread(void *unused)
{
	(void)unused;
	is_inside = true;
	use_memory();
	use_handler();
	is_inside = false;
	return NULL;
}

static void the_native_process_allocates_nothing(void **state)
{
	char path[] = "/tmp/ntmm-no-malloc-XXXXXX";
	int fd = mkstemp(path);
	pthread_t thread;
	(void)state;
	is_inside = true;
	assert_true(ntmm_native_take_signals());
	use_memory();
	use_many();
	use_views();
	use_windows();
	use_system();
	walk_address_space();
	use_file(path);
	use_handler();
	is_inside = false;
	assert_int_equal(pthread_create(&thread, NULL, use_on_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(unlink(path), 0);
	close(fd);
}

/* Nobody is fooled by a test in which malloc cannot end the program. */
static void it_would_show(void **state)
{
	(void)state;
#if !IS_SANITIZED
	void *(*volatile allocate)(size_t) = malloc;
	pid_t child = fork();
	if (!child) {
		fclose(stderr);
		is_inside = true;
		allocate(1);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_would_show),
		cmocka_unit_test(the_native_process_allocates_nothing),
		cmocka_unit_test(a_machine_allocates_nothing),
	};
	return cmocka_run_group_tests_name("no malloc", tests, NULL, NULL);
}
