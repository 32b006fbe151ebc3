/* SPDX-License-Identifier: MIT */
#include "native_look.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/machine.h>

#include "native/check.h"
#include "support/touch.h"

uint64_t charged(void)
{
	return atomic_load(&native_now()->ledger.total);
}

#define LAST (PAGE - 1) /* byte of a page */

/* Without touching it. */
static bool look_into(const void *at, uint8_t *bytes)
{
	static int fd = -1;
	if (fd < 0)
		fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	return pread(fd, bytes, PAGE, (off_t)(uintptr_t)at) == (ssize_t)PAGE;
}

static bool is_marked(const struct stage *s, unsigned page)
{
	void *found;
	ULONG_PTR count = 1;
	DWORD granularity;
	return !GetWriteWatch(0, at_page(s, page), PAGE, &found, &count, &granularity) && count;
}

/* Whether the page shows what is stored through the other view of the section. It is not touched. */
static bool is_shared(const struct stage *s, unsigned page)
{
	uint8_t *there = s->other + page * PAGE + LAST, bytes[PAGE];
	uint8_t old = peek(there), new = old ^ 0x55;
	poke(there, new);
	bool seen = look_into(at_page(s, page), bytes) && bytes[LAST] == new;
	poke(there, old);
	return seen;
}

void look(const struct stage *s, struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof *snapshot);
	for (unsigned n = 0; n < PLACE_PAGES; n++) {
		struct view_of_page *page = &snapshot->pages[n];
		VirtualQuery(at_page(s, n), &page->info, sizeof page->info);
		page->locked = locked_has(&native_now()->locked, (s->base >> 12) + n);
		page->marked = is_marked(s, n);
		page->known = page->info.State == MEM_COMMIT && look_into(at_page(s, n), page->bytes);
		page->shared = s->other && page->known && is_shared(s, n);
	}
	snapshot->charged = charged();
	snapshot->holdings = holdings;
}

static void expect_page(unsigned n, const struct view_of_page *before,
                        const struct view_of_page *after, unsigned even_so)
{
	if (memcmp(&before->info, &after->info, sizeof before->info))
		fail_msg("page %u: state %#x, protection %#x, region %zu; was %#x, %#x, %zu", n,
		         after->info.State, after->info.Protect, after->info.RegionSize,
		         before->info.State, before->info.Protect, before->info.RegionSize);
	bool locks_same = before->locked == after->locked || (even_so & MAY_UNLOCK && before->locked);
	bool marks_same = before->marked == after->marked || (even_so & MAY_MARK && after->marked);
	if (!locks_same || !marks_same)
		fail_msg("page %u: locked %u, marked %u", n, after->locked, after->marked);
	if (before->known && memcmp(before->bytes, after->bytes, PAGE))
		fail_msg("page %u has other contents", n);
	if (before->shared != after->shared)
		fail_msg("page %u is%s shared", n, after->shared ? "" : " not");
}

void expect_unchanged(const struct stage *s, const struct snapshot *before, unsigned even_so)
{
	static struct snapshot after;
	look(s, &after);
	for (unsigned n = 0; n < PLACE_PAGES; n++)
		expect_page(n, &before->pages[n], &after.pages[n], even_so);
	assert_int_equal(after.charged, before->charged);
	assert_int_equal(after.holdings.files, before->holdings.files);
}

static bool is_offered(const struct stage *s, unsigned n)
{
	return runs_at(&native_now()->space.runs, s->base / PAGE + n).attr & ATTR_OFFERED;
}

#define RETURN 0xC3

static void do_run(void *context)
{
	run_code(context);
}

/* Code that does nothing. */
static void expect_executable(void *at)
{
	EXCEPTION_RECORD record;
	assert_true(ntmm_try(do_run, at, &record));
}

/* By touches. */
void expect_accessible(const struct stage *s)
{
	for (unsigned n = 0; n < PLACE_PAGES; n++) {
		MEMORY_BASIC_INFORMATION info;
		uint32_t load = (uint32_t)STATUS_ACCESS_VIOLATION, store = load;
		VirtualQuery(at_page(s, n), &info, sizeof info);
		bool there = info.State == MEM_COMMIT && !is_offered(s, n);
		if (there && info.Protect & PAGE_GUARD)
			load = (uint32_t)STATUS_GUARD_PAGE_VIOLATION;
		else if (there && info.Protect != PAGE_NOACCESS)
			load = 0;
		if (there && info.Protect & 0xCC)
			store = 0;
		assert_int_equal(touch(at_page(s, n), false), load);
		assert_int_equal(touch(at_page(s, n), true), store);
		if (!load && info.Protect & 0xF0 && peek(at_page(s, n)) == RETURN)
			expect_executable(at_page(s, n));
	}
}

void check(uint64_t most_lagging)
{
	uint64_t lagging;
	if (!native_check(native_now(), &lagging))
		fail_msg("%s", ntmm_error_message());
	if (lagging > most_lagging)
		fail_msg("%" PRIu64 " pages are less accessible than protected", lagging);
}

/* CW-1, CW-2. What has been copied before stays so. */
void expect_sharing(const struct stage *s, const struct snapshot *before)
{
	for (unsigned n = 0; s->other && n < PLACE_PAGES; n++) {
		const struct view_of_page *page = &before->pages[n];
		uint8_t *there = s->other + n * PAGE + LAST, *here = (uint8_t *)at_page(s, n) + LAST;
		MEMORY_BASIC_INFORMATION info;
		VirtualQuery(here, &info, sizeof info);
		if (info.State != MEM_COMMIT || info.Protect & PAGE_GUARD || !(info.Protect & 0xCC))
			continue;
		bool shared = !page->known || page->shared;
		uint8_t old = peek(there), new = old ^ 0xAA;
		poke(here, new);
		assert_int_equal(peek(here), new);
		assert_int_equal(peek(there), shared && info.Protect & 0x44 ? new : old);
	}
}
