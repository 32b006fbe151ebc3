/* SPDX-License-Identifier: MIT
 *
 * The bits of page-map entries that others read, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "machine/map/pte.h"

/* PG-12: file in bits 1 to 4, protection in 5 to 9, page of the file in 32 to 63. */
static void paged_out(void **state)
{
	static const uint32_t files[] = {0, 1, 15}, pages[] = {1, 77, SLOT_PAGES - 1};
	(void)state;
	for (int f = 0; f < 3; f++)
		for (int p = 0; p < 3; p++) {
			slot_t slot = slot_of(files[f], pages[p]);
			struct pte pte = pte_paged_out(slot, PROT_READWRITE);
			assert_int_equal(pte.raw, (uint64_t)pages[p] << 32 |
			                                  PROT_READWRITE << 5 | files[f] << 1);
			assert_true(pte_is_paged_out(pte));
			assert_false(pte_is_resident(pte));
			assert_false(pte_is_discarded(pte));
			assert_int_equal(pte_slot(pte), slot);
			assert_int_equal(pte_prot(pte), PROT_READWRITE);
			assert_int_equal(slot_file(slot), files[f]);
			assert_int_equal(slot_page(slot), pages[p]);
			pte = pte_with_soft_prot(pte, PROT_NOACCESS);
			assert_int_equal(pte_slot(pte), slot);
		}
}

/* Slots in a row are pages in a row; the last page of a file and the first of the next are not. */
static void in_a_row(void **state)
{
	(void)state;
	assert_int_equal(slot_of(3, 8) + 4, slot_of(3, 12));
	assert_int_not_equal(slot_of(3, SLOT_PAGES - 1) + 1, slot_of(4, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paged_out),
		cmocka_unit_test(in_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
