/* SPDX-License-Identifier: MIT
 *
 * Write watch of the host process, in both ways: by faults and by the host. Each test runs in a
 * process of its own for each way, which is chosen once.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

#include <ntmm/ntapi.h>

#define PAGES 96
#define PLACE_BYTES (UINT64_C(64) << 20)
#define WATCHED (MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH)

/* ---- processes ------------------------------------------------------------------------------- */

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s (error %u)\n", __FILE__, __LINE__, #condition, \
			        GetLastError()); \
			_exit(1); \
		} \
	} while (0)

enum { SKIPPED = 77 };

static char *place; /* free memory, the same again and again */

static void find_place(void)
{
	place = VirtualAlloc(NULL, PLACE_BYTES, MEM_RESERVE, PAGE_READWRITE);
	CHECK(place && VirtualFree(place, 0, MEM_RELEASE));
}

/* The exit status of a new process that does `body`, with that way. */
static int run(ntmm_watch_way way, void (*body)(void *context), void *context)
{
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (!ntmm_native_set_watch_way(way))
			_exit(SKIPPED);
		CHECK(ntmm_native_take_signals());
		find_place();
		body(context);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void in_both(void (*body)(void *context))
{
	assert_int_equal(run(NTMM_WATCH_BY_FAULTS, body, NULL), 0);
	int status = run(NTMM_WATCH_BY_HOST, body, NULL);
	if (status == SKIPPED)
		print_message("the host does not allow it\n");
	else
		assert_int_equal(status, 0);
}

/* ---- touching -------------------------------------------------------------------------------- */

static const struct place host; /* neither machine nor thread */

static char *watched(unsigned pages)
{
	char *base = VirtualAlloc(place, pages * PAGE, WATCHED, PAGE_READWRITE);
	CHECK(base);
	return base;
}

static NTSTATUS store(void *address)
{
	return store_raises(&host, address);
}

static NTSTATUS load(const void *address)
{
	return load_raises(&host, address);
}

/* Bit i: page i of 64 at most is marked. */
static uint64_t marks(char *base, unsigned pages, DWORD flags)
{
	PVOID found[64];
	ULONG_PTR count = 64;
	DWORD granularity;
	uint64_t bits = 0;
	CHECK(!GetWriteWatch(flags, base, pages * PAGE, found, &count, &granularity));
	for (ULONG_PTR i = 0; i < count; i++)
		bits |= UINT64_C(1) << ((uint64_t)((char *)found[i] - base) / PAGE);
	return bits;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void stores_mark(void *context) /* WW-8, WW-9, WW-7, WW-25 */
{
	char *base = watched(8);
	PVOID found[2];
	ULONG_PTR count = 2;
	DWORD granularity;
	(void)context;
	CHECK(marks(base, 8, 0) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(!load(base + i * PAGE)); /* reading never marks */
	CHECK(marks(base, 8, 0) == 0);
	CHECK(!store(base + PAGE) && !store(base + 3 * PAGE) && !store(base + 4 * PAGE));
	CHECK(marks(base, 8, 0) == 0x1A && marks(base, 8, 0) == 0x1A);
	CHECK(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 8 * PAGE, found, &count, &granularity));
	CHECK(count == 2 && found[0] == base + PAGE && found[1] == base + 3 * PAGE);
	CHECK(marks(base, 8, WRITE_WATCH_FLAG_RESET) == 0x10);
	CHECK(marks(base, 8, 0) == 0);
	CHECK(!store(base + 3 * PAGE) && marks(base, 8, 0) == 8); /* and again */
	CHECK(!ResetWriteWatch(base, 8 * PAGE) && marks(base, 8, 0) == 0);
	CHECK(!load(base + 3 * PAGE) && marks(base, 8, 0) == 0);
}

static void marks_stay(void *context) /* WW-20 to WW-23, OF */
{
	char *base = watched(16);
	DWORD old;
	(void)context;
	for (int i = 0; i < 8; i++)
		CHECK(!store(base + i * PAGE));
	CHECK(VirtualProtect(base, PAGE, PAGE_NOACCESS, &old));
	CHECK(VirtualProtect(base + PAGE, PAGE, PAGE_READONLY, &old));
	CHECK(VirtualFree(base + 2 * PAGE, PAGE, MEM_DECOMMIT));
	CHECK(VirtualAlloc(base + 3 * PAGE, PAGE, MEM_RESET, PAGE_READWRITE));
	CHECK(!DiscardVirtualMemory(base + 4 * PAGE, PAGE));
	CHECK(!OfferVirtualMemory(base + 5 * PAGE, PAGE, VmOfferPriorityLow));
	CHECK(marks(base, 16, 0) == 0xFF);
	CHECK(VirtualAlloc(base + 2 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	CHECK(load_at(&host, base + 2 * PAGE) == 0);
	CHECK(!ReclaimVirtualMemory(base + 5 * PAGE, PAGE));
	CHECK(marks(base, 16, WRITE_WATCH_FLAG_RESET) == 0xFF);
	for (int i = 1; i < 16; i++)
		CHECK(!load(base + i * PAGE));
	CHECK(marks(base, 16, 0) == 0);
	CHECK(!store(base + 2 * PAGE) && !store(base + 4 * PAGE) && !store(base + 5 * PAGE));
	CHECK(store(base + PAGE) == STATUS_ACCESS_VIOLATION);
	CHECK(store(base) == STATUS_ACCESS_VIOLATION);
	CHECK(marks(base, 16, 0) == 0x34);
}

static void guards_go_first(void *context) /* GP-11, VL-12 */
{
	char *base = watched(4);
	DWORD old;
	(void)context;
	CHECK(VirtualProtect(base, 2 * PAGE, PAGE_READWRITE | PAGE_GUARD, &old));
	CHECK(store(base) == STATUS_GUARD_PAGE_VIOLATION && marks(base, 4, 0) == 0);
	CHECK(!store(base) && marks(base, 4, 0) == 1);
	CHECK(load(base + PAGE) == STATUS_GUARD_PAGE_VIOLATION && !load(base + PAGE));
	CHECK(marks(base, 4, 0) == 1);
	CHECK(VirtualLock(base + 2 * PAGE, PAGE) && marks(base, 4, WRITE_WATCH_FLAG_RESET) == 5);
	CHECK(!load(base + 2 * PAGE) && marks(base, 4, 0) == 0);
	CHECK(!store(base + 2 * PAGE) && marks(base, 4, 0) == 4);
}

static void parts_are_released(void *context) /* VF-33 */
{
	char *base = watched(32);
	uint64_t middle = address_in(place) + 0x10000, size = 4 * PAGE;
	(void)context;
	for (int i = 0; i < 32; i += 3)
		CHECK(!store(base + i * PAGE));
	uint64_t before = marks(base, 32, 0);
	CHECK(!NtFreeVirtualMemory(GetCurrentProcess(), &middle, &size, MEM_RELEASE));
	CHECK(marks(base, 16, 0) == (before & 0xFFFF));
	CHECK(marks(base + 20 * PAGE, 12, 0) == before >> 20);
	CHECK(VirtualFree(base, 0, MEM_RELEASE) && VirtualFree(base + 20 * PAGE, 0, MEM_RELEASE));
	base = watched(32); /* the same place */
	CHECK(marks(base, 32, 0) == 0);
	CHECK(VirtualFree(base, 0, MEM_RELEASE));
	base = VirtualAlloc(place, 32 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	for (int i = 0; i < 32; i++)
		CHECK(load_at(&host, base + i * PAGE) == 0 && !store(base + i * PAGE));
}

/* The caller's array may itself be watched, guarded, or reserved memory. */
static void answers_go_anywhere(void *context) /* WW-2, WW-4, GP-6 */
{
	char *base = watched(16);
	PVOID *array = VirtualAlloc(NULL, PAGE, WATCHED, PAGE_READWRITE);
	char *closed = VirtualAlloc(NULL, 2 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	ULONG_PTR count = 16;
	DWORD granularity = 5;
	(void)context;
	for (int i = 0; i < 16; i += 5)
		CHECK(!store(base + i * PAGE));
	CHECK(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 16 * PAGE, (PVOID *)(void *)closed, &count,
	                    &granularity));
	CHECK(GetLastError() == ERROR_NOACCESS && count == 16 && granularity == 5);
	CHECK(VirtualAlloc(closed, PAGE, MEM_COMMIT, PAGE_READONLY));
	CHECK(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 16 * PAGE, (PVOID *)(void *)closed, &count,
	                    &granularity));
	CHECK(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 16 * PAGE, array, &count, &granularity));
	CHECK(count == 4 && array[3] == base + 15 * PAGE && granularity == PAGE);
	CHECK(marks(base, 16, 0) == 0 && marks((char *)array, 1, 0) == 1);
	count = 3; /* in the memory that is asked for */
	CHECK(!store(base + 3 * PAGE));
	CHECK(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 16 * PAGE, (PVOID *)(void *)(base + 8 * PAGE),
	                     &count, &granularity));
	CHECK(count == 2 && ((PVOID *)(void *)(base + 8 * PAGE))[1] == base + 8 * PAGE);
}

/* By the host itself, as a system service: ReadFile would mark. */
static void the_host_stores(void *context) /* WW-8, WW-11 */
{
	char *base = watched(8), byte = 1;
	int file = open("/dev/zero", O_RDONLY);
	(void)context;
	CHECK(ntmm_native_read(file, base + PAGE, PAGE) == PAGE);
	CHECK(WriteProcessMemory(GetCurrentProcess(), base + 3 * PAGE, &byte, 1, NULL));
	CHECK(marks(base, 8, WRITE_WATCH_FLAG_RESET) == 0xA);
	if (ntmm_native_watch_way() == NTMM_WATCH_BY_HOST) {
		CHECK(read(file, base + 4 * PAGE, PAGE) == PAGE);
		CHECK(marks(base, 8, 0) == 0x10);
	}
}

static void it_is_decided_once(void *context)
{
	ntmm_watch_way way = ntmm_native_watch_way();
	(void)context;
	CHECK(way != NTMM_WATCH_UNDECIDED && ntmm_native_set_watch_way(way));
	watched(1);
	CHECK(ntmm_native_watch_way() == way);
	CHECK(!ntmm_native_set_watch_way(NTMM_WATCH_BY_FAULTS + NTMM_WATCH_BY_HOST - way));
	CHECK(GetLastError() == ERROR_BUSY);
	CHECK(!ntmm_native_set_watch_way(NTMM_WATCH_UNDECIDED));
	CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
}

/* More rows of pages than are asked for at a time. */
static void many_rows(void *context) /* WW-6, WW-7 */
{
	enum { MANY = 5000 };
	char *base = VirtualAlloc(place, MANY * PAGE, WATCHED, PAGE_READWRITE);
	static PVOID found[MANY];
	ULONG_PTR count = MANY - 1;
	DWORD granularity;
	(void)context;
	for (int i = 0; i < MANY; i += 3)
		CHECK(!store(base + i * PAGE));
	for (int turn = 0; turn < 2; turn++, count = MANY) {
		CHECK(!GetWriteWatch(turn ? WRITE_WATCH_FLAG_RESET : 0, base, MANY * PAGE, found,
		                     &count, &granularity));
		CHECK(count == (MANY + 2) / 3);
		for (int i = 0; i < (int)count; i++)
			CHECK(found[i] == base + 3 * i * PAGE);
	}
	for (int i = 0; i < MANY; i++)
		CHECK(!store(base + i * PAGE));
	for (int told = 0; told < MANY; told += (int)count) {
		count = 777;
		CHECK(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, MANY * PAGE, found, &count,
		                     &granularity));
		CHECK(count == (MANY - told < 777 ? (ULONG_PTR)(MANY - told) : 777));
		CHECK(found[0] == base + told * PAGE);
	}
	CHECK(!GetWriteWatch(0, base, MANY * PAGE, found, &count, &granularity) && count == 0);
}

/* Whoever closes all descriptors gets too many answers, not too few. */
static void descriptors_are_closed(void *context)
{
	char *base = watched(8);
	(void)context;
	CHECK(!store(base + PAGE));
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	uint64_t found = marks(base, 8, WRITE_WATCH_FLAG_RESET);
	CHECK(found & 2);
	CHECK(!store(base + 5 * PAGE));
	found = marks(base, 8, 0);
	CHECK(found & 0x20);
}

#define BOTH(body) \
	static void both_##body(void **state) \
	{ \
		(void)state; \
		in_both(body); \
	}
BOTH(stores_mark)
BOTH(marks_stay)
BOTH(guards_go_first)
BOTH(parts_are_released)
BOTH(answers_go_anywhere)
BOTH(the_host_stores)
BOTH(it_is_decided_once)
BOTH(many_rows)
BOTH(descriptors_are_closed)

/* ---- the same calls in both ways ------------------------------------------------------------- */

#define STEPS 4000

struct history {
	uint64_t seed;
	uint64_t answers[STEPS];
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545F4914F6CDD1D) >> 32;
}

