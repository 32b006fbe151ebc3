/* SPDX-License-Identifier: MIT
 *
 * Images while the machine pages: clean pages are read from their file again, what has been written goes
 * to the paging file and comes back (PG-25, PG-46, IM-11, IM-13, S12, S13); and images that lie
 * elsewhere (IM-3, IM-4).
 */
#include <fcntl.h>

#include "image.h"

static int small_setup(void **state)
{
	return image_setup_with(state, 256 << 10, 1 << 20);
}

#define small_test(test) cmocka_unit_test_setup_teardown(test, small_setup, image_teardown)

/* Everything that can go leaves memory. */
static void press(const struct loaded *l)
{
	HANDLE process = l->two->place[0].process;
	SIZE_T bytes = 100 * PAGE;
	char *base = VirtualAllocEx(process, NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	for (int round = 0; round < 2; round++)
		for (SIZE_T i = 0; i < bytes; i += PAGE)
			image_store(l, 0, base + i, 1);
	assert_true(VirtualFreeEx(process, base, 0, MEM_RELEASE));
}

static void clean_pages(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	static const unsigned pages[] = {0, TEXT + 1, RDATA, DATA, SHARED, RSRC};
	for (int round = 0; round < 3; round++) {
		uint64_t hard = counters_of(&l->two->place[0]).hard;
		for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
			char *page = view[round % 2] + pages[i] * PAGE;
			assert_int_equal(image_load(l, round % 2, page + 1),
			                 pages[i] ? image_byte(pages[i], 1) : 'Z');
			assert_int_equal(two_page(l->two, round % 2, page).slot, 0);
		}
		assert_true(counters_of(&l->two->place[0]).hard > hard); /* from the file again */
		press(l);
		for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++)
			assert_int_equal(two_page(l->two, 0, view[0] + pages[i] * PAGE).where,
			                 NTMM_PAGE_NONE);
	}
}

/* Private copies, and what all write in common. */
static void written_pages(void **state)
{
	struct loaded *l = *state;
	char *view[2] = {image_map(l, 0), image_map(l, 1)};
	for (int who = 0; who < 2; who++)
		for (unsigned page = DATA; page < SHARED; page++)
			image_store(l, who, view[who] + page * PAGE + 77, (uint8_t)(page + 50 * who));
	image_store(l, 0, view[0] + SHARED * PAGE + 77, 200);
	image_store(l, 1, view[1] + (SHARED + 1) * PAGE + 77, 201);
	for (int round = 0; round < 3; round++) {
		press(l);
		assert_int_equal(two_page(l->two, 0, view[0] + SHARED * PAGE).where,
		                 NTMM_PAGE_PAGED_OUT);
		for (int who = 0; who < 2; who++) {
			for (unsigned page = DATA; page < SHARED; page++) {
				assert_int_equal(image_load(l, who, view[who] + page * PAGE + 77),
				                 page + 50 * (unsigned)who);
				assert_int_equal(image_load(l, who, view[who] + page * PAGE + 78),
				                 page * PAGE + 78 >= DATA * PAGE + DATA_RAW
				                         ? 0
				                         : image_byte(page, 78));
			}
			assert_int_equal(image_load(l, who, view[who] + SHARED * PAGE + 77), 200);
			assert_int_equal(image_load(l, who, view[who] + (SHARED + 1) * PAGE + 77),
			                 201);
		}
	}
}

static uint32_t load32(const struct loaded *l, const char *address)
{
	uint32_t value = 0;
	assert_true(ntmm_load32(l->two->place[0].thread, address_in(address), &value));
	return value;
}

static uint32_t in_file(unsigned page, uint64_t at)
{
	return image_byte(page, at) | (uint32_t)image_byte(page, at + 1) << 8 |
	       (uint32_t)image_byte(page, at + 2) << 16 | (uint32_t)image_byte(page, at + 3) << 24;
}

/* IM-3: fixups are applied, on pages that become private; they survive paging. */
static void relocated(void **state)
{
	struct loaded *l = *state;
	char *first = image_map(l, 0), *moved;
	uint64_t usage = two_usage(l->two, 0);
	assert_int_equal(image_map_at(l, 0, 0x30000000, &moved), STATUS_IMAGE_NOT_AT_BASE);
	uint32_t delta = 0x30000000 - IMAGE_BASE;
	assert_int_equal(two_usage(l->two, 0) - usage, IMAGE_COPIES + 4); /* .text and .rdata */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(load32(l, moved + TEXT * PAGE + 8), in_file(TEXT, 8) + delta);
		assert_int_equal(load32(l, moved + TEXT * PAGE + 0x800), in_file(TEXT, 0x800) + delta);
		assert_int_equal(load32(l, moved + TEXT * PAGE + 12), in_file(TEXT, 12));
		assert_int_equal(load32(l, moved + (RDATA + 1) * PAGE + 16),
		                 in_file(RDATA + 1, 16) + delta);
		assert_int_equal(load32(l, first + TEXT * PAGE + 8), in_file(TEXT, 8));
		assert_int_equal(two_protect_at(l->two, 0, moved + TEXT * PAGE), PAGE_EXECUTE_READ);
		image_load(l, 0, moved + (TEXT + 1) * PAGE);
		image_load(l, 0, first + (TEXT + 1) * PAGE);
		assert_int_equal(image_frame(l, 0, moved + (TEXT + 1) * PAGE),
		                 image_frame(l, 0, first + (TEXT + 1) * PAGE));
		press(l);
		assert_int_equal(two_page(l->two, 0, moved + TEXT * PAGE).where,
		                 NTMM_PAGE_PAGED_OUT);
	}
}

/* IM-4: one that cannot be moved is mapped all the same, as it is. */
static void cannot_move(void **state)
{
	struct loaded *l = *state;
	pe_set(l->pe, PE_CHARACTERISTICS, 2, PE_EXECUTABLE | PE_RELOCS_STRIPPED);
	CloseHandle(l->two->section);
	CloseHandle(l->file);
	close(l->fd);
	image_open(l, l->pe);
	char *moved;
	assert_int_equal(image_map_at(l, 0, 0x30000000, &moved), STATUS_IMAGE_NOT_AT_BASE);
	assert_int_equal(load32(l, moved + TEXT * PAGE + 8), in_file(TEXT, 8));
}

/* IM-14: there is no commit for the copies; nothing is left of the attempt. */
static void no_commit(void **state)
{
	struct loaded *l = *state;
	ntmm_machine_counters c = counters_of(&l->two->place[0]);
	SIZE_T left = (c.commit_limit - c.commit_total) * PAGE;
	void *base = NULL;
	while (!base && left) {
		base = VirtualAlloc(NULL, left, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		left -= base ? 0 : PAGE;
	}
	uint64_t total = two_commit(l->two);
	char *view;
	assert_int_equal(image_map_at(l, 0, 0, &view), STATUS_COMMITMENT_LIMIT);
	assert_int_equal(two_commit(l->two), total);
	assert_int_equal(state_at(at(IMAGE_BASE)), MEM_FREE);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	image_map(l, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		small_test(clean_pages), small_test(written_pages), small_test(relocated),
		small_test(cannot_move), small_test(no_commit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
