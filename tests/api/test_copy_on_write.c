/* SPDX-License-Identifier: MIT
 *
 * Sharing and copying (CW-1 to CW-8, PR-11, VP-24, SV-37, S30 to S32), wherever the pages are at the moment.
 */
#include "two.h"

#define PAGES 16
#define BYTES (PAGES * PAGE)

/* Everything leaves RAM that can. */
static void page_out(struct two *two)
{
	uint64_t frames = counters_of(&two->place[0]).ram;
	for (int i = 0; i < 2; i++)
		assert_true(EmptyWorkingSet(two->place[i].process));
	ntmm_machine_balance(two->machine, frames);
	char *big = must_commit(1 << 20, PAGE_READWRITE);
	for (int i = 0; i < 1 << 20; i += PAGE)
		two_store(two, 0, big + i, 1);
	assert_true(VirtualFree(big, 0, MEM_RELEASE));
}

/* CW-1, S30: one frame, in one process or two, with protections of any kind. */
static void shared(void **state)
{
	static const DWORD protect[] = {PAGE_READWRITE, PAGE_READONLY, PAGE_WRITECOPY,
	                                PAGE_EXECUTE_READ, PAGE_EXECUTE_WRITECOPY};
	struct two *two = *state;
	char *views[5];
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	for (int i = 0; i < 5; i++)
		views[i] = two_view(two, i % 2, protect[i]);
	for (int round = 0; round < 3; round++) {
		for (int p = 0; p < PAGES; p++) {
			two_store(two, 0, views[0] + p * PAGE, round * 100 + p);
			for (int i = 1; i < 5; i++) {
				assert_int_equal(two_load(two, i % 2, views[i] + p * PAGE),
				                 round * 100 + p);
				assert_int_equal(two_page(two, i % 2, views[i] + p * PAGE).frame,
				                 two_page(two, 0, views[0] + p * PAGE).frame);
			}
		}
		page_out(two);
	}
}

/* CW-2 to CW-4, PR-11: one process's copy of one page; what the other stores later does not show. */
static void copied(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	char *c = two_view(two, 1, PAGE_WRITECOPY);
	for (int p = 0; p < 3; p++) {
		two_store(two, 0, a + p * PAGE + 8, 10 + p);
		if (p)
			two_load(two, 1, b + p * PAGE); /* or the first access is the store */
		two_store(two, 0, a + p * PAGE + 8, 20 + p);
		two_store(two, 1, b + p * PAGE, 30 + p);
		two_store(two, 0, a + p * PAGE + 8, 40 + p);
		assert_int_equal(two_load(two, 1, b + p * PAGE), 30 + p);
		assert_int_equal(two_load(two, 1, b + p * PAGE + 8), 20 + p);
		assert_int_equal(two_load(two, 0, a + p * PAGE), 0);
		assert_int_equal(two_load(two, 1, c + p * PAGE + 8), 40 + p); /* the other view */
		assert_int_equal(two_query(two, 1, b).RegionSize, (p + 1) * PAGE);
		assert_int_equal(two_protect_at(two, 1, b), PAGE_READWRITE);
		assert_int_equal(two_protect_at(two, 1, b + (p + 1) * PAGE), PAGE_WRITECOPY);
		assert_int_equal(two_protect_at(two, 1, c), PAGE_WRITECOPY);
		page_out(two);
		assert_int_equal(two_protect_at(two, 1, b), PAGE_READWRITE);
		assert_int_equal(two_load(two, 1, b + p * PAGE + 8), 20 + p);
		assert_int_equal(two_query(two, 1, b).Type, MEM_MAPPED);
	}
}

/* Holes in what has been copied: runs are told apart exactly (VQ-8). */
static void runs(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *b = two_view(two, 1, PAGE_WRITECOPY);
	static const int written[] = {0, 1, 5, 6, 7, 15};
	static const int sizes[] = {2, 3, 3, 7, 1};
	for (int i = 0; i < 6; i++)
		two_store(two, 1, b + written[i] * PAGE, 1);
	for (int round = 0; round < 2; round++) {
		char *at = b;
		for (int i = 0; i < 5; i++) {
			MEMORY_BASIC_INFORMATION info = two_query(two, 1, at);
			assert_int_equal(info.RegionSize, sizes[i] * PAGE);
			assert_int_equal(info.Protect, i % 2 ? PAGE_WRITECOPY : PAGE_READWRITE);
			assert_ptr_equal(info.AllocationBase, b);
			at += info.RegionSize;
		}
		page_out(two);
	}
}

/* CW-2, CW-6, SV-37: pages made WRITECOPY by VirtualProtect copy from then on; back to READWRITE, those
 * still shared are written in common. */
