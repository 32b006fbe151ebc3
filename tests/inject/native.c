/* SPDX-License-Identifier: MIT */
#include "native_look.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "comb.h"
#include "native/native.h"
#include "support/touch.h"

#define PLACES 8192
#define PLACE_BYTES (PLACE_PAGES * PAGE)
#define OUTSIDE UINT64_C(0x300000000000) /* of use with a sanitizer too */
#define ALL_FAIL UINT64_MAX

/* ---- what attempts are made of --------------------------------------------------------------- */

void *at_page(const struct stage *s, unsigned page)
{
	return (void *)(uintptr_t)(s->base + page * PAGE);
}

void allocate(struct stage *s, unsigned page, unsigned pages, uint32_t type, uint32_t protect)
{
	assert_ptr_equal(VirtualAlloc(at_page(s, page), pages * PAGE, type, protect),
	                 at_page(s, page));
}

void protect(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	assert_true(VirtualProtect(at_page(s, page), pages * PAGE, protect, &old));
}

void decommit(struct stage *s, unsigned page, unsigned pages)
{
	assert_true(VirtualFree(at_page(s, page), pages * PAGE, MEM_DECOMMIT));
}

void fill(struct stage *s, unsigned page, unsigned pages)
{
	for (unsigned n = page; n < page + pages; n++)
		poke((char *)at_page(s, n) + n, (uint8_t)(n + 1));
}

bool succeeded(NTSTATUS status)
{
	SetLastError(RtlNtStatusToDosError(status));
	return status >= 0;
}

struct access {
	const void *address;
	bool store;
};

/* What is stored is what was there. */
static void do_touch(void *context)
{
	const struct access *access = context;
	uint8_t *at = (uint8_t *)(uintptr_t)access->address;
	if (access->store)
		__asm__ volatile("lock orb $0, (%0)" : : "r"(at) : "memory", "cc");
	else
		(void)peek(at);
}

uint32_t touch(const void *address, bool store)
{
	EXCEPTION_RECORD record;
	struct access access = {address, store};
	return ntmm_try(do_touch, &access, &record) ? 0 : record.ExceptionCode;
}

/* ---- places ---------------------------------------------------------------------------------- */

enum soil { FRESH, USED, BESIDE, SOILS };

static uint64_t arena_places(void)
{
	static uint64_t base;
	if (base)
		return base;
	void *found = VirtualAlloc(NULL, PLACES * PLACE_BYTES, MEM_RESERVE, PAGE_NOACCESS);
	assert_non_null(found);
	assert_true(VirtualFree(found, 0, MEM_RELEASE));
	base = (uintptr_t)found;
	return base;
}

/* By what the library says: a place that the host did not take back seems to be another mapping's. */
static void empty(const struct stage *s)
{
	const struct runs *runs = &native_now()->space.runs;
	for (uint64_t page = s->base / PAGE, end = page + PLACE_PAGES; page < end;) {
		struct run run = runs_at(runs, page);
		if (run.vad && vad_view(run.vad))
			assert_true(UnmapViewOfFile((void *)(uintptr_t)(page * PAGE)));
		else if (run.vad)
			assert_true(VirtualFree((void *)(uintptr_t)(page * PAGE), 0, MEM_RELEASE));
		else
			page = run.end;
	}
}

static void expect_free(const struct stage *s)
{
	MEMORY_BASIC_INFORMATION info;
	VirtualQuery(at_page(s, 0), &info, sizeof info);
	if (info.State != MEM_FREE || info.RegionSize < PLACE_BYTES)
		fail_msg("the place is taken: state %#x, region %zu", info.State, info.RegionSize);
}

/* Nothing of it is guarded from now on, which every check would have to look at. */
static void shut(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, BOTH, RO);
	empty(s);
}

