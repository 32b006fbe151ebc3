/* SPDX-License-Identifier: MIT
 *
 * Sections made, mapped, committed, copied, protected, locked, unmapped, over and over: each time the next
 * allocation of host memory fails, or all within the step that makes it. The step succeeds all the same, or
 * reports the documented error, changes nothing, and succeeds when it is tried again.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "wrapped.h"

#define PAGE UINT64_C(4096)
#define FRAMES 80
#define SLOTS 800
#define PAGES 48
#define VIEWS 3 /* process 0: READWRITE, and WRITECOPY; process 1: READWRITE */

struct scene {
	ntmm_machine *machine;
	HANDLE process[2], section[2], reserved;
	ntmm_thread *thread[2];
	uint64_t view[VIEWS], reserved_view, large;
	DWORD code; /* exception of the access that failed; 0: the last error says */
};

struct step {
	const char *name;
	bool (*run)(struct scene *s, unsigned i);
	unsigned times;
};

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static unsigned owner(unsigned view)
{
	return view == 2;
}

static bool access_ok(struct scene *s, unsigned who, bool done)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(s->thread[who]);
	if (done || record->ExceptionCode != (DWORD)STATUS_IN_PAGE_ERROR)
		return true;
	s->code = record->ExceptionCode;
	return false;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool make_section(struct scene *s, unsigned i)
{
	static const char *const names[] = {NULL, "named"};
	assert_true(ntmm_thread_attach(s->thread[0]));
	s->section[i] = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                   PAGES * PAGE, names[i]);
	DWORD error = GetLastError();
	ntmm_thread_detach();
	SetLastError(error);
	return s->section[i];
}

static bool make_reserved(struct scene *s, unsigned i)
{
	(void)i;
	assert_true(ntmm_thread_attach(s->thread[0]));
	s->reserved = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0,
	                                 PAGES * PAGE, NULL);
	DWORD error = GetLastError();
	ntmm_thread_detach();
	SetLastError(error);
	return s->reserved;
}

static bool open_section(struct scene *s, unsigned i)
{
	(void)i;
	assert_true(ntmm_thread_attach(s->thread[1]));
	HANDLE section = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, "named");
	DWORD error = GetLastError();
	ntmm_thread_detach();
	SetLastError(error);
	return section && CloseHandle(section);
}

static bool map_view(struct scene *s, unsigned i)
{
	static const DWORD protect[] = {PAGE_READWRITE, PAGE_WRITECOPY, PAGE_READWRITE};
	s->view[i] = (uintptr_t)MapViewOfFile2(s->section[0], s->process[owner(i)], 0, NULL, 0, 0,
	                                       protect[i]);
	return s->view[i];
}

static bool map_reserved(struct scene *s, unsigned i)
{
	(void)i;
	s->reserved_view = (uintptr_t)MapViewOfFile2(s->reserved, s->process[1], 0, NULL, 0, 0,
	                                             PAGE_READWRITE);
	return s->reserved_view;
}

/* Every third page, so that there are many runs. */
static bool commit_reserved(struct scene *s, unsigned i)
{
	static const DWORD protect[] = {PAGE_READWRITE, PAGE_READONLY, PAGE_WRITECOPY};
	return VirtualAllocEx(s->process[1], pointer(s->reserved_view + i * 7 % PAGES * PAGE), PAGE,
	                      MEM_COMMIT, protect[i % 3]);
}

static bool protect_view(struct scene *s, unsigned i)
{
	static const DWORD protect[] = {PAGE_READWRITE | PAGE_GUARD, PAGE_WRITECOPY, PAGE_READONLY};
	DWORD old;
	return VirtualProtectEx(s->process[1], pointer(s->view[2] + i * 7 % PAGES * PAGE), PAGE,
	                        protect[i % 3], &old);
}

static uint64_t shared_value(unsigned page)
{
	return 1000 + page;
}

static bool store_shared(struct scene *s, unsigned i)
{
	return access_ok(s, 0, ntmm_store64(s->thread[0], s->view[0] + i * PAGE, shared_value(i)));
}

