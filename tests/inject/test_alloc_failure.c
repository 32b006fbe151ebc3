/* SPDX-License-Identifier: MIT
 *
 * A scenario that uses every call, over and over: each time the next allocation of host memory in
 * it fails, or all within the step that makes it. The step succeeds all the same, or reports the
 * documented error, changes nothing, and succeeds when it is tried again.
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
#define FRAMES 128
#define SLOTS 800
#define PIECES 75 /* pages of the allocation that is cut to pieces */
#define WINDOWS 30 /* small allocations */

struct scene {
	ntmm_machine *machine;
	HANDLE process[NTMM_LAYOUT_WIN9X], second, token;
	ntmm_thread *thread[NTMM_LAYOUT_WIN9X], *stacked;
	uint64_t pieces, small[WINDOWS], large, watched[2], window;
	ULONG_PTR frames[2];
	uint64_t events;
	DWORD code; /* exception of the access that failed; 0: the last error says */
};

/* One call. False: it failed, with the last error or scene->code. */
struct step {
	const char *name;
	bool (*run)(struct scene *s, unsigned i);
	unsigned times;
};

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static bool native(NTSTATUS status)
{
	SetLastError(RtlNtStatusToDosError(status));
	return status >= 0;
}

/* An access by a thread: true, unless STATUS_IN_PAGE_ERROR was raised. Other exceptions are
 * meant. */
static bool access_ok(struct scene *s, ntmm_thread *thread, bool done)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(thread);
	if (done || record->ExceptionCode != (DWORD)STATUS_IN_PAGE_ERROR)
		return true;
	assert_int_equal(record->NumberParameters, 3); /* EX-7 */
	s->code = record->ExceptionCode;
	return false;
}

/* ---- steps: machine, processes, threads ----------------------------------------------------- */

static bool create_machine(struct scene *s, unsigned i)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	struct holdings before = holdings;
	(void)i;
	if (native(ntmm_machine_create(&config, &s->machine)))
		return true;
	assert_memory_equal(&holdings, &before, sizeof before);
	return false;
}

static bool add_paging_file(struct scene *s, unsigned kind)
{
	const ntmm_paging_file file = {
		.initial_bytes = 3 * PAGE, .maximum_bytes = 20 * PAGE, .kind = kind};
	return native(ntmm_machine_add_paging_file(s->machine, &file));
}

static void count_event(void *context, const ntmm_event *event)
{
	struct scene *s = context;
	(void)event;
	s->events++;
}

static bool observe(struct scene *s, unsigned i)
{
	(void)i;
	return native(ntmm_machine_observe(s->machine, count_event, s));
}

static bool observe_no_more(struct scene *s, unsigned i)
{
	(void)i;
	return native(ntmm_machine_observe(s->machine, NULL, NULL));
}

static bool create_process(struct scene *s, unsigned i)
{
	s->process[i] = ntmm_process_create(s->machine, (ntmm_layout)i);
	return s->process[i];
}

static bool open_process(struct scene *s, unsigned i)
{
	(void)i;
	s->second = OpenProcess(PROCESS_ALL_ACCESS, FALSE, GetProcessId(s->process[0]));
	return s->second;
}

static bool open_token(struct scene *s, unsigned i)
{
	(void)i;
	return OpenProcessToken(s->second, TOKEN_ALL_ACCESS, &s->token);
}

static bool adjust_token(struct scene *s, unsigned i)
{
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	(void)i;
	assert_true(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid));
	return AdjustTokenPrivileges(s->token, FALSE, &state, 0, NULL, NULL);
}

static bool create_thread(struct scene *s, unsigned i)
{
	s->thread[i] = ntmm_thread_create(s->process[i], NULL);
	return s->thread[i];
}

static bool create_stacked_thread(struct scene *s, unsigned i)
{
	ntmm_thread_options options = {.size = sizeof options,
	                               .flags = NTMM_THREAD_STACK,
	                               .stack_reserve = 16 * PAGE,
	                               .stack_commit = 2 * PAGE};
	(void)i;
	s->stacked = ntmm_thread_create(s->process[0], &options);
	return s->stacked;
}

