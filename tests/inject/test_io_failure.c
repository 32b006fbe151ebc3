/* SPDX-License-Identifier: MIT
 *
 * A scenario of paging, over and over: each time the next transfer to or from the paging file
 * fails, or all from it on. What an access finds is what was stored, or the access raises
 * STATUS_IN_PAGE_ERROR (EX-7); nothing hangs, and the commit limit falls by the slots that went
 * bad.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "wrapped.h"

#define PAGE UINT64_C(4096)
#define MB (UINT64_C(1) << 20)
#define FRAMES 96
#define SLOTS 400
#define DENSE 160  /* pages of the first process, next to each other */
#define SPARSE 40  /* of the second, each with a table of its own */
#define OPERATIONS 1000
#define TOO_LONG 100 /* seconds, for all runs of one kind */
#define MOST_REQUESTS 300 /* transfers that one operation may try */

struct set {
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base, stride;
	unsigned count;
	uint64_t words[DENSE]; /* what is in the page, at its own place; the rest is zero */
	bool absent[DENSE];    /* not committed: the limit did not allow it any more */
	bool spoiled; /* pages were given back while their table could not be had: it is lost */
};

struct scene {
	ntmm_machine *machine;
	struct set sets[2];
	ntmm_machine_counters start;
	uint64_t chance;
	uint64_t refusals;
};

static uint64_t draw(struct scene *s)
{
	uint64_t z = (s->chance += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static ntmm_machine_counters counters_of(const struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_counters(s->machine, &c), STATUS_SUCCESS);
	return c;
}

/* ---- places --------------------------------------------------------------------------------- */

static uint64_t page_at(const struct set *set, unsigned i)
{
	return set->base + i * set->stride;
}

static uint64_t place_at(const struct set *set, unsigned i)
{
	return page_at(set, i) + i % 512 * 8;
}

static void begin_set(struct scene *s, struct set *set, ntmm_layout layout)
{
	set->process = ntmm_process_create(s->machine, layout);
	assert_non_null(set->process);
	set->thread = ntmm_thread_create(set->process, NULL);
	assert_non_null(set->thread);
	set->base = (uintptr_t)VirtualAllocEx(set->process, NULL, set->count * set->stride,
	                                      MEM_RESERVE, PAGE_READWRITE);
	assert_int_not_equal(set->base, 0);
	for (unsigned i = 0; i < set->count; i++)
		assert_non_null(VirtualAllocEx(set->process, pointer(page_at(set, i)), PAGE,
		                               MEM_COMMIT, PAGE_READWRITE));
}

static void begin(struct scene *s)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	*s = (struct scene){
		.sets = {{.count = DENSE, .stride = PAGE}, {.count = SPARSE, .stride = 2 * MB}}};
	assert_int_equal(ntmm_machine_create(&config, &s->machine), STATUS_SUCCESS);
	begin_set(s, &s->sets[0], NTMM_LAYOUT_NT32_2GB);
	begin_set(s, &s->sets[1], NTMM_LAYOUT_NT64_128TB);
	s->start = counters_of(s);
}

/* ---- accesses ------------------------------------------------------------------------------- */

/* EX-7. */
static void expect_in_page_error(struct scene *s, const struct set *set, uint64_t address,
                                 bool store)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(set->thread);
	assert_int_equal(record->ExceptionCode, (DWORD)STATUS_IN_PAGE_ERROR);
	assert_int_equal(record->NumberParameters, 3);
	assert_int_equal(record->ExceptionInformation[0], store);
	assert_int_equal(record->ExceptionInformation[1], address);
	assert_true((NTSTATUS)record->ExceptionInformation[2] < 0);
	s->refusals++;
}

static void load(struct scene *s, struct set *set, unsigned i)
{
	uint64_t value = ~set->words[i];
	if (!ntmm_load64(set->thread, place_at(set, i), &value))
		expect_in_page_error(s, set, place_at(set, i), false);
	else if (value != set->words[i])
		fail_msg("page %u of %u holds %" PRIx64 ", not %" PRIx64, i, set->count, value,
		         set->words[i]);
}

static void store(struct scene *s, struct set *set, unsigned i)
{
	uint64_t value = draw(s);
	if (ntmm_store64(set->thread, place_at(set, i), value))
		set->words[i] = value;
	else
		expect_in_page_error(s, set, place_at(set, i), true);
}

