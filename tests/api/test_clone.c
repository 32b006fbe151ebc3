/* SPDX-License-Identifier: MIT
 *
 * ntmm_process_clone: two processes see the same until one of them writes (S30, S32).
 */
#include "place.h"

#define PAGES 64
#define MOST 6

struct family {
	struct place place;
	HANDLE process[MOST];
	ntmm_thread *thread[MOST];
	int count;
};

static int setup(void **state)
{
	struct family *f = calloc(1, sizeof *f);
	f->place.machine = place_machine(1 << 20, 16 << 20);
	place_enter(&f->place, NTMM_LAYOUT_NT64_128TB);
	f->process[0] = f->place.process;
	f->thread[0] = f->place.thread;
	f->count = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct family *f = *state;
	bool agrees = ntmm_machine_check(f->place.machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	for (int i = 1; i < f->count; i++) {
		ntmm_thread_destroy(f->thread[i]);
		CloseHandle(f->process[i]);
	}
	if (agrees && !ntmm_machine_check(f->place.machine))
		fail_msg("%s", ntmm_error_message());
	place_leave(&f->place);
	ntmm_machine_counters c = {.size = sizeof c};
	ntmm_machine_get_counters(f->place.machine, &c);
	assert_int_equal(c.commit_total, 0);
	assert_int_equal(c.active + c.tables + c.slots_used + c.resident_total, 0);
	ntmm_machine_destroy(f->place.machine);
	free(f);
	return agrees ? 0 : -1;
}

static int clone_of(struct family *f, int who)
{
	HANDLE process = ntmm_process_clone(f->process[who]);
	if (!process)
		fail_msg("ntmm_process_clone: error %u", GetLastError());
	f->process[f->count] = process;
	f->thread[f->count] = ntmm_thread_create(process, NULL);
	assert_non_null(f->thread[f->count]);
	if (!ntmm_machine_check(f->place.machine))
		fail_msg("%s", ntmm_error_message());
	return f->count++;
}

static uint64_t load(struct family *f, int who, uint64_t address)
{
	uint64_t value = 0;
	if (!ntmm_load64(f->thread[who], address, &value))
		fail_msg("load of %#lx by %d: %#x", address, who,
		         ntmm_thread_exception(f->thread[who])->ExceptionCode);
	return value;
}

static void store(struct family *f, int who, uint64_t address, uint64_t value)
{
	assert_true(ntmm_store64(f->thread[who], address, value));
}

static uint64_t frame(struct family *f, int who, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(f->process[who], address, &info), 0);
	return info.frame;
}

static void two(void **state)
{
	struct family *f = *state;
	uint64_t base = address_in(must_commit(PAGES * PAGE, PAGE_READWRITE));
	for (uint64_t i = 0; i < PAGES; i += 2)
		store(f, 0, base + i * PAGE, 1000 + i);
	int child = clone_of(f, 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t wanted = i % 2 ? 0 : 1000 + i;
		assert_int_equal(load(f, child, base + i * PAGE), wanted);
		assert_int_equal(load(f, 0, base + i * PAGE), wanted);
	}
	assert_int_equal(frame(f, 0, base), frame(f, child, base));
	store(f, child, base + 8, 5);
	assert_int_not_equal(frame(f, 0, base), frame(f, child, base));
	store(f, 0, base + 2 * PAGE, 7);
	assert_int_equal(load(f, child, base + 2 * PAGE), 1002);
	assert_int_equal(load(f, 0, base + 8), 0);
	assert_int_equal(load(f, child, base), 1000);
	MEMORY_BASIC_INFORMATION info;
	VirtualQueryEx(f->process[child], at(base), &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.Type, MEM_PRIVATE);
	assert_int_equal(info.RegionSize, PAGES * PAGE);
}