static void by_protection(void **state)
{
	struct two *two = *state;
	two_section(two, 2 * PAGE, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	two_store(two, 0, a, 1); /* dirty, and in the translation buffer */
	two_store(two, 0, a + PAGE, 2);
	assert_int_equal(two_protect(two, 0, a, 2 * PAGE, PAGE_WRITECOPY), PAGE_READWRITE);
	two_store(two, 0, a, 7);
	assert_int_equal(two_load(two, 1, b), 1);
	assert_int_equal(protect_at(a), PAGE_READWRITE);
	assert_int_equal(two_query(two, 0, a).RegionSize, PAGE);
	assert_int_equal(protect_at(a + PAGE), PAGE_WRITECOPY);
	assert_int_equal(two_protect(two, 0, a, 2 * PAGE, PAGE_READWRITE), PAGE_READWRITE);
	assert_int_equal(two_query(two, 0, a).RegionSize, 2 * PAGE);
	two_store(two, 0, a, 8);
	two_store(two, 0, a + PAGE, 9);
	assert_int_equal(two_load(two, 1, b), 1); /* private stays private */
	assert_int_equal(two_load(two, 1, b + PAGE), 9);
	page_out(two);
	assert_int_equal(two_load(two, 0, a), 8);
	assert_int_equal(two_load(two, 1, b), 1);
}

/* VP-24, and the other way: a private page keeps its contents through every protection. */
static void private_protected(void **state)
{
	static const DWORD protect[] = {PAGE_READONLY, PAGE_NOACCESS, PAGE_WRITECOPY,
	                                PAGE_WRITECOPY | PAGE_GUARD};
	struct two *two = *state;
	two_section(two, PAGE, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	two_store(two, 1, b, 5);
	for (int i = 0; i < 4; i++) {
		two_protect(two, 1, b, PAGE, protect[i]);
		page_out(two);
		two_store(two, 0, a, 100 + i);
		assert_int_equal(two_protect_at(two, 1, b),
		                 i < 2 ? protect[i] : protect[i] - PAGE_WRITECOPY + PAGE_READWRITE);
		two_protect(two, 1, b, PAGE, PAGE_WRITECOPY);
		assert_int_equal(two_load(two, 1, b), 5);
		two_store(two, 1, b + 8, i);
		assert_int_equal(two_load(two, 0, a + 8), 0);
	}
}

/* CW-5, UV-3: copies die with the view; a new one shows the section. */
static void copies_end(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	two_store(two, 0, a, 3);
	for (int p = 0; p < PAGES; p++)
		two_store(two, 1, b + p * PAGE, 4);
	page_out(two);
	assert_true(UnmapViewOfFile2(two->place[1].process, b, 0));
	char *again = two_view(two, 1, PAGE_WRITECOPY);
	assert_ptr_equal(again, b);
	assert_int_equal(two_load(two, 1, b), 3);
	assert_int_equal(two_load(two, 1, b + PAGE), 0);
	assert_int_equal(two_protect_at(two, 1, b), PAGE_WRITECOPY);
}

/* MEM_RESET of a copy gives its contents up (VA-64), not that it is a copy. */
static void copy_reset(void **state)
{
	struct two *two = *state;
	two_section(two, 2 * PAGE, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	HANDLE other = two->place[1].process;
	for (int p = 0; p < 2; p++) {
		two_store(two, 0, a + p * PAGE, 3);
		two_store(two, 1, b + p * PAGE, 4);
		if (p)
			page_out(two);
		assert_non_null(VirtualAllocEx(other, b + p * PAGE, PAGE, MEM_RESET, PAGE_READWRITE));
		page_out(two);
		assert_int_equal(two_protect_at(two, 1, b + p * PAGE), PAGE_READWRITE);
		assert_null(VirtualAllocEx(other, b + p * PAGE, PAGE, MEM_RESET_UNDO, PAGE_READWRITE));
		assert_int_equal(two_protect_at(two, 1, b + p * PAGE), PAGE_READWRITE);
		if (!p)
			assert_int_equal(two_load(two, 1, b + p * PAGE), 0);
		page_out(two); /* a page of zeroes, that is the process's own all the same */
		assert_int_equal(two_protect_at(two, 1, b + p * PAGE), PAGE_READWRITE);
		assert_int_equal(two_load(two, 1, b + p * PAGE), 0);
		assert_non_null(VirtualAllocEx(other, b + p * PAGE, PAGE, MEM_RESET_UNDO,
		                               PAGE_READWRITE)); /* VA-69: nothing is lost now */
		two_store(two, 1, b + p * PAGE, 5);
		assert_int_equal(two_load(two, 0, a + p * PAGE), 3);
	}
}

/* CW-8: a new process has no views, whoever made it. */
static void not_inherited(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE);
	MEMORY_BASIC_INFORMATION info;
	HANDLE child = ntmm_process_create(two->machine, NTMM_LAYOUT_NT32_2GB);
	assert_non_null(child);
	assert_int_equal(VirtualQueryEx(child, a, &info, sizeof info), sizeof info);
	assert_int_equal(info.State, MEM_FREE);
	assert_true(CloseHandle(child));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(shared),
		two_test(copied),
		two_test(runs),
		two_test(by_protection),
		two_test(private_protected),
		two_test(copies_end),
		two_test(copy_reset),
		two_test(not_inherited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
