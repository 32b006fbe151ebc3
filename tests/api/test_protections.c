/* SPDX-License-Identifier: MIT
 *
 * What each protection lets a thread do (S19 to S21, S23 to S25, S27 to S29; rules PR, GP, EX).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define FETCH 8 /* ExceptionInformation[0] */

static NTSTATUS fetch_raises(const struct place *place, const void *address)
{
	uint8_t code;
	if (ntmm_fetch8(place->thread, address_in(address), &code))
		return STATUS_SUCCESS;
	return (NTSTATUS)ntmm_thread_exception(place->thread)->ExceptionCode;
}

static ULONG_PTR raised_by(const struct place *place)
{
	return ntmm_thread_exception(place->thread)->ExceptionInformation[0];
}

/* What loading, storing and fetching give: accesses that are not in `allowed` are violations. */
static void check_access(const struct place *place, DWORD protect, const char *allowed)
{
	char *base = must_commit(PAGE, protect);
	bool load = strchr(allowed, 'r'), store = strchr(allowed, 'w');
	bool fetch = strchr(allowed, 'x');
	NTSTATUS of_store = store ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
	NTSTATUS of_fetch = fetch ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
	assert_int_equal(load_raises(place, base), load ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION);
	if (!load)
		assert_int_equal(raised_by(place), 0);
	assert_int_equal(store_raises(place, base), of_store);
	if (!store)
		assert_int_equal(raised_by(place), 1);
	assert_int_equal(fetch_raises(place, base), of_fetch);
	if (!fetch)
		assert_int_equal(raised_by(place), FETCH); /* EX-2 */
	if (load)
		assert_int_equal(load_at(place, base), store);
	/* once the page is there, the same */
	assert_int_equal(store_raises(place, base), of_store);
	assert_int_equal(fetch_raises(place, base), of_fetch);
}

static void test_execute(void **state) /* S19: on x86 what runs can be read (PR-10) */
{
	check_access(*state, PAGE_EXECUTE, "rx");
}

static void test_execute_read(void **state) /* S20 */
{
	check_access(*state, PAGE_EXECUTE_READ, "rx");
}

static void test_execute_readwrite(void **state) /* S21 */
{
	check_access(*state, PAGE_EXECUTE_READWRITE, "rwx");
}

static void test_noaccess(void **state) /* S23 */
{
	check_access(*state, PAGE_NOACCESS, "");
}

static void test_readonly(void **state) /* S24 */
{
	check_access(*state, PAGE_READONLY, "r");
}

static void test_readwrite(void **state) /* S25 */
{
	check_access(*state, PAGE_READWRITE, "rw");
}

