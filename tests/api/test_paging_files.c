/* SPDX-License-Identifier: MIT
 *
 * Paging files: several of them, that grow, and that are added (PG-62, PG-63, CM-1, CM-4).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

#define MB (UINT64_C(1) << 20)
#define RAM (128 * PAGE)

static ntmm_machine_config config_of(const ntmm_paging_file *files, uint32_t count)
{
	return (ntmm_machine_config){.size = sizeof(ntmm_machine_config),
	                             .ram_bytes = RAM,
	                             .paging_files = files,
	                             .paging_file_count = count};
}

static ntmm_machine *machine_with(const ntmm_paging_file *files, uint32_t count)
{
	ntmm_machine_config config = config_of(files, count);
	ntmm_machine *machine = NULL;
	if (ntmm_machine_create(&config, &machine))
		fail_msg("no machine: %s", ntmm_error_message());
	return machine;
}

static ntmm_paging_file_counters file_counters(ntmm_machine *machine, uint32_t number)
{
	ntmm_paging_file_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_paging_file(machine, number, &c), STATUS_SUCCESS);
	return c;
}

/* Bytes of nameless files of this process, all of them really on the disk (which may need blocks
 * for its own ends, too). */
static uint64_t bytes_on_disk(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat is;
	uint64_t bytes = 0;
	while ((entry = readdir(dir)))
		if (!fstat(atoi(entry->d_name), &is) && S_ISREG(is.st_mode) && !is.st_nlink) {
			assert_true(is.st_blocks * 512 >= is.st_size);
			bytes += (uint64_t)is.st_size;
		}
	closedir(dir);
	return bytes;
}

/* ---- configurations ------------------------------------------------------------------------ */

static void refused(void **state)
{
	static const ntmm_paging_file bad[] = {
		{.initial_bytes = 0, .maximum_bytes = 0},
		{.initial_bytes = 2 * MB, .maximum_bytes = MB},
		{.initial_bytes = MB},
		{.initial_bytes = 100, .maximum_bytes = MB},
		{.initial_bytes = MB, .maximum_bytes = MB + 1},
		{.maximum_bytes = UINT64_C(1) << 40},
		{.maximum_bytes = MB, .kind = 7},
	};
	ntmm_machine *running = machine_with(NULL, 0);
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ntmm_machine_config config = config_of(&bad[i], 1);
		ntmm_machine *machine = NULL;
		assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_INVALID_PARAMETER);
		assert_null(machine);
		assert_true(strlen(ntmm_error_message()) > 10);
		assert_int_equal(ntmm_machine_add_paging_file(running, &bad[i]),
		                 STATUS_INVALID_PARAMETER);
		assert_true(strlen(ntmm_error_message()) > 10);
	}
	ntmm_machine_config config = config_of(NULL, 3);
	ntmm_machine *machine = NULL;
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_INVALID_PARAMETER);
	assert_int_equal(ntmm_machine_add_paging_file(running, NULL), STATUS_INVALID_PARAMETER);
	ntmm_paging_file_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_paging_file(running, 0, &c), STATUS_INVALID_PARAMETER);
	c.size = 3;
	assert_int_equal(ntmm_machine_get_paging_file(running, 0, &c), STATUS_INFO_LENGTH_MISMATCH);
	ntmm_machine_destroy(running);
}

/* PG-62: 16 at most, the simple one among them. */
static void too_many(void **state)
{
	ntmm_paging_file files[17];
	ntmm_machine *machine = NULL;
	(void)state;
	for (int i = 0; i < 17; i++)
		files[i] = (ntmm_paging_file){.initial_bytes = 4 * PAGE, .maximum_bytes = 4 * PAGE};
	ntmm_machine_config config = config_of(files, 17);
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_TOO_MANY_PAGING_FILES);
	config.paging_file_count = 16;
	config.paging_file_bytes = PAGE;
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_TOO_MANY_PAGING_FILES);
	assert_null(machine);
	config.paging_file_count = 15;
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	struct place place = {.machine = machine};
	assert_int_equal(counters_of(&place).slots, 15 * 4 + 1);
	assert_int_equal(file_counters(machine, 0).pages, 1);
	assert_int_equal(file_counters(machine, 15).pages, 4);
	assert_int_equal(ntmm_machine_add_paging_file(machine, files),
	                 STATUS_TOO_MANY_PAGING_FILES);
	assert_int_equal(bytes_on_disk(), (15 * 4 + 1) * PAGE);
	ntmm_machine_destroy(machine);
	assert_int_equal(bytes_on_disk(), 0);
}

