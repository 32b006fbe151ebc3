/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: what all processes share at 2 to 4 GB (S8d, S8e, rules W9).
 */
#include "nines.h"

#define VA_SHARED 0x08000000 /* W9-2 */

static char *must_share(SIZE_T bytes)
{
	char *base = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT | VA_SHARED, PAGE_READWRITE);
	if (!base)
		fail_msg("VirtualAlloc for all: error %u", GetLastError());
	return base;
}

static HANDLE must_section(DWORD bytes, DWORD protect)
{
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, bytes, NULL);
	if (!section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
	return section;
}

/* By process `who` of the two; the host thread acts as the first again afterwards. */
static char *view_by(struct nines *nines, int who, HANDLE section, DWORD access)
{
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(nines->place[who].thread));
	char *base = MapViewOfFile(section, access, 0, 0, 0);
	DWORD error = GetLastError();
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(nines->place[0].thread));
	if (!base)
		fail_msg("MapViewOfFile by %d: error %u", who, error);
	return base;
}

static BOOL unmap_by(struct nines *nines, int who, const char *base)
{
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(nines->place[who].thread));
	BOOL done = UnmapViewOfFile(base);
	DWORD error = GetLastError();
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(nines->place[0].thread));
	SetLastError(error);
	return done;
}

/* ---- the shared arena ----------------------------------------------------------------------- */

/* S8d, W9-2: at the same address in all processes, to read and to write, and to query. */
static void shared_memory(void **state)
{
	struct nines *nines = *state;
	char *base = must_share(3 * PAGE);
	assert_in_range(address_in(base), SHARED, SYSTEM - 1);
	store64(&nines->place[0], address_in(base), 11);
	assert_int_equal(load64(&nines->place[1], address_in(base)), 11);
	store64(&nines->place[1], address_in(base) + 8, 12);
	assert_int_equal(load64(&nines->place[0], address_in(base) + 8), 12);
	store64(&nines->place[0], address_in(base) + 2 * PAGE - 4, UINT64_C(0x123456789ABCDEF0));
	assert_int_equal(load64(&nines->place[1], address_in(base) + 2 * PAGE - 4),
	                 UINT64_C(0x123456789ABCDEF0));
	MEMORY_BASIC_INFORMATION info = query_at(address_in(base));
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.RegionSize, 3 * PAGE);
	assert_int_equal(VirtualQueryEx(nines->place[1].process, base, &info, sizeof info),
	                 sizeof info);
	assert_ptr_equal(info.AllocationBase, base);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(load_raises(&nines->place[1], base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_raises(&nines->place[0], base), STATUS_ACCESS_VIOLATION);
}