static void test_processor_that_cannot_tell(void **state) /* S24, PR-10, EX-2 */
{
	struct place place;
	ntmm_machine_config config = {.size = sizeof config, .flags = NTMM_MACHINE_NO_NX};
	(void)state;
	assert_int_equal(ntmm_machine_create(&config, &place.machine), STATUS_SUCCESS);
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	char *base = must_commit(PAGE, PAGE_READONLY), *closed = must_commit(PAGE, PAGE_NOACCESS);
	assert_int_equal(fetch_raises(&place, base), STATUS_SUCCESS);
	assert_int_equal(store_raises(&place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(fetch_raises(&place, closed), STATUS_ACCESS_VIOLATION);
	assert_int_equal(raised_by(&place), 0);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

static void test_guard_is_hit_once(void **state) /* S27, GP-2, GP-3, EX-6 */
{
	const struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(load_raises(place, base + 0x10), STATUS_GUARD_PAGE_VIOLATION);
	const EXCEPTION_RECORD *e = ntmm_thread_exception(place->thread);
	assert_int_equal(e->NumberParameters, 2);
	assert_int_equal(e->ExceptionInformation[0], 0);
	assert_int_equal(e->ExceptionInformation[1], address_in(base) + 0x10);
	assert_int_equal(protect_at(base), PAGE_READWRITE); /* what was beneath holds */
	assert_int_equal(load_at(place, base), 0);
	store_at(place, base, 1);
	assert_int_equal(protect_at(base + PAGE), PAGE_READWRITE | PAGE_GUARD); /* one page alone */
	assert_int_equal(store_raises(place, base + PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(raised_by(place), 1);
	store_at(place, base + PAGE, 1);
	assert_int_equal(fetch_raises(place, base + 2 * PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(raised_by(place), FETCH);
	assert_int_equal(fetch_raises(place, base + 2 * PAGE), STATUS_ACCESS_VIOLATION); /* GP-4 */
}

static void test_guard_before_protection(void **state) /* S27, GP-5 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READONLY | PAGE_GUARD);
	assert_int_equal(store_raises(place, base), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_at(place, base), 0);
}

static void test_guard_in_a_service(void **state) /* S27, GP-6, VL-5, E-3 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	uint8_t byte;
	assert_fails(VirtualLock(base, PAGE), ERROR_GUARD_PAGE_VIOLATION);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
	assert_succeeds(VirtualLock(base, PAGE));
	NTSTATUS status = ntmm_copy_in(place->thread, &byte, address_in(base) + PAGE, 1, NULL);
	assert_int_equal(status, STATUS_GUARD_PAGE_VIOLATION);
	status = ntmm_copy_in(place->thread, &byte, address_in(base) + PAGE, 1, NULL);
	assert_int_equal(status, STATUS_SUCCESS);
}

static void test_guard_and_noaccess(void **state) /* S27, PR-2 */
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	DWORD old;
	(void)state;
	assert_fails(VirtualAlloc(NULL, PAGE, RC, PAGE_NOACCESS | PAGE_GUARD),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base, PAGE, PAGE_NOACCESS | PAGE_GUARD, &old),
	             ERROR_INVALID_PARAMETER);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
}

static void test_nocache(void **state) /* S28, PR-3, PR-8 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE | PAGE_NOCACHE);
	ntmm_page_info info = {.size = sizeof info};
	store_at(place, base, 9);
	assert_int_equal(load_at(place, base), 9);
	assert_int_equal(protect_at(base), PAGE_READWRITE | PAGE_NOCACHE);
	/* the page-map entry tells the processor: PCD, bit 4 */
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(base), &info),
	                 STATUS_SUCCESS);
	assert_true(info.entry & 1 << 4);
	assert_fails(VirtualAlloc(NULL, PAGE, RC, PAGE_NOACCESS | PAGE_NOCACHE),
	             ERROR_INVALID_PARAMETER);
}

static void test_writecombine(void **state) /* S29, PR-4 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE | PAGE_WRITECOMBINE);
	store_at(place, base, 9);
	assert_int_equal(protect_at(base), PAGE_READWRITE | PAGE_WRITECOMBINE);
	static const DWORD with[] = {PAGE_GUARD, PAGE_NOCACHE};
	for (int i = 0; i < 2; i++) {
		DWORD protect = PAGE_READWRITE | PAGE_WRITECOMBINE | with[i], old;
		assert_fails(VirtualAlloc(NULL, PAGE, RC, protect), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualProtect(base, PAGE, protect, &old), ERROR_INVALID_PARAMETER);
	}
}

static void test_old_translations_do_not_outlive(void **state) /* S5, S23, VP-7 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_int_equal(load_at(place, base), 1);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
	must_protect(base, PAGE, PAGE_NOACCESS);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	must_protect(base, PAGE, PAGE_READWRITE);
	assert_int_equal(load_at(place, base), 1); /* VP-14: the data survives */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_execute),
		place_test(test_execute_read),
		place_test(test_execute_readwrite),
		place_test(test_noaccess),
		place_test(test_readonly),
		place_test(test_readwrite),
		cmocka_unit_test(test_processor_that_cannot_tell),
		place_test(test_guard_is_hit_once),
		place_test(test_guard_before_protection),
		place_test(test_guard_in_a_service),
		place_test(test_guard_and_noaccess),
		place_test(test_nocache),
		place_test(test_writecombine),
		place_test(test_old_translations_do_not_outlive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