/* What is decommitted and committed again is zero, however many clones there have been. */
static void renewed(void **state)
{
	struct family *f = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 4; i++)
		store(f, 0, address_in(base) + (uint64_t)i * PAGE, 1 + i);
	int one = clone_of(f, 0);
	assert_succeeds(VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT));
	assert_non_null(VirtualAlloc(base + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	int two = clone_of(f, 0);
	assert_int_equal(load(f, two, address_in(base) + PAGE), 0);
	assert_int_equal(load(f, one, address_in(base) + PAGE), 2);
	assert_int_equal(load(f, 0, address_in(base) + PAGE), 0);
	assert_int_equal(load(f, two, address_in(base)), 1);
	store(f, 0, address_in(base) + 3 * PAGE, 40);
	int three = clone_of(f, 0), four = clone_of(f, two);
	assert_int_equal(load(f, three, address_in(base) + 3 * PAGE), 40);
	assert_int_equal(load(f, four, address_in(base) + 3 * PAGE), 4);
	assert_int_equal(load(f, three, address_in(base) + 2 * PAGE), 3);
	assert_int_equal(load(f, three, address_in(base) + PAGE), 0);
}

/* Protection, guard and partial release work on pages that are still shown by both. */
static void changed(void **state)
{
	struct family *f = *state;
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	uint64_t a = address_in(base), value;
	DWORD old;
	for (int i = 0; i < 8; i++)
		store(f, 0, a + (uint64_t)i * PAGE, 10 + i);
	int child = clone_of(f, 0);
	assert_int_equal(load(f, 0, a), 10);
	assert_succeeds(VirtualProtect(base, 2 * PAGE, PAGE_READONLY, &old));
	assert_false(ntmm_store64(f->thread[0], a, 1));
	assert_succeeds(VirtualProtect(base, 2 * PAGE, PAGE_READWRITE, &old));
	store(f, 0, a, 11);
	assert_int_equal(load(f, child, a), 10);
	assert_succeeds(VirtualProtect(base + 3 * PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD, &old));
	assert_false(ntmm_load64(f->thread[0], a + 3 * PAGE, &value));
	assert_int_equal(load(f, 0, a + 3 * PAGE), 13);
	assert_int_equal(load(f, child, a + 3 * PAGE), 13);
	assert_true(VirtualFreeEx(f->process[child], base + 5 * PAGE, PAGE, MEM_DECOMMIT));
	assert_false(ntmm_load64(f->thread[child], a + 5 * PAGE, &value));
	assert_int_equal(load(f, 0, a + 5 * PAGE), 15);
	assert_succeeds(VirtualLock(base + 6 * PAGE, PAGE));
	int other = clone_of(f, 0);
	assert_int_equal(load(f, other, a + 6 * PAGE), 16);
	assert_succeeds(VirtualUnlock(base + 6 * PAGE, PAGE)); /* it was locked all the time */
}

/* Views: shared ones stay shared; what had been copied is each process's own. */
static void views(void **state)
{
	struct family *f = *state;
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4 * PAGE,
	                                    NULL);
	char *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	char *copied = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	uint64_t s = address_in(shared), c = address_in(copied);
	store(f, 0, s, 1);
	store(f, 0, c + PAGE, 2);
	int child = clone_of(f, 0);
	store(f, child, s + 8, 3);
	assert_int_equal(load(f, 0, s + 8), 3);
	assert_int_equal(load(f, child, c + 8), 3);
	assert_int_equal(load(f, child, c + PAGE), 2);
	store(f, child, c + PAGE, 4);
	assert_int_equal(load(f, 0, c + PAGE), 2);
	assert_int_equal(load(f, 0, s + PAGE), 0);
	MEMORY_BASIC_INFORMATION info;
	VirtualQueryEx(f->process[0], copied + PAGE, &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.RegionSize, PAGE);
	VirtualQueryEx(f->process[child], copied, &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_WRITECOPY);
	assert_int_equal(info.RegionSize, PAGE);
	CloseHandle(section);
}

/* All of it while the machine has less RAM than is in use. */
static void paged(void **state)
{
	struct family *f = *state;
	enum { MANY = 500 };
	uint64_t base = address_in(must_commit(MANY * PAGE, PAGE_READWRITE));
	for (uint64_t i = 0; i < MANY; i++)
		store(f, 0, base + i * PAGE, i + 1);
	int child = clone_of(f, 0);
	for (uint64_t i = 0; i < MANY; i += 3)
		store(f, child, base + i * PAGE + 8, 2 * i);
	for (uint64_t i = 0; i < MANY; i += 5)
		store(f, 0, base + i * PAGE + 8, 3 * i);
	int grandchild = clone_of(f, child);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_int_equal(load(f, 0, base + i * PAGE), i + 1);
		assert_int_equal(load(f, grandchild, base + i * PAGE), i + 1);
		assert_int_equal(load(f, 0, base + i * PAGE + 8), i % 5 ? 0 : 3 * i);
		assert_int_equal(load(f, grandchild, base + i * PAGE + 8), i % 3 ? 0 : 2 * i);
	}
}

/* A process that is cloned again and again, and whose children end, does not grow. */
static void server(void **state)
{
	struct family *f = *state;
	enum { MANY = 100, ROUNDS = 300 };
	char *pages = must_commit(MANY * PAGE, PAGE_READWRITE);
	uint64_t base = address_in(pages), words[MANY] = {0}, commit = 0, seed = 1;
	ntmm_machine_counters c = {.size = sizeof c};
	for (int round = 0; round < ROUNDS; round++) {
		for (int n = 0; n < 20; n++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			uint64_t i = (seed >> 33) % MANY;
			if (n == 7) {
				VirtualFree(pages + i * PAGE, PAGE, MEM_DECOMMIT);
				assert_non_null(VirtualAlloc(pages + i * PAGE, PAGE, MEM_COMMIT,
				                             PAGE_READWRITE));
				words[i] = 0;
			} else {
				store(f, 0, base + i * PAGE, words[i] = seed);
			}
		}
		int child = clone_of(f, 0);
		for (uint64_t i = 0; i < MANY; i++)
			assert_int_equal(load(f, child, base + i * PAGE), words[i]);
		store(f, child, base, 1);
		ntmm_thread_destroy(f->thread[child]);
		CloseHandle(f->process[child]);
		f->count--;
		for (uint64_t i = 0; i < MANY; i++)
			assert_int_equal(load(f, 0, base + i * PAGE), words[i]);
		ntmm_machine_get_counters(f->place.machine, &c);
		if (round == 1)
			commit = c.commit_total;
	}
	assert_in_range(c.commit_total, 0, commit + 8);
}

/* The commit limit, and nothing changed. */
static void refused(void **state)
{
	struct family *f = *state;
	uint64_t base = address_in(must_commit(7 << 20, PAGE_READWRITE));
	ntmm_machine_counters before = {.size = sizeof before}, after = {.size = sizeof after};
	store(f, 0, base, 1);
	ntmm_machine_get_counters(f->place.machine, &before);
	assert_fails(ntmm_process_clone(f->process[0]), ERROR_COMMITMENT_LIMIT);
	ntmm_machine_get_counters(f->place.machine, &after);
	assert_int_equal(before.commit_total, after.commit_total);
	assert_int_equal(before.tables, after.tables);
	assert_int_equal(load(f, 0, base), 1);
	store(f, 0, base, 2);
	assert_fails(ntmm_process_clone(NULL), ERROR_INVALID_HANDLE);
}

#define family_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		family_test(two),   family_test(renewed), family_test(changed),
		family_test(views), family_test(paged),   family_test(server), family_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