/* W9-17: free memory of the arena raises what any other does. */
static void nothing_there(void **state)
{
	struct nines *nines = *state;
	const EXCEPTION_RECORD *record = ntmm_thread_exception(nines->place->thread);
	assert_int_equal(store_raises(nines->place, at(SHARED)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(record->ExceptionInformation[0], 1);
	assert_int_equal(record->ExceptionInformation[1], SHARED);
	assert_int_equal(own_counters().violations, 1);
	assert_int_equal(query_at(SHARED).State, MEM_FREE);
	assert_int_equal(query_at(SHARED).RegionSize, SYSTEM - SHARED);
	assert_int_equal(query_at(SHARED - PAGE).RegionSize, PAGE);
	MEMORY_BASIC_INFORMATION info;
	assert_fails(VirtualQuery(at(END), &info, sizeof info), ERROR_INVALID_PARAMETER);
}

/* W9-8. */
static void protection(void **state)
{
	(void)state;
	DWORD old;
	char *base = must_share(PAGE);
	HANDLE section = must_section(PAGE, PAGE_READWRITE);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	assert_fails(VirtualProtect(base, PAGE, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(view, PAGE, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(at(SYSTEM), PAGE, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_int_equal(protect_at(view), PAGE_READWRITE);
	assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
}

/* PM: by address, whatever the process; ranges may cross 2 GB. */
static void copies(void **state)
{
	struct nines *nines = *state;
	char *base = must_share(2 * PAGE), buffer[24] = "what is everybody's", found[24] = "";
	SIZE_T done;
	HANDLE other = nines->place[1].process;
	assert_true(WriteProcessMemory(other, base + PAGE - 8, buffer, sizeof buffer, &done));
	assert_int_equal(done, sizeof buffer);
	assert_true(ReadProcessMemory(GetCurrentProcess(), base + PAGE - 8, found, sizeof found,
	                              &done));
	assert_string_equal(found, buffer);
	char *low = VirtualAlloc(at(SHARED - GRANULE), GRANULE, MEM_RESERVE | MEM_COMMIT,
	                         PAGE_READWRITE);
	assert_non_null(low);
	assert_ptr_equal(base, at(SHARED));
	store64(nines->place, SHARED - 8, 0x4141414141414141);
	assert_true(ReadProcessMemory(GetCurrentProcess(), at(SHARED - 8), found, 16, &done));
	assert_int_equal(done, 16);
	assert_int_equal(ntmm_copy_out(nines->place->thread, SHARED - 8, "0123456789abcdef", 16, &done),
	                 STATUS_SUCCESS);
	assert_int_equal(load_at(nines->place, at(SHARED)), '8');
	uint64_t across = 0;
	assert_true(ntmm_thread_access(nines->place->thread, NTMM_LOAD, SHARED - 4, &across, 8));
	assert_memory_equal(&across, "456789ab", 8);
	across = 0;
	assert_true(ntmm_thread_access(nines->place->thread, NTMM_STORE, SHARED - 4, &across, 8));
	assert_int_equal(load64(&nines->place[1], SHARED) & UINT32_MAX, 0);
	assert_fails(ReadProcessMemory(GetCurrentProcess(), at(END - 8), found, 16, &done),
	             ERROR_NOACCESS);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
}

/* ---- views ---------------------------------------------------------------------------------- */

/* W9-11: one address for all; also for those that never mapped it. */
static void views(void **state)
{
	struct nines *nines = *state;
	HANDLE section = must_section(2 * PAGE, PAGE_READWRITE);
	char *view = view_by(nines, 0, section, FILE_MAP_WRITE);
	assert_in_range(address_in(view), SHARED, SYSTEM - 1);
	store64(&nines->place[0], address_in(view), 5);
	assert_int_equal(load64(&nines->place[1], address_in(view)), 5);
	store64(&nines->place[1], address_in(view) + PAGE, 6);
	assert_int_equal(load64(&nines->place[0], address_in(view) + PAGE), 6);
	assert_ptr_equal(view_by(nines, 1, section, FILE_MAP_WRITE), view);
	assert_int_equal(query_at(address_in(view)).Type, MEM_MAPPED);
	assert_true(unmap_by(nines, 0, view));
	assert_int_equal(load64(&nines->place[0], address_in(view)), 5); /* the other still has it */
	assert_false(unmap_by(nines, 0, view));
	assert_int_equal(GetLastError(), ERROR_INVALID_ADDRESS);
	assert_true(unmap_by(nines, 1, view));
	assert_int_equal(load_raises(&nines->place[0], view), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_raises(&nines->place[1], view), STATUS_ACCESS_VIOLATION);
	CloseHandle(section);
}

/* W9-11, S17: what a process has mapped goes with it, but not what others have. */
static void views_of_who_ends(void **state)
{
	struct nines *nines = *state;
	HANDLE one = must_section(PAGE, PAGE_READWRITE), both = must_section(PAGE, PAGE_READWRITE);
	char *his = view_by(nines, 1, one, FILE_MAP_WRITE);
	char *common = view_by(nines, 1, both, FILE_MAP_WRITE);
	assert_ptr_equal(view_by(nines, 1, one, FILE_MAP_WRITE), his); /* twice */
	assert_ptr_equal(view_by(nines, 0, both, FILE_MAP_WRITE), common);
	store64(&nines->place[1], address_in(common), 9);
	assert_true(TerminateProcess(nines->place[1].process, 0));
	assert_int_equal(load_raises(&nines->place[0], his), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load64(&nines->place[0], address_in(common)), 9);
	assert_int_equal(load_raises(&nines->place[1], common), STATUS_ACCESS_VIOLATION);
	assert_fails(MapViewOfFile2(one, nines->place[1].process, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_ACCESS_DENIED);
	assert_true(UnmapViewOfFile(common));
	CloseHandle(one);
	CloseHandle(both);
}

/* W9-11, W9-13: places. */
static void places_of_views(void **state)
{
	(void)state;
	HANDLE section = must_section(4 * GRANULE, PAGE_READWRITE);
	static const uint64_t wrong[] = {MS_DOS, PRIVATE, SHARED - GRANULE, SYSTEM,
	                                 SYSTEM - GRANULE, END - GRANULE};
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_fails(MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, at(wrong[i])),
		             ERROR_INVALID_PARAMETER);
	char *view = MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, at(0x90000000));
	assert_ptr_equal(view, at(0x90000000));
	assert_ptr_equal(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0), view);
	char *part = MapViewOfFile(section, FILE_MAP_WRITE, 0, GRANULE, GRANULE);
	assert_ptr_not_equal(part, view);
	assert_null(MapViewOfFile(section, FILE_MAP_WRITE, 0, PAGE, PAGE));
	assert_int_equal(GetLastError(), ERROR_MAPPED_ALIGNMENT);
	assert_fails(UnmapViewOfFile(view + PAGE), ERROR_INVALID_ADDRESS);
	assert_fails(UnmapViewOfFile(view + 1), ERROR_INVALID_ADDRESS);
	assert_true(UnmapViewOfFile(view));
	assert_true(UnmapViewOfFile(view));
	assert_fails(UnmapViewOfFile(view), ERROR_INVALID_ADDRESS);
	assert_true(UnmapViewOfFile(part));
	CloseHandle(section);
}

/* W9-12, S26. */
static void copy_on_write(void **state)
{
	struct nines *nines = *state;
	HANDLE writable = must_section(PAGE, PAGE_READWRITE);
	HANDLE readable = must_section(PAGE, PAGE_READONLY);
	HANDLE section = must_section(4 * PAGE, PAGE_WRITECOPY);
	uint64_t before = counters_of(nines->place).commit_total;
	assert_fails(MapViewOfFile(writable, FILE_MAP_COPY, 0, 0, 0), ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile(readable, FILE_MAP_COPY, 0, 0, 0), ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0), ERROR_INVALID_PARAMETER);
	char *view = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	assert_non_null(view);
	assert_true(counters_of(nines->place).commit_total >= before + 4);
	store64(&nines->place[0], address_in(view), 3);
	assert_int_equal(load64(&nines->place[1], address_in(view)), 3); /* the copy is shared, too */
	char *original = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
	assert_non_null(original);
	assert_int_equal(load64(&nines->place[0], address_in(original)), 0);
	assert_true(UnmapViewOfFile(original));
	assert_true(UnmapViewOfFile(view));
	CloseHandle(writable);
	CloseHandle(readable);
	CloseHandle(section);
}

/* W9-12: no access at all; 87 where NT says 5. */
static void rights(void **state)
{
	(void)state;
	HANDLE none = must_section(PAGE, PAGE_NOACCESS), narrow;
	HANDLE section = must_section(PAGE, PAGE_READONLY);
	assert_fails(MapViewOfFile(none, FILE_MAP_READ, 0, 0, 0), ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0), ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile(section, FILE_MAP_READ, 0, 0, 2 * PAGE), ERROR_INVALID_PARAMETER);
	HANDLE named = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE,
	                                  "nines");
	assert_non_null(named);
	narrow = OpenFileMappingA(FILE_MAP_READ, FALSE, "nines");
	assert_non_null(narrow);
	assert_fails(MapViewOfFile(narrow, FILE_MAP_WRITE, 0, 0, 0), ERROR_INVALID_PARAMETER);
	CloseHandle(narrow);
	CloseHandle(named);
	CloseHandle(none);
	CloseHandle(section);
}

/* ---- the system ----------------------------------------------------------------------------- */

struct seen {
	unsigned count;
	ntmm_event last;
};

static void watch_strays(void *context, const ntmm_event *event)
{
	struct seen *seen = context;
	if (event->kind != NTMM_EVENT_STRAY_WRITE)
		return;
	seen->count++;
	seen->last = *event;
}

static void observe(struct nines *nines, struct seen *seen)
{
	*seen = (struct seen){0};
	assert_int_equal(ntmm_machine_observe(nines->place->machine, watch_strays, seen),
	                 STATUS_SUCCESS);
}

/* S8e: any process reads and writes it; each store is counted, and told to observers. */
static void stray_writes(void **state)
{
	struct nines *nines = *state;
	struct seen seen;
	observe(nines, &seen);
	for (unsigned i = 0; i < 5; i++) {
		store64(&nines->place[1], SYSTEM + 0x100, i);
		assert_int_equal(load64(&nines->place[0], SYSTEM + 0x100), i);
		assert_int_equal(load64(&nines->place[1], SYSTEM + 0x100), i);
		assert_int_equal(seen.count, i + 1);
	}
	assert_int_equal(seen.last.pid, GetProcessId(nines->place[1].process));
	assert_int_equal(seen.last.address, SYSTEM + 0x100);
	store_at(&nines->place[0], at(SYSTEM + 1), 1);
	assert_int_equal(seen.last.pid, GetProcessId(nines->place[0].process));
	assert_int_equal(seen.last.address, SYSTEM + 1);
	assert_int_equal(counters_of(nines->place).stray_writes, 6);
	assert_int_equal(own_counters().stray_writes, 1);
	assert_string_equal(ntmm_event_name(NTMM_EVENT_STRAY_WRITE), "stray-write");
	assert_int_equal(ntmm_machine_observe(nines->place->machine, NULL, NULL), STATUS_SUCCESS);
}

/* S8e: however a store is made. */
static void all_kinds_of_strays(void **state)
{
	struct nines *nines = *state;
	ntmm_thread *thread = nines->place->thread;
	struct seen seen;
	uint64_t value = UINT64_C(0x1122334455667788), expected = 0;
	bool swapped = false;
	char *top = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT | VA_SHARED, PAGE_READWRITE);
	assert_non_null(top);
	observe(nines, &seen);
	assert_true(ntmm_thread_access(thread, NTMM_STORE, SYSTEM + 3, &value, 8)); /* misaligned */
	assert_true(ntmm_thread_access(thread, NTMM_STORE, SYSTEM + PAGE - 3, &value, 8)); /* two pages */
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.last.address, SYSTEM + PAGE - 3);
	uint64_t found = 0;
	assert_true(ntmm_thread_access(thread, NTMM_LOAD, SYSTEM + PAGE - 3, &found, 8));
	assert_int_equal(found, value);
	expected = 1;
	assert_true(ntmm_compare_exchange(thread, SYSTEM + 2 * PAGE, 8, &expected, 7, &swapped));
	assert_false(swapped); /* nothing was written */
	assert_int_equal(expected, 0);
	assert_int_equal(seen.count, 2);
	assert_true(ntmm_compare_exchange(thread, SYSTEM + 2 * PAGE, 8, &expected, 7, &swapped));
	assert_true(swapped);
	assert_int_equal(seen.count, 3);
	assert_false(ntmm_compare_exchange(thread, SYSTEM + 1, 4, &expected, 7, &swapped));
	assert_int_equal(ntmm_copy_out(thread, SYSTEM + 0x2000, &value, 8, NULL), STATUS_SUCCESS);
	assert_int_equal(seen.count, 4);
	assert_true(WriteProcessMemory(nines->place[1].process, at(SYSTEM), &value, 8, NULL));
	assert_int_equal(seen.count, 5);
	assert_int_equal(seen.last.pid, GetProcessId(nines->place[1].process));
	assert_int_equal(ntmm_machine_observe(nines->place->machine, NULL, NULL), STATUS_SUCCESS);
	assert_true(VirtualFree(top, 0, MEM_RELEASE));
}

