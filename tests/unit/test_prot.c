/* SPDX-License-Identifier: MIT
 *
 * Protections: all values of twelve bits against the rules said plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "space/prot.h"

#define NOACCESS 0x01u
#define READONLY 0x02u
#define READWRITE 0x04u
#define WRITECOPY 0x08u
#define EXECUTE 0x10u
#define EXECUTE_READ 0x20u
#define EXECUTE_READWRITE 0x40u
#define EXECUTE_WRITECOPY 0x80u
#define GUARD 0x100u
#define NOCACHE 0x200u
#define WRITECOMBINE 0x400u

static unsigned bits(uint32_t value)
{
	return (unsigned)__builtin_popcount(value);
}

static bool is_valid(uint32_t win32)
{
	bool has_one_base = bits(win32 & 0xFF) == 1;                   /* PR-1 */
	bool has_one_modifier = bits(win32 & 0x700) <= 1;              /* PR-3, PR-4, S29 */
	bool is_modified_noaccess = win32 & NOACCESS && win32 & 0x700; /* PR-2, PR-3, PR-4, S27 */
	bool has_unknown = win32 >= 0x800;                             /* PR-5 */

	return has_one_base && has_one_modifier && !is_modified_noaccess && !has_unknown;
}

/* PR-1 to PR-5; what is valid comes back as it was. */
static void every_value_follows_the_rules(void **unused)
{
	unsigned valid = 0;

	(void)unused;
	for (uint32_t win32 = 0; win32 < 0x1000; win32++) {
		prot_t prot = 0xEE;
		bool accepted = prot_from_win32(win32, &prot);
		assert_int_equal(accepted, is_valid(win32));
		assert_int_equal(accepted ? prot_to_win32(prot) : win32, win32);
		assert_true(accepted ? prot <= ATTR_PROT_MASK : prot == 0xEE);
		valid += accepted;
	}
	assert_int_equal(valid, 8 + 7 * 3);
}

/* PR-5, and PR-6, whose bit the caller takes off. */
static void higher_bits_are_refused(void **unused)
{
	prot_t prot;

	(void)unused;
	for (unsigned bit = 11; bit < 32; bit++)
		assert_false(prot_from_win32(READWRITE | 1u << bit, &prot));
}

/* PG-16: the codes themselves. */
static void codes_are_those_of_the_page_tables(void **unused)
{
	static const struct {
		uint32_t win32;
		prot_t code;
	} known[] = {
		{READONLY, 1},
		{EXECUTE, 2},
		{EXECUTE_READ, 3},
		{READWRITE, 4},
		{WRITECOPY, 5},
		{EXECUTE_READWRITE, 6},
		{EXECUTE_WRITECOPY, 7},
		{READWRITE | NOCACHE, 0x0C},
		{READWRITE | GUARD, 0x14},
		{READWRITE | WRITECOMBINE, 0x1C},
		{NOACCESS, 0x18},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
		prot_t prot;
		assert_true(prot_from_win32(known[i].win32, &prot));
		assert_int_equal(prot, known[i].code);
	}
}

/* A reserved page has no protection, nor has a decommitted one (PG-16). */
static void codes_without_access_are_no_protection(void **unused)
{
	(void)unused;
	assert_int_equal(prot_to_win32(0), 0);
	assert_int_equal(prot_to_win32(PROT_NOCACHE), 0);
	assert_int_equal(prot_to_win32(PROT_GUARD), 0);
}

/* S19 to S26, PR-10, PR-11: what each base protection allows, with any modifier. */
static void access_follows_the_protection(void **unused)
{
	static const uint32_t modifiers[] = {0, GUARD, NOCACHE, WRITECOMBINE};
	static const struct {
		uint32_t win32;
		bool read, write, execute, copy;
	} known[] = {
		{READONLY, true, false, false, false},
		{READWRITE, true, true, false, false},
		{WRITECOPY, true, true, false, true},
		{EXECUTE, true, false, true, false},
		{EXECUTE_READ, true, false, true, false},
		{EXECUTE_READWRITE, true, true, true, false},
		{EXECUTE_WRITECOPY, true, true, true, true},
	};

	(void)unused;
	for (unsigned i = 0; i < 4 * sizeof known / sizeof *known; i++) {
		prot_t prot;
		assert_true(prot_from_win32(known[i / 4].win32 | modifiers[i % 4], &prot));
		assert_int_equal(prot_can_read(prot), known[i / 4].read);
		assert_int_equal(prot_can_write(prot), known[i / 4].write);
		assert_int_equal(prot_can_execute(prot), known[i / 4].execute);
		assert_int_equal(prot_is_copy(prot), known[i / 4].copy);
		assert_int_equal(prot_is_guard(prot), modifiers[i % 4] == GUARD);
	}
}

/* S23. */
static void noaccess_allows_nothing(void **unused)
{
	(void)unused;
	assert_false(prot_can_read(PROT_NOACCESS));
	assert_false(prot_can_write(PROT_NOACCESS));
	assert_false(prot_can_execute(PROT_NOACCESS));
	assert_false(prot_is_copy(PROT_NOACCESS));
	assert_false(prot_is_guard(PROT_NOACCESS));
}

/* PR-8: what the allocation keeps for all its pages. NOACCESS shares its bits with WRITECOMBINE. */
static void cache_attributes_are_told_from_the_rest(void **unused)
{
	(void)unused;
	assert_int_equal(prot_cache_of(PROT_READWRITE), 0);
	assert_int_equal(prot_cache_of(PROT_READWRITE | PROT_GUARD), 0);
	assert_int_equal(prot_cache_of(PROT_READWRITE | PROT_NOCACHE), PROT_NOCACHE);
	assert_int_equal(prot_cache_of(PROT_READONLY | PROT_WRITECOMBINE), PROT_WRITECOMBINE);
	assert_int_equal(prot_cache_of(PROT_NOACCESS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_follows_the_rules),
		cmocka_unit_test(higher_bits_are_refused),
		cmocka_unit_test(codes_are_those_of_the_page_tables),
		cmocka_unit_test(codes_without_access_are_no_protection),
		cmocka_unit_test(access_follows_the_protection),
		cmocka_unit_test(noaccess_allows_nothing),
		cmocka_unit_test(cache_attributes_are_told_from_the_rest),
	};

	return cmocka_run_group_tests_name("prot", tests, NULL, NULL);
}
