/* SPDX-License-Identifier: MIT
 *
 * Committing in views of SEC_RESERVE sections (MV-40 to MV-47, VQ-15, SV-33, SV-34), and what VirtualAlloc
 * and VirtualFree say of views at all.
 */
#include "two.h"

#define PAGES 32
#define BYTES (PAGES * PAGE)

static void expect_run(const struct two *two, int who, const char *at, DWORD state, DWORD protect,
                       uint64_t pages)
{
	MEMORY_BASIC_INFORMATION info = two_query(two, who, at);
	assert_int_equal(info.State, state);
	assert_int_equal(info.Protect, protect);
	assert_int_equal(info.RegionSize, pages * PAGE);
	assert_int_equal(info.Type, MEM_MAPPED);
}

/* MV-40, VQ-15, SV-33: committed for all, protected for one. */
static void seen_by_all(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	char *c = two_view(two, 0, PAGE_READONLY), *d = two_view(two, 1, PAGE_WRITECOPY);
	char *e = two_view(two, 1, PAGE_NOACCESS);
	expect_run(two, 0, a, MEM_RESERVE, 0, PAGES);
	assert_int_equal(two_query(two, 0, a).AllocationProtect, PAGE_READWRITE);
	assert_ptr_equal(VirtualAlloc(a + 4 * PAGE, 8 * PAGE, MEM_COMMIT, PAGE_READONLY),
	                 a + 4 * PAGE);
	char *const views[] = {a, b, c, d, e};
	static const int who[] = {0, 1, 0, 1, 1};
	static const DWORD protect[] = {PAGE_READONLY, PAGE_READWRITE, PAGE_READONLY,
	                                PAGE_WRITECOPY, PAGE_NOACCESS};
	for (int i = 0; i < 5; i++) {
		expect_run(two, who[i], views[i], MEM_RESERVE, 0, 4);
		expect_run(two, who[i], views[i] + 4 * PAGE, MEM_COMMIT, protect[i], 8);
		expect_run(two, who[i], views[i] + 6 * PAGE, MEM_COMMIT, protect[i], 6);
		expect_run(two, who[i], views[i] + 12 * PAGE, MEM_RESERVE, 0, PAGES - 12);
	}
	two_store(two, 1, b + 5 * PAGE, 3);
	assert_int_equal(two_load(two, 0, a + 5 * PAGE), 3);
	assert_int_equal(two_load(two, 1, d + 5 * PAGE), 3);
	assert_int_equal(store_raises(&two->place[0], a + 5 * PAGE), STATUS_ACCESS_VIOLATION);
}