/* Never the same one twice. */
static struct stage next_place(enum soil soil)
{
	static unsigned places;
	assert_true(++places < PLACES);
	struct stage s = {.base = places * PLACE_BYTES};
	s.base += soil == BESIDE ? OUTSIDE : arena_places();
	if (soil == USED) {
		allocate(&s, 0, PLACE_PAGES, BOTH, RW);
		fill(&s, 0, PLACE_PAGES);
		empty(&s);
	}
	return s;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static bool is_known(uint32_t error)
{
	return error == ERROR_NO_SYSTEM_RESOURCES || error == ERROR_NOT_ENOUGH_MEMORY ||
	       error == ERROR_COMMITMENT_LIMIT || error == ERROR_WORKING_SET_QUOTA ||
	       error == ERROR_SWAPERROR;
}

/* What the place commits of a section is opened in the other view when it is touched. */
static void open_other(const struct stage *s)
{
	for (unsigned n = 0; s->other && n < PLACE_PAGES; n++)
		(void)touch(s->other + n * PAGE, false);
}

/* By loads, which change nothing that the rules know. */
static void repair(const struct stage *s)
{
	for (unsigned n = 0; n < PLACE_PAGES; n++) {
		MEMORY_BASIC_INFORMATION info;
		VirtualQuery(at_page(s, n), &info, sizeof info);
		if (info.State == MEM_COMMIT && !(info.Protect & PAGE_GUARD))
			(void)touch(at_page(s, n), false);
	}
}

enum way {
	ALONE,
	ALONE_PARTLY,
	TO_THE_END, /* and all that follow, but what gives something back to the host */
	NOTHING_WORKS, /* from there on */
	AT_LIMIT, /* nothing fails but by the host's limit of mappings, of which there are a few */
	WAYS
};

/* The `n`-th failure of a way. */
struct trial {
	const struct attempt *attempt;
	enum way way;
	uint64_t n;
};

static bool makes_up_at_once(const struct trial *trial)
{
	return trial->way == ALONE || trial->way == ALONE_PARTLY || trial->way == AT_LIMIT;
}

/* Whether it succeeds; *failures: requests that failed. */
static bool call(const struct trial *trial, struct stage *s, uint64_t *failures)
{
	struct order wanted = {.kinds = ALLOC | MAP | OPENS | FACTS,
	                       .partly = trial->way == ALONE_PARTLY,
	                       .first = trial->n,
	                       .last = makes_up_at_once(trial) ? trial->n : ALL_FAIL};
	if (trial->way != TO_THE_END)
		wanted.kinds |= CLOSES;
	if (trial->way == AT_LIMIT) {
		comb_close((unsigned)trial->n - 1);
		bool done = trial->attempt->call(s);
		*failures = !done;
		return done;
	}
	order = wanted;
	bool done = trial->attempt->call(s);
	*failures = order.failures;
	order = (struct order){.off = true};
	return done;
}

static void run_failed(const struct trial *trial, struct stage *s, struct snapshot *before)
{
	const struct attempt *attempt = trial->attempt;
	bool once = makes_up_at_once(trial);
	if (!is_known(GetLastError()))
		fail_msg("error %u", GetLastError());
	check(once ? 0 : PLACE_PAGES);
	if (!once)
		repair(s);
	if (once || !(attempt->even_so & MAY_HIT))
		expect_unchanged(s, before, attempt->even_so | (once ? 0 : MAY_MARK));
	expect_sharing(s, before);
	look(s, before);
	if (trial->way == AT_LIMIT)
		comb_open();
	if (!attempt->call(s))
		fail_msg("the second time: error %u", GetLastError());
	open_other(s);
}

/* False: no request failed any more. */
static bool run_one(const struct trial *trial, enum soil soil)
{
	static struct snapshot before;
	struct stage s = next_place(soil);
	uint64_t resting = charged(), failures;
	int64_t files = holdings.files;
	trial->attempt->prepare(&s);
	look(&s, &before);
	bool done = call(trial, &s, &failures);
	open_other(&s);
	if (!done && !failures)
		fail_msg("error %u, though nothing failed", GetLastError());
	if (!done)
		run_failed(trial, &s, &before);
	else if (trial->way == AT_LIMIT)
		comb_open();
	check(failures ? PLACE_PAGES : 0);
	expect_sharing(&s, &before);
	expect_accessible(&s);
	check(0);
	empty(&s);
	if (trial->way != NOTHING_WORKS)
		expect_free(&s);
	if (trial->attempt->clean)
		trial->attempt->clean(&s);
	assert_int_equal(charged(), resting);
	assert_int_equal(holdings.files, files);
	if (soil != BESIDE)
		shut(&s);
	return failures;
}

static uint64_t run_all(const struct attempt *attempt, enum soil soil, enum way way)
{
	struct trial trial = {attempt, way, 0};
	bool on = true;
	order = (struct order){.off = true};
	while (on) {
		trial.n++;
		on = run_one(&trial, soil);
	}
	return trial.n - 1;
}

static bool is_to_be_tried(const struct attempt *attempt, enum way way)
{
	if (way == AT_LIMIT)
		return comb_can_close();
	return way != NOTHING_WORKS || attempt->even_so & ALL_MAY_FAIL;
}

static void tell(const struct attempt *attempt, enum soil soil, enum way way)
{
	if (getenv("NTMM_TRACE"))
		print_message("%s: soil %u, way %u\n", attempt->name, soil, way);
}

void native_attempts(const struct attempt *attempts, unsigned count)
{
	uint64_t failures = 0;
	assert_true(ntmm_native_take_signals());
	for (unsigned i = 0; i < count; i++) {
		uint64_t some = 0;
		for (unsigned n = 0; n < SOILS * WAYS; n++) {
			if (!is_to_be_tried(&attempts[i], n % WAYS))
				continue;
			tell(&attempts[i], n / WAYS, n % WAYS);
			some += run_all(&attempts[i], n / WAYS, n % WAYS);
		}
		print_message("%s: %" PRIu64 " failures\n", attempts[i].name, some);
		failures += some;
	}
	assert_true(failures >= count);
}