static void read_page(struct scene *s, struct set *set, unsigned i)
{
	static uint64_t page[PAGE / 8];
	if (!ReadProcessMemory(set->process, pointer(page_at(set, i)), page, PAGE, NULL)) {
		assert_int_equal(GetLastError(), ERROR_PARTIAL_COPY);
		s->refusals++;
		return;
	}
	for (unsigned n = 0; n < PAGE / 8; n++)
		if (page[n] != (n == i % 512 ? set->words[i] : 0))
			fail_msg("page %u of %u, word %u: %" PRIx64, i, set->count, n, page[n]);
}

static void write_word(struct scene *s, struct set *set, unsigned i)
{
	uint64_t value = draw(s);
	SIZE_T done = 1;
	if (WriteProcessMemory(set->process, pointer(place_at(set, i)), &value, sizeof value,
	                       &done)) {
		set->words[i] = value;
		return;
	}
	assert_int_equal(done, 0);
	assert_true(GetLastError() == ERROR_SWAPERROR || GetLastError() == ERROR_PARTIAL_COPY);
	s->refusals++;
}

/* Fails only when slots went bad, and the limit with them. A page that is committed again is
 * zero. */
static void commit(struct scene *s, struct set *set, unsigned i)
{
	(void)s;
	set->words[i] = 0;
	set->absent[i] = !VirtualAllocEx(set->process, pointer(page_at(set, i)), PAGE, MEM_COMMIT,
	                                 PAGE_READWRITE);
	if (set->absent[i])
		assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT);
}

static void renew(struct scene *s, struct set *set, unsigned i)
{
	assert_true(VirtualFreeEx(set->process, pointer(page_at(set, i)), PAGE, MEM_DECOMMIT));
	set->spoiled |= order.failures > 2 && order.requests <= order.last;
	commit(s, set, i);
}

static void protect(struct scene *s, struct set *set, unsigned i)
{
	DWORD old;
	assert_true(VirtualProtectEx(set->process, pointer(page_at(set, i)), PAGE, PAGE_READONLY,
	                             &old));
	load(s, set, i);
	assert_true(VirtualProtectEx(set->process, pointer(page_at(set, i)), PAGE, old, &old));
}

static void lock(struct scene *s, struct set *set, unsigned i)
{
	assert_true(ntmm_thread_attach(set->thread));
	if (VirtualLock(pointer(page_at(set, i)), PAGE)) {
		load(s, set, i);
		assert_true(VirtualUnlock(pointer(page_at(set, i)), PAGE));
	} else {
		assert_true(GetLastError() == ERROR_SWAPERROR ||
		            GetLastError() == ERROR_WORKING_SET_QUOTA);
		s->refusals++;
	}
	ntmm_thread_detach();
}

static void prefetch(struct scene *s, struct set *set, unsigned i)
{
	WIN32_MEMORY_RANGE_ENTRY entry = {pointer(page_at(set, i)), 10 * PAGE};
	(void)s;
	assert_true(PrefetchVirtualMemory(set->process, 1, &entry, 0));
}

static void trim(struct scene *s, struct set *set, unsigned i)
{
	if (i % 2)
		assert_true(EmptyWorkingSet(set->process));
	else
		ntmm_machine_balance(s->machine, i % 32);
}

static void operate(struct scene *s)
{
	static void (*const rare[])(struct scene *, struct set *, unsigned) = {
		read_page, write_word, renew, renew, protect, lock, prefetch, trim,
	};
	struct set *set = &s->sets[draw(s) % 3 == 0];
	unsigned i = (unsigned)(draw(s) % set->count);
	uint64_t which = draw(s) % 40;
	uint64_t requests = order.requests;
	if (set->absent[i])
		commit(s, set, i);
	else if (which < sizeof rare / sizeof rare[0])
		rare[which](s, set, i);
	else if (which % 2)
		store(s, set, i);
	else
		load(s, set, i);
	if (order.requests - requests > MOST_REQUESTS)
		fail_msg("one operation made %" PRIu64 " transfers", order.requests - requests);
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void check(const struct scene *s)
{
	if (!ntmm_machine_check(s->machine))
		fail_msg("transfer %" PRIu64 ": machine check: %s", order.first,
		         ntmm_error_message());
}

/* Returns the slots that went bad. */
static uint64_t check_limits(const struct scene *s)
{
	ntmm_machine_counters now = counters_of(s);
	uint64_t bad = s->start.slots - now.slots;
	assert_int_equal(now.commit_limit, s->start.commit_limit - bad);
	return bad;
}

static void verify_set(struct scene *s, struct set *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		if (set->absent[i])
			continue;
		load(s, set, i);
		read_page(s, set, i);
	}
}

