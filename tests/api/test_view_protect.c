/* SPDX-License-Identifier: MIT
 *
 * VirtualProtect on views (VP-20 to VP-22, VP-24 to VP-27), exhaustively; guard pages (GP) in them.
 */
#include "two.h"

#define PAGES 8
#define BYTES (PAGES * PAGE)
#define PROTECTIONS 8

enum { R = 1,
       W = 2,
       X = 4 };

static const struct {
	DWORD protect;
	unsigned set;  /* VP-20 */
	DWORD written; /* once a page is private */
} all[PROTECTIONS] = {
	{PAGE_NOACCESS, 0, PAGE_NOACCESS},
	{PAGE_READONLY, R, PAGE_READONLY},
	{PAGE_WRITECOPY, R, PAGE_READWRITE},
	{PAGE_READWRITE, R | W, PAGE_READWRITE},
	{PAGE_EXECUTE, R | X, PAGE_EXECUTE},
	{PAGE_EXECUTE_READ, R | X, PAGE_EXECUTE_READ},
	{PAGE_EXECUTE_WRITECOPY, R | X, PAGE_EXECUTE_READWRITE},
	{PAGE_EXECUTE_READWRITE, R | W | X, PAGE_EXECUTE_READWRITE},
};

static bool is_compatible(unsigned view, unsigned new)
{
	return !(all[new].set & ~all[view].set);
}

/* Tries `protect` on the first page, which is `now`. It is `now` or, on success, *changed. */
static void try_one(const struct two *two, char *view, DWORD now, unsigned mapped, unsigned new,
                    DWORD seen)
{
	uint64_t base = address_in(view), size = 1;
	uint32_t old = 0;
	NTSTATUS status = NtProtectVirtualMemory(two->place[0].process, &base, &size, all[new].protect,
	                                         &old);
	if (is_compatible(mapped, new) ? status : status != STATUS_SECTION_PROTECTION)
		fail_msg("mapped %#x, %#x to %#x: %#x", all[mapped].protect, now, all[new].protect,
		         (unsigned)status);
	DWORD then = status ? now : seen;
	if (!status)
		assert_int_equal(old, now);
	if (protect_at(view) != then)
		fail_msg("mapped %#x, %#x to %#x: is %#x", all[mapped].protect, now,
		         all[new].protect, protect_at(view));
	assert_int_equal(two_query(two, 0, view).AllocationProtect, all[mapped].protect); /* VP-10 */
}

/* VP-20, VP-21, VP-22: from every protection to every other, in every view of a section that allows
 * everything. */
static void compatible(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	for (unsigned mapped = 0; mapped < PROTECTIONS; mapped++)
		for (unsigned first = 0; first < PROTECTIONS; first++)
			for (unsigned second = 0; second < PROTECTIONS; second++) {
				char *view = two_view(two, 0, all[mapped].protect);
				DWORD now = all[mapped].protect;
				try_one(two, view, now, mapped, first, all[first].protect);
				now = protect_at(view);
				try_one(two, view, now, mapped, second, all[second].protect);
				assert_true(UnmapViewOfFile(view));
			}
}

/* Makes the first page private, by a store through some protection that copies. */
static bool make_private(struct two *two, char *view, unsigned mapped)
{
	if (!is_compatible(mapped, 2))
		return false;
	two_protect(two, 0, view, PAGE, PAGE_WRITECOPY);
	two_store(two, 0, view, 1);
	return true;
}

/* VP-24: the same of a page that is private already, in memory or paged out. */
static void compatible_private(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	for (unsigned mapped = 0; mapped < PROTECTIONS; mapped++)
		for (unsigned first = 0; first < PROTECTIONS; first++)
			for (unsigned way = 0; way < 3; way++) {
				char *view = two_view(two, 0, all[mapped].protect);
				if (make_private(two, view, mapped)) {
					if (way)
						EmptyWorkingSet(two->place[0].process);
					if (way == 2)
						ntmm_machine_balance(two->machine, 230);
					try_one(two, view, PAGE_READWRITE, mapped, first,
					        all[first].written);
				}
				assert_true(UnmapViewOfFile(view));
			}
}

