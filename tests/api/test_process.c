/* SPDX-License-Identifier: MIT
 *
 * Processes as handles: who may do what to whom, and the end (G-3, G-4, G-5; S3, S17, S18).
 */
#include "calls.h"
#include "place.h"

#include <pthread.h>

/* ---- identifiers and handles ---------------------------------------------------------------- */

static void test_current(void **state)
{
	struct place *place = *state;
	assert_ptr_equal(GetCurrentProcess(), at(UINT64_MAX)); /* G-3 */
	assert_int_equal(GetCurrentProcessId(), GetProcessId(place->process));
	assert_int_equal(GetProcessId(GetCurrentProcess()), GetProcessId(place->process));
	assert_int_not_equal(GetCurrentProcessId(), 0);
	assert_int_equal(GetCurrentProcessId() % 4, 0);
	assert_succeeds(CloseHandle(GetCurrentProcess()));
	assert_int_equal(own_counters().pid, GetCurrentProcessId());
}

static void test_open(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB), opened;
	DWORD pid = GetProcessId(other);
	assert_int_not_equal(pid, GetCurrentProcessId());
	opened = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
	assert_non_null(opened);
	assert_ptr_not_equal(opened, other);
	assert_int_equal(GetProcessId(opened), pid);
	assert_fails(OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, 0), ERROR_INVALID_PARAMETER);
	assert_fails(OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid + 4000),
	             ERROR_INVALID_PARAMETER);
	assert_succeeds(CloseHandle(other));
	assert_int_equal(GetProcessId(opened), pid); /* a handle is left */
	assert_succeeds(CloseHandle(opened));
	assert_fails(OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid), ERROR_INVALID_PARAMETER);
}

/* An attached thread finds the processes of its machine; others all. */
static void test_open_across_machines(void **state)
{
	struct place *place = *state;
	ntmm_machine *elsewhere = place_machine(0, 0);
	HANDLE far_away = ntmm_process_create(elsewhere, NTMM_LAYOUT_NT32_2GB), opened;
	DWORD pid = GetProcessId(far_away);
	assert_int_not_equal(pid, 0);
	assert_fails(OpenProcess(PROCESS_VM_READ, FALSE, pid), ERROR_INVALID_PARAMETER);
	ntmm_thread_detach();
	opened = OpenProcess(PROCESS_VM_READ, FALSE, pid);
	assert_non_null(opened);
	CloseHandle(opened);
	CloseHandle(far_away);
	ntmm_machine_destroy(elsewhere);
	assert_true(ntmm_thread_attach(place->thread));
}

