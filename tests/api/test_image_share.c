/* SPDX-License-Identifier: MIT
 *
 * One image in several processes: who has which frame, before and after a write; what that costs
 * (IM-3, IM-11, IM-13, IM-14, CW-4, CW-5, CW-7, PM-11, VP-23, VP-24, VQ-8, S22, S30, S31, S32).
 */
#include "image.h"

/* S30, S31: as long as nobody writes, all processes have each page in one frame. */
static void one_frame(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	for (unsigned page = 0; page < IMAGE_PAGES; page++) {
		if (page >= GAP && page < RSRC)
			continue;
		for (int who = 0; who < 2; who++)
			image_load(l, who, view[who] + page * PAGE);
		assert_int_equal(image_frame(l, 0, view[0] + page * PAGE),
		                 image_frame(l, 1, view[1] + page * PAGE));
	}
}

/* S22, S32, IM-13, CW-4: a write makes a copy, and leaves the other process alone. */
static void copies(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)}, *page = view[0] + (DATA + 1) * PAGE;
	image_load(l, 1, view[1] + (DATA + 1) * PAGE);
	uint64_t shared = image_frame(l, 1, view[1] + (DATA + 1) * PAGE);
	image_store(l, 0, page + 5, 0xAB);
	assert_int_not_equal(image_frame(l, 0, page), shared);
	assert_int_equal(image_frame(l, 1, view[1] + (DATA + 1) * PAGE), shared);
	assert_int_equal(image_load(l, 0, page + 5), 0xAB);
	assert_int_equal(image_load(l, 0, page + 6), image_byte(DATA + 1, 6));
	assert_int_equal(image_load(l, 1, view[1] + (DATA + 1) * PAGE + 5),
	                 image_byte(DATA + 1, 5));
	assert_int_equal(two_protect_at(l->two, 0, page), PAGE_READWRITE);
	assert_int_equal(two_query(l->two, 0, page).RegionSize, PAGE); /* VQ-8 */
	assert_int_equal(two_protect_at(l->two, 0, page - PAGE), PAGE_WRITECOPY);
	assert_int_equal(two_protect_at(l->two, 1, view[1] + (DATA + 1) * PAGE), PAGE_WRITECOPY);
	image_unmap(l, 0, view[0]); /* CW-5: what was written is gone */
	assert_ptr_equal(image_map(l, 0), view[0]);
	assert_int_equal(image_load(l, 0, page + 5), image_byte(DATA + 1, 5));
}

/* The part without bytes in the file: copied from zeros. */
static void copies_zeros(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	uint64_t at = (DATA + 2) * PAGE;
	image_store(l, 0, view[0] + at, 7);
	assert_int_equal(image_load(l, 1, view[1] + at), 0);
	image_store(l, 1, view[1] + at + 1, 8);
	assert_int_equal(image_load(l, 0, view[0] + at + 1), 0);
	assert_int_equal(image_load(l, 0, view[0] + at), 7);
}

/* IM-11: one copy for all, at any base. */
static void shared_section(void **state)
{
	struct loaded *l = *state;
	char *other, *view[2] = {image_map(l, 0), image_map(l, 1)};
	assert_int_equal(image_map_at(l, 0, 0x30000000, &other), STATUS_IMAGE_NOT_AT_BASE);
	image_store(l, 0, view[0] + SHARED * PAGE + 9, 0x55);
	assert_int_equal(image_load(l, 1, view[1] + SHARED * PAGE + 9), 0x55);
	assert_int_equal(image_load(l, 0, other + SHARED * PAGE + 9), 0x55);
	image_store(l, 1, view[1] + (SHARED + 1) * PAGE, 0x66);
	assert_int_equal(image_load(l, 0, other + (SHARED + 1) * PAGE), 0x66);
	assert_int_equal(image_frame(l, 0, other + (SHARED + 1) * PAGE),
	                 image_frame(l, 1, view[1] + (SHARED + 1) * PAGE));
	assert_int_equal(two_protect_at(l->two, 0, view[0] + SHARED * PAGE), PAGE_READWRITE);
	for (int who = 0; who < 2; who++) /* the section lives on, and what was written in it */
		image_unmap(l, who, view[who]);
	view[1] = image_map(l, 1);
	assert_int_equal(image_load(l, 1, view[1] + SHARED * PAGE + 9), 0x55);
}

/* IM-14: the pages that may become private, and nothing else. */
static void commit(void **state)
{
	struct loaded *l = *state;
	uint64_t usage[2] = {two_usage(l->two, 0), two_usage(l->two, 1)};
	char *view = image_map(l, 0);
	assert_int_equal(two_usage(l->two, 0) - usage[0], IMAGE_COPIES);
	assert_int_equal(two_usage(l->two, 1) - usage[1], 0);
	uint64_t total = two_commit(l->two);
	image_store(l, 0, view + DATA * PAGE, 1); /* CW-5: has been charged */
	image_store(l, 0, view + SHARED * PAGE, 1);
	assert_int_equal(two_usage(l->two, 0) - usage[0], IMAGE_COPIES);
	assert_int_equal(two_commit(l->two), total);
	image_map(l, 1);
	assert_int_equal(two_usage(l->two, 1) - usage[1], IMAGE_COPIES);
	image_unmap(l, 0, view);
	assert_int_equal(two_usage(l->two, 0), usage[0]);
}