/* The paging file works again. What can be kept by the limit is there. */
static void verify(struct scene *s)
{
	ntmm_machine_counters now = counters_of(s);
	order.off = true;
	for (int n = 0; n < 2; n++) {
		uint64_t before = s->refusals;
		verify_set(s, &s->sets[n]);
		if (now.commit_total <= now.commit_limit && !s->sets[n].spoiled)
			assert_int_equal(s->refusals, before);
	}
}

static void end(struct scene *s)
{
	for (int n = 0; n < 2; n++) {
		ntmm_thread_destroy(s->sets[n].thread);
		assert_true(CloseHandle(s->sets[n].process));
	}
	check(s);
	order.off = true; /* what could not be read can be now */
	ntmm_machine_balance(s->machine, 1);
	check(s);
	ntmm_machine_counters now = counters_of(s);
	assert_int_equal(now.commit_total, 0);
	assert_int_equal(now.slots_used, 0);
	assert_int_equal(now.tables, 0);
	ntmm_machine_destroy(s->machine);
}

static bool is_given_up(const struct scene *s)
{
	ntmm_paging_file_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_paging_file(s->machine, 0, &c), STATUS_SUCCESS);
	return c.failed;
}

struct result {
	uint64_t requests, failures, refusals, bad;
};

static struct result run(struct order wanted)
{
	struct scene s;
	struct holdings before = holdings;
	order = (struct order){.off = true};
	begin(&s);
	order = wanted;
	for (unsigned n = 0; n < OPERATIONS; n++) {
		operate(&s);
		if (n % 100 == 0)
			check(&s);
	}
	check(&s);
	struct result result = {order.requests, order.failures, s.refusals, check_limits(&s)};
	verify(&s);
	check(&s);
	uint64_t bad = check_limits(&s);
	if (is_given_up(&s)) /* what it holds is lost when it is not wanted any more */
		assert_true(bad >= result.bad);
	else
		assert_int_equal(bad, result.bad);
	end(&s);
	assert_memory_equal(&holdings, &before, sizeof before);
	return result;
}

/* How many there are when none fails. */
static uint64_t requests_of(unsigned kinds)
{
	struct result result = run((struct order){.kinds = kinds});
	assert_int_equal(result.refusals, 0);
	assert_int_equal(result.bad, 0);
	assert_true(result.requests > 10);
	return result.requests;
}

/* A write that fails is tried elsewhere: nobody notices, and one slot at most is lost. */
static void one_write(int error, bool partly)
{
	uint64_t writes = requests_of(FILE_WRITE);
	for (uint64_t n = 1; n <= writes; n++) {
		struct order wanted = {.kinds = FILE_WRITE,
		                       .first = n,
		                       .last = n,
		                       .error = error,
		                       .partly = partly};
		struct result result = run(wanted);
		assert_int_equal(result.failures, 1);
		assert_int_equal(result.refusals, 0);
		assert_true(result.bad <= 1);
	}
	print_message("%" PRIu64 " writes\n", writes);
}

/* A cluster, and then its pages one by one; then it goes on elsewhere. A write loses one slot at most. */
static void writes_for_a_while(void **state)
{
	uint64_t writes = requests_of(FILE_WRITE);
	(void)state;
	for (uint64_t n = 1; n <= writes; n++)
		for (uint64_t length = 2; length <= 32; length *= 2) {
			struct order wanted = {.kinds = FILE_WRITE,
			                       .first = n,
			                       .last = n + length - 1,
			                       .error = EIO};
			struct result result = run(wanted);
			assert_int_equal(result.refusals, 0);
			assert_true(result.bad <= length);
		}
}

static void one_write_error(void **state)
{
	(void)state;
	one_write(EIO, false);
}

static void one_write_stops_half_way(void **state)
{
	(void)state;
	one_write(ENOSPC, true);
}