struct part {
	char *start;
	SIZE_T bytes;
};

static struct part some_part(uint64_t *seed)
{
	unsigned first = next_random(seed) % PAGES, most = PAGES - first;
	unsigned pages = next_random(seed) % 3 ? 1 + next_random(seed) % 4 : most;
	return (struct part){place + first * PAGE, (pages < most ? pages : most) * PAGE};
}

static uint64_t told(DWORD flags, struct part part, ULONG_PTR count)
{
	PVOID found[PAGES];
	DWORD granularity;
	if (GetWriteWatch(flags, part.start, part.bytes, found, &count, &granularity))
		return GetLastError();
	uint64_t sum = count;
	for (ULONG_PTR i = 0; i < count; i++)
		sum = sum * 31 + (uint64_t)((char *)found[i] - place);
	return sum;
}

static uint64_t change(unsigned what, struct part part, uint64_t *seed)
{
	static const DWORD protections[] = {PAGE_READWRITE, PAGE_READWRITE, PAGE_READONLY,
	                                    PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD,
	                                    PAGE_EXECUTE_READWRITE};
	DWORD protect = protections[next_random(seed) % 6], old = 0;
	switch (what) {
	case 0:
		return VirtualAlloc(part.start, part.bytes, MEM_COMMIT, protect) ? 0 : GetLastError();
	case 1:
		return VirtualFree(part.start, part.bytes, MEM_DECOMMIT) ? 0 : GetLastError();
	case 2:
		return VirtualProtect(part.start, part.bytes, protect, &old) ? old : GetLastError();
	case 3:
		return VirtualAlloc(part.start, part.bytes, MEM_RESET, PAGE_READWRITE) == part.start;
	case 4:
		return OfferVirtualMemory(part.start, part.bytes, VmOfferPriorityLow);
	case 5:
		return ReclaimVirtualMemory(part.start, part.bytes);
	case 6:
		return DiscardVirtualMemory(part.start, part.bytes);
	case 7:
		return VirtualLock(part.start, PAGE) ? 0 : GetLastError();
	default:
		return VirtualUnlock(part.start, PAGE) ? 0 : GetLastError();
	}
}