/* A host thread that acts as no process of a machine is of the host process. */
static void test_unattached(void **state)
{
	struct place *place = *state;
	MEMORY_BASIC_INFORMATION info;
	DWORD pid = GetCurrentProcessId();
	ntmm_thread_detach();
	char *base = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	base[0] = 1; /* the host's own memory */
	assert_int_not_equal(GetCurrentProcessId(), pid);
	assert_true(ntmm_thread_attach(place->thread));
	assert_int_equal(GetCurrentProcessId(), pid);
	assert_int_equal(VirtualQuery(base, &info, sizeof info), 0); /* above its 2 GB */
	ntmm_thread_detach();
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_fails(ntmm_thread_create(GetCurrentProcess(), NULL), ERROR_NOT_SUPPORTED);

	/* With a handle everything goes. */
	char byte = 1;
	base = VirtualAllocEx(place->process, NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	assert_succeeds(WriteProcessMemory(place->process, base, &byte, 1, NULL));
	assert_true(ntmm_thread_attach(place->thread));
	assert_int_equal(load_at(place, base), 1);
}

/* ---- rights --------------------------------------------------------------------------------- */

static HANDLE must_open(DWORD pid, DWORD rights)
{
	HANDLE handle = OpenProcess(rights, FALSE, pid);
	assert_non_null(handle);
	return handle;
}

static void try_with(DWORD pid, size_t i, DWORD rights)
{
	HANDLE handle = must_open(pid, rights);
	SetLastError(UNTOUCHED);
	bool done = calls[i].call(handle);
	DWORD error = GetLastError();
	if (call_is_enough(&calls[i], rights) ? !done : done || error != ERROR_ACCESS_DENIED)
		fail_msg("%s with rights %#x: %s, error %u", calls[i].name, rights,
		         done ? "done" : "refused", error);
	CloseHandle(handle);
}

static void test_rights(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	DWORD pid = GetProcessId(other);
	call_target = VirtualAllocEx(other, NULL, 2 * PAGE,
	                             MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
	for (size_t i = 0; i < CALL_COUNT; i++) {
		try_with(pid, i, 0);
		try_with(pid, i, calls[i].rights);
		try_with(pid, i, PROCESS_ALL_ACCESS);
		for (int bit = 0; bit < 13; bit++) {
			try_with(pid, i, 1u << bit);
			try_with(pid, i, 0x1FFF & ~(1u << bit));
		}
	}
	CloseHandle(other);
}

static void test_terminate_needs_its_right(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	HANDLE all_but =
		must_open(GetProcessId(other), PROCESS_ALL_ACCESS & ~(DWORD)PROCESS_TERMINATE);
	HANDLE only = must_open(GetProcessId(other), PROCESS_TERMINATE);
	assert_fails(TerminateProcess(all_but, 0), ERROR_ACCESS_DENIED);
	assert_succeeds(TerminateProcess(only, 0));
	CloseHandle(all_but);
	CloseHandle(only);
	CloseHandle(other);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* G-5; S17: the end of the process frees what it had. */
static void test_terminate(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	DWORD pid = GetProcessId(other);
	call_target =
		VirtualAllocEx(other, NULL, 200 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	for (int i = 0; i < 200; i++)
		assert_true(WriteProcessMemory(other, call_target + i * PAGE, "x", 1, NULL));
	assert_int_equal(counters_of(place).processes, before.processes + 1);

	assert_succeeds(TerminateProcess(other, 3));
	after = test_rest(place->machine);
	assert_int_equal(after.processes, before.processes);
	assert_int_equal(after.commit_total, before.commit_total);
	assert_int_equal(after.active, before.active);
	assert_int_equal(after.tables, before.tables);
	assert_int_equal(after.resident_total, before.resident_total);
	assert_int_equal(after.slots_used, before.slots_used);
	assert_int_equal(after.zeroed + after.free + after.standby,
	                 before.zeroed + before.free + before.standby);

	for (size_t i = 0; i < CALL_COUNT; i++) {
		SetLastError(UNTOUCHED);
		if (!calls[i].needs_space)
			continue;
		if (calls[i].call(other) || GetLastError() != ERROR_ACCESS_DENIED)
			fail_msg("%s of an ended process: error %u", calls[i].name, GetLastError());
	}
	assert_int_equal(GetProcessId(other), pid);
	assert_fails(TerminateProcess(other, 4), ERROR_ACCESS_DENIED);
	assert_succeeds(CloseHandle(other));
}

static void test_last_handle_ends(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	VirtualAllocEx(other, NULL, 50 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	assert_succeeds(CloseHandle(other));
	assert_int_equal(counters_of(place).processes,
	                 before.processes + 1); /* its thread is left */
	ntmm_thread_destroy(thread);
	assert_int_equal(counters_of(place).processes, before.processes);
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
}

/* A process that ends itself: its threads find nothing any more. */
static void test_end_of_the_current(void **state)
{
	struct place *place = *state;
	SYSTEM_INFO info;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_succeeds(TerminateProcess(GetCurrentProcess(), 0));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_ACCESS_DENIED);
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_fails(GlobalMemoryStatusEx(&status), ERROR_ACCESS_DENIED);
	GetSystemInfo(&info);
	assert_int_equal(address_in(info.lpMaximumApplicationAddress), 0x7FFEFFFF);
	place_leave(place);
	place_enter(place, NTMM_LAYOUT_NT32_2GB);
}

static void test_machine_ends_first(void **state)
{
	(void)state;
	ntmm_machine *machine = place_machine(0, 0);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB), token;
	DWORD pid = GetProcessId(process);
	assert_true(OpenProcessToken(process, TOKEN_QUERY, &token));
	call_target = VirtualAllocEx(process, NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	ntmm_machine_destroy(machine);
	for (size_t i = 0; i < CALL_COUNT; i++) {
		if (calls[i].needs_space)
			assert_fails(calls[i].call(process), ERROR_ACCESS_DENIED);
	}
	assert_int_equal(GetProcessId(process), pid);
	assert_succeeds(CloseHandle(token));
	assert_succeeds(CloseHandle(process));
	assert_fails(CloseHandle(process), ERROR_INVALID_HANDLE);
}

/* ---- address spaces (S3) -------------------------------------------------------------------- */

struct visitor {
	ntmm_thread *thread;
	char *address;
	uint8_t finds, leaves;
	bool done;
};

static void *visit(void *argument)
{
	struct visitor *v = argument;
	uint8_t value = 0;
	v->done =
		ntmm_thread_attach(v->thread) &&
		ntmm_load8(v->thread, address_in(v->address), &value) && value == v->finds &&
		ntmm_store8(v->thread, address_in(v->address) + 1, v->leaves) &&
		VirtualAlloc(v->address + GRANULE, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	ntmm_thread_detach();
	return NULL;
}

static bool visited_by(ntmm_thread *thread, char *address, uint8_t finds, uint8_t leaves)
{
	pthread_t host;
	struct visitor v = {thread, address, finds, leaves, false};
	assert_int_equal(pthread_create(&host, NULL, visit, &v), 0);
	pthread_join(host, NULL);
	return v.done;
}

/* S3: all threads of a process reach all of its address space, and no thread another process's. */
static void test_spaces_are_apart(void **state)
{
	struct place *place = *state;
	char *address = at(0x400000);
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	ntmm_thread *sibling = ntmm_thread_create(place->process, NULL);
	ntmm_thread *stranger = ntmm_thread_create(other, NULL);

	assert_ptr_equal(VirtualAlloc(address, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	                 address);
	store_at(place, address, 11);
	uint8_t value;
	assert_false(
		ntmm_load8(stranger, address_in(address), &value)); /* nothing is there for it */

	assert_ptr_equal(
		VirtualAllocEx(other, address, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
		address);
	assert_true(ntmm_store8(stranger, address_in(address), 22));
	assert_true(visited_by(sibling, address, 11, 33));
	assert_true(visited_by(stranger, address, 22, 44));

	assert_int_equal(load_at(place, address), 11);
	assert_int_equal(load_at(place, address + 1), 33);
	assert_int_equal(load_at(place, address + GRANULE),
	                 0); /* what the sibling allocated is ours */
	assert_true(ntmm_load8(stranger, address_in(address) + 1, &value));
	assert_int_equal(value, 44);
	ntmm_thread_destroy(sibling);
	ntmm_thread_destroy(stranger);
	CloseHandle(other);
}

/* S18: being in another space protects; only who holds a handle with the right gets at it. */
static void test_other_process_through_a_handle(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB);
	char *address = at(0x12345670000), text[6] = "";
	assert_ptr_equal(
		VirtualAllocEx(other, address, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
		address);
	assert_succeeds(WriteProcessMemory(other, address + 100, "hello", 6, NULL));
	assert_int_equal(load_raises(place, address + 100), STATUS_ACCESS_VIOLATION);
	assert_succeeds(ReadProcessMemory(other, address + 100, text, 6, NULL));
	assert_string_equal(text, "hello");
	HANDLE reader = must_open(GetProcessId(other), PROCESS_VM_READ);
	assert_fails(WriteProcessMemory(reader, address + 100, "wrong", 6, NULL),
	             ERROR_ACCESS_DENIED);
	assert_succeeds(ReadProcessMemory(reader, address + 100, text, 6, NULL));
	assert_string_equal(text, "hello");
	CloseHandle(reader);
	CloseHandle(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_current),
		place_test(test_open),
		place_test(test_open_across_machines),
		place_test(test_unattached),
		place_test(test_rights),
		place_test(test_terminate_needs_its_right),
		place_test(test_terminate),
		place_test(test_last_handle_ends),
		place_test(test_end_of_the_current),
		place_test(test_machine_ends_first),
		place_test(test_spaces_are_apart),
		place_test(test_other_process_through_a_handle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