/* A store that begins in the shared arena and ends in the system's. */
static void across_3_gb(void **state)
{
	struct nines *nines = *state;
	ntmm_thread *thread = nines->place->thread;
	struct seen seen;
	uint64_t value = UINT64_C(0x1122334455667788), found = 0;
	HANDLE section = must_section(GRANULE, PAGE_READWRITE);
	char *view = MapViewOfFileEx(section, FILE_MAP_WRITE, 0, 0, 0, at(SYSTEM - GRANULE));
	observe(nines, &seen);
	assert_false(ntmm_thread_access(thread, NTMM_STORE, SYSTEM - GRANULE - 4, &value, 8));
	assert_int_equal(seen.count, 0);
	assert_ptr_equal(view, at(SYSTEM - GRANULE));
	assert_true(ntmm_thread_access(thread, NTMM_STORE, SYSTEM - 4, &value, 8));
	assert_true(ntmm_thread_access(nines->place[1].thread, NTMM_LOAD, SYSTEM - 4, &found, 8));
	assert_int_equal(found, value);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last.address, SYSTEM);
	assert_true(UnmapViewOfFile(view));
	assert_false(ntmm_thread_access(thread, NTMM_STORE, SYSTEM - 4, &value, 8));
	assert_int_equal(ntmm_thread_exception(thread)->ExceptionInformation[1], SYSTEM - 4);
	assert_int_equal(seen.count, 1);
	assert_int_equal(ntmm_machine_observe(nines->place->machine, NULL, NULL), STATUS_SUCCESS);
	CloseHandle(section);
}