/* A read that fails is refused once, to one access at most: the page is still in its slot. */
static void one_read(void **state)
{
	uint64_t reads = requests_of(FILE_READ);
	(void)state;
	for (uint64_t n = 1; n <= reads; n++) {
		struct order wanted = {
			.kinds = FILE_READ, .first = n, .last = n, .error = EIO, .partly = n % 2};
		struct result result = run(wanted);
		assert_int_equal(result.failures, 1);
		assert_true(result.refusals <= 1);
		assert_int_equal(result.bad, 0);
	}
	print_message("%" PRIu64 " reads\n", reads);
}

/* Some in a row: tables cannot be read when pages are given back, either. */
static void reads_for_a_while(void **state)
{
	uint64_t reads = requests_of(FILE_READ);
	(void)state;
	for (uint64_t n = 1; n <= reads; n += 3)
		for (uint64_t length = 3; length <= 27; length *= 3)
			run((struct order){.kinds = FILE_READ,
			                   .first = n,
			                   .last = n + length - 1,
			                   .error = EIO});
}

static void no_read_from_then_on(void **state)
{
	uint64_t reads = requests_of(FILE_READ);
	(void)state;
	for (uint64_t n = 1; n <= reads; n += 5)
		run((struct order){
			.kinds = FILE_READ, .first = n, .last = UINT64_MAX, .error = EIO});
}

static void no_write_from_then_on(void **state)
{
	uint64_t writes = requests_of(FILE_WRITE);
	(void)state;
	for (uint64_t n = 1; n <= writes; n += 2)
		run((struct order){.kinds = FILE_WRITE,
		                   .first = n,
		                   .last = UINT64_MAX,
		                   .error = ENOSPC,
		                   .partly = n % 4 == 1});
}

static void nothing_works_for_a_while(void **state)
{
	uint64_t transfers = requests_of(FILE_READ | FILE_WRITE);
	(void)state;
	for (uint64_t n = 1; n <= transfers; n += 7)
		run((struct order){
			.kinds = FILE_READ | FILE_WRITE, .first = n, .last = n + 40, .error = EIO});
}

/* The end of a process gives its tables back, whether they can be read or not. */
static void processes_end_unread(void **state)
{
	struct scene s;
	(void)state;
	order = (struct order){.off = true};
	begin(&s);
	for (unsigned n = 0; n < OPERATIONS; n++)
		operate(&s);
	order = (struct order){.kinds = FILE_READ, .first = 1, .last = UINT64_MAX, .error = EIO};
	end(&s);
	assert_true(order.failures > 0);
}

/* ---- transfers in pieces -------------------------------------------------------------------- */

static enum { WHOLE, PIECES, NOTHING } host_transfers;
static unsigned interruptions;

ssize_t __real_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __real_pwrite(int fd, const void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t bytes, off_t offset);

/* False: this call is interrupted. */
static bool may_transfer(size_t *bytes)
{
	if (host_transfers == PIECES && ++interruptions % 3 == 0) {
		errno = EINTR;
		return false;
	}
	if (host_transfers == PIECES && *bytes > 1000)
		*bytes = 1000;
	if (host_transfers == NOTHING)
		*bytes = 0;
	return true;
}

ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	return may_transfer(&bytes) ? __real_pread(fd, buffer, bytes, offset) : -1;
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t bytes, off_t offset)
{
	return may_transfer(&bytes) ? __real_pwrite(fd, buffer, bytes, offset) : -1;
}

static void in_pieces(void **state)
{
	(void)state;
	host_transfers = PIECES;
	struct result result = run((struct order){0});
	host_transfers = WHOLE;
	assert_int_equal(result.refusals, 0);
	assert_int_equal(result.bad, 0);
}

/* A file that ends too early is an error, not a wait. */
static void nothing_transferred(void **state)
{
	struct scene s;
	(void)state;
	order = (struct order){.off = true};
	begin(&s);
	for (unsigned n = 0; n < OPERATIONS; n++) {
		host_transfers = n < 200 ? WHOLE : NOTHING;
		operate(&s);
	}
	host_transfers = WHOLE;
	assert_true(s.refusals > 0);
	check(&s);
	assert_true(check_limits(&s) > 0);
	end(&s);
}

/* ---- the file itself ------------------------------------------------------------------------ */

