/* SPDX-License-Identifier: MIT
 *
 * Copies and probes of memory that may not be accessible: how far they come, and what stops them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/user.h"
#include "native/signals.h"
#include "support/touch.h"

#define PAGE 4096

static void begin(void **state)
{
	(void)state;
	assert_int_equal(signals_take(), STATUS_SUCCESS); /* in front of cmocka's */
}

static void fill(char *at, size_t bytes, unsigned seed)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (char)(seed + i * 7 + i / 251);
}

static void whole_copies(void **state)
{
	static _Alignas(4096) char from[100000], to[100000];
	struct user_end end = {1, 1, 1};
	begin(state);
	fill(from, sizeof from, 3);
	assert_int_equal(user_copy(to, from, sizeof from, USER_SERVICE, &end), STATUS_SUCCESS);
	assert_memory_equal(to, from, sizeof from);
	assert_true(!end.left && !end.status && !end.address);
	assert_int_equal(user_copy(to, from + 1, 17, USER_OTHER, NULL), STATUS_SUCCESS);
	assert_memory_equal(to, from + 1, 17);
	assert_memory_equal(to + 17, from + 17, sizeof from - 17);
	/* all the ways there are */
	for (size_t bytes = 0; bytes < 6000; bytes += bytes < 200 ? 1 : 117) {
		for (unsigned beyond = 0; beyond < 70; beyond += 23) {
			memset(to, 0, sizeof to);
			char *at = to + beyond;
			assert_int_equal(user_copy(at, from, bytes, USER_SERVICE, &end), 0);
			assert_true(!end.left && !end.status);
			assert_memory_equal(to + beyond, from, bytes);
			assert_int_equal(to[beyond + bytes], 0);
		}
	}
	assert_int_equal(user_copy(NULL, NULL, 0, USER_SERVICE, &end), STATUS_SUCCESS);
	assert_int_equal(end.left, 0);
}

/* To the last byte before a page that cannot be accessed, from every distance. */
static void exact_ends(void **state)
{
	char *pages = host_pages(3 * PAGE, PROT_READ | PROT_WRITE), *edge = pages + 2 * PAGE;
	static _Alignas(4096) char other[4 * PAGE];
	struct user_end end;
	begin(state);
	mprotect(edge, PAGE, PROT_NONE);
	for (size_t before = 0; before <= 2 * PAGE; before += before < 300 ? 1 : 97) {
		fill(pages, 2 * PAGE, (unsigned)before);
		memset(other, 0, sizeof other);
		assert_int_equal(user_copy(other + 5, edge - before, before + 1 + before % 70,
		                           USER_SERVICE, &end),
		                 STATUS_ACCESS_VIOLATION);
		assert_int_equal(end.left, 1 + before % 70);
		assert_int_equal(end.address, (uintptr_t)edge);
		assert_memory_equal(other + 5, edge - before, before);
		assert_int_equal(other[5 + before], 0);

		fill(other, sizeof other, (unsigned)before + 1);
		assert_int_equal(user_copy(edge - before, other + 3, before + 1, USER_OTHER, &end),
		                 STATUS_ACCESS_VIOLATION);
		assert_int_equal(end.left, 1);
		assert_int_equal(end.address, (uintptr_t)edge);
		assert_memory_equal(other + 3, edge - before, before);
	}
	munmap(pages, 3 * PAGE);
}

static void what_stops_it(void **state)
{
	char path[] = "/tmp/ntmm-user-XXXXXX", byte = 1;
	int fd = mkstemp(path);
	struct user_end end;
	begin(state);
	assert_true(fd >= 0 && !unlink(path) && !ftruncate(fd, PAGE));
	char *view = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(user_copy(&byte, view + 8, 1, USER_SERVICE, &end), STATUS_IN_PAGE_ERROR);
	assert_int_equal(end.address, (uintptr_t)view + 8);
	assert_int_equal(user_probe(view, PAGE, true, USER_SERVICE, &end), STATUS_IN_PAGE_ERROR);
	assert_int_equal(user_copy((void *)0x8000000000000000, &byte, 1, USER_SERVICE, &end),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(end.address, UINT64_MAX); /* the processor does not tell */
	assert_int_equal(user_copy(&byte, NULL, 1, USER_SERVICE, &end), STATUS_ACCESS_VIOLATION);
	assert_int_equal(end.address, 0);
	assert_int_equal(byte, 1);
	munmap(view, PAGE);
	close(fd);
}

/* Each page of the range, and none beside it. */
static void probes(void **state)
{
	char *pages = host_pages(4 * PAGE, PROT_READ | PROT_WRITE);
	struct user_end end;
	begin(state);
	fill(pages, 4 * PAGE, 1);
	mprotect(pages, PAGE, PROT_NONE);
	mprotect(pages + 2 * PAGE, PAGE, PROT_READ);
	mprotect(pages + 3 * PAGE, PAGE, PROT_NONE);
	assert_int_equal(user_probe(pages + PAGE, 2 * PAGE, false, USER_SERVICE, NULL), 0);
	assert_int_equal(user_probe(pages + PAGE + 1, PAGE - 1, true, USER_SERVICE, NULL), 0);
	assert_int_equal(user_probe(pages + PAGE + 1, PAGE, true, USER_SERVICE, &end),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(end.address, (uintptr_t)pages + 2 * PAGE);
	assert_int_equal(user_probe(pages + 3 * PAGE - 1, 2, false, USER_SERVICE, &end),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(end.address, (uintptr_t)pages + 3 * PAGE);
	assert_int_equal(user_probe(pages + PAGE - 1, 1, false, USER_SERVICE, &end),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(user_probe(pages, 0, true, USER_SERVICE, NULL), 0);
	for (size_t i = PAGE; i < 3 * PAGE; i++)
		assert_int_equal(pages[i], (char)(1 + i * 7 + i / 251));
	munmap(pages, 4 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_copies),
		cmocka_unit_test(exact_ends),
		cmocka_unit_test(what_stops_it),
		cmocka_unit_test(probes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
