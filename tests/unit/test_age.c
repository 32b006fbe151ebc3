/* SPDX-License-Identifier: MIT
 *
 * Ages of pages: the hand, a step at a time (PG-51).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "machine/machine.h"
#include "machine/pager/age.h"

struct guest {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base;
	unsigned pages;
};

static void touch(struct guest *guest, unsigned page)
{
	assert_true(ntmm_store8(guest->thread, guest->base + page * PAGE_BYTES, 1));
}

static struct guest begin(uint64_t ram_bytes, unsigned pages)
{
	struct guest guest = {.pages = pages};
	ntmm_machine_config config = {.size = sizeof config, .ram_bytes = ram_bytes};
	assert_int_equal(ntmm_machine_create(&config, &guest.machine), STATUS_SUCCESS);
	guest.process = ntmm_process_create(guest.machine, NTMM_LAYOUT_NT64_128TB);
	guest.thread = ntmm_thread_create(guest.process, NULL);
	guest.base = (uintptr_t)VirtualAllocEx(guest.process, NULL, pages * PAGE_BYTES,
	                                       MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_int_not_equal(guest.base, 0);
	for (unsigned i = 0; i < pages; i++)
		touch(&guest, i);
	return guest;
}

static void end(struct guest *guest)
{
	if (!ntmm_machine_check(guest->machine))
		fail_msg("%s", ntmm_error_message());
	ntmm_thread_destroy(guest->thread);
	CloseHandle(guest->process);
	ntmm_machine_destroy(guest->machine);
}

static ntmm_page_info info_of(const struct guest *guest, unsigned page)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(guest->process, guest->base + page * PAGE_BYTES, &info),
	                 STATUS_SUCCESS);
	return info;
}

/* Looks at pages, one at a time. */
static void look(struct guest *guest, unsigned looks)
{
	struct pager *pager = &guest->machine->pager;
	lock_take(&pager->lock);
	while (looks--) {
		pager->looks_due = 1;
		age_step(pager);
	}
	lock_drop(&pager->lock);
}

static unsigned epoch_of(const struct guest *guest)
{
	return guest->machine->pager.epoch;
}

static void pass(struct guest *guest, unsigned passes)
{
	while (passes--)
		for (unsigned epoch = epoch_of(guest); epoch_of(guest) == epoch;)
			look(guest, 1);
}

static void unused_pages_grow_old(void **state)
{
	(void)state;
	struct guest guest = begin(4 << 20, 10);
	pass(&guest, 2); /* all bits are clear now */
	unsigned age = info_of(&guest, 3).age;
	for (unsigned i = 1; i <= 5; i++) {
		touch(&guest, 7); /* a hit would not set the bit again: the look took the translation */
		pass(&guest, 1);
		assert_int_equal(info_of(&guest, 3).age, age + i);
		assert_true(info_of(&guest, 7).age <= 1);
	}
	assert_false(info_of(&guest, 3).accessed);
	touch(&guest, 3);
	assert_true(info_of(&guest, 3).accessed);
	pass(&guest, 2);
	assert_true(info_of(&guest, 3).age <= 2);
	end(&guest);
}

/* S12: what was not used is in front, in the order it was before. */
static void used_pages_move_to_the_end(void **state)
{
	(void)state;
	struct guest guest = begin(4 << 20, 6);
	pass(&guest, 2);
	touch(&guest, 4);
	touch(&guest, 0);
	pass(&guest, 2);
	static const unsigned order[] = {1, 2, 3, 5};
	lock_take(&guest.machine->pager.lock);
	const struct page_map *map = guest.machine->pager.maps[0];
	frame_t frame = map->resident.first, frames[6];
	for (unsigned i = 0; i < 6; i++) {
		frames[i] = frame;
		frame = frame_at(&map->pager->phys, frame)->next;
	}
	lock_drop(&guest.machine->pager.lock);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(frames[i], info_of(&guest, order[i]).frame);
	end(&guest);
}

/* However many pages there are and looks are due, the lock is held for AGE_STEP of them. */
static void steps_are_bounded(void **state)
{
	(void)state;
	struct guest guest = begin(16 << 20, 3000);
	struct pager *pager = &guest.machine->pager;
	pass(&guest, 1);
	for (unsigned i = 0; i < 3000; i++)
		touch(&guest, i);
	lock_take(&pager->lock);
	pager->looks_due = 1000000;
	age_step(pager);
	lock_drop(&pager->lock);
	unsigned cleared = 0;
	for (unsigned i = 0; i < 3000; i++)
		cleared += !info_of(&guest, i).accessed;
	assert_true(cleared > 0 && cleared <= AGE_STEP);
	assert_int_equal(pager->looks_due, 1000000 - AGE_STEP);
	end(&guest);
}

/* Pass numbers wrap around twice; an unused page stays old. */
static void ages_stop(void **state)
{
	(void)state;
	struct guest guest = begin(4 << 20, 3);
	pass(&guest, 2);
	for (unsigned i = 0; i < 14; i++) {
		touch(&guest, 2);
		pass(&guest, 10000);
		unsigned age = info_of(&guest, 0).age;
		assert_true(age >= (i < 3 ? 9000 * (i + 1) : AGE_MOST) && age <= AGE_MOST + 1);
		assert_true(info_of(&guest, 2).age <= info_of(&guest, 0).age);
	}
	touch(&guest, 0);
	pass(&guest, 2);
	assert_true(info_of(&guest, 0).age <= 2);
	end(&guest);
}

/* The page that the hand would look at next leaves, with the whole working set or with the
 * process. */
static void the_hand_lets_go(void **state)
{
	(void)state;
	struct guest guest = begin(4 << 20, 50);
	for (unsigned i = 0; i < 120; i += 7) {
		look(&guest, i);
		assert_true(EmptyWorkingSet(guest.process));
		look(&guest, 60);
		for (unsigned page = 0; page < 50; page++)
			touch(&guest, page);
		look(&guest, 20);
		HANDLE other = ntmm_process_create(guest.machine, NTMM_LAYOUT_NT64_128TB);
		ntmm_thread *thread = ntmm_thread_create(other, NULL);
		void *base = VirtualAllocEx(other, NULL, PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		assert_true(ntmm_store8(thread, (uintptr_t)base, 1));
		look(&guest, i);
		ntmm_thread_destroy(thread);
		CloseHandle(other);
		look(&guest, 60);
		assert_true(ntmm_machine_check(guest.machine));
	}
	end(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unused_pages_grow_old),
		cmocka_unit_test(used_pages_move_to_the_end),
		cmocka_unit_test(steps_are_bounded),
		cmocka_unit_test(ages_stop),
		cmocka_unit_test(the_hand_lets_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