/* One of several files cannot be made: there is no machine, and nothing left of the others. */
static void no_place(void **state)
{
	const ntmm_paging_file files[] = {
		{.initial_bytes = MB, .maximum_bytes = MB},
		{.initial_bytes = MB, .maximum_bytes = MB, .path = "/no/such/directory/file"},
	};
	ntmm_machine_config config = config_of(files, 2);
	ntmm_machine *machine = NULL;
	(void)state;
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_ACCESS_DENIED);
	assert_non_null(strstr(ntmm_error_message(), files[1].path));
	assert_null(machine);
	assert_int_equal(bytes_on_disk(), 0);
}

/* ---- growth -------------------------------------------------------------------------------- */

/* S9, CM-1: the calls that tell the limit agree with each other. */
static void check_limit(struct place *place, uint64_t slots)
{
	ntmm_machine_counters c = counters_of(place);
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_succeeds(GlobalMemoryStatusEx(&status));
	assert_int_equal(c.slots, slots);
	assert_int_equal(status.ullTotalPageFile, c.commit_limit * PAGE);
	assert_int_equal(status.ullAvailPageFile, (c.commit_limit - c.commit_total) * PAGE);
}

static void store_everywhere(struct place *place, char *base, uint64_t bytes, uint8_t salt)
{
	for (uint64_t i = 0; i < bytes / PAGE; i++)
		store_at(place, base + i * PAGE + i % PAGE, (uint8_t)(i * 7 + salt));
}

static void compare_everywhere(struct place *place, char *base, uint64_t bytes, uint8_t salt)
{
	for (uint64_t i = 0; i < bytes / PAGE; i++)
		assert_int_equal(load_at(place, base + i * PAGE + i % PAGE),
		                 (uint8_t)(i * 7 + salt));
}

/* CM-4, PG-63: commit beyond the initial size makes the file grow, on the disk, before it
 * succeeds; beyond the maximum there is 1455, and nothing has changed. What is committed can be
 * kept (CM-5). */