static bool store_copy(struct scene *s, unsigned i)
{
	unsigned page = i * 2;
	return access_ok(s, 0, ntmm_store64(s->thread[0], s->view[1] + page * PAGE, page));
}

/* Through guards, too: they need memory to go (GP-2). */
static bool load_other(struct scene *s, unsigned i)
{
	uint64_t value, page = i % PAGES;
	bool done = ntmm_load64(s->thread[1], s->view[2] + page * PAGE, &value);
	if (done)
		assert_int_equal(value, shared_value((unsigned)page));
	return access_ok(s, 1, done);
}

static bool load_copy(struct scene *s, unsigned i)
{
	uint64_t value;
	bool done = ntmm_load64(s->thread[0], s->view[1] + i * PAGE, &value);
	if (done)
		assert_int_equal(value, i % 2 ? shared_value(i) : i);
	return access_ok(s, 0, done);
}

/* Everything out of RAM. */
static bool use_large(struct scene *s, unsigned i)
{
	return access_ok(s, 1, ntmm_store64(s->thread[1], s->large + i * PAGE, i));
}

static bool lock_view(struct scene *s, unsigned i)
{
	uint64_t base = s->view[2 - i] + 40 * PAGE, size = 4 * PAGE;
	NTSTATUS status = NtLockVirtualMemory(s->process[owner(2 - i)], &base, &size, 1);
	SetLastError(RtlNtStatusToDosError(status));
	return status >= 0 || status == STATUS_GUARD_PAGE_VIOLATION;
}

static bool query_view(struct scene *s, unsigned i)
{
	MEMORY_BASIC_INFORMATION info;
	if (!VirtualQueryEx(s->process[0], pointer(s->view[1] + i * PAGE), &info, sizeof info))
		return false;
	assert_int_equal(info.Protect, i % 2 ? PAGE_WRITECOPY : PAGE_READWRITE);
	return true;
}

static bool write_copy(struct scene *s, unsigned i)
{
	uint64_t value = shared_value(i);
	return WriteProcessMemory(s->process[0], pointer(s->view[1] + i * PAGE + 8), &value,
	                          sizeof value, NULL);
}

static bool reset_copy(struct scene *s, unsigned i)
{
	return VirtualAllocEx(s->process[0], pointer(s->view[1] + i * PAGE), PAGE, MEM_RESET,
	                      PAGE_READWRITE);
}

static bool unmap_view(struct scene *s, unsigned i)
{
	return UnmapViewOfFile2(s->process[owner(i)], pointer(s->view[i]), 0);
}

static bool close_section(struct scene *s, unsigned i)
{
	return CloseHandle(s->section[i]);
}

static const struct step steps[] = {
	{"CreateFileMapping", make_section, 2},
	{"CreateFileMapping, SEC_RESERVE", make_reserved, 1},
	{"OpenFileMapping", open_section, 1},
	{"MapViewOfFile2", map_view, VIEWS},
	{"MapViewOfFile2, SEC_RESERVE", map_reserved, 1},
	{"commit in a view", commit_reserved, PAGES},
	{"store to the section", store_shared, PAGES},
	{"copy", store_copy, PAGES / 2},
	{"protect a view", protect_view, PAGES},
	{"load from the section", load_other, 2 * PAGES},
	{"press", use_large, FRAMES},
	{"load from the copies", load_copy, PAGES},
	{"lock", lock_view, 2},
	{"query", query_view, PAGES},
	{"WriteProcessMemory", write_copy, PAGES},
	{"reset copies", reset_copy, PAGES},
	{"press", use_large, FRAMES},
	{"load from the section", load_other, PAGES},
	{"unmap", unmap_view, VIEWS},
	{"close", close_section, 2},
};
#define STEPS (sizeof steps / sizeof steps[0])

/* ---- runs ------------------------------------------------------------------------------------ */

struct snapshot {
	uint64_t commit, resident, usage[2], locked[2];
};

