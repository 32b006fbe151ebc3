/* SPDX-License-Identifier: MIT
 *
 * Several stores: which one a page goes to, what is made of failures, and what the commit limit
 * says (PG-62, CM-1).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"
#include "machine/store/stores.h"

struct bench {
	struct ledger commit;
	struct stores stores;
};

static void add(struct bench *b, uint32_t count, uint32_t most)
{
	int error;
	struct store *store = memory_store_open(count, most, &error);
	assert_non_null(store);
	b->stores.commit = &b->commit;
	stores_add(&b->stores, store);
}

static uint64_t limit_of(const struct bench *b)
{
	assert_int_equal(b->commit.limit, stores_usable(&b->stores));
	return b->commit.limit;
}

static slot_t take(struct bench *b, uint32_t wanted)
{
	slot_t first = 0;
	assert_int_equal(stores_take(&b->stores, wanted, &first), wanted);
	return first;
}

/* A write of one page, of which it is said how it went. */
static slot_t write_one(struct bench *b, int error)
{
	slot_t slot = take(b, 1);
	if (error)
		stores_lose(&b->stores, slot);
	stores_note_write(&b->stores, slot, 1, error);
	return slot;
}

/* Where there is most room. */
static void the_emptiest(void **state)
{
	struct bench b = {0};
	uint32_t taken[3] = {0};
	(void)state;
	add(&b, 100, 100);
	add(&b, 400, 400);
	add(&b, 100, 100);
	assert_int_equal(limit_of(&b), 600);
	for (int i = 0; i < 40; i++)
		taken[slot_file(take(&b, 10))] += 10;
	assert_in_range(taken[0], 30, 40); /* about as much is left in each */
	assert_in_range(taken[1], 320, 340);
	assert_in_range(taken[2], 30, 40);
	while (stores_left(&b.stores))
		take(&b, 1);
	slot_t slot;
	assert_int_equal(stores_take(&b.stores, 1, &slot), 0);
	assert_int_equal(stores_used(&b.stores), 600);
	assert_int_equal(limit_of(&b), 600);
	stores_free(&b.stores, slot_of(2, 100));
	assert_int_equal(take(&b, 1), slot_of(2, 100));
	stores_close(&b.stores);
}

/* What the files have in all is what the limit says, when they grow, too. */
static void grown(void **state)
{
	struct bench b = {0};
	slot_t slot;
	(void)state;
	add(&b, 0, 50);
	assert_int_equal(limit_of(&b), 0);
	assert_int_equal(stores_take(&b.stores, 1, &slot), 0);
	assert_int_equal(store_grow(b.stores.store[0], 20), 0);
	stores_grown(&b.stores, b.stores.store[0], 20);
	assert_int_equal(limit_of(&b), 20);
	assert_int_equal(take(&b, 20), slot_of(0, 1));
	assert_int_equal(stores_left(&b.stores), 0);
	stores_close(&b.stores);
}

/* A cluster that failed is tried page by page in the same place; the bad page shows, and is never
 * given out again; then there are clusters again. */
static void one_bad_slot(void **state)
{
	struct bench b = {0};
	(void)state;
	add(&b, 64, 64);
	slot_t first = take(&b, 16);
	for (slot_t i = 0; i < 16; i++)
		stores_free(&b.stores, first + i);
	stores_note_write(&b.stores, first, 16, EIO);
	for (slot_t i = 0; i < 16; i++) {
		slot_t slot;
		assert_int_equal(stores_take(&b.stores, 16, &slot), 1);
		assert_int_equal(slot, first + i);
		if (i == 5)
			stores_lose(&b.stores, slot);
		stores_note_write(&b.stores, slot, 1, i == 5 ? EIO : 0);
	}
	assert_int_equal(limit_of(&b), 63);
	assert_int_equal(slot_page(take(&b, 16)), 17);
	for (slot_t i = 0; i < 16; i++)
		if (i != 5)
			stores_free(&b.stores, first + i);
	while (stores_left(&b.stores))
		assert_int_not_equal(take(&b, 1), first + 5);
	stores_close(&b.stores);
}

/* Many failures in a row, with no success between them: what is free is given up, what is there
 * can be read, and is lost for good when it is freed. */
static void failed_for_good(void **state)
{
	struct bench b = {0};
	uint8_t page[PAGE_BYTES];
	slot_t slot;
	(void)state;
	add(&b, 200, 300);
	slot_t kept = write_one(&b, 0);
	assert_int_equal(stores_write(&b.stores, kept, memset(page, 7, sizeof page), 1), 0);
	for (int i = 0; i < STORE_PATIENCE - 1; i++)
		write_one(&b, EIO);
	write_one(&b, 0); /* patience begins again */
	for (int i = 0; i < STORE_PATIENCE - 1; i++)
		write_one(&b, EIO);
	assert_true(stores_can_write(&b.stores, kept));
	assert_int_equal(limit_of(&b), 200 - 2 * (STORE_PATIENCE - 1));
	write_one(&b, EIO);
	assert_false(stores_can_write(&b.stores, kept));
	assert_int_equal(limit_of(&b), 2);
	assert_int_equal(stores_left(&b.stores), 0);
	assert_int_equal(stores_take(&b.stores, 1, &slot), 0);
	assert_int_equal(stores_read(&b.stores, kept, memset(page, 0, sizeof page), 1), 0);
	assert_int_equal(page[4095], 7);
	stores_free(&b.stores, kept);
	assert_int_equal(limit_of(&b), 1);
	assert_int_equal(stores_take(&b.stores, 1, &slot), 0);
	stores_close(&b.stores);
}

