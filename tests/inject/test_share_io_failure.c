/* SPDX-License-Identifier: MIT
 *
 * Shared and copied pages that page all the time, over and over: each time another transfer to or from the
 * paging file fails. What an access finds is what was stored, or it raises STATUS_IN_PAGE_ERROR (EX-7) and
 * changes nothing; nothing is left when all is closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "wrapped.h"

#define PAGE UINT64_C(4096)
#define FRAMES 72
#define SLOTS 400
#define PAGES 60
#define OPERATIONS 400

struct scene {
	ntmm_machine *machine;
	HANDLE section, process[2];
	ntmm_thread *thread[2];
	uint64_t view[2];      /* READWRITE in the first process, WRITECOPY in the second */
	uint64_t ballast;      /* of the first */
	uint64_t words[PAGES]; /* of the section */
	bool copied[PAGES];
	uint64_t copies[PAGES];
	uint64_t chance, refusals;
};

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

static uint64_t draw(struct scene *s)
{
	uint64_t z = (s->chance += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static void begin(struct scene *s)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	*s = (struct scene){.chance = 1};
	assert_int_equal(ntmm_machine_create(&config, &s->machine), STATUS_SUCCESS);
	for (unsigned i = 0; i < 2; i++) {
		s->process[i] = ntmm_process_create(s->machine, NTMM_LAYOUT_NT64_128TB);
		s->thread[i] = ntmm_thread_create(s->process[i], NULL);
		assert_non_null(s->thread[i]);
	}
	assert_true(ntmm_thread_attach(s->thread[0]));
	s->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * PAGE,
	                                NULL);
	s->ballast = (uintptr_t)VirtualAlloc(NULL, PAGES * PAGE, MEM_COMMIT, PAGE_READWRITE);
	ntmm_thread_detach();
	for (unsigned i = 0; i < 2; i++) {
		s->view[i] = (uintptr_t)MapViewOfFile2(s->section, s->process[i], 0, NULL, 0, 0,
		                                       i ? PAGE_WRITECOPY : PAGE_READWRITE);
		assert_int_not_equal(s->view[i], 0);
	}
	assert_int_not_equal(s->ballast, 0);
}

/* EX-7. */
static void refused(struct scene *s, unsigned who)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(s->thread[who]);
	assert_int_equal(record->ExceptionCode, (DWORD)STATUS_IN_PAGE_ERROR);
	assert_true(order.failures);
	s->refusals++;
}

static uint64_t expected(const struct scene *s, unsigned who, unsigned page)
{
	return who && s->copied[page] ? s->copies[page] : s->words[page];
}

static void load(struct scene *s, unsigned who, unsigned page)
{
	uint64_t value;
	if (!ntmm_load64(s->thread[who], s->view[who] + page * (PAGE + 8), &value))
		refused(s, who);
	else
		assert_int_equal(value, expected(s, who, page));
}

static void store(struct scene *s, unsigned who, unsigned page, uint64_t value)
{
	if (!ntmm_store64(s->thread[who], s->view[who] + page * (PAGE + 8), value)) {
		refused(s, who);
		return;
	}
	*(who ? &s->copies[page] : &s->words[page]) = value;
	s->copied[page] |= who;
}

static void operation(struct scene *s)
{
	unsigned who = draw(s) % 2, page = draw(s) % PAGES;
	switch (draw(s) % 8) {
	case 0:
	case 1:
		store(s, 0, page, draw(s));
		break;
	case 2:
		if (draw(s) % 4 == 0)
			store(s, 1, page, draw(s));
		break;
	case 3:
		EmptyWorkingSet(s->process[who]);
		ntmm_machine_balance(s->machine, FRAMES / 2);
		break;
	case 4:
	case 5:
		if (!ntmm_store64(s->thread[0], s->ballast + page * PAGE, page))
			refused(s, 0);
		break;
	default:
		load(s, who, page);
	}
}

static void end(struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	if (!ntmm_machine_check(s->machine))
		fail_msg("%s", ntmm_error_message());
	assert_true(UnmapViewOfFile2(s->process[0], pointer(s->view[0]), 0));
	assert_true(CloseHandle(s->section));
	for (unsigned i = 0; i < 2; i++) {
		ntmm_thread_destroy(s->thread[i]);
		assert_true(CloseHandle(s->process[i]));
	}
	ntmm_machine_get_counters(s->machine, &c);
	assert_int_equal(c.commit_total + c.slots_used + c.active + c.tables, 0);
	ntmm_machine_destroy(s->machine);
}

/* All contents are there once nothing fails any more. */
static uint64_t run(void)
{
	struct scene s;
	order.off = true;
	begin(&s);
	order.off = false;
	for (unsigned n = 0; n < OPERATIONS; n++)
		operation(&s);
	order.off = true;
	uint64_t refusals = s.refusals;
	for (unsigned page = 0; page < PAGES; page++)
		for (unsigned who = 0; who < 2; who++)
			load(&s, who, page);
	assert_int_equal(s.refusals, refusals);
	end(&s);
	return refusals;
}

static void every_one(unsigned kind, uint64_t length)
{
	uint64_t refusals = 0;
	order = (struct order){.kinds = kind};
	assert_int_equal(run(), 0);
	uint64_t requests = order.requests;
	assert_true(requests > 5);
	for (uint64_t n = 1; n <= requests; n++) {
		order = (struct order){.kinds = kind,
		                       .first = n,
		                       .last = length == UINT64_MAX ? length : n + length - 1,
		                       .error = EIO};
		refusals += run();
		assert_true(order.failures);
	}
	print_message("%" PRIu64 " transfers, %" PRIu64 " accesses refused\n", requests, refusals);
}

static void a_read(void **state)
{
	(void)state;
	every_one(FILE_READ, 1);
}

/* A cluster that fails is tried page by page: the first failure alone may refuse nothing. */
static void reads_in_a_row(void **state)
{
	(void)state;
	every_one(FILE_READ, 6);
}

static void reads_from_then_on(void **state)
{
	(void)state;
	every_one(FILE_READ, UINT64_MAX);
}

static void a_write(void **state)
{
	(void)state;
	every_one(FILE_WRITE, 1);
}

static void writes_in_a_row(void **state)
{
	(void)state;
	every_one(FILE_WRITE, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read),
		cmocka_unit_test(reads_in_a_row),
		cmocka_unit_test(reads_from_then_on),
		cmocka_unit_test(a_write),
		cmocka_unit_test(writes_in_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