/* S8e: 4 MB of it are there; they are the system's. */
static void the_systems_part(void **state)
{
	struct nines *nines = *state;
	MEMORY_BASIC_INFORMATION info = query_at(SYSTEM);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.RegionSize, 4 << 20);
	assert_int_equal(store_raises(nines->place, at(SYSTEM + (4 << 20))), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(nines->place, at(END - 1)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(nines->place, at(END)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(nines->place, at(UINT64_MAX)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(counters_of(nines->place).stray_writes, 0);
	assert_fails(VirtualFree(at(SYSTEM), 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static uint64_t entry(const uint64_t *ram, uint64_t table, uint64_t address, unsigned shift)
{
	return ram[(table & UINT64_C(0xFFFFFFFFF000)) / 8 + (address >> shift) % 512];
}

/* S4: the page map of each process leads to the arena's pages. */
static void page_maps(void **state)
{
	struct nines *nines = *state;
	const uint64_t *ram = ntmm_machine_ram(nines->place->machine, NULL);
	uint64_t address = address_in(must_share(PAGE)), leaf[NINES];
	store64(&nines->place[0], address, 77);
	for (int i = 0; i < NINES; i++) {
		uint64_t table = ntmm_process_cr3(nines->place[i].process);
		for (unsigned shift = 39; shift >= 21; shift -= 9) {
			table = entry(ram, table, address, shift);
			assert_int_equal(table & 7, 7); /* present, writable, for users */
		}
		leaf[i] = entry(ram, table, address, 12);
		assert_int_equal(leaf[i] & 1, 1);
	}
	assert_int_equal(leaf[0], leaf[1]);
	assert_int_equal(ram[(leaf[0] & UINT64_C(0xFFFFFFFFF000)) / 8], 77);
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(nines->place[1].process, address, &info),
	                 STATUS_SUCCESS);
	assert_int_equal(info.where, NTMM_PAGE_ACTIVE);
	assert_int_equal(info.entry, leaf[0]);
	assert_true(VirtualFree(at(address), 0, MEM_RELEASE));
}

/* More than RAM holds, in the arena and out of it, by two processes: pages come and go. */
static void paging(void **state)
{
	struct nines *nines = *state;
	const uint64_t pages = 400;
	uint64_t shared = address_in(must_share(pages * PAGE));
	HANDLE section = must_section(pages * PAGE, PAGE_READWRITE);
	uint64_t view = address_in(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
	for (uint64_t i = 0; i < pages; i++) {
		store64(&nines->place[i % 2], shared + i * PAGE, i);
		store64(&nines->place[i % 2], view + i * PAGE, ~i);
		store64(&nines->place[i % 2], PRIVATE - (i + 1) * PAGE, i * 3);
		store64(&nines->place[i % 2], SYSTEM + i % 16 * PAGE, i);
	}
	for (uint64_t i = 0; i < pages; i++) {
		assert_int_equal(load64(&nines->place[1 - i % 2], shared + i * PAGE), i);
		assert_int_equal(load64(&nines->place[1 - i % 2], view + i * PAGE), ~i);
		assert_int_equal(load64(&nines->place[i % 2], PRIVATE - (i + 1) * PAGE), i * 3);
	}
	assert_true(counters_of(nines->place).page_ins > pages / 2);
	assert_true(ntmm_machine_check(nines->place->machine));
	assert_true(UnmapViewOfFile(at(view)));
	CloseHandle(section);
	assert_true(VirtualFree(at(shared), 0, MEM_RELEASE));
}

/* What a machine has before its first process, it has after the last. */
static void nothing_is_left(void **state)
{
	(void)state;
	ntmm_machine *machine = nines_machine(0, 8 << 20, 0);
	struct place place = {.machine = machine};
	ntmm_machine_counters before = counters_of(&place);
	assert_int_equal(before.processes, 0);
	ntmm_thread_detach();
	place_enter(&place, NTMM_LAYOUT_WIN9X);
	assert_int_equal(counters_of(&place).processes, 1);
	HANDLE section = must_section(GRANULE, PAGE_READWRITE);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	store64(&place, address_in(view), 1);
	CloseHandle(section);
	place_leave(&place);
	ntmm_machine_counters after = counters_of(&place);
	assert_int_equal(after.commit_total, before.commit_total);
	assert_int_equal(after.resident_total, before.resident_total);
	assert_int_equal(after.active, before.active);
	assert_int_equal(after.tables, before.tables);
	assert_true(ntmm_machine_check(machine));
	ntmm_machine_destroy(machine);
	struct nines *nines = *state;
	assert_true(ntmm_thread_attach(nines->place->thread));
}

/* Handles and threads of processes outlive the machine, and the arena. */
static void after_the_machine(void **state)
{
	(void)state;
	ntmm_machine *machine = nines_machine(0, 8 << 20, 0);
	struct place place = {.machine = machine};
	MEMORY_BASIC_INFORMATION info;
	uint64_t value;
	ntmm_thread_detach();
	place_enter(&place, NTMM_LAYOUT_WIN9X);
	char *base = must_share(PAGE);
	store64(&place, address_in(base), 1);
	ntmm_machine_destroy(machine);
	assert_false(ntmm_load64(place.thread, address_in(base), &value));
	assert_false(ntmm_store64(place.thread, SYSTEM, 1));
	assert_fails(VirtualQuery(base, &info, sizeof info), ERROR_INVALID_PARAMETER);
	assert_fails(ReadProcessMemory(place.process, base, &value, 8, NULL), ERROR_ACCESS_DENIED);
	assert_fails(UnmapViewOfFile(base), ERROR_INVALID_ADDRESS);
	assert_null(VirtualAlloc(NULL, PAGE, MEM_RESERVE | VA_SHARED, PAGE_READWRITE));
	place_leave(&place);
	struct nines *nines = *state;
	assert_true(ntmm_thread_attach(nines->place->thread));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nines_test(shared_memory),
		nines_test(nothing_there),
		nines_test(protection),
		nines_test(copies),
		nines_test(views),
		nines_test(views_of_who_ends),
		nines_test(places_of_views),
		nines_test(copy_on_write),
		nines_test(rights),
		nines_test(stray_writes),
		nines_test(all_kinds_of_strays),
		nines_test(across_3_gb),
		nines_test(the_systems_part),
		nines_test(page_maps),
		nines_test_small(paging),
		nines_test(nothing_is_left),
		nines_test(after_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