static void grows(void **state)
{
	const ntmm_paging_file file = {.initial_bytes = MB, .maximum_bytes = 8 * MB};
	struct place place = {.machine = machine_with(&file, 1)};
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	assert_int_equal(bytes_on_disk(), MB);
	check_limit(&place, MB / PAGE);
	char *base = VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE);
	uint64_t bytes = 0;
	while (VirtualAlloc(base + bytes, GRANULE, MEM_COMMIT, PAGE_READWRITE)) {
		ntmm_machine_counters c = counters_of(&place);
		bytes += GRANULE;
		assert_true(c.commit_total <= c.commit_limit);
		assert_int_equal(bytes_on_disk(), c.slots * PAGE);
		check_limit(&place, c.slots);
	}
	assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT);
	assert_true(bytes > 8 * MB && bytes < 8 * MB + RAM);
	check_limit(&place, 8 * MB / PAGE);
	assert_fails(VirtualAlloc(base, 32 * MB, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	store_everywhere(&place, base, bytes, 1);
	compare_everywhere(&place, base, bytes, 1);
	assert_true(ntmm_machine_check(place.machine));
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	check_limit(&place, 8 * MB / PAGE); /* files never shrink */
	assert_int_equal(bytes_on_disk(), 8 * MB);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* One commit that needs several steps, and several files; and one that no growth could satisfy,
 * which then leaves the files alone. */
static void grows_at_once(void **state)
{
	const ntmm_paging_file files[] = {
		{.initial_bytes = 0, .maximum_bytes = 3 * MB},
		{.initial_bytes = MB, .maximum_bytes = MB},
		{.initial_bytes = PAGE, .maximum_bytes = 6 * MB},
	};
	struct place place = {.machine = machine_with(files, 3)};
	(void)state;
	place_enter(&place, NTMM_LAYOUT_WOW64_4GB);
	assert_fails(VirtualAlloc(NULL, 11 * MB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	check_limit(&place, MB / PAGE + 1);
	char *base = must_commit(9 * MB, PAGE_READWRITE);
	assert_int_equal(file_counters(place.machine, 0).pages, 3 * MB / PAGE);
	assert_int_equal(file_counters(place.machine, 1).pages, MB / PAGE);
	assert_in_range(file_counters(place.machine, 2).pages, 4 * MB / PAGE, 6 * MB / PAGE);
	assert_int_equal(file_counters(place.machine, 2).maximum_pages, 6 * MB / PAGE);
	check_limit(&place, bytes_on_disk() / PAGE);
	store_everywhere(&place, base, 9 * MB, 3);
	compare_everywhere(&place, base, 9 * MB, 3);
	assert_true(ntmm_machine_check(place.machine));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* Commits page by page until not one more can be promised without growing. */
static void fill(struct place *place, char *base)
{
	ntmm_machine_counters c = counters_of(place);
	for (; c.commit_total < c.commit_limit; c = counters_of(place)) {
		while (state_at(base) == MEM_COMMIT)
			base += PAGE;
		assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	}
}

static void use_stack(struct place *place)
{
	ntmm_thread_options options = {.size = sizeof options,
	                               .flags = NTMM_THREAD_STACK,
	                               .stack_reserve = 64 * PAGE,
	                               .stack_commit = 2 * PAGE};
	ntmm_thread_stack stack = {.size = sizeof stack};
	ntmm_thread *thread = ntmm_thread_create(place->process, &options);
	assert_non_null(thread);
	assert_int_equal(ntmm_thread_get_stack(thread, &stack), STATUS_SUCCESS);
	for (int i = 1; i < 60; i++)
		assert_true(ntmm_store64(thread, stack.base - (uint64_t)i * PAGE, 1));
	ntmm_thread_destroy(thread);
}

static void create_process(struct place *place)
{
	HANDLE process = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	assert_non_null(process);
	CloseHandle(process);
}

static void create_section(struct place *place)
{
	(void)place;
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	assert_non_null(section);
	CloseHandle(section);
}

static void copy_a_view(struct place *place)
{
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    600 * PAGE, NULL);
	void *view = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	assert_non_null(view);
	store_at(place, view, 1);
	assert_succeeds(UnmapViewOfFile(view));
	CloseHandle(section);
}

/* CM-2, CM-4: whatever is promised makes the file grow when it has to. */
static void any_promise(void **state)
{
	static void (*const promises[])(struct place *) = {
		use_stack, create_process, create_section, copy_a_view,
	};
	const ntmm_paging_file file = {.initial_bytes = 4 * PAGE, .maximum_bytes = 32 * MB};
	struct place place = {.machine = machine_with(&file, 1)};
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	char *base = VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE);
	for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
		fill(&place, base);
		uint64_t limit = counters_of(&place).commit_limit;
		promises[i](&place);
		assert_true(counters_of(&place).commit_limit > limit);
		assert_true(ntmm_machine_check(place.machine));
	}
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* The disk refuses the whole step but has what is missing; then it has nothing: 1455. */
static void full_disk(void **state)
{
	const ntmm_paging_file file = {.initial_bytes = MB, .maximum_bytes = 64 * MB};
	struct place place = {.machine = machine_with(&file, 1)};
	struct rlimit before, limit;
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){MB + MB / 2, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	char *base = VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE);
	uint64_t bytes = 0;
	while (VirtualAlloc(base + bytes, GRANULE, MEM_COMMIT, PAGE_READWRITE))
		bytes += GRANULE;
	DWORD error = GetLastError();
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(error, ERROR_COMMITMENT_LIMIT);
	assert_int_equal(bytes_on_disk(), counters_of(&place).slots * PAGE);
	assert_in_range(bytes_on_disk(), MB + MB / 2 - 2 * GRANULE, MB + MB / 2);
	check_limit(&place, counters_of(&place).slots);
	store_everywhere(&place, base, bytes, 9);
	compare_everywhere(&place, base, bytes, 9);
	assert_non_null(VirtualAlloc(base + bytes, GRANULE, MEM_COMMIT, PAGE_READWRITE));
	assert_true(ntmm_machine_check(place.machine));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* ---- several ------------------------------------------------------------------------------- */

static ntmm_page_info info_at(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

/* Pages spread over all files, and come back from them: by slot and by entry (PG-12). */
static void spread(void **state)
{
	enum { FILES = 16 };
	ntmm_paging_file files[FILES];
	(void)state;
	for (int i = 0; i < FILES; i++)
		files[i] = (ntmm_paging_file){.initial_bytes = 64 * PAGE,
		                              .maximum_bytes = 64 * PAGE,
		                              .kind = i % 2 ? NTMM_PAGING_FILE_MEMORY
		                                            : NTMM_PAGING_FILE_DISK};
	struct place place = {.machine = machine_with(files, FILES)};
	place_enter(&place, NTMM_LAYOUT_NT32_3GB);
	char *base = must_commit(1000 * PAGE, PAGE_READWRITE);
	store_everywhere(&place, base, 1000 * PAGE, 5);
	compare_everywhere(&place, base, 1000 * PAGE, 5);
	uint32_t seen = 0;
	for (int i = 0; i < 1000; i++) {
		ntmm_page_info info = info_at(base + i * PAGE);
		if (info.where != NTMM_PAGE_PAGED_OUT || !info.slot)
			continue;
		seen |= 1u << NTMM_SLOT_FILE(info.slot);
		assert_int_equal(info.entry >> 1 & 15, NTMM_SLOT_FILE(info.slot));
		assert_int_equal(info.entry >> 32, NTMM_SLOT_PAGE(info.slot));
		assert_in_range(NTMM_SLOT_PAGE(info.slot), 1, 64);
	}
	assert_int_equal(seen, 0xFFFF);
	for (uint32_t i = 0; i < FILES; i++) {
		ntmm_paging_file_counters c = file_counters(place.machine, i);
		assert_true(c.used > 32 && c.writes > 0 && c.reads > 0);
		assert_int_equal(c.read_errors + c.write_errors + c.bad + c.failed, 0);
	}
	assert_true(ntmm_machine_check(place.machine));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* CM-1: a machine at its limit goes on when a file is added. */
static void added(void **state)
{
	const ntmm_paging_file file = {.initial_bytes = MB, .maximum_bytes = 2 * MB};
	struct place place = {.machine = machine_with(NULL, 0)};
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT64_8TB);
	assert_fails(VirtualAlloc(NULL, 2 * MB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	uint64_t alone = counters_of(&place).commit_limit;
	assert_int_equal(ntmm_machine_add_paging_file(place.machine, &file), STATUS_SUCCESS);
	assert_int_equal(counters_of(&place).commit_limit, alone + MB / PAGE);
	check_limit(&place, MB / PAGE);
	char *base = must_commit(2 * MB, PAGE_READWRITE);
	store_everywhere(&place, base, 2 * MB, 2);
	assert_int_equal(ntmm_machine_add_paging_file(place.machine, &file), STATUS_SUCCESS);
	compare_everywhere(&place, base, 2 * MB, 2);
	assert_int_equal(file_counters(place.machine, 1).pages, MB / PAGE);
	assert_true(ntmm_machine_check(place.machine));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many),
		cmocka_unit_test(no_place),
		cmocka_unit_test(grows),
		cmocka_unit_test(grows_at_once),
		cmocka_unit_test(any_promise),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(spread),
		cmocka_unit_test(added),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
