/* SPDX-License-Identifier: MIT
 *
 * The page map is the processor's: walked here as the processor would, from CR3, in RAM.
 */
#include "place.h"

#define PRESENT 1u
#define WRITABLE 2u
#define USER 4u
#define WRITE_THROUGH 8u
#define CACHE_DISABLE 0x10u
#define ACCESSED 0x20u
#define DIRTY 0x40u
#define NO_EXECUTE (UINT64_C(1) << 63)

/* S4: four levels, nine bits each; 0 when an entry on the way is not present. */
static uint64_t walk(const struct place *place, HANDLE process, uint64_t address)
{
	const uint8_t *ram = ntmm_machine_ram(place->machine, NULL);
	uint64_t entry = ntmm_process_cr3(process) | PRESENT | WRITABLE | USER;
	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t table = entry & UINT64_C(0x000FFFFFFFFFF000);
		memcpy(&entry, ram + table + (address >> shift & 511) * 8, sizeof entry);
		if (!(entry & PRESENT))
			return 0;
	}
	return entry;
}

static const uint8_t *physical(const struct place *place, uint64_t entry)
{
	return (const uint8_t *)ntmm_machine_ram(place->machine, NULL) +
	       (entry & UINT64_C(0x000FFFFFFFFFF000));
}

/* S4, S5, S17: the first touch fills the entry in; what is stored is where the entry says. */
static void first_touch(void **state)
{
	struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	assert_int_equal(walk(place, place->process, address_in(base)), 0);
	assert_int_equal(load_at(place, base), 0);
	uint64_t entry = walk(place, place->process, address_in(base));
	assert_int_equal(entry & (PRESENT | WRITABLE | USER | ACCESSED | DIRTY),
	                 PRESENT | WRITABLE | USER | ACCESSED);
	store_at(place, base + 5, 77);
	entry = walk(place, place->process, address_in(base));
	assert_int_equal(entry & (ACCESSED | DIRTY), ACCESSED | DIRTY);
	assert_int_equal(physical(place, entry)[5], 77);
	assert_int_equal(walk(place, place->process, address_in(base + PAGE)), 0);
}

/* S10: a page is 4 KB: neighbours are in frames of their own, wherever. */
static void each_page_its_frame(void **state)
{
	struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base + PAGE - 1, 1);
	store_at(place, base + PAGE, 2);
	uint64_t low = walk(place, place->process, address_in(base));
	uint64_t high = walk(place, place->process, address_in(base + PAGE));
	assert_int_not_equal(low & ~UINT64_C(0xFFF), high & ~UINT64_C(0xFFF));
	assert_int_equal(physical(place, low)[PAGE - 1], 1);
	assert_int_equal(physical(place, high)[0], 2);
}

/* S3, S14, S18: the same address in two processes is two places of one RAM. */
static void two_processes(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_ptr_equal(VirtualAllocEx(other, base, PAGE, MEM_RESERVE | MEM_COMMIT,
	                                PAGE_READWRITE),
	                 base);
	store_at(place, base, 11);
	assert_true(ntmm_store8(thread, address_in(base), 22));
	assert_int_not_equal(ntmm_process_cr3(other), ntmm_process_cr3(place->process));
	assert_int_equal(*physical(place, walk(place, place->process, address_in(base))), 11);
	assert_int_equal(*physical(place, walk(place, other, address_in(base))), 22);
	assert_int_equal(load_at(place, base), 11);
	ntmm_thread_destroy(thread);
	CloseHandle(other);
}

struct rights {
	DWORD protect;
	uint64_t writable, no_execute, cache;
};

/* S18 to S21, S24, S25, S28, S29, PR-10: the processor's bits say what the protection says. */
static void rights_in_the_entry(void **state)
{
	struct place *place = *state;
	static const struct rights table[] = {
		{PAGE_READONLY, 0, NO_EXECUTE, 0},
		{PAGE_READWRITE, WRITABLE, NO_EXECUTE, 0},
		{PAGE_EXECUTE, 0, 0, 0},
		{PAGE_EXECUTE_READ, 0, 0, 0},
		{PAGE_EXECUTE_READWRITE, WRITABLE, 0, 0},
		{PAGE_READWRITE | PAGE_NOCACHE, WRITABLE, NO_EXECUTE,
	         CACHE_DISABLE | WRITE_THROUGH},
		{PAGE_READWRITE | PAGE_WRITECOMBINE, WRITABLE, NO_EXECUTE, WRITE_THROUGH},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char *base = must_commit(PAGE, table[i].protect);
		load_at(place, base);
		uint64_t entry = walk(place, place->process, address_in(base));
		assert_int_equal(entry & WRITABLE, table[i].writable);
		assert_true((entry & NO_EXECUTE) == table[i].no_execute);
		assert_int_equal(entry & (CACHE_DISABLE | WRITE_THROUGH), table[i].cache);
	}
}

/* S23, S27, PG-17: no entry is present that would let an access through; data survives (VP-14). */
static void refused_pages_are_not_present(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	static const DWORD refused[] = {PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD};
	store_at(place, base, 9);
	for (int i = 0; i < 2; i++) {
		must_protect(base, PAGE, refused[i]);
		assert_int_equal(walk(place, place->process, address_in(base)), 0);
		must_protect(base, PAGE, PAGE_READWRITE);
		assert_int_equal(load_at(place, base), 9);
	}
}

/* S11, S67: when a page goes, its entry goes. */
static void entries_go_with_pages(void **state)
{
	struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	store_at(place, base + PAGE, 1);
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(walk(place, place->process, address_in(base)), 0);
	assert_int_equal(load_at(place, base), 1);
	assert_true(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_int_equal(walk(place, place->process, address_in(base)), 0);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(walk(place, place->process, address_in(base + PAGE)), 0);
}

/* AS-4, AS-8: the system's page is at 0x7FFE0000 of every process, read-only there; the same frame is in
 * system space, where user mode does not come. */
static void shared_page(void **state)
{
	struct place *place = *state;
	const uint64_t shared = 0x7FFE0000;
	uint8_t *system = ntmm_machine_shared_page(place->machine);
	system[0x26C] = 6; /* NtMajorVersion */
	for (int layout = 0; layout < NTMM_LAYOUT_WIN9X; layout++) {
		HANDLE process = ntmm_process_create(place->machine, (ntmm_layout)layout);
		ntmm_thread *thread = ntmm_thread_create(process, NULL);
		bool narrow = layout == NTMM_LAYOUT_NT32_2GB || layout == NTMM_LAYOUT_NT32_3GB;
		uint64_t high = narrow ? UINT64_C(0xFFDF0000) : UINT64_C(0xFFFFF78000000000);
		uint8_t value = 0;
		assert_true(ntmm_load8(thread, shared + 0x26C, &value));
		assert_int_equal(value, 6);
		assert_false(ntmm_store8(thread, shared, 1));
		assert_false(ntmm_load8(thread, high, &value));
		assert_int_equal(ntmm_thread_exception(thread)->ExceptionInformation[1], high);
		uint64_t user = walk(place, process, shared), kernel = walk(place, process, high);
		assert_int_equal(user & (USER | WRITABLE), USER);
		assert_int_equal(kernel & (USER | WRITABLE), WRITABLE);
		assert_ptr_equal(physical(place, user), system);
		assert_ptr_equal(physical(place, kernel), system);
		ntmm_thread_destroy(thread);
		CloseHandle(process);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(first_touch),         place_test(each_page_its_frame),
		place_test(two_processes),       place_test(rights_in_the_entry),
		place_test(refused_pages_are_not_present), place_test(entries_go_with_pages),
		place_test(shared_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