/* Page by page, through the guard, to the overflow (ST-3, ST-6). */
static bool grow_stack(struct scene *s, unsigned i)
{
	ntmm_thread_stack stack = {.size = sizeof stack};
	assert_int_equal(ntmm_thread_get_stack(s->stacked, &stack), STATUS_SUCCESS);
	uint64_t lowest = stack.deallocation + PAGE, wanted = stack.base - (i + 1) * PAGE;
	return access_ok(s, s->stacked,
	                 ntmm_store64(s->stacked, wanted < lowest ? lowest : wanted, i));
}

static bool destroy_stacked_thread(struct scene *s, unsigned i)
{
	(void)i;
	ntmm_thread_destroy(s->stacked);
	s->stacked = NULL;
	return true;
}

/* ---- steps: memory -------------------------------------------------------------------------- */

static bool reserve_pieces(struct scene *s, unsigned i)
{
	(void)i;
	s->pieces = (uintptr_t)VirtualAllocEx(s->process[0], NULL, PIECES * PAGE, MEM_RESERVE,
	                                      PAGE_READWRITE);
	return s->pieces;
}

static uint64_t piece(const struct scene *s, unsigned i)
{
	return s->pieces + i * 7 % PIECES * PAGE;
}

static bool commit_piece(struct scene *s, unsigned i)
{
	static const DWORD protections[] = {PAGE_READWRITE, PAGE_EXECUTE_READ,
	                                    PAGE_READWRITE | PAGE_GUARD};
	return VirtualAllocEx(s->process[0], pointer(piece(s, i)), PAGE, MEM_COMMIT,
	                      protections[i % 3]);
}

static bool touch_piece(struct scene *s, unsigned i)
{
	uint64_t value;
	return access_ok(s, s->thread[0], ntmm_load64(s->thread[0], piece(s, i), &value));
}

static bool protect_piece(struct scene *s, unsigned i)
{
	DWORD old;
	return VirtualProtectEx(s->process[0], pointer(piece(s, i)), PAGE,
	                        i % 2 ? PAGE_READWRITE : PAGE_READONLY, &old);
}

static bool protect_code(struct scene *s, unsigned i)
{
	DWORD old;
	return VirtualProtectEx(s->process[0], pointer(piece(s, i)), PAGE, PAGE_EXECUTE_READ, &old);
}

/* Code is patched (PM-11). */
static bool write_piece(struct scene *s, unsigned i)
{
	SIZE_T copied;
	return WriteProcessMemory(s->process[0], pointer(piece(s, i)), &i, sizeof i, &copied);
}

static bool read_piece(struct scene *s, unsigned i)
{
	unsigned value = ~i;
	if (!ReadProcessMemory(s->process[0], pointer(piece(s, i)), &value, sizeof value, NULL))
		return false;
	assert_int_equal(value, i);
	return true;
}

static bool decommit_piece(struct scene *s, unsigned i)
{
	return VirtualFreeEx(s->process[0], pointer(piece(s, 3 * i)), PAGE, MEM_DECOMMIT);
}

static bool release_piece(struct scene *s, unsigned i)
{
	uint64_t base = piece(s, 5 * i), size = PAGE;
	return native(NtFreeVirtualMemory(s->process[0], &base, &size, MEM_RELEASE));
}

static bool release_rest(struct scene *s, unsigned i)
{
	MEMORY_BASIC_INFORMATION info;
	uint64_t page = s->pieces + i * PAGE;
	assert_int_equal(VirtualQueryEx(s->process[0], pointer(page), &info, sizeof info),
	                 sizeof info);
	if (info.State == MEM_FREE || info.AllocationBase != pointer(page))
		return true;
	return VirtualFreeEx(s->process[0], pointer(page), 0, MEM_RELEASE);
}

