/* SPDX-License-Identifier: MIT
 *
 * The limits of the host: address space, mappings, core dumps. A call succeeds, or it fails with an error of
 * Windows and has changed nothing. Each test is a process of its own, in which nothing has begun.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "support/sanitized.h"

#define MB ((SIZE_T)1 << 20)
#define SECONDS 120

/* In the child: says what was not so, and ends it. */
#define must(condition) \
	do { \
		if (!(condition)) { \
			dprintf(2, "line %d: %s (error %u)\n", __LINE__, #condition, GetLastError()); \
			_exit(1); \
		} \
	} while (0)

static void in_child(void (*run)(void))
{
	int status;
	pid_t child = fork();
	if (!child) {
		alarm(SECONDS);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool is_out_of_memory(DWORD error)
{
	return error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_NO_SYSTEM_RESOURCES ||
	       error == ERROR_COMMITMENT_LIMIT;
}

/* What the host allows, asked by system calls. */
static int zeroes, nowhere[2];

static bool host_can_write(void *address)
{
	return read(zeroes, address, 1) == 1;
}

static bool host_can_read(const void *address)
{
	char byte;
	return write(nowhere[1], address, 1) == 1 && read(nowhere[0], &byte, 1) == 1;
}

static void open_files(void)
{
	zeroes = open("/dev/zero", O_RDONLY);
	must(zeroes >= 0 && !pipe(nowhere));
}

static MEMORY_BASIC_INFORMATION ask(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	must(VirtualQuery(address, &info, sizeof info) == sizeof info);
	return info;
}

/* Whether the page is as Windows' answer has it. */
static void check_page(char *address, DWORD state, DWORD protect)
{
	MEMORY_BASIC_INFORMATION info = ask(address);
	must(info.State == state && info.Protect == protect);
	must(host_can_read(address) == (protect == PAGE_READONLY || protect == PAGE_READWRITE));
	must(host_can_write(address) == (protect == PAGE_READWRITE));
}

/* ---- address space --------------------------------------------------------------------------- */

static SIZE_T mapped_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	must(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	return pages * PAGE;
}

static void limit_space(SIZE_T more)
{
	struct rlimit limit = {mapped_bytes() + more, RLIM_INFINITY};
	must(!setrlimit(RLIMIT_AS, &limit));
}

#define MOST 20000
static char *blocks[MOST];

/* Reserves and commits until there is no more; how many there were. */
static unsigned fill(SIZE_T bytes)
{
	unsigned count = 0;
	while (count < MOST) {
		char *block = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		if (!block)
			break;
		blocks[count++] = block;
		block[0] = block[bytes - 1] = (char)count;
	}
	must(count == MOST || is_out_of_memory(GetLastError()));
	return count;
}

static void use_limited_space(void)
{
	limit_space(256 * MB);
	open_files();
	must(!VirtualAlloc(NULL, 1024 * MB, MEM_RESERVE, PAGE_READWRITE));
	must(is_out_of_memory(GetLastError()));
	unsigned count = fill(MB);
	must(count >= 64 && count <= 256);
	must(!VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE));
	for (unsigned i = 0; i < count; i++) {
		must(blocks[i][0] == (char)(i + 1) && blocks[i][MB - 1] == (char)(i + 1));
		must(ask(blocks[i]).RegionSize == MB);
		must(VirtualFree(blocks[i], 0, MEM_RELEASE));
	}
	unsigned again = fill(MB);
	must(again >= count);
	while (again)
		must(VirtualFree(blocks[--again], 0, MEM_RELEASE));
}

static void little_address_space(void **state)
{
	(void)state;
	if (IS_SANITIZED)
		skip(); /* they map terabytes */
	in_child(use_limited_space);
}

/* The limit comes when the arena is there: what lies in it can still be used. */
static void limit_late(void)
{
	char *early = VirtualAlloc(NULL, 4 * MB, MEM_RESERVE, PAGE_READWRITE);
	must(early);
	limit_space(MB);
	must(VirtualAlloc(early, 4 * MB, MEM_COMMIT, PAGE_READWRITE) == early);
	memset(early, 1, 4 * MB);
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 8 * MB,
	                                    NULL);
	must(section);
	for (unsigned i = 0; i < 100; i++) {
		char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
		must(view || is_out_of_memory(GetLastError()));
		must(!view || UnmapViewOfFile(view));
	}
	must(CloseHandle(section));
	must(VirtualFree(early, 0, MEM_RELEASE));
}

static void a_limit_that_comes_late(void **state)
{
	(void)state;
	if (IS_SANITIZED)
		skip();
	in_child(limit_late);
}

/* ---- mappings -------------------------------------------------------------------------------- */

#define PAGES 80000 /* more than the host allows mappings */

static unsigned most_mappings(void)
{
	unsigned most = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	bool known = file && fscanf(file, "%u", &most) == 1;
	if (file)
		fclose(file);
	return known ? most : 0;
}

/* Every other page has another protection, until the host can split no mapping any more: the first page that
 * it refused. */
static unsigned exhaust(char *memory)
{
	DWORD old = 77;
	for (unsigned i = 1; i < PAGES; i += 2) {
		if (VirtualProtect(memory + (SIZE_T)i * PAGE, PAGE, PAGE_READONLY, &old))
			continue;
		must(is_out_of_memory(GetLastError()));
		must(i > 20000);
		check_page(memory + (SIZE_T)i * PAGE, MEM_COMMIT, PAGE_READWRITE);
		check_page(memory + (SIZE_T)(i - 2) * PAGE, MEM_COMMIT, PAGE_READONLY);
		return i;
	}
	must(!"the host has a limit");
	return 0;
}

static char *use_all_mappings(unsigned *first_refused)
{
	char *memory = VirtualAlloc(NULL, (SIZE_T)PAGES * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	must(memory);
	*first_refused = exhaust(memory);
	return memory;
}

static DWORD known_protect[64]; /* 0: reserved */

static void check_all(char *memory)
{
	for (unsigned i = 0; i < 64; i++)
		check_page(memory + i * PAGE, known_protect[i] ? MEM_COMMIT : MEM_RESERVE,
		           known_protect[i]);
}

static unsigned random_below(unsigned end)
{
	static uint64_t state = 7;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % end;
}

static bool are_all_committed(unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		if (!known_protect[i])
			return false;
	return true;
}

/* One call on some pages; when it succeeds the model changes. */
static bool call(char *memory)
{
	static const DWORD protects[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE};
	unsigned first = random_below(64), end = first + 1 + random_below(64 - first);
	DWORD protect = protects[random_below(3)], old;
	char *at = memory + first * PAGE;
	SIZE_T bytes = (SIZE_T)(end - first) * PAGE;
	bool done;
	switch (random_below(3)) {
	case 0:
		done = VirtualAlloc(at, bytes, MEM_COMMIT, protect);
		break;
	case 1:
		done = VirtualFree(at, bytes, MEM_DECOMMIT);
		protect = 0;
		break;
	default:
		done = VirtualProtect(at, bytes, protect, &old);
		if (!are_all_committed(first, end)) {
			must(!done && GetLastError() == ERROR_INVALID_ADDRESS);
			return true;
		}
	}
	must(done || is_out_of_memory(GetLastError()));
	for (unsigned i = first; i < end && done; i++)
		known_protect[i] = protect;
	return done;
}

static void call_at_the_limit(void)
{
	unsigned refused = 0, first_refused;
	open_files();
	char *memory = use_all_mappings(&first_refused);
	char *beside = VirtualAlloc(NULL, 64 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	must(beside || is_out_of_memory(GetLastError()));
	for (unsigned i = 0; beside && i < 3000; i++) {
		refused += !call(beside);
		check_all(beside);
		/* Room for one more mapping comes and goes. */
		DWORD old;
		if (i % 8 == 0)
			VirtualProtect(memory + (i / 8 % 2 ? PAGE : 3 * PAGE), PAGE,
			               i % 3 ? PAGE_READWRITE : PAGE_READONLY, &old);
	}
	must(refused);
	must(!beside || VirtualFree(beside, 0, MEM_RELEASE));
	check_page(memory + 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	check_page(memory + 5 * PAGE, MEM_COMMIT, PAGE_READONLY);
	must(VirtualFree(memory, 0, MEM_RELEASE)); /* all of it, and then there is room again */
	must(use_all_mappings(&first_refused));
}

static bool can_reach_the_limit(void)
{
	unsigned most = most_mappings();
	return !IS_SANITIZED && most && most < PAGES;
}

static void calls_at_the_limit_of_mappings(void **state)
{
	(void)state;
	if (!can_reach_the_limit())
		skip();
	in_child(call_at_the_limit);
}

/* Of other kinds: each call succeeds and can be undone, or is refused. */
static void other_calls(void)
{
	unsigned first_refused;
	open_files();
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 16 * PAGE,
	                                    NULL);
	char *mapped = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	must(section && mapped);
	char *memory = use_all_mappings(&first_refused);
	DWORD old;
	for (unsigned i = 0; i < 200; i++) {
		char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
		must(view || is_out_of_memory(GetLastError()));
		must(!view || host_can_write(view));
		must(!view || UnmapViewOfFile(view) || is_out_of_memory(GetLastError()));
		char *some = VirtualAlloc(NULL, 3 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		must(some || is_out_of_memory(GetLastError()));
		must(!some || host_can_write(some + 2 * PAGE));
		must(!some || VirtualFree(some, 0, MEM_RELEASE));
		bool guarded = VirtualProtect(memory + (SIZE_T)(first_refused + 4) * PAGE, PAGE,
		                              PAGE_READWRITE | PAGE_GUARD, &old);
		must(guarded || is_out_of_memory(GetLastError()));
		must(!guarded || VirtualProtect(memory + (SIZE_T)(first_refused + 4) * PAGE, PAGE,
		                                PAGE_READWRITE, &old));
	}
	must(!VirtualProtect(mapped + PAGE, PAGE, PAGE_READONLY, &old) ||
	     VirtualProtect(mapped + PAGE, PAGE, PAGE_WRITECOPY, &old));
	for (unsigned i = 0; i < 16; i++)
		must(host_can_write(mapped + i * PAGE));
	must(VirtualFree(memory, 0, MEM_RELEASE));
	must(UnmapViewOfFile(mapped) && CloseHandle(section));
}

static void other_calls_at_the_limit(void **state)
{
	(void)state;
	if (!can_reach_the_limit())
		skip();
	in_child(other_calls);
}

/* ---- core dumps ------------------------------------------------------------------------------ */

/* Whether the mapping around `address` is left out of a core dump: "dd" among its flags. */
static bool is_left_out(const void *address)
{
	char line[512];
	bool here = false, known = false, left_out = false;
	FILE *file = fopen("/proc/self/smaps", "r");
	must(file);
	while (!known && fgets(line, sizeof line, file)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = address_in(address) >= start && address_in(address) < end;
		known = here && !strncmp(line, "VmFlags:", 8);
		left_out = known && strstr(line, " dd");
	}
	fclose(file);
	must(known);
	return left_out;
}

static void reserve_and_commit(void)
{
	char *memory = VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE);
	must(is_left_out(memory) && is_left_out(memory + 64 * MB - 1));
	must(VirtualAlloc(memory + MB, PAGE, MEM_COMMIT, PAGE_READWRITE));
	must(VirtualAlloc(memory + 2 * MB, PAGE, MEM_COMMIT, PAGE_READONLY));
	must(VirtualAlloc(memory + 3 * MB, 2 * MB, MEM_COMMIT, PAGE_EXECUTE_READWRITE));
	must(!is_left_out(memory + MB) && !is_left_out(memory + 2 * MB));
	must(!is_left_out(memory + 3 * MB) && !is_left_out(memory + 5 * MB - 1));
	must(is_left_out(memory) && is_left_out(memory + 6 * MB));
	must(VirtualFree(memory + 3 * MB, 2 * MB, MEM_DECOMMIT));
	must(is_left_out(memory + 3 * MB));
	must(VirtualFree(memory, 0, MEM_RELEASE));
}

static void core_dumps_leave_out_what_is_reserved(void **state)
{
	(void)state;
	in_child(reserve_and_commit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_address_space),
		cmocka_unit_test(a_limit_that_comes_late),
		cmocka_unit_test(calls_at_the_limit_of_mappings),
		cmocka_unit_test(other_calls_at_the_limit),
		cmocka_unit_test(core_dumps_leave_out_what_is_reserved),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
