/* SPDX-License-Identifier: MIT
 *
 * What sections and views promise (SC-8, MV-12, CW-5, CW-6, CM-2, CM-5, CM-7), to the page; and the commit
 * limit: one page less than is needed fails with 1455 and changes nothing.
 */
#include "two.h"

#define PAGES 32
#define BYTES (PAGES * PAGE)
#define SECTION_TABLES 4            /* of a section's own map, up to 512 pages, the top one included */
#define REGION UINT64_C(0x20000000) /* 2 MB that have their tables */
#define FILLER UINT64_C(0x30000000)
#define FILLER_PAGES 500

static int setup(void **state)
{
	two_setup_with(state, 1 << 20, 1 << 20);
	struct two *two = *state;
	for (int i = 0; i < 2; i++)
		assert_non_null(VirtualAllocEx(two->place[i].process, at(REGION), PAGE,
		                               MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(at(FILLER), FILLER_PAGES * PAGE, MEM_RESERVE, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(at(FILLER), PAGE, MEM_COMMIT, PAGE_READWRITE));
	return 0;
}

#define charge_test(test) cmocka_unit_test_setup_teardown(test, setup, two_teardown)

/* So many pages can still be promised. */
static void leave(const struct two *two, uint64_t pages)
{
	assert_true(VirtualFree(at(FILLER + PAGE), (FILLER_PAGES - 1) * PAGE, MEM_DECOMMIT));
	ntmm_machine_counters c = counters_of(&two->place[0]);
	uint64_t filler = c.commit_limit - c.commit_total - pages;
	assert_in_range(filler, 1, FILLER_PAGES - 1);
	assert_non_null(VirtualAlloc(at(FILLER + PAGE), filler * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(two_commit(two), c.commit_limit - pages);
}

struct figures {
	uint64_t commit, usage[2], resident, tables;
};

static struct figures figures(const struct two *two)
{
	ntmm_machine_counters c = counters_of(&two->place[0]);
	return (struct figures){
		c.commit_total, {two_usage(two, 0), two_usage(two, 1)}, c.resident_total, c.tables};
}

static void expect_same(const struct two *two, struct figures before)
{
	struct figures now = figures(two);
	assert_memory_equal(&now, &before, sizeof now);
}

static LPVOID map_at(const struct two *two, int who, uint64_t offset, ULONG protect)
{
	return MapViewOfFile2(two->section, two->place[who].process, 0, at(REGION + offset), 0, 0,
	                      protect);
}

static HANDLE create(DWORD protect)
{
	return CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, BYTES, NULL);
}

/* SC-8, CM-7: all at once, given back with the last handle. */
static void section(void **state)
{
	struct two *two = *state;
	struct figures before = figures(two);
	HANDLE handle = create(PAGE_READWRITE);
	assert_int_equal(two_commit(two), before.commit + PAGES + SECTION_TABLES);
	assert_int_equal(two_usage(two, 0), before.usage[0]); /* nobody's private pages */
	assert_true(CloseHandle(handle));
	expect_same(two, before);
	leave(two, PAGES + SECTION_TABLES - 1);
	before = figures(two);
	assert_fails(create(PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	expect_same(two, before);
	leave(two, PAGES + SECTION_TABLES);
	handle = create(PAGE_READWRITE);
	assert_non_null(handle);
	assert_true(CloseHandle(handle));
}

/* SC-8, MV-40: by and by, once for all views; CM-7: back with the section only. */
static void reserved_section(void **state)
{
	struct two *two = *state;
	uint64_t before = two_commit(two);
	two->section = create(PAGE_READWRITE | SEC_RESERVE);
	assert_int_equal(two_commit(two), before + 1);
	char *a = map_at(two, 0, GRANULE, PAGE_READWRITE), *b = map_at(two, 1, GRANULE, PAGE_READWRITE);
	assert_int_equal(two_commit(two), before + 1);
	assert_non_null(VirtualAlloc(a, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(two_commit(two), before + SECTION_TABLES + 2);
	assert_non_null(VirtualAllocEx(two->place[1].process, b + PAGE, 2 * PAGE, MEM_COMMIT,
	                               PAGE_READWRITE));
	assert_int_equal(two_commit(two), before + SECTION_TABLES + 3);
	leave(two, 4);
	struct figures full = figures(two);
	assert_fails(VirtualAlloc(a, 8 * PAGE, MEM_COMMIT, PAGE_READONLY), ERROR_COMMITMENT_LIMIT);
	expect_same(two, full);
	assert_int_equal(protect_at(a), PAGE_READWRITE);
	assert_int_equal(state_at(a + 3 * PAGE), MEM_RESERVE);
	assert_succeeds(VirtualAlloc(a, 7 * PAGE, MEM_COMMIT, PAGE_READONLY));
	assert_int_equal(two_commit(two), full.commit + 4);
	assert_true(UnmapViewOfFile(a));
	assert_true(UnmapViewOfFile2(two->place[1].process, b, 0));
	assert_int_equal(two_commit(two), full.commit + 4); /* MV-44 */
	assert_true(VirtualFree(at(FILLER + PAGE), (FILLER_PAGES - 1) * PAGE, MEM_DECOMMIT));
	assert_true(CloseHandle(two->section));
	two->section = NULL;
	assert_int_equal(two_commit(two), before);
}

/* MV-12: a view that may copy promises all of it, to its process; others nothing. */
static void views(void **state)
{
	static const struct {
		DWORD protect;
		uint64_t pages;
	} cases[] = {{PAGE_NOACCESS, 0}, {PAGE_READONLY, 0}, {PAGE_READWRITE, 0}, {PAGE_EXECUTE_READWRITE, 0}, {PAGE_WRITECOPY, PAGES}, {PAGE_EXECUTE_WRITECOPY, PAGES}};
	struct two *two = *state;
	two->section = create(PAGE_EXECUTE_READWRITE);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t pages = cases[i].pages;
		leave(two, pages);
		struct figures before = figures(two);
		assert_non_null(map_at(two, 1, GRANULE, cases[i].protect));
		assert_int_equal(two_commit(two), before.commit + pages);
		assert_int_equal(two_usage(two, 1), before.usage[1] + pages);
		assert_true(UnmapViewOfFile2(two->place[1].process, at(REGION + GRANULE), 0));
		expect_same(two, before);
		if (!pages)
			continue;
		leave(two, pages - 1);
		before = figures(two);
		assert_fails(map_at(two, 1, GRANULE, cases[i].protect), ERROR_COMMITMENT_LIMIT);
		expect_same(two, before);
		assert_int_equal(two_query(two, 1, at(REGION + GRANULE)).State, MEM_FREE);
	}
}

/* CW-5, CM-5: copies cost nothing more, and can be made when nothing is left; they end with the view or
 * the process. */
static void copies(void **state)
{
	struct two *two = *state;
	two->section = create(PAGE_READWRITE);
	struct figures before = figures(two);
	char *a = map_at(two, 0, GRANULE, PAGE_WRITECOPY), *b = map_at(two, 1, GRANULE, PAGE_WRITECOPY);
	leave(two, 0);
	struct figures mapped = figures(two);
	for (int i = 0; i < PAGES; i++) {
		two_store(two, 0, a + i * PAGE, i);
		two_store(two, 1, b + i * PAGE, i + 100);
	}
	EmptyWorkingSet(two->place[0].process);
	ntmm_machine_balance(two->machine, 200);
	for (int i = 0; i < PAGES; i++) {
		assert_int_equal(two_load(two, 0, a + i * PAGE), i);
		assert_int_equal(two_load(two, 1, b + i * PAGE), i + 100);
	}
	assert_int_equal(two_commit(two), mapped.commit);
	assert_true(UnmapViewOfFile(a));
	assert_int_equal(two_commit(two), mapped.commit - PAGES);
	assert_true(VirtualFree(at(FILLER + PAGE), (FILLER_PAGES - 1) * PAGE, MEM_DECOMMIT));
	assert_int_equal(two_usage(two, 0), before.usage[0]);
	assert_true(TerminateProcess(two->place[1].process, 0));
	assert_true(two_commit(two) < before.commit);
}

/* CW-6: charged when the protection is set, once; the limit refuses it and nothing changes. */
static void protecting(void **state)
{
	struct two *two = *state;
	two->section = create(PAGE_READWRITE);
	char *a = map_at(two, 0, GRANULE, PAGE_READWRITE);
	DWORD old = 1;
	leave(two, 7);
	struct figures before = figures(two);
	assert_fails(VirtualProtect(a, 8 * PAGE, PAGE_WRITECOPY, &old), ERROR_COMMITMENT_LIMIT);
	expect_same(two, before);
	assert_int_equal(old, 1);
	assert_int_equal(protect_at(a), PAGE_READWRITE);
	assert_succeeds(VirtualProtect(a, 5 * PAGE, PAGE_WRITECOPY, &old));
	assert_int_equal(two_commit(two), before.commit + 5);
	assert_int_equal(two_usage(two, 0), before.usage[0] + 5);
	assert_succeeds(VirtualProtect(a + 3 * PAGE, 4 * PAGE, PAGE_WRITECOPY, &old));
	assert_int_equal(two_commit(two), before.commit + 7);
	assert_fails(VirtualProtect(a + 3 * PAGE, 5 * PAGE, PAGE_WRITECOPY, &old),
	             ERROR_COMMITMENT_LIMIT);
	assert_succeeds(VirtualProtect(a, 7 * PAGE, PAGE_READWRITE, &old));
	assert_succeeds(VirtualProtect(a, 7 * PAGE, PAGE_WRITECOPY, &old));
	assert_int_equal(two_commit(two), before.commit + 7);
	assert_true(UnmapViewOfFile(a));
	assert_int_equal(two_commit(two), before.commit);
	assert_int_equal(two_usage(two, 0), before.usage[0]);
}

/* The charges of both kinds in one call: what the first took is given back when the second fails. */
static void both(void **state)
{
	struct two *two = *state;
	two->section = create(PAGE_READWRITE | SEC_RESERVE);
	char *a = map_at(two, 0, GRANULE, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(a, PAGE, MEM_COMMIT, PAGE_READWRITE)); /* tables */
	for (unsigned left = 0; left < 8; left++) {
		leave(two, left);
		struct figures before = figures(two);
		assert_fails(VirtualAlloc(a + 4 * PAGE, 4 * PAGE, MEM_COMMIT, PAGE_WRITECOPY),
		             ERROR_COMMITMENT_LIMIT);
		expect_same(two, before);
	}
	leave(two, 8);
	assert_succeeds(VirtualAlloc(a + 4 * PAGE, 4 * PAGE, MEM_COMMIT, PAGE_WRITECOPY));
	for (unsigned left = 0; left < PAGES + 4; left++) { /* MV-12 and MV-17 */
		uint64_t base = REGION + 4 * GRANULE, size = 0;
		leave(two, left);
		struct figures before = figures(two);
		assert_int_equal(NtMapViewOfSection(two->section, GetCurrentProcess(), &base, 0,
		                                    8 * PAGE, NULL, &size, ViewShare, 0,
		                                    PAGE_WRITECOPY),
		                 left < PAGES + 3 ? STATUS_COMMITMENT_LIMIT : STATUS_SUCCESS);
		if (left < PAGES + 3)
			expect_same(two, before);
	}
}

/* Sections hold a frame each: when there are none it is 1450, and all come back. */
static void many_sections(void **state)
{
	struct two *two = *state;
	struct figures before = figures(two);
	HANDLE handles[400];
	unsigned count = 0;
	DWORD error = 0;
	for (; count < 400; count++) {
		handles[count] = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL,
		                                    PAGE_READWRITE | SEC_RESERVE, 0, PAGE, NULL);
		error = GetLastError();
		if (!handles[count])
			break;
	}
	assert_in_range(count, 100, 399);
	assert_int_equal(error, ERROR_NO_SYSTEM_RESOURCES);
	assert_true(ntmm_machine_check(two->machine));
	while (count)
		assert_true(CloseHandle(handles[--count]));
	struct figures now = figures(two);
	assert_int_equal(now.commit, before.commit);
	assert_int_equal(now.resident, before.resident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		charge_test(section),
		charge_test(reserved_section),
		charge_test(views),
		charge_test(copies),
		charge_test(protecting),
		charge_test(both),
		charge_test(many_sections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