static HANDLE owner(const struct scene *s, unsigned i)
{
	return s->process[1 + i % (NTMM_LAYOUT_WIN9X - 1)];
}

static bool allocate_small(struct scene *s, unsigned i)
{
	uint32_t type = MEM_RESERVE | (i % 3 ? MEM_COMMIT : 0) | (i % 5 ? 0 : MEM_TOP_DOWN);
	s->small[i] = (uintptr_t)VirtualAllocEx(owner(s, i), NULL, (1 + i % 4) * PAGE, type,
	                                        PAGE_READWRITE);
	return s->small[i];
}

/* Its record takes more than the allocation: a mapping of the host's. */
static bool allocate_watched(struct scene *s, unsigned i)
{
	SIZE_T size = i ? (SIZE_T)1 << 40 : 16 * PAGE;
	s->watched[i] = (uintptr_t)VirtualAllocEx(s->process[4], NULL, size,
	                                          MEM_RESERVE | MEM_WRITE_WATCH, PAGE_READWRITE);
	return s->watched[i];
}

static bool commit_watched(struct scene *s, unsigned i)
{
	return VirtualAllocEx(s->process[4], pointer(s->watched[i]), 4 * PAGE, MEM_COMMIT,
	                      PAGE_READWRITE);
}

static bool split_watched(struct scene *s, unsigned i)
{
	uint64_t base = s->watched[i] + PAGE, size = PAGE;
	return native(NtFreeVirtualMemory(s->process[4], &base, &size, MEM_RELEASE));
}

static bool drain_watched(struct scene *s, unsigned i)
{
	uint64_t written = s->watched[i] + 2 * PAGE, address, count = 1;
	uint32_t granularity;
	assert_true(WriteProcessMemory(s->process[4], pointer(written), &i, 1, NULL));
	if (!native(NtGetWriteWatch(s->process[4], WRITE_WATCH_FLAG_RESET, written, PAGE, &address,
	                            &count, &granularity)))
		return false;
	assert_int_equal(count, 1);
	assert_int_equal(address, written);
	return true;
}

static bool free_watched(struct scene *s, unsigned i)
{
	return VirtualFreeEx(s->process[4], pointer(s->watched[i]), 0, MEM_RELEASE) &&
	       VirtualFreeEx(s->process[4], pointer(s->watched[i] + 2 * PAGE), 0, MEM_RELEASE);
}