/* MV-40 to the very end of the view, and of one that begins in the middle. */
static void parts(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *whole = two_view(two, 0, PAGE_READWRITE);
	char *upper = MapViewOfFile(two->section, FILE_MAP_WRITE, 0, GRANULE, 0);
	assert_non_null(upper);
	assert_non_null(VirtualAlloc(upper + 15 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	expect_run(two, 0, whole + 31 * PAGE, MEM_COMMIT, PAGE_READWRITE, 1);
	assert_non_null(VirtualAlloc(whole + 14 * PAGE, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	expect_run(two, 0, upper, MEM_COMMIT, PAGE_READWRITE, 2);
	two_store(two, 0, whole + 16 * PAGE, 8);
	assert_int_equal(two_load(two, 0, upper), 8);
	assert_non_null(VirtualAlloc(whole, BYTES, MEM_COMMIT, PAGE_READWRITE));
	expect_run(two, 0, upper, MEM_COMMIT, PAGE_READWRITE, 16);
	assert_int_equal(two_load(two, 0, upper), 8); /* VA-42 */
}

/* MV-41, MV-42: what is compatible with the view; again over what is committed. */
static void protections(void **state)
{
	static const DWORD tried[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE,
	                              PAGE_WRITECOPY, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE,
	                              PAGE_READWRITE | PAGE_GUARD};
	static const struct {
		DWORD view;
		unsigned allowed; /* bit i: tried[i] */
	} views[] = {{PAGE_READONLY, 0x0B}, {PAGE_WRITECOPY, 0x0B}, {PAGE_READWRITE, 0x4F}, {PAGE_NOACCESS, 0x01}};
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	for (unsigned v = 0; v < 4; v++) {
		char *view = two_view(two, 0, views[v].view);
		for (unsigned i = 0; i < 7; i++) {
			char *page = view + (v * 7 + i) * PAGE;
			bool allowed = views[v].allowed >> i & 1;
			if (!allowed) {
				assert_fails(VirtualAlloc(page, PAGE, MEM_COMMIT, tried[i]),
				             ERROR_INVALID_PARAMETER);
				assert_int_equal(state_at(page), MEM_RESERVE);
				continue;
			}
			assert_succeeds(VirtualAlloc(page, PAGE, MEM_COMMIT, tried[i]));
			assert_int_equal(protect_at(page), tried[i]);
			assert_succeeds(VirtualAlloc(page, PAGE, MEM_COMMIT, PAGE_NOACCESS));
			assert_int_equal(protect_at(page), PAGE_NOACCESS);
		}
		assert_true(UnmapViewOfFile(view));
	}
}

/* MV-43, MV-45, VA-41. */
static void wrong_ranges(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *view = two_view(two, 0, PAGE_READWRITE);
	assert_fails(VirtualAlloc(view + 31 * PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(view + BYTES, PAGE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(view, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(view + GRANULE, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	uint64_t base = address_in(view + 31 * PAGE), size = 2 * PAGE;
	assert_int_equal(NtAllocateVirtualMemory(GetCurrentProcess(), &base, 0, &size, MEM_COMMIT,
	                                         PAGE_READWRITE),
	                 STATUS_CONFLICTING_ADDRESSES);
	expect_run(two, 0, view, MEM_RESERVE, 0, PAGES);
}

/* A section without SEC_RESERVE is committed as it is: committing it changes protections. */
static void of_committed(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	uint64_t before = two_commit(two);
	char *a = two_view(two, 0, PAGE_READWRITE);
	two_store(two, 0, a, 6);
	uint64_t mapped = two_commit(two);
	assert_ptr_equal(VirtualAlloc(a, 2 * PAGE, MEM_COMMIT, PAGE_READONLY), a);
	assert_int_equal(two_commit(two), mapped);
	expect_run(two, 0, a, MEM_COMMIT, PAGE_READONLY, 2);
	assert_int_equal(two_load(two, 0, a), 6);
	assert_fails(VirtualAlloc(a, 2 * PAGE, MEM_COMMIT, PAGE_EXECUTE_READ),
	             ERROR_INVALID_PARAMETER);
	assert_true(UnmapViewOfFile(a));
	assert_int_equal(two_commit(two), before);
}

/* VF-6, MV-44, SV-34: neither kind of VirtualFree, anywhere in a view. */
static void not_freed(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *view = two_view(two, 0, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(view, BYTES / 2, MEM_COMMIT, PAGE_READWRITE));
	two_store(two, 0, view, 2);
	static const DWORD types[] = {MEM_DECOMMIT, MEM_RELEASE};
	static const uint64_t sizes[] = {0, 1, PAGE, BYTES, 2 * BYTES};
	for (unsigned t = 0; t < 2; t++)
		for (unsigned s = 0; s < 5; s++)
			for (unsigned offset = 0; offset < BYTES; offset += 7 * PAGE) {
				uint64_t base = address_in(view + offset), size = sizes[s];
				assert_int_equal(NtFreeVirtualMemory(GetCurrentProcess(), &base,
				                                     &size, types[t]),
				                 STATUS_UNABLE_TO_DELETE_SECTION);
			}
	assert_fails(VirtualFree(view, 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(view, BYTES, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
	assert_int_equal(two_load(two, 0, view), 2);
	expect_run(two, 0, view, MEM_COMMIT, PAGE_READWRITE, PAGES / 2);
}

/* MV-47, G-7, S66. */
static void not_accessible(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE), byte = 1;
	SIZE_T copied = 9;
	assert_int_equal(load_raises(&two->place[0], a), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(&two->place[1], b), STATUS_ACCESS_VIOLATION);
	assert_fails(ReadProcessMemory(two->place[1].process, b, &byte, 1, &copied),
	             ERROR_PARTIAL_COPY);
	assert_fails(WriteProcessMemory(two->place[1].process, b, &byte, 1, &copied),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualLock(a, PAGE), ERROR_NOACCESS);
	assert_non_null(VirtualAlloc(a, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(two_load(two, 1, b), 0);
	assert_int_equal(load_raises(&two->place[1], b + PAGE), STATUS_ACCESS_VIOLATION);
	assert_succeeds(VirtualLock(a, PAGE));
}

/* MV-46: accepted; others may want what is in them (VA-64). VA-5, VA-10 hold here too. */
static void reset(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(a, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	two_store(two, 0, a, 2);
	two_store(two, 1, b + PAGE, 3);
	assert_ptr_equal(VirtualAlloc(a, BYTES, MEM_RESET, PAGE_NOACCESS), a);
	assert_int_equal(two_load(two, 1, b), 2);
	assert_int_equal(two_load(two, 0, a + PAGE), 3);
	expect_run(two, 0, a, MEM_COMMIT, PAGE_READWRITE, 4);
	assert_ptr_equal(VirtualAlloc(a, BYTES, MEM_RESET_UNDO, PAGE_NOACCESS), a);
	assert_int_equal(OfferVirtualMemory(a, PAGE, VmOfferPriorityLow), ERROR_INVALID_PARAMETER);
	assert_int_equal(DiscardVirtualMemory(a, PAGE), ERROR_INVALID_PARAMETER);
	assert_int_equal(ReclaimVirtualMemory(a, PAGE), ERROR_INVALID_PARAMETER); /* OF-2 */
	assert_int_equal(two_load(two, 0, a), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(seen_by_all),
		two_test(parts),
		two_test(protections),
		two_test(wrong_ranges),
		two_test(of_committed),
		two_test(not_freed),
		two_test(not_accessible),
		two_test(reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
