/* SPDX-License-Identifier: MIT
 *
 * base/os_lazy.h: memory that the host may take back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os_lazy.h"
#include "base/os_pages.h"
#include "support/processor.h"

#define PAGE 4096
#define PAGES 64

static char *map(int protection)
{
	char *memory = mmap(NULL, PAGES * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static uint64_t look(const char *memory, uint64_t pages)
{
	uint64_t full;
	assert_int_equal(os_lazy_look(memory, pages, &full), 0);
	return full;
}

static void take_away(char *memory)
{
	for (int tries = 0; tries < 10; tries++)
		os_pages_evict(memory, PAGES * PAGE);
}

static void begin(void **state)
{
	(void)state;
	if (os_lazy_works())
		return;
	print_message("the host does not allow it\n");
	skip();
}

static void any_byte_is_seen(void **state)
{
	begin(state);
	char *memory = map(PROT_READ | PROT_WRITE);
	assert_int_equal(look(memory, UINT64_MAX), 0);
	memory[0] = 1;
	memory[PAGE + 63] = 1;
	memory[2 * PAGE + 64] = 1;
	memory[63 * PAGE + PAGE - 1] = 1;
	assert_int_equal(look(memory, UINT64_MAX), UINT64_C(1) << 63 | 7);
	assert_int_equal(look(memory, UINT64_MAX - 2), UINT64_C(1) << 63 | 5);
	assert_int_equal(look(memory, 0), 0);
	munmap(memory, PAGES * PAGE);
}

static void what_cannot_be_read_is_told(void **state)
{
	uint64_t full = 5;
	begin(state);
	char *memory = map(PROT_READ | PROT_WRITE);
	assert_int_equal(mprotect(memory + 3 * PAGE, PAGE, PROT_NONE), 0);
	assert_int_equal(os_lazy_look(memory, 8, &full), EFAULT);
	assert_int_equal(os_lazy_look(memory, 15, &full), EFAULT);
	assert_int_equal(full, 5);
	assert_int_equal(look(memory, 7), 0);
	munmap(memory, PAGES * PAGE);
}

static void what_was_given_up_can_be_taken(void **state)
{
	begin(state);
	char *memory = map(PROT_READ | PROT_WRITE);
	memset(memory, 1, PAGES * PAGE);
	assert_int_equal(os_lazy_give(memory, PAGES * PAGE), 0);
	assert_int_equal(look(memory, UINT64_MAX), UINT64_MAX);
	memory[PAGE] = 2;
	assert_int_equal(os_lazy_keep(memory + 2 * PAGE, PAGE), 0);
	take_away(memory);
	assert_int_equal(look(memory, UINT64_MAX), 6);
	assert_int_equal(memory[PAGE], 2);
	assert_int_equal(memory[3 * PAGE - 1], 1);
	munmap(memory, PAGES * PAGE);
}

static void what_cannot_be_written_is_not_kept(void **state)
{
	begin(state);
	char *memory = map(PROT_READ | PROT_WRITE);
	memset(memory, 1, PAGES * PAGE);
	assert_int_equal(mprotect(memory, PAGES * PAGE, PROT_READ), 0);
	assert_int_equal(os_lazy_keep(memory, PAGES * PAGE), EINVAL);
	assert_int_equal(mprotect(memory, PAGES * PAGE, PROT_NONE), 0);
	assert_int_equal(os_lazy_keep(memory, PAGES * PAGE), EINVAL);
	munmap(memory, PAGES * PAGE);
}

/* A process that wants no large pages gets none. */
static void large_pages_can_be_refused(void **state)
{
	int status;
	begin(state);
	pid_t child = fork();
	if (!child) {
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		_exit(os_lazy_may_fill());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_byte_is_seen),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(what_was_given_up_can_be_taken),
		cmocka_unit_test(what_cannot_be_written_is_not_kept),
		cmocka_unit_test(large_pages_can_be_refused),
	};
	stay_on_processor();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
