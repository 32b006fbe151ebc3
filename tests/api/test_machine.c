/* SPDX-License-Identifier: MIT
 *
 * Machines: configurations, the paging file on the host, limits, the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

static NTSTATUS create(ntmm_machine_config config, ntmm_machine **machine)
{
	config.size = config.size ? config.size : sizeof config;
	return ntmm_machine_create(&config, machine);
}

/* A configuration that cannot work is refused, and says why. */
static void refused(void **state)
{
	(void)state;
	static const ntmm_machine_config bad[] = {
		{.size = 3},
		{.flags = 0x80},
		{.ram_bytes = 4 << 20 | 1},
		{.ram_bytes = 0x10000},
		{.ram_bytes = UINT64_C(1) << 50},
		{.paging_file_bytes = 100},
		{.paging_file_bytes = UINT64_C(1) << 50},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ntmm_machine *machine = NULL;
		assert_int_equal(create(bad[i], &machine), STATUS_INVALID_PARAMETER);
		assert_null(machine);
		assert_true(strlen(ntmm_error_message()) > 10);
	}
	assert_int_equal(ntmm_machine_create(NULL, NULL), STATUS_INVALID_PARAMETER);
	ntmm_machine_destroy(NULL);
}

/* S9: storage is RAM and paging file, less what the system keeps. */
static void smallest_and_limits(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(64 * PAGE, 0)};
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	uint64_t alone = counters_of(&place).commit_limit;
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 8; i++)
		store_at(&place, base + i * PAGE, (uint8_t)i);
	assert_int_equal(counters_of(&place).ram, 64);
	assert_true(alone < 64 && alone >= 64 - 24);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
	place.machine = place_machine(64 * PAGE, 100 * PAGE);
	assert_int_equal(counters_of(&place).commit_limit, alone + 100);
	ntmm_machine_destroy(place.machine);
}

/* A process that the RAM cannot hold: 1450; the ones there are go on. */
static void too_many_processes(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(64 * PAGE, 1000 * PAGE)};
	HANDLE process[64];
	int count = 0;
	while ((process[count] = ntmm_process_create(place.machine, NTMM_LAYOUT_NT32_2GB)))
		count++;
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_true(count >= 1);
	ntmm_thread *thread = ntmm_thread_create(process[0], NULL);
	char *base = VirtualAllocEx(process[0], NULL, 200 * PAGE, MEM_RESERVE | MEM_COMMIT,
	                            PAGE_READWRITE);
	assert_non_null(base);
	for (int i = 0; i < 200; i++)
		assert_true(
			ntmm_store32(thread, address_in(base) + (uint64_t)i * PAGE, (uint32_t)i));
	assert_true(ntmm_machine_check(place.machine));
	ntmm_thread_destroy(thread);
	while (count)
		CloseHandle(process[--count]);
	assert_int_equal(counters_of(&place).commit_total, 0);
	ntmm_machine_destroy(place.machine);
}

static int entries_in(const char *path)
{
	DIR *dir = opendir(path);
	int count = -2; /* . and .. */
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The file of this process that is `bytes` long and has no name; its mode and blocks. */
static bool find_paging_file(uint64_t bytes, struct stat *found)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	bool is = false;
	while (!is && (entry = readdir(dir)))
		is = fstat(atoi(entry->d_name), found) == 0 && S_ISREG(found->st_mode) &&
		     found->st_nlink == 0 && (uint64_t)found->st_size == bytes;
	closedir(dir);
	return is;
}

/* The paging file: mode 0600, really allocated, without a name in a directory or under a path, so that
 * nothing stays behind when the host process is killed. */
static void paging_file(void **state)
{
	(void)state;
	char dir[] = "/tmp/ntmm-test-XXXXXX", path[64];
	const uint64_t bytes = 777 * PAGE;
	struct stat found;
	ntmm_machine *machine;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pagefile.sys", dir);
	const char *const places[] = {dir, path};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(create((ntmm_machine_config){.paging_file_bytes = bytes,
		                                              .paging_file_path = places[i]},
		                        &machine),
		                 STATUS_SUCCESS);
		assert_true(find_paging_file(bytes, &found));
		assert_int_equal(found.st_mode & 0777, 0600);
		assert_true((uint64_t)found.st_blocks * 512 >= bytes);
		assert_int_equal(entries_in(dir), 0);
		ntmm_machine_destroy(machine);
		assert_false(find_paging_file(bytes, &found));
	}
	/* a file that is there is somebody's: refused, and left alone */
	FILE *file = fopen(path, "w");
	fputs("mine", file);
	fclose(file);
	assert_int_equal(create((ntmm_machine_config){.paging_file_bytes = bytes,
	                                              .paging_file_path = path},
	                        &machine),
	                 STATUS_ACCESS_DENIED);
	assert_non_null(strstr(ntmm_error_message(), path));
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_size, 4);
	unlink(path);
	rmdir(dir);
	assert_int_equal(create((ntmm_machine_config){.paging_file_bytes = bytes,
	                                              .paging_file_path = path},
	                        &machine),
	                 STATUS_ACCESS_DENIED);
}

/* S2: 8 TB of user space, reserved in one piece, costs nothing but a description (S41). */
static void reserve_everything(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(1 << 20, 0)};
	place_enter(&place, NTMM_LAYOUT_NT64_8TB);
	ntmm_machine_counters before = counters_of(&place);
	uint64_t most = (UINT64_C(8) << 40) - 0x80000000 - 0x20000;
	char *base = VirtualAlloc(NULL, most, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(base);
	assert_int_equal(counters_of(&place).commit_total, before.commit_total);
	assert_non_null(VirtualAlloc(base + most - PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	store_at(&place, base + most - 1, 3);
	assert_int_equal(load_at(&place, base + most - 1), 3);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* A machine of 1 TB starts at once: only what is touched is there. */
static void huge_ram(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(UINT64_C(1) << 40, 0)};
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	char *base = must_commit(UINT64_C(512) << 30, PAGE_READWRITE);
	for (uint64_t at = 0; at < UINT64_C(512) << 30; at += UINT64_C(8) << 30)
		store_at(&place, base + at, 1);
	assert_int_equal(own_counters().working_set, 64);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* Handles outlive the machine: they answer that the process is gone, and can be closed. */
static void destroyed_under_handles(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(0, 1 << 20)};
	place_enter(&place, NTMM_LAYOUT_WOW64_4GB);
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(&place, base, 1);
	ntmm_machine_destroy(place.machine);
	assert_int_equal(load_raises(&place, base), STATUS_ACCESS_VIOLATION);
	assert_null(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE));
	assert_int_equal(GetLastError(), ERROR_ACCESS_DENIED);
	ntmm_process_counters counters = {.size = sizeof counters};
	assert_int_equal(ntmm_process_get_counters(place.process, &counters),
	                 STATUS_PROCESS_IS_TERMINATING);
	place_leave(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),            cmocka_unit_test(smallest_and_limits),
		cmocka_unit_test(too_many_processes), cmocka_unit_test(paging_file),
		cmocka_unit_test(reserve_everything), cmocka_unit_test(huge_ram),
		cmocka_unit_test(destroyed_under_handles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