/* Pages go to the file that works; the other is tried now and then: it works, or is given up. */
static void elsewhere(void **state)
{
	struct bench b = {0};
	(void)state;
	add(&b, 5000, 5000);
	add(&b, 1000, 1000);
	assert_int_equal(slot_file(write_one(&b, EIO)), 0);
	uint32_t tries = 0;
	for (int i = 0; i < 160; i++) {
		bool first = slot_file(write_one(&b, 0)) == 0;
		tries += first;
		if (first)
			break;
	}
	assert_int_equal(tries, 1); /* and it worked: most room counts again */
	assert_int_equal(slot_file(write_one(&b, EIO)), 0);
	for (int i = 0; i < 16 * STORE_PATIENCE && !b.stores.store[0]->failed; i++) {
		slot_t slot = take(&b, 1);
		int error = slot_file(slot) ? 0 : EIO;
		stores_free(&b.stores, slot);
		stores_note_write(&b.stores, slot, 1, error);
	}
	assert_true(b.stores.store[0]->failed);
	assert_int_equal(slot_file(take(&b, 16)), 1);
	stores_close(&b.stores);
}

/* ---- schedules ----------------------------------------------------------------------------- */

struct seen {
	ntmm_transfer last;
	ntmm_transfer wanted;
};

static void obey(void *context, ntmm_transfer *transfer)
{
	struct seen *seen = context;
	assert_int_equal(transfer->error | (int)transfer->done | (int)transfer->delay, 0);
	transfer->error = seen->wanted.error;
	transfer->done = seen->wanted.done;
	transfer->delay = seen->wanted.delay;
	seen->last = *transfer;
}

/* A transfer fails as the schedule wants, after so many pages. */
static void scheduled(void **state)
{
	static uint8_t pages[4 * PAGE_BYTES];
	struct bench b = {0};
	struct seen seen = {0};
	(void)state;
	add(&b, 10, 20);
	add(&b, 20, 20);
	b.stores.store[1]->schedule = obey;
	b.stores.store[1]->context = &seen;
	slot_t first = take(&b, 4);
	assert_int_equal(first, slot_of(1, 1));
	assert_int_equal(stores_write(&b.stores, first, memset(pages, 1, sizeof pages), 4), 0);
	seen.wanted = (ntmm_transfer){.error = ENOSPC, .done = 2};
	assert_int_equal(stores_write(&b.stores, first, memset(pages, 2, sizeof pages), 4), ENOSPC);
	assert_int_equal(seen.last.kind, NTMM_TRANSFER_WRITE);
	assert_int_equal(seen.last.file, 1);
	assert_int_equal(seen.last.page, 1);
	assert_int_equal(seen.last.pages, 4);
	assert_int_equal(seen.last.number, 2);
	seen.wanted = (ntmm_transfer){0};
	assert_int_equal(stores_read(&b.stores, first, pages, 4), 0);
	assert_int_equal(seen.last.number, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pages[i * PAGE_BYTES], i < 2 ? 2 : 1);
	seen.wanted = (ntmm_transfer){.error = EIO};
	assert_int_equal(stores_read(&b.stores, first, pages, 4), EIO);
	assert_int_equal(b.stores.store[1]->write_errors, 1);
	assert_int_equal(b.stores.store[1]->read_errors, 1);
	stores_close(&b.stores);
}

static uint64_t microseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void delayed(void **state)
{
	static uint8_t page[PAGE_BYTES];
	struct bench b = {0};
	struct seen seen = {.wanted = {.delay = 20000}};
	(void)state;
	add(&b, 10, 20);
	b.stores.store[0]->schedule = obey;
	b.stores.store[0]->context = &seen;
	uint64_t before = microseconds();
	assert_int_equal(stores_write(&b.stores, take(&b, 1), page, 1), 0);
	assert_true(microseconds() - before >= 20000);
	seen.wanted = (ntmm_transfer){.error = ENOSPC};
	assert_int_equal(store_grow(b.stores.store[0], 15), ENOSPC);
	assert_int_equal(seen.last.kind, NTMM_TRANSFER_GROW);
	assert_int_equal(seen.last.page, 11);
	assert_int_equal(seen.last.pages, 5);
	stores_close(&b.stores);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_emptiest),
		cmocka_unit_test(grown),
		cmocka_unit_test(one_bad_slot),
		cmocka_unit_test(failed_for_good),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(scheduled),
		cmocka_unit_test(delayed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
