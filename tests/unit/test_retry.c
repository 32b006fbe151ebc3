/* SPDX-License-Identifier: MIT
 *
 * What a fault is asked about, and how often an instruction runs again: the rules' answer is made
 * up here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ntmm/native.h>

#include "base/user.h"
#include "native/fault.h"
#include "native/signals.h"
#include "support/touch.h"

#define PAGE 4096

static struct {
	struct fault fault; /* the last */
	unsigned asked;
	unsigned open_at; /* the page is opened at that question; 0: never */
	char *page;
} rules;

enum fault_answer __wrap_fault_resolve(const struct fault *fault, NTSTATUS *status);
enum fault_answer __wrap_fault_resolve(const struct fault *fault, NTSTATUS *status)
{
	rules.fault = *fault;
	if (++rules.asked == rules.open_at)
		mprotect(rules.page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (fault->address - (uintptr_t)rules.page < PAGE)
		return FAULT_RETRY;
	*status = STATUS_ACCESS_VIOLATION;
	return FAULT_RAISE;
}

static void begin(void **state, unsigned open_at)
{
	(void)state;
	assert_int_equal(signals_take(), STATUS_SUCCESS); /* in front of cmocka's */
	if (!rules.page)
		rules.page = host_pages(PAGE, PROT_NONE);
	mprotect(rules.page, PAGE, PROT_NONE);
	rules.asked = 0;
	rules.open_at = open_at;
}

static void peek_body(void *address)
{
	peek(address);
}

static void poke_body(void *address)
{
	poke(address, 7);
}

static void run_body(void *address)
{
	run_code(address);
}

/* The rules allow what the host never does. */
static void refused_for_ever(void **state)
{
	static void (*const bodies[])(void *) = {peek_body, poke_body, run_body};
	for (unsigned i = 0; i < 3; i++) {
		EXCEPTION_RECORD record;
		begin(state, 0);
		assert_false(ntmm_try(bodies[i], rules.page + 9, &record));
		assert_int_equal(record.ExceptionCode, EXCEPTION_ACCESS_VIOLATION);
		assert_int_equal(record.ExceptionInformation[1], (uintptr_t)rules.page + 9);
		assert_in_range(rules.asked, 2, 10000);
	}
	begin(state, 0);
	assert_int_equal(user_probe(rules.page, 1, true, USER_SERVICE, NULL),
	                 STATUS_ACCESS_VIOLATION);
	assert_in_range(rules.asked, 2, 10000);
}

static void allowed_in_the_end(void **state)
{
	static const unsigned tries[] = {1, 2, 15, 16, 17, 100, 200};
	for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
		begin(state, tries[i]);
		assert_true(ntmm_try(peek_body, rules.page, NULL));
		begin(state, tries[i]);
		assert_true(ntmm_try(poke_body, rules.page + 1, NULL));
		assert_int_equal(rules.page[1], 7);
		rules.page[2] = (char)0xC3;
		begin(state, tries[i]);
		assert_true(ntmm_try(run_body, rules.page + 2, NULL));
		begin(state, tries[i]);
		assert_int_equal(user_probe(rules.page, 1, false, USER_SERVICE, NULL), 0);
	}
}

/* The same instruction faults at the same address again and again, and each time that was of
 * use. */
static void refused_and_allowed_in_turn(void **state)
{
	char byte = 3;
	for (unsigned i = 0; i < 5000; i++) {
		begin(state, 1);
		poke(rules.page, (uint8_t)i);
		assert_int_equal((uint8_t)rules.page[0], (uint8_t)i);
	}
	for (unsigned i = 0; i < 5000; i++) {
		begin(state, 1);
		assert_int_equal(user_copy(rules.page, &byte, 1, USER_SERVICE, NULL), 0);
	}
}

/* Who accesses, and how. */
static void asks(const struct fault *expected)
{
	assert_int_equal(rules.fault.mode, expected->mode);
	assert_int_equal(rules.fault.access, expected->access);
	assert_int_equal(rules.fault.address, (uintptr_t)rules.page + expected->address);
}

static void what_is_asked(void **state)
{
	char here[8] = {0};
	begin(state, 1);
	poke(rules.page + 3, 1);
	asks(&(struct fault){3, NTMM_STORE, MODE_USER});
	begin(state, 1);
	peek(rules.page + 4);
	asks(&(struct fault){4, NTMM_LOAD, MODE_USER});

	static const struct {
		enum user_way way;
		enum access_mode load, store;
	} ways[] = {
		{USER_SERVICE, MODE_SERVICE, MODE_SERVICE},
		{USER_LOAD_OTHER, MODE_FOREIGN, MODE_SERVICE},
		{USER_STORE_OTHER, MODE_SERVICE, MODE_FOREIGN},
		{USER_OTHER, MODE_FOREIGN, MODE_FOREIGN},
	};
	for (unsigned i = 0; i < 4; i++) {
		begin(state, 1);
		assert_int_equal(user_copy(here, rules.page + 5, 8, ways[i].way, NULL), 0);
		asks(&(struct fault){5, NTMM_LOAD, ways[i].load});
		begin(state, 1);
		assert_int_equal(user_copy(rules.page + 6, here, 8, ways[i].way, NULL), 0);
		asks(&(struct fault){6, NTMM_STORE, ways[i].store});
		begin(state, 1);
		assert_int_equal(user_probe(rules.page + 7, 1, false, ways[i].way, NULL), 0);
		asks(&(struct fault){7, NTMM_LOAD, ways[i].load});
		begin(state, 1);
		assert_int_equal(user_probe(rules.page + 8, 1, true, ways[i].way, NULL), 0);
		asks(&(struct fault){8, NTMM_STORE, ways[i].store});
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_for_ever),
		cmocka_unit_test(allowed_in_the_end),
		cmocka_unit_test(refused_and_allowed_in_turn),
		cmocka_unit_test(what_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