static uint64_t step(uint64_t *seed)
{
	unsigned what = next_random(seed) % 32;
	struct part part = some_part(seed);
	DWORD flags = next_random(seed) % 2 ? WRITE_WATCH_FLAG_RESET : 0;
	if (what < 14)
		return (uint32_t)store(part.start + next_random(seed) % part.bytes);
	if (what < 18)
		return (uint32_t)load(part.start + next_random(seed) % part.bytes);
	if (what < 22)
		return told(flags, part, 1 + next_random(seed) % PAGES);
	if (what == 22)
		return ResetWriteWatch(part.start, part.bytes);
	return change(what - 23, part, seed);
}

static void make_history(void *context)
{
	struct history *history = context;
	uint64_t seed = history->seed;
	CHECK(VirtualAlloc(place, PAGES * PAGE, MEM_RESERVE | MEM_WRITE_WATCH, PAGE_READWRITE));
	CHECK(VirtualAlloc(place, PAGES * PAGE / 2, MEM_COMMIT, PAGE_READWRITE));
	for (int i = 0; i < STEPS; i++)
		history->answers[i] = step(&seed);
}

static void both_ways_answer_alike(void **state)
{
	struct history *one = mmap(NULL, sizeof *one, PROT_READ | PROT_WRITE,
	                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct history *other = mmap(NULL, sizeof *other, PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		one->seed = other->seed = seed * UINT64_C(0x9E3779B97F4A7C15);
		assert_int_equal(run(NTMM_WATCH_BY_FAULTS, make_history, one), 0);
		int status = run(NTMM_WATCH_BY_HOST, make_history, other);
		if (status == SKIPPED)
			break;
		assert_int_equal(status, 0);
		for (int i = 0; i < STEPS; i++)
			if (one->answers[i] != other->answers[i])
				fail_msg("seed %u, step %d: %#lx, %#lx", (unsigned)seed, i,
				         (unsigned long)one->answers[i],
				         (unsigned long)other->answers[i]);
	}
	munmap(one, sizeof *one);
	munmap(other, sizeof *other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_stores_mark),
		cmocka_unit_test(both_marks_stay),
		cmocka_unit_test(both_guards_go_first),
		cmocka_unit_test(both_parts_are_released),
		cmocka_unit_test(both_answers_go_anywhere),
		cmocka_unit_test(both_the_host_stores),
		cmocka_unit_test(both_it_is_decided_once),
		cmocka_unit_test(both_many_rows),
		cmocka_unit_test(both_descriptors_are_closed),
		cmocka_unit_test(both_ways_answer_alike),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