static bool own_window(struct scene *s, unsigned i)
{
	(void)i;
	s->window = (uintptr_t)VirtualAllocEx(s->process[0], NULL, 4 * PAGE,
	                                      MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	return s->window;
}

static bool own_frames(struct scene *s, unsigned i)
{
	ULONG_PTR count = 2;
	(void)i;
	return AllocateUserPhysicalPages(s->process[0], &count, s->frames);
}

static bool map_frames(struct scene *s, unsigned i)
{
	assert_true(ntmm_thread_attach(s->thread[0]));
	bool done = MapUserPhysicalPages(pointer(s->window + i * PAGE), 2, i % 2 ? NULL : s->frames);
	ntmm_thread_detach();
	return done;
}

static bool free_window(struct scene *s, unsigned i)
{
	ULONG_PTR count = 2;
	(void)i;
	return FreeUserPhysicalPages(s->process[0], &count, s->frames) &&
	       VirtualFreeEx(s->process[0], pointer(s->window), 0, MEM_RELEASE);
}

static bool free_small(struct scene *s, unsigned i)
{
	return VirtualFreeEx(owner(s, i), pointer(s->small[i]), 0, MEM_RELEASE);
}

static bool allocate_large(struct scene *s, unsigned i)
{
	(void)i;
	s->large = (uintptr_t)VirtualAllocEx(s->process[3], NULL, 2 * FRAMES * PAGE,
	                                     MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	return s->large;
}

/* More pages than there is RAM, in two rounds. */
static bool use_large(struct scene *s, unsigned i)
{
	uint64_t address = s->large + i * 3 % (2 * FRAMES) * PAGE, value = 0;
	bool done = i < 2 * FRAMES ? ntmm_store64(s->thread[3], address, i)
	                           : ntmm_load64(s->thread[3], address, &value);
	if (done && i >= 2 * FRAMES)
		assert_int_equal(value, i - 2 * FRAMES);
	return access_ok(s, s->thread[3], done);
}

static bool reset_large(struct scene *s, unsigned i)
{
	return VirtualAllocEx(s->process[3], pointer(s->large + i * PAGE), 3 * PAGE, MEM_RESET,
	                      PAGE_READWRITE);
}

static bool undo_reset(struct scene *s, unsigned i)
{
	bool kept = VirtualAllocEx(s->process[3], pointer(s->large + i * PAGE), 3 * PAGE,
	                           MEM_RESET_UNDO, PAGE_READWRITE);
	return kept || GetLastError() == ERROR_INVALID_ADDRESS; /* VA-69 */
}

/* A call by the process itself. */
static void attach(struct scene *s)
{
	assert_true(ntmm_thread_attach(s->thread[3]));
}

static bool said(DWORD error)
{
	ntmm_thread_detach();
	SetLastError(error);
	return error == ERROR_SUCCESS;
}

static bool lock_large(struct scene *s, unsigned i)
{
	attach(s);
	return said(VirtualLock(pointer(s->large + i * 2 * PAGE), 2 * PAGE) ? 0 : GetLastError());
}

static bool unlock_large(struct scene *s, unsigned i)
{
	attach(s);
	return said(VirtualUnlock(pointer(s->large + i * 2 * PAGE), 2 * PAGE) ? 0 : GetLastError());
}

static bool offer_large(struct scene *s, unsigned i)
{
	attach(s);
	return said(OfferVirtualMemory(pointer(s->large + (40 + 2 * i) * PAGE), PAGE,
	                               VmOfferPriorityLow));
}

static bool reclaim_large(struct scene *s, unsigned i)
{
	attach(s);
	DWORD error = ReclaimVirtualMemory(pointer(s->large + (40 + 2 * i) * PAGE), PAGE);
	return said(error == ERROR_BUSY ? ERROR_SUCCESS : error); /* OF-4 */
}

static bool discard_large(struct scene *s, unsigned i)
{
	attach(s);
	return said(DiscardVirtualMemory(pointer(s->large + (60 + i) * PAGE), PAGE));
}

static bool prefetch_large(struct scene *s, unsigned i)
{
	WIN32_MEMORY_RANGE_ENTRY entry = {pointer(s->large + i * 20 * PAGE), 20 * PAGE};
	return PrefetchVirtualMemory(s->process[3], 1, &entry, 0);
}

static bool copy_out_large(struct scene *s, unsigned i)
{
	static const uint8_t bytes[5 * PAGE];
	return native(ntmm_copy_out(s->thread[3], s->large + i * PAGE, bytes, sizeof bytes, NULL));
}

static bool limit_working_set(struct scene *s, unsigned i)
{
	return SetProcessWorkingSetSizeEx(s->process[3], (30 - i) * PAGE, 60 * PAGE,
	                                  QUOTA_LIMITS_HARDWS_MIN_ENABLE);
}

static bool empty_working_set(struct scene *s, unsigned i)
{
	return EmptyWorkingSet(s->process[i]);
}

static bool balance(struct scene *s, unsigned i)
{
	ntmm_machine_balance(s->machine, 20 * (i + 1));
	ntmm_machine_write_modified(s->machine, 20 * (i + 1));
	return true;
}

/* ---- steps: ends ---------------------------------------------------------------------------- */

static bool destroy_thread(struct scene *s, unsigned i)
{
	ntmm_thread_destroy(s->thread[i]);
	s->thread[i] = NULL;
	return true;
}

static bool terminate(struct scene *s, unsigned i)
{
	(void)i;
	return TerminateProcess(s->process[1], 7);
}

static bool close_token(struct scene *s, unsigned i)
{
	(void)i;
	return CloseHandle(s->token);
}

static bool close_second(struct scene *s, unsigned i)
{
	(void)i;
	return CloseHandle(s->second);
}

static bool close_process(struct scene *s, unsigned i)
{
	bool closed = CloseHandle(s->process[i]);
	s->process[i] = NULL;
	return closed;
}

static bool destroy_machine(struct scene *s, unsigned i)
{
	(void)i;
	ntmm_machine_destroy(s->machine);
	s->machine = NULL;
	return true;
}

static const struct step steps[] = {
	{"ntmm_machine_create", create_machine, 1},
	{"ntmm_machine_observe", observe, 1},
	{"ntmm_machine_add_paging_file", add_paging_file, NTMM_PAGING_FILE_MEMORY + 1},
	{"ntmm_process_create", create_process, NTMM_LAYOUT_WIN9X},
	{"OpenProcess", open_process, 1},
	{"OpenProcessToken", open_token, 1},
	{"AdjustTokenPrivileges", adjust_token, 1},
	{"ntmm_thread_create", create_thread, NTMM_LAYOUT_WIN9X},
	{"ntmm_thread_create with a stack", create_stacked_thread, 1},
	{"stack growth", grow_stack, 18},
	{"VirtualAllocEx to reserve", reserve_pieces, 1},
	{"VirtualAllocEx to commit", commit_piece, PIECES},
	{"load, guards too", touch_piece, PIECES},
	{"VirtualProtectEx", protect_piece, PIECES},
	{"VirtualProtectEx of code", protect_code, PIECES / 3},
	{"WriteProcessMemory", write_piece, PIECES / 3},
	{"ReadProcessMemory", read_piece, PIECES / 3},
	{"VirtualAllocEx for both", allocate_small, WINDOWS},
	{"VirtualAllocEx, much", allocate_large, 1},
	{"store and load", use_large, 3 * FRAMES},
	{"VirtualLock", lock_large, 8},
	{"VirtualUnlock", unlock_large, 8},
	{"MEM_RESET", reset_large, 8},
	{"MEM_RESET_UNDO", undo_reset, 8},
	{"OfferVirtualMemory", offer_large, 8},
	{"ReclaimVirtualMemory", reclaim_large, 8},
	{"DiscardVirtualMemory", discard_large, 8},
	{"SetProcessWorkingSetSizeEx", limit_working_set, 3},
	{"EmptyWorkingSet", empty_working_set, NTMM_LAYOUT_WIN9X},
	{"balance, write modified", balance, 3},
	{"PrefetchVirtualMemory", prefetch_large, 4},
	{"ntmm_copy_out", copy_out_large, 4},
	{"VirtualFreeEx to decommit", decommit_piece, PIECES / 3},
	{"NtFreeVirtualMemory of a part", release_piece, PIECES / 5},
	{"VirtualFreeEx to release", release_rest, PIECES},
	{"ntmm_thread_destroy with a stack", destroy_stacked_thread, 1},
	{"VirtualAllocEx of a window", own_window, 1},
	{"AllocateUserPhysicalPages", own_frames, 1},
	{"MapUserPhysicalPages", map_frames, 2},
	{"FreeUserPhysicalPages", free_window, 1},
	{"VirtualAllocEx to watch", allocate_watched, 2},
	{"VirtualAllocEx to commit what is watched", commit_watched, 2},
	{"NtFreeVirtualMemory of a part of what is watched", split_watched, 2},
	{"NtGetWriteWatch", drain_watched, 2},
	{"VirtualFreeEx of what is watched", free_watched, 2},
	{"VirtualFreeEx of all", free_small, WINDOWS},
	{"TerminateProcess", terminate, 1},
	{"ntmm_thread_destroy", destroy_thread, NTMM_LAYOUT_WIN9X},
	{"ntmm_machine_observe no more", observe_no_more, 1},
	{"CloseHandle of a token", close_token, 1},
	{"CloseHandle of the second", close_second, 1},
	{"CloseHandle of the last", close_process, NTMM_LAYOUT_WIN9X},
	{"ntmm_machine_destroy", destroy_machine, 1},
};
#define STEPS (sizeof steps / sizeof steps[0])

/* ---- nothing has changed -------------------------------------------------------------------- */

struct snapshot {
	uint64_t digest; /* of what VirtualQueryEx says everywhere */
	uint64_t commit, locked, machine_commit, resident, processes;
};

static uint64_t mix(uint64_t digest, uint64_t value)
{
	return (digest ^ value) * UINT64_C(0x9E3779B97F4A7C15) + (digest >> 29);
}

static void add_process(struct snapshot *snapshot, HANDLE process)
{
	MEMORY_BASIC_INFORMATION info;
	ntmm_process_counters counters = {.size = sizeof counters};
	if (ntmm_process_get_counters(process, &counters))
		return;
	snapshot->commit += counters.commit;
	snapshot->locked += counters.locked;
	for (uint64_t at = 0; VirtualQueryEx(process, pointer(at), &info, sizeof info);
	     at += info.RegionSize) {
		uint64_t digest =
			mix(snapshot->digest, (uintptr_t)info.BaseAddress ^ info.RegionSize);
		digest = mix(digest, (uintptr_t)info.AllocationBase ^ info.AllocationProtect);
		snapshot->digest = mix(digest, (uint64_t)info.State << 32 | info.Protect);
	}
}

static struct snapshot look(const struct scene *s)
{
	struct snapshot snapshot = {0};
	ntmm_machine_counters counters = {.size = sizeof counters};
	if (!s->machine)
		return snapshot;
	assert_int_equal(ntmm_machine_get_counters(s->machine, &counters), STATUS_SUCCESS);
	snapshot.machine_commit = counters.commit_total;
	snapshot.resident = counters.resident_total;
	snapshot.processes = counters.processes;
	for (unsigned i = 0; i < NTMM_LAYOUT_WIN9X; i++)
		if (s->process[i])
			add_process(&snapshot, s->process[i]);
	return snapshot;
}

/* ---- runs of the scenario ------------------------------------------------------------------- */

static void check(const struct scene *s)
{
	if (s->machine && !ntmm_machine_check(s->machine))
		fail_msg("machine check: %s", ntmm_error_message());
}

static bool is_documented(const struct scene *s)
{
	if (s->code)
		return s->code == (DWORD)STATUS_IN_PAGE_ERROR;
	DWORD error = GetLastError();
	return error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_NO_SYSTEM_RESOURCES ||
	       error == ERROR_SWAPERROR;
}

static void expect_nothing_changed(const struct scene *s, const struct step *step,
                                   const struct snapshot *before)
{
	if (!is_documented(s))
		fail_msg("%s: allocation %" PRIu64 " failed: error %u", step->name, order.first,
		         GetLastError());
	struct snapshot after = look(s);
	if (memcmp(&after, before, sizeof after))
		fail_msg("%s failed with allocation %" PRIu64
		         ", but something changed: commit %" PRIu64 " to %" PRIu64
		         ", resident %" PRIu64 " to %" PRIu64 ", processes %" PRIu64 " to %" PRIu64,
		         step->name, order.first, before->machine_commit, after.machine_commit,
		         before->resident, after.resident, before->processes, after.processes);
	check(s);
}

/* Whether the order can strike in this step: one whose requests were [from, to] in the run
 * before. */
struct reach {
	uint64_t from, to;
};
static struct reach reaches[2000];

static void run_step(struct scene *s, const struct step *step, unsigned i, struct reach *reach)
{
	bool armed = order.first >= reach->from && order.first <= reach->to;
	struct snapshot before = {0};
	order.off = true;
	if (armed)
		before = look(s);
	s->code = 0;
	order.off = false;
	uint64_t failures = order.failures, requests = order.requests;
	bool done = step->run(s, i);
	order.off = true;
	if (order.failures != failures)
		order.kinds = 0; /* that was it */
	if (!order.first)
		*reach = (struct reach){requests + 1, order.requests};
	if (!done && failures == order.failures)
		fail_msg("%s: error %u, exception %#x, and no failure was ordered", step->name,
		         GetLastError(), s->code);
	if (done)
		return;
	expect_nothing_changed(s, step, &before);
	s->code = 0;
	if (!step->run(s, i))
		fail_msg("%s does not succeed the second time: error %u", step->name,
		         GetLastError());
}

static void run(void *context)
{
	struct scene s = {0};
	(void)context;
	unsigned reach = 0;
	for (unsigned n = 0; n < STEPS; n++)
		for (unsigned i = 0; i < steps[n].times; i++)
			run_step(&s, &steps[n], i, &reaches[reach++]);
	assert_true(reach <= sizeof reaches / sizeof reaches[0]);
}

static uint64_t end_of_step(uint64_t request)
{
	for (unsigned n = 0; n < sizeof reaches / sizeof reaches[0]; n++)
		if (request >= reaches[n].from && request <= reaches[n].to)
			return reaches[n].to;
	return request;
}

static void each_alone(void **state)
{
	(void)state;
	every_failure(&(struct every){.kinds = ALLOC | MAP, .least = 101, .run = run});
}

static void all_of_a_step(void **state)
{
	(void)state;
	every_failure(&(struct every){
		.kinds = ALLOC | MAP, .least = 101, .run = run, .last = end_of_step});
}

/* The handle table grows while the process has handles to spare: each refusal leaves it as it
 * was. */
static void handles(void **state)
{
	enum { MANY = 3000 };
	static HANDLE opened[MANY];
	ntmm_machine_config config = {.size = sizeof config, .ram_bytes = FRAMES * PAGE};
	ntmm_machine *machine;
	(void)state;
	order = (struct order){0};
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB);
	DWORD pid = GetProcessId(process);
	unsigned refused = 0;
	order = (struct order){.kinds = ALLOC, .first = 1, .last = UINT64_MAX};
	for (unsigned i = 0; i < MANY; i++) {
		opened[i] = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
		if (opened[i])
			continue;
		assert_int_equal(GetLastError(), ERROR_NOT_ENOUGH_MEMORY);
		order.off = true;
		opened[i] = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
		order.off = false;
		assert_non_null(opened[i]);
		refused++;
	}
	assert_true(refused > 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(CloseHandle(opened[i]));
	order = (struct order){0};
	CloseHandle(process);
	ntmm_machine_destroy(machine);
}

/* An event that finds no room is counted, and that is all that becomes of it. */
static void events(void **state)
{
	ntmm_machine_config config = {.size = sizeof config, .ram_bytes = FRAMES * PAGE};
	ntmm_machine_counters counters = {.size = sizeof counters};
	struct scene s = {0};
	(void)state;
	order = (struct order){0};
	assert_int_equal(ntmm_machine_create(&config, &s.machine), STATUS_SUCCESS);
	HANDLE process = ntmm_process_create(s.machine, NTMM_LAYOUT_NT32_2GB);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	uint64_t base = (uintptr_t)VirtualAllocEx(process, NULL, 20 * PAGE,
	                                          MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_true(observe(&s, 0));
	order = (struct order){.kinds = ALLOC, .first = 1, .last = UINT64_MAX};
	for (unsigned i = 0; i < 20; i++)
		assert_true(ntmm_store64(thread, base + i * PAGE, i));
	order = (struct order){0};
	assert_int_equal(ntmm_machine_get_counters(s.machine, &counters), STATUS_SUCCESS);
	assert_true(counters.lost_events > 0);
	assert_true(s.events + counters.lost_events >= 20);
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	ntmm_machine_destroy(s.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_alone),
		cmocka_unit_test(all_of_a_step),
		cmocka_unit_test(handles),
		cmocka_unit_test(events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