/* Win32 errors of the same (SV-36); VP-27: the other view never changes. */
static void only_this_view(void **state)
{
	struct two *two = *state;
	DWORD old = 0xDEAD;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READONLY), *b = two_view(two, 1, PAGE_READWRITE);
	char *c = two_view(two, 0, PAGE_READWRITE);
	assert_fails(VirtualProtect(a, PAGE, PAGE_READWRITE, &old), ERROR_INVALID_PARAMETER);
	assert_int_equal(old, 0xDEAD);
	assert_succeeds(VirtualProtect(a, PAGE, PAGE_WRITECOPY, &old));
	assert_succeeds(VirtualProtect(a + PAGE, PAGE, PAGE_NOACCESS, &old));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(two_protect_at(two, 1, b + i * PAGE), PAGE_READWRITE);
		assert_int_equal(two_protect_at(two, 0, c + i * PAGE), PAGE_READWRITE);
		two_store(two, 1, b + i * PAGE, 40 + i);
		assert_int_equal(two_load(two, 0, c + i * PAGE), 40 + i);
	}
	assert_int_equal(two_load(two, 0, a), 40);
	assert_int_equal(load_raises(&two->place[0], a + PAGE), STATUS_ACCESS_VIOLATION);
}

/* VP-4, VP-25: past the view; over pages that are not committed; the latter after VP-20. */
static void ranges(void **state)
{
	struct two *two = *state;
	DWORD old;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *view = two_view(two, 0, PAGE_READONLY);
	assert_fails(VirtualProtect(view, PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(view, PAGE, PAGE_READWRITE, &old), ERROR_INVALID_PARAMETER);
	uint64_t base = address_in(view), size = PAGE;
	uint32_t was;
	assert_int_equal(NtProtectVirtualMemory(GetCurrentProcess(), &base, &size, PAGE_WRITECOPY, &was),
	                 STATUS_NOT_COMMITTED);
	assert_int_equal(NtProtectVirtualMemory(GetCurrentProcess(), &base, &size, PAGE_READWRITE, &was),
	                 STATUS_SECTION_PROTECTION);
	assert_non_null(VirtualAlloc(view + PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READONLY));
	assert_fails(VirtualProtect(view, 2 * PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(view + 2 * PAGE, 2 * PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualProtect(view + PAGE, 2 * PAGE, PAGE_NOACCESS, &old));
	assert_fails(VirtualProtect(view + 7 * PAGE, 2 * PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_ADDRESS);
}

/* VP-26, GP-2, GP-3: each view has guards of its own. */
static void guards(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE | SEC_NOCACHE | SEC_COMMIT);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	two_store(two, 0, a, 9);
	two_protect(two, 0, a, 3 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(two_load(two, 1, b), 9);
	assert_int_equal(protect_at(a), PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(load_raises(&two->place[0], a), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(protect_at(a), PAGE_READWRITE | PAGE_NOCACHE);
	assert_int_equal(two_load(two, 0, a), 9);
	two_protect(two, 1, b + PAGE, PAGE, PAGE_WRITECOPY | PAGE_GUARD);
	assert_int_equal(store_raises(&two->place[1], b + PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(two_protect_at(two, 1, b + PAGE), PAGE_WRITECOPY | PAGE_NOCACHE);
	assert_int_equal(protect_at(a + PAGE), PAGE_READWRITE | PAGE_GUARD);
	two_store(two, 1, b + PAGE, 4);
	assert_int_equal(two_protect_at(two, 1, b + PAGE), PAGE_READWRITE | PAGE_NOCACHE);
	two_protect(two, 1, b + PAGE, PAGE, PAGE_WRITECOPY | PAGE_GUARD);
	assert_int_equal(two_protect_at(two, 1, b + PAGE), PAGE_READWRITE | PAGE_GUARD); /* VP-24 */
	assert_int_equal(load_raises(&two->place[1], b + PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(two_load(two, 1, b + PAGE), 4);
	assert_int_equal(load_raises(&two->place[0], a + PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(two_load(two, 0, a + PAGE), 0);
}

/* VP-14, S23: what cannot be touched keeps its contents, and what others store meanwhile. */
static void no_access(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	two_store(two, 0, a, 1);
	two_store(two, 1, b + PAGE, 2);
	two_protect(two, 0, a, BYTES, PAGE_NOACCESS);
	two_protect(two, 1, b, BYTES, PAGE_NOACCESS);
	assert_int_equal(two_page(two, 1, b + PAGE).where, NTMM_PAGE_MODIFIED);
	assert_int_equal(load_raises(&two->place[0], a), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_raises(&two->place[1], b + PAGE), STATUS_ACCESS_VIOLATION);
	two_protect(two, 0, a, BYTES, PAGE_READWRITE);
	two_protect(two, 1, b, BYTES, PAGE_WRITECOPY);
	assert_int_equal(two_load(two, 0, a), 1);
	assert_int_equal(two_load(two, 1, b), 1);
	assert_int_equal(two_load(two, 1, b + PAGE), 2);
	assert_int_equal(two_load(two, 0, a + PAGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(compatible),
		two_test(compatible_private),
		two_test(only_this_view),
		two_test(ranges),
		two_test(guards),
		two_test(no_access),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
