/* SPDX-License-Identifier: MIT
 *
 * Private memory of the test's own process, with the N-th request to the host failing (G-2, VA-32).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "native.h"

/* ---- places to begin from -------------------------------------------------------------------- */

static void nothing(struct stage *s)
{
	(void)s;
}

static void reserved(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, MEM_RESERVE, RW);
}

/* Some committed, here and there: whole granules, parts of some, and both kinds of neighbours. */
static void partly(struct stage *s)
{
	reserved(s);
	allocate(s, 2, 3, MEM_COMMIT, RW);
	allocate(s, 14, 20, MEM_COMMIT, RW);
	allocate(s, 60, 2, MEM_COMMIT, RW);
	fill(s, 2, 3);
	fill(s, 14, 20);
}

static void several(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, BOTH, RW);
	fill(s, 0, PLACE_PAGES);
	protect(s, 4, 8, RO);
	protect(s, 15, 2, PAGE_EXECUTE_READ);
	protect(s, 30, 3, PAGE_NOACCESS);
	protect(s, 40, 20, RW | PAGE_GUARD);
}

static void with_holes(struct stage *s)
{
	several(s);
	decommit(s, 5, 1);
	decommit(s, 18, 26);
}

static void all_open(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, BOTH, RW);
	fill(s, 0, PLACE_PAGES);
}

static void all_readable(struct stage *s)
{
	all_open(s);
	protect(s, 0, PLACE_PAGES, RO);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool place(struct stage *s, uint32_t type, uint32_t protect)
{
	return VirtualAlloc(at_page(s, 0), PLACE_PAGES * PAGE, type, protect);
}

static bool reserve(struct stage *s)
{
	return place(s, MEM_RESERVE, RW);
}

static bool reserve_anywhere(struct stage *s)
{
	s->elsewhere = VirtualAlloc(NULL, 100 * PAGE, BOTH, RW);
	return s->elsewhere;
}

static void free_elsewhere(struct stage *s)
{
	assert_true(VirtualFree(s->elsewhere, 0, MEM_RELEASE));
}

static bool reserve_committed(struct stage *s)
{
	return place(s, BOTH, RW);
}

static bool reserve_readable(struct stage *s)
{
	return place(s, BOTH, RO);
}

static bool reserve_part(struct stage *s)
{
	return VirtualAlloc(at_page(s, 16), 19 * PAGE, BOTH, RW);
}

static bool commit_all(struct stage *s)
{
	return place(s, MEM_COMMIT, RW);
}

static bool commit_code(struct stage *s)
{
	return place(s, MEM_COMMIT, PAGE_EXECUTE_READWRITE);
}

static bool commit_guards(struct stage *s)
{
	return VirtualAlloc(at_page(s, 3), 40 * PAGE, MEM_COMMIT, RW | PAGE_GUARD);
}

static bool commit_some(struct stage *s)
{
	return VirtualAlloc(at_page(s, 3), 16 * PAGE, MEM_COMMIT, RW);
}

static bool protect_pages(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	return VirtualProtect(at_page(s, page), pages * PAGE, protect, &old);
}

static bool protect_readable(struct stage *s)
{
	return protect_pages(s, 0, PLACE_PAGES, RO);
}

static bool protect_open(struct stage *s)
{
	return protect_pages(s, 3, 55, RW);
}

static bool protect_none(struct stage *s)
{
	return protect_pages(s, 10, 40, PAGE_NOACCESS);
}

static bool decommit_all(struct stage *s)
{
	return VirtualFree(at_page(s, 0), 0, MEM_DECOMMIT);
}

static bool decommit_part(struct stage *s)
{
	return VirtualFree(at_page(s, 3), 50 * PAGE, MEM_DECOMMIT);
}

static bool release(struct stage *s)
{
	return VirtualFree(at_page(s, 0), 0, MEM_RELEASE);
}

/* VF-33. */
static bool release_middle(struct stage *s)
{
	uint64_t base = s->base + 7 * PAGE, size = 30 * PAGE;
	return succeeded(NtFreeVirtualMemory(GetCurrentProcess(), &base, &size, MEM_RELEASE));
}

static bool discard(struct stage *s)
{
	SetLastError(DiscardVirtualMemory(at_page(s, 0), PLACE_PAGES * PAGE));
	return !GetLastError();
}

static const struct attempt attempts[] = {
	{"reserve", nothing, reserve, NULL, 0},
	{"reserve anywhere", nothing, reserve_anywhere, free_elsewhere, 0},
	{"reserve and commit", nothing, reserve_committed, NULL, 0},
	{"reserve and commit a part", nothing, reserve_part, NULL, 0},
	{"reserve and commit read-only", nothing, reserve_readable, NULL, 0},
	{"commit all", reserved, commit_all, NULL, 0},
	{"commit some", reserved, commit_some, NULL, 0},
	{"commit guards", reserved, commit_guards, NULL, 0},
	{"commit what is partly committed", partly, commit_all, NULL, 0},
	{"commit some of that", partly, commit_some, NULL, 0},
	{"commit code over that", partly, commit_code, NULL, 0},
	{"commit guards over that", partly, commit_guards, NULL, 0},
	{"commit over several protections", several, commit_all, NULL, 0},
	{"commit into holes", with_holes, commit_all, NULL, 0},
	{"commit code into holes", with_holes, commit_code, NULL, 0},
	{"protect one run", all_open, protect_readable, NULL, 0},
	{"protect a part", all_open, protect_none, NULL, 0},
	{"protect several runs", several, protect_readable, NULL, 0},
	{"open several runs", several, protect_open, NULL, 0},
	{"close several runs", several, protect_none, NULL, 0},
	{"decommit all", all_open, decommit_all, NULL, 0},
	{"decommit a part", all_open, decommit_part, NULL, 0},
	{"decommit a part of several runs", several, decommit_part, NULL, 0},
	{"decommit what has holes", with_holes, decommit_part, NULL, 0},
	{"decommit what is read-only", all_readable, decommit_part, NULL, 0},
	{"release", all_open, release, NULL, 0},
	{"release several runs", several, release, NULL, 0},
	{"release what has holes", with_holes, release, NULL, 0},
	{"release the middle", several, release_middle, NULL, 0},
	{"discard", all_open, discard, NULL, 0},
};

static void private_memory(void **state)
{
	(void)state;
	native_attempts(attempts, sizeof attempts / sizeof attempts[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(private_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
