/* SPDX-License-Identifier: MIT
 *
 * Opening an image and loading its fixups, each time with another allocation that fails: the error
 * is told, and nothing is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/fixups.h"
#include "support/pe.h"
#include "wrapped.h"

#define FIXUPS 600 /* more than there is room for at first */

static int read_file(void *context, uint64_t offset, void *to, uint32_t bytes)
{
	const struct pe *pe = context;
	memcpy(to, pe->bytes + offset, bytes);
	return 0;
}

static struct pe *with_fixups(void)
{
	static uint8_t data[0x2000];
	static struct pe_fixup fixup[FIXUPS];
	struct pe *pe = pe_new(PE_64, 0x180000000);
	uint32_t rva = pe_section(pe, ".data", data, sizeof data, sizeof data, PE_DATA);
	for (unsigned i = 0; i < FIXUPS; i++)
		fixup[i] = (struct pe_fixup){rva + 2 + i * 12, PE_DIR64, 0}; /* some cross */
	pe_relocations(pe, fixup, FIXUPS);
	return pe;
}

/* The number of requests that it made. */
static uint64_t use(const struct pe *pe, uint64_t fails_at, NTSTATUS *status)
{
	struct image_source source = {read_file, (void *)pe, pe->size};
	struct holdings before = holdings;
	struct image *image = NULL;
	struct image_fixups *fixups = NULL;
	order = (struct order){.kinds = ALLOC, .first = fails_at, .last = fails_at};
	*status = image_open(&source, &image);
	if (!*status)
		*status = image_fixups_load(image, &source, &fixups);
	assert_int_equal(!*status, fixups != NULL);
	image_fixups_free(fixups);
	image_free(image);
	assert_memory_equal(&holdings, &before, sizeof before);
	return order.requests;
}

static void each_allocation_fails(void **unused)
{
	struct pe *pe = with_fixups();
	NTSTATUS status;
	uint64_t requests = use(pe, 0, &status);
	(void)unused;
	assert_int_equal(status, STATUS_SUCCESS);
	assert_int_equal(requests, 5); /* image, fixups, their array and a larger one, crossings */
	for (uint64_t i = 1; i <= requests; i++) {
		use(pe, i, &status);
		assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
	}
	pe_free(pe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