static NTSTATUS create_with(unsigned kind, int error)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	ntmm_machine *machine = NULL;
	struct holdings before = holdings;
	order = (struct order){.kinds = kind, .first = 1, .last = 1, .error = error};
	NTSTATUS status = ntmm_machine_create(&config, &machine);
	assert_null(machine);
	assert_memory_equal(&holdings, &before, sizeof before);
	assert_string_not_equal(ntmm_error_message(), "");
	return status;
}

static void no_file(void **state)
{
	(void)state;
	assert_int_equal(create_with(FILE_CREATE, EACCES), STATUS_ACCESS_DENIED);
	assert_int_equal(create_with(FILE_CREATE, ENOSPC), STATUS_DISK_FULL);
	assert_int_equal(create_with(FILE_ALLOCATE, ENOSPC), STATUS_DISK_FULL);
	assert_int_equal(create_with(FILE_ALLOCATE, EFBIG), STATUS_DISK_FULL);
	assert_int_equal(create_with(FILE_ALLOCATE, EIO), STATUS_ACCESS_DENIED);
}

/* CM-4: two files that may grow to two steps each; the growths numbered [first, last] fail. */
static void grow_with(uint64_t first, uint64_t last, int error)
{
	enum { STEP = 256, ALL = 4 * STEP };
	const ntmm_paging_file file = {.maximum_bytes = 2 * STEP * PAGE};
	const ntmm_paging_file files[] = {file, file};
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_files = files,
	                              .paging_file_count = 2};
	struct holdings before = holdings;
	struct scene s = {0};
	order = (struct order){.off = true};
	assert_int_equal(ntmm_machine_create(&config, &s.machine), STATUS_SUCCESS);
	HANDLE process = ntmm_process_create(s.machine, NTMM_LAYOUT_NT64_128TB);
	char *base = VirtualAllocEx(process, NULL, 8 * MB, MEM_RESERVE, PAGE_READWRITE);
	order = (struct order){
		.kinds = FILE_ALLOCATE, .first = first, .last = last, .error = error};
	uint64_t pages = 0, refused = 0;
	while (counters_of(&s).slots < ALL && refused < 10) {
		ntmm_machine_counters c = counters_of(&s);
		if (VirtualAllocEx(process, base + pages * PAGE, 16 * PAGE, MEM_COMMIT,
		                   PAGE_READWRITE)) {
			pages += 16;
			continue;
		}
		assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT);
		assert_true(c.commit_total + 16 > c.commit_limit);
		assert_int_equal(counters_of(&s).commit_total, c.commit_total);
		refused++;
	}
	assert_int_equal(order.failures > 0, first <= order.requests);
	if (first == last) /* tried with less */
		assert_int_equal(refused, 0);
	assert_true(refused <= last - first);
	if (last == UINT64_MAX)
		assert_int_equal(counters_of(&s).slots, 0);
	order.off = true;
	assert_non_null(VirtualAllocEx(process, base + pages * PAGE, 16 * PAGE, MEM_COMMIT,
	                               PAGE_READWRITE));
	check(&s);
	assert_true(CloseHandle(process));
	ntmm_machine_destroy(s.machine);
	assert_memory_equal(&holdings, &before, sizeof before);
}

/* A growth that fails is tried with less, and then in the other file. When neither helps: 1455. */
static void growth(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 5; n++)
		for (uint64_t length = 1; length <= 5; length++)
			grow_with(n, n + length - 1, n % 2 ? ENOSPC : EIO);
	grow_with(1, UINT64_MAX, ENOSPC);
}

static int in_time(void **state)
{
	(void)state;
	alarm(TOO_LONG);
	return 0;
}

/* The handle table, once made, stays. */
static int make_handle_table(void **state)
{
	struct scene s;
	(void)state;
	order = (struct order){.off = true};
	begin(&s);
	end(&s);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, in_time)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_write_error),
		TEST(one_write_stops_half_way),
		TEST(writes_for_a_while),
		TEST(one_read),
		TEST(reads_for_a_while),
		TEST(no_read_from_then_on),
		TEST(no_write_from_then_on),
		TEST(nothing_works_for_a_while),
		TEST(processes_end_unread),
		TEST(in_pieces),
		TEST(nothing_transferred),
		TEST(no_file),
		TEST(growth),
	};
	return cmocka_run_group_tests(tests, make_handle_table, NULL);
}