static struct snapshot look(const struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	ntmm_process_counters p = {.size = sizeof p};
	struct snapshot shot;
	assert_int_equal(ntmm_machine_get_counters(s->machine, &c), STATUS_SUCCESS);
	shot.commit = c.commit_total;
	shot.resident = c.resident_total;
	for (unsigned i = 0; i < 2; i++) {
		ntmm_process_get_counters(s->process[i], &p);
		shot.usage[i] = p.commit;
		shot.locked[i] = p.locked;
	}
	return shot;
}

static bool is_documented(const struct scene *s)
{
	DWORD error = s->code ? ERROR_SWAPERROR : GetLastError();
	return error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_NO_SYSTEM_RESOURCES ||
	       error == ERROR_SWAPERROR;
}

static void run_step(struct scene *s, const struct step *step, unsigned i, bool whole)
{
	struct snapshot before = look(s);
	uint64_t failures = order.failures;
	s->code = 0;
	order.off = false;
	bool done = step->run(s, i);
	order.off = true;
	if (order.failures != failures && !whole)
		order.kinds = 0;
	if (order.failures != failures && whole)
		order.last = 0; /* all of this step's have failed */
	if (done)
		return;
	if (failures == order.failures || !is_documented(s))
		fail_msg("%s %u: error %u, exception %#x; allocation %" PRIu64, step->name, i,
		         GetLastError(), s->code, order.first);
	struct snapshot after = look(s);
	if (memcmp(&before, &after, sizeof after) || !ntmm_machine_check(s->machine))
		fail_msg("%s %u failed with allocation %" PRIu64 ", but something changed: %s",
		         step->name, i, order.first, ntmm_error_message());
	if (!step->run(s, i))
		fail_msg("%s does not succeed the second time: error %u", step->name, GetLastError());
}

static void begin(struct scene *s)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	assert_int_equal(ntmm_machine_create(&config, &s->machine), STATUS_SUCCESS);
	for (unsigned i = 0; i < 2; i++) {
		s->process[i] = ntmm_process_create(s->machine, i ? NTMM_LAYOUT_NT64_8TB
		                                                  : NTMM_LAYOUT_NT32_2GB);
		s->thread[i] = ntmm_thread_create(s->process[i], NULL);
		assert_non_null(s->thread[i]);
	}
	s->large = (uintptr_t)VirtualAllocEx(s->process[1], NULL, FRAMES * PAGE,
	                                     MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_int_not_equal(s->large, 0);
}

static void end(struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	if (!ntmm_machine_check(s->machine))
		fail_msg("%s", ntmm_error_message());
	assert_true(CloseHandle(s->reserved)); /* its view goes with the process */
	for (unsigned i = 0; i < 2; i++) {
		ntmm_thread_destroy(s->thread[i]);
		assert_true(CloseHandle(s->process[i]));
	}
	ntmm_machine_get_counters(s->machine, &c);
	assert_int_equal(c.commit_total + c.slots_used, 0);
	ntmm_machine_destroy(s->machine);
}

static void run(void *context)
{
	bool whole = *(bool *)context;
	struct scene s = {0};
	order.off = true;
	begin(&s);
	for (unsigned n = 0; n < STEPS; n++)
		for (unsigned i = 0; i < steps[n].times; i++)
			run_step(&s, &steps[n], i, whole);
	end(&s);
}

/* Numbers of requests go on to the end; run_step calls a halt after the first step that failed. */
static uint64_t to_the_end(uint64_t number)
{
	(void)number;
	return UINT64_MAX;
}

static void each_alone(void **state)
{
	bool whole = false;
	(void)state;
	every_failure(&(struct every){
		.kinds = ALLOC | MAP, .least = 13, .run = run, .context = &whole});
}

static void all_of_a_step(void **state)
{
	bool whole = true;
	(void)state;
	every_failure(&(struct every){.kinds = ALLOC | MAP,
	                              .least = 13,
	                              .run = run,
	                              .context = &whole,
	                              .last = to_the_end});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_alone),
		cmocka_unit_test(all_of_a_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