/* VP-23, VP-24: to write is to copy. */
static void protect(void **state)
{
	struct loaded *l = *state;
	char *view = image_map(l, 0), *data = view + DATA * PAGE, *text = view + TEXT * PAGE;
	uint64_t usage = two_usage(l->two, 0);
	assert_int_equal(two_protect(l->two, 0, view, PAGE, PAGE_READWRITE), PAGE_READONLY);
	assert_int_equal(two_protect_at(l->two, 0, view), PAGE_WRITECOPY); /* SV-43 */
	assert_int_equal(two_usage(l->two, 0), usage + 1);                 /* CW-6 */
	assert_int_equal(two_protect(l->two, 0, text, PAGE, PAGE_EXECUTE_READWRITE),
	                 PAGE_EXECUTE_READ);
	assert_int_equal(two_protect_at(l->two, 0, text), PAGE_EXECUTE_WRITECOPY);
	image_store(l, 0, text, 0xC3);
	assert_int_equal(two_protect_at(l->two, 0, text), PAGE_EXECUTE_READWRITE);
	image_store(l, 0, data, 1);
	assert_int_equal(two_protect(l->two, 0, data, 3 * PAGE, PAGE_READONLY), PAGE_READWRITE);
	assert_int_equal(two_query(l->two, 0, data).RegionSize, 3 * PAGE);
	assert_int_equal(two_protect(l->two, 0, data, 3 * PAGE, PAGE_WRITECOPY), PAGE_READONLY);
	assert_int_equal(two_protect_at(l->two, 0, data), PAGE_READWRITE);
	assert_int_equal(two_protect_at(l->two, 0, data + PAGE), PAGE_WRITECOPY);
	assert_int_equal(image_load(l, 0, data), 1);
}

/* A range over parts of both kinds: each page is written as its part is (VP-23, IM-11). */
static void protect_across(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	char *last = view[0] + (SHARED - 1) * PAGE, *shared = view[0] + SHARED * PAGE;
	two_protect(l->two, 0, last, 2 * PAGE, PAGE_READWRITE);
	assert_int_equal(two_protect_at(l->two, 0, last), PAGE_WRITECOPY);
	assert_int_equal(two_protect_at(l->two, 0, shared), PAGE_READWRITE);
	image_store(l, 0, last, 1);
	image_store(l, 0, shared, 2);
	assert_int_equal(image_load(l, 1, view[1] + (SHARED - 1) * PAGE), 0);
	assert_int_equal(image_load(l, 1, view[1] + SHARED * PAGE), 2);
	two_protect(l->two, 0, shared + PAGE, PAGE, PAGE_READONLY);
	assert_int_equal(store_raises(&l->two->place[0], shared + PAGE), STATUS_ACCESS_VIOLATION);
	image_store(l, 1, view[1] + (SHARED + 1) * PAGE, 3); /* VP-27 */
}

/* A shared part, then one that is not, in one range. */
static void protect_behind_shared(void **state)
{
	struct loaded *l = *state;
	pe_set(l->pe, pe_row(l->pe, 2) + PE_ROW_CHARACTERISTICS, 4, PE_DATA | PE_SHARED);
	pe_set(l->pe, pe_row(l->pe, 3) + PE_ROW_CHARACTERISTICS, 4, PE_DATA);
	CloseHandle(l->two->section);
	CloseHandle(l->file);
	close(l->fd);
	image_open(l, l->pe);
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	two_protect(l->two, 0, view[0] + DATA * PAGE, 5 * PAGE, PAGE_READWRITE);
	image_store(l, 0, view[0] + SHARED * PAGE + 1, 0xEE);
	assert_int_equal(image_load(l, 1, view[1] + SHARED * PAGE + 1), image_byte(SHARED, 1));
	assert_int_equal(two_protect_at(l->two, 0, view[0] + DATA * PAGE), PAGE_READWRITE);
	assert_int_equal(two_protect_at(l->two, 0, view[0] + SHARED * PAGE), PAGE_READWRITE);
	assert_int_equal(two_protect_at(l->two, 0, view[0] + (SHARED + 1) * PAGE), PAGE_WRITECOPY);
}

/* CW-7, PM-11: a breakpoint in one process is not in the other. */
static void patching(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	uint64_t at = (TEXT + 1) * PAGE + 3;
	const uint8_t breakpoint = 0xCC;
	image_load(l, 1, view[1] + at);
	assert_succeeds(WriteProcessMemory(l->two->place[0].process, view[0] + at, &breakpoint, 1,
	                                   NULL));
	assert_int_equal(image_load(l, 0, view[0] + at), 0xCC);
	assert_int_equal(image_load(l, 1, view[1] + at), image_byte(TEXT + 1, 3));
	assert_int_equal(two_protect_at(l->two, 0, view[0] + at), PAGE_EXECUTE_READ);
	assert_int_equal(store_raises(&l->two->place[0], view[0] + at), STATUS_ACCESS_VIOLATION);
	assert_fails(WriteProcessMemory(l->two->place[0].process, view[0] + RDATA * PAGE,
	                                &breakpoint, 1, NULL),
	             ERROR_NOACCESS); /* PM-12 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		image_test(one_frame),      image_test(copies),  image_test(copies_zeros),
		image_test(shared_section), image_test(commit),  image_test(protect),
		image_test(protect_across), image_test(protect_behind_shared),
		image_test(patching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
