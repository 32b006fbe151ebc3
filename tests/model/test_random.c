/* SPDX-License-Identifier: MIT
 *
 * Random calls and accesses on machines with little RAM, or in the process that the test is
 * (support/mode.h), every answer and every state compared with the model.
 *
 * A game is a machine, two processes with a window each, and a third process that wants all the
 * RAM; or it is one window. NTMM_SEED repeats a game; NTMM_STEPS sets how many calls are made in all; NTMM_STRESS: many.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/mode.h"
#include "world.h"

#define DEFAULT_STEPS 120000
#define NATIVE_STEPS 40000
#define STRESS_STEPS 20000000
#define GAME_STEPS 4000
#define HISTORY 40
#define RECENT 6
#define MOST_BALLAST 512

/* ---- chance --------------------------------------------------------------------------------- */

static uint64_t chance; /* splitmix64 */

static uint64_t draw(void)
{
	uint64_t z = (chance += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return draw() % n;
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

#define PICK(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

/* ---- what was done last, for the reader of a failure ---------------------------------------- */

static struct {
	unsigned who;
	struct call call;
} history[HISTORY];
static uint64_t steps_made;
static uint64_t game_seed;
static bool tracing;

static void remember(unsigned who, const struct call *call)
{
	history[steps_made % HISTORY].who = who;
	history[steps_made++ % HISTORY].call = *call;
	if (tracing)
		print_message("%u: %s\n", who, call_words(call));
}

static int tell_history(void **state)
{
	(void)state;
	if (!game_seed)
		return 0;
	print_error("NTMM_SEED=%" PRIu64 " repeats this; the last calls were\n", game_seed);
	for (uint64_t n = steps_made > HISTORY ? steps_made - HISTORY : 0; n < steps_made; n++)
		print_error("  %u: %s\n", history[n % HISTORY].who,
		            call_words(&history[n % HISTORY].call));
	return 0;
}

/* ---- the next call -------------------------------------------------------------------------- */

static const uint32_t protections[] = {
	PAGE_READWRITE, PAGE_READWRITE, PAGE_READWRITE, PAGE_READWRITE, PAGE_READONLY,
	PAGE_NOACCESS, PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE,
	PAGE_READWRITE | PAGE_GUARD, PAGE_READONLY | PAGE_GUARD, PAGE_EXECUTE_READ | PAGE_GUARD,
	PAGE_READWRITE | PAGE_NOCACHE, PAGE_READONLY | PAGE_WRITECOMBINE,
};

static const uint32_t odd_protections[] = {
	0, PAGE_GUARD, PAGE_READONLY | PAGE_READWRITE, PAGE_NOACCESS | PAGE_GUARD,
	PAGE_NOACCESS | PAGE_NOCACHE, PAGE_READWRITE | PAGE_GUARD | PAGE_NOCACHE,
	PAGE_READWRITE | PAGE_NOCACHE | PAGE_WRITECOMBINE, PAGE_READWRITE | 0x800, PAGE_WRITECOPY,
	PAGE_EXECUTE_WRITECOPY, PAGE_WRITECOPY | PAGE_GUARD,
	PAGE_EXECUTE_READ | PAGE_TARGETS_INVALID, PAGE_READWRITE | PAGE_TARGETS_INVALID, 0xFFFFFFFF,
};

static const uint32_t odd_types[] = {
	0, MEM_RESET | MEM_COMMIT, MEM_TOP_DOWN, MEM_DECOMMIT, MEM_RELEASE, MEM_FREE,
	MEM_RESERVE | MEM_PRIVATE, MEM_COMMIT | MEM_MAPPED, MEM_RESET | MEM_TOP_DOWN,
	MEM_RESET | MEM_RESET_UNDO, MEM_COMMIT | MEM_WRITE_WATCH, MEM_RESERVE | MEM_WRITE_WATCH,
	MEM_RESERVE | MEM_PHYSICAL, MEM_PHYSICAL, MEM_COMMIT | MEM_LARGE_PAGES,
	MEM_RESERVE | MEM_LARGE_PAGES, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, 1u << 31, 3,
};

static const uint32_t odd_free_types[] = {
	0, MEM_FREE, MEM_COMMIT, MEM_RELEASE | MEM_DECOMMIT, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER,
	MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS, MEM_DECOMMIT | MEM_COALESCE_PLACEHOLDERS,
	MEM_RESET,
};

#define KEEP (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER)
#define REPLACE (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER)

static const uint32_t placeholder_types[] = {
	KEEP, KEEP, KEEP | MEM_TOP_DOWN, REPLACE, REPLACE, REPLACE | MEM_COMMIT,
	REPLACE | MEM_COMMIT, REPLACE | MEM_COMMIT | MEM_WRITE_WATCH, MEM_COMMIT, MEM_RESERVE | MEM_COMMIT, KEEP | MEM_COMMIT,
	KEEP | REPLACE, MEM_REPLACE_PLACEHOLDER | MEM_COMMIT, REPLACE | MEM_LARGE_PAGES,
};

/* Often where something has just been done. */
static unsigned any_page(const struct model *m)
{
	unsigned page = (unsigned)below(m->count);
	if (steps_made < RECENT || one_in(2))
		return page;
	uint64_t recent =
		history[(steps_made - 1 - below(RECENT)) % HISTORY].call.address / PAGE - m->first;
	return recent < m->count ? (unsigned)recent : page;
}

static uint64_t any_address(const struct model *m)
{
	static const unsigned offsets[] = {0, 0, 0, 0, 0, 1, 0x800, 0xFF8, 0xFFC, 0xFFF};
	return model_address(m, any_page(m)) + PICK(offsets);
}

/* Never inside a wall. */
static uint64_t odd_address(const struct model *m)
{
	switch (below(6)) {
	case 0:
		return 0;
	case 1:
		return below(GRANULE);
	case 2:
		return m->maximum + 1;
	case 3:
		return m->maximum + 1 + draw() % (UINT64_MAX - m->maximum);
	case 4:
		return UINT64_MAX - below(PAGE);
	default:
		return any_address(m);
	}
}

static uint64_t any_size(void)
{
	switch (below(8)) {
	case 0:
		return 1 + below(16);
	case 1:
		return PAGE;
	case 2:
		return (1 + below(4)) * PAGE;
	case 3:
		return (1 + below(16)) * PAGE;
	case 4:
		return 1 + below(4 * PAGE);
	case 5:
		return (1 + below(MOST_PAGES)) * PAGE;
	case 6:
		return PAGE - 1 + below(3);
	default:
		return 0;
	}
}

static uint64_t odd_size(const struct model *m)
{
	switch (below(4)) {
	case 0:
		return UINT64_MAX - below(2 * PAGE);
	case 1:
		return m->maximum + 1 + below(3);
	case 2:
		return 0;
	default:
		return any_size();
	}
}

static uint32_t alloc_type(void)
{
	static const uint32_t types[] = {
		MEM_RESERVE, MEM_RESERVE | MEM_COMMIT, MEM_COMMIT, MEM_COMMIT, MEM_COMMIT,
		MEM_COMMIT, MEM_RESET, MEM_RESET, MEM_RESET_UNDO, MEM_RESERVE | MEM_TOP_DOWN,
		MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN, MEM_COMMIT | MEM_TOP_DOWN,
	};
	uint32_t type = one_in(16) ? PICK(odd_types) : PICK(types);
	return type & MEM_RESERVE && one_in(2) ? type | MEM_WRITE_WATCH : type;
}

static void choose_allocate(const struct model *m, struct call *c)
{
	c->type = alloc_type();
	if (one_in(5))
		c->address = 0;
	if (one_in(24))
		c->size = odd_size(m);
}

/* Often the whole of some allocation: that is what can be replaced, joined and put back. */
static void choose_whole(const struct model *m, struct call *c)
{
	MEMORY_BASIC_INFORMATION info = model_query(m, model_address(m, any_page(m)));
	c->address = info.State == MEM_FREE ? c->address : (uintptr_t)info.AllocationBase;
	c->size = info.RegionSize;
	uint64_t next = c->address + c->size;
	if (one_in(3) && next >= model_address(m, 0) && next < model_address(m, m->count))
		c->size += model_query(m, next).RegionSize;
}

static void choose_allocate2(const struct model *m, struct call *c)
{
	c->type = PICK(placeholder_types);
	if (c->type & MEM_RESERVE_PLACEHOLDER && !one_in(8))
		c->protect = PAGE_NOACCESS;
	if (c->type & MEM_REPLACE_PLACEHOLDER && !one_in(4))
		choose_whole(m, c);
	else if (one_in(5))
		c->address = 0;
}

static void choose_placeholder_free(const struct model *m, struct call *c)
{
	c->type = MEM_RELEASE | (one_in(3) ? MEM_COALESCE_PLACEHOLDERS : MEM_PRESERVE_PLACEHOLDER);
	if (!one_in(3))
		choose_whole(m, c);
}

static void choose_free(struct call *c)
{
	c->type = one_in(16) ? PICK(odd_free_types) : one_in(3) ? MEM_RELEASE : MEM_DECOMMIT;
	if (c->type == MEM_RELEASE && !one_in(8) && c->kind == FREE_WIN32)
		c->size = 0;
	if (!c->size && !one_in(4))
		c->address &= ~(GRANULE - 1);
}

/* Odd sizes only where instructions are not the processor's. */
static void choose_access(struct call *c)
{
	static const unsigned sizes[] = {1, 2, 4, 8, 8, 8, 3, 5, 7};
	c->size = sizes[below(test_native() ? 6 : 9)];
	if (one_in(4))
		c->address = (c->address & ~(PAGE - 1)) + PAGE - below(c->size + 1);
	if (c->kind != EXCHANGE)
		return;
	c->size = 1u << below(4);
	if (!one_in(16))
		c->address &= ~(c->size - 1);
}

static void choose_watch(struct call *c)
{
	c->type = one_in(16) ? 2 + (uint32_t)one_in(2) : c->type;
	c->value = one_in(3) ? below(5) : MOST_PAGES;
}

static enum call_kind any_kind(void)
{
	static const enum call_kind kinds[] = {
		ALLOCATE,       ALLOCATE,    ALLOCATE, ALLOCATE, ALLOCATE, ALLOCATE,
		ALLOCATE2,      ALLOCATE2,   ALLOCATE2,
		FREE_WIN32,     FREE_NATIVE, PROTECT,  PROTECT,  PROTECT,  LOAD,
		LOAD,           STORE,       STORE,    STORE,    STORE,    FETCH,
		EXCHANGE,       EXCHANGE,    READ,     WRITE,    WRITE,    WRITE_NATIVE,
		COPY_IN,        COPY_OUT,    LOCK,     UNLOCK,   EMPTY,    BALANCE,
		WRITE_MODIFIED, PREFETCH,    PRESS,    PRESS,    PRESS,    PRESS,
		GET_WATCH,      GET_WATCH,   RESET_WATCH,
	};
	return PICK(kinds);
}

static bool is_access(enum call_kind kind)
{
	return kind == LOAD || kind == STORE || kind == FETCH || kind == EXCHANGE;
}

static bool takes_odd(enum call_kind kind)
{
	return kind == ALLOCATE || kind == ALLOCATE2 || kind == FREE_WIN32 || kind == FREE_NATIVE || kind == PROTECT ||
	       kind == LOCK || kind == UNLOCK || kind == READ || kind == WRITE ||
	       kind == WRITE_NATIVE || kind == GET_WATCH || kind == RESET_WATCH;
}

static struct call choose(const struct model *m)
{
	struct call c = {.kind = any_kind(),
	                 .address = any_address(m),
	                 .size = any_size(),
	                 .value = draw(),
	                 .thread = (unsigned)below(THREADS)};
	c.protect = one_in(12) ? PICK(odd_protections) : PICK(protections);
	c.type = one_in(2);
	if (takes_odd(c.kind) && one_in(24)) {
		c.address = odd_address(m);
		c.size = odd_size(m);
		if (c.size == m->maximum + 1) /* no host buffer is so large */
			c.size++;
	}
	if (c.kind == ALLOCATE)
		choose_allocate(m, &c);
	if (c.kind == ALLOCATE2)
		choose_allocate2(m, &c);
	if (c.kind == FREE_WIN32 || c.kind == FREE_NATIVE)
		choose_free(&c);
	if (c.kind == FREE_NATIVE && one_in(2))
		choose_placeholder_free(m, &c);
	if (is_access(c.kind))
		choose_access(&c);
	if (c.kind == GET_WATCH)
		choose_watch(&c);
	if (c.kind == BALANCE || c.kind == WRITE_MODIFIED)
		c.size = below(one_in(4) ? 1000 : 20);
	if (c.kind == PRESS)
		c.size = below(one_in(8) ? 300 : 30);
	return c;
}

/* A range must not lie in the walls alone: see model.h. */
static bool is_fair(const struct model *m, const struct call *c)
{
	bool inside = c->address >= model_address(m, 0) && c->address < model_address(m, m->count);
	return inside || c->address < GRANULE || c->address > m->maximum;
}

/* Locks are promises of RAM: where little is left of it, the machine may refuse what the model
 * allows. */
static bool has_room_for_locks(ntmm_machine *machine)
{
	ntmm_machine_counters c = {.size = sizeof c};
	if (!machine)
		return true;
	assert_int_equal(ntmm_machine_get_counters(machine, &c), STATUS_SUCCESS);
	return c.resident_limit - c.resident_total > MOST_PAGES + 8;
}

/* ---- games ---------------------------------------------------------------------------------- */

static void step(struct world *w)
{
	unsigned who = (unsigned)below(w->processes);
	const struct model *m = &w->inhabitants[who].model;
	struct call call = choose(m);
	if (!is_fair(m, &call) || (call.kind == LOCK && !has_room_for_locks(w->machine)))
		return;
	if (!w->machine && (call.kind == BALANCE || call.kind == WRITE_MODIFIED || call.kind == PRESS))
		return;
	remember(who, &call);
	world_call(w, who, &call);
	world_compare(w, who);
	if (one_in(100))
		world_read_all(w, who);
	if (!w->machine || one_in(64))
		world_check(w);
}

static struct site any_site(void)
{
	static const unsigned counts[] = {16, 32, 64, 64};
	static const uint64_t middles[] = {UINT64_C(0x200000), UINT64_C(0x40000000),
	                                   UINT64_C(0x7FF00000)};
	struct site site = {.layout = (ntmm_layout)below(NTMM_LAYOUT_WIN9X), .count = PICK(counts)};
	bool wide = site.layout == NTMM_LAYOUT_NT64_8TB || site.layout == NTMM_LAYOUT_NT64_128TB;
	uint64_t middle = wide && one_in(3) ? UINT64_C(0x8000000000) : PICK(middles);
	site.base = one_in(4) ? GRANULE : middle - site.count / 32 * GRANULE;
	return site;
}

static ntmm_machine_config any_config(void)
{
	static const unsigned frames[] = {96, 128, 128, 192, 256};
	static const unsigned slots[] = {0, 64, 200, 1000};
	static const ntmm_paging_file grow[] = {
		{.initial_bytes = 20 * PAGE, .maximum_bytes = 100 * PAGE},
		{.maximum_bytes = 300 * PAGE, .kind = NTMM_PAGING_FILE_MEMORY},
		{.initial_bytes = 50 * PAGE, .maximum_bytes = 600 * PAGE},
	};
	return (ntmm_machine_config){
		.size = sizeof(ntmm_machine_config), .flags = test_mode() | (one_in(4) ? NTMM_MACHINE_NO_NX : 0),
		.ram_bytes = PICK(frames) * PAGE, .paging_file_bytes = PICK(slots) * PAGE,
		.paging_files = grow, .paging_file_count = (uint32_t)below(4)};
}

static void begin_native(struct world *w)
{
	static const unsigned counts[] = {16, 32, 64, 64};
	struct site site = {.base = one_in(4) ? UINT64_C(0x40000000) : 0, .count = PICK(counts)};
	world_create_native(w, one_in(3) ? below(100) : UINT64_MAX);
	world_add(w, &site);
}

static void begin(struct world *w)
{
	if (test_native()) {
		begin_native(w);
		return;
	}
	ntmm_machine_config config = any_config();
	world_create(w, &config);
	for (int n = 0; n < PROCESSES; n++) {
		struct site site = any_site();
		world_add(w, &site);
		if (one_in(4)) /* a small working set, that does not grow (PG-53) */
			assert_true(SetProcessWorkingSetSizeEx(w->inhabitants[n].process, 50 * PAGE,
			                                       50 * PAGE,
			                                       QUOTA_LIMITS_HARDWS_MAX_ENABLE));
	}
	world_add_ballast(w, (unsigned)below(MOST_BALLAST));
}

static void play(uint64_t seed, uint64_t steps)
{
	static struct world world;
	chance = game_seed = seed;
	steps_made = 0;
	begin(&world);
	for (uint64_t n = 0; n < steps; n++)
		step(&world);
	world_check(&world);
	world_destroy(&world);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);
	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void random_calls(void **state)
{
	uint64_t seed = number("NTMM_SEED", (uint64_t)time(NULL) * 1000003);
	uint64_t few = test_native() ? NATIVE_STEPS : DEFAULT_STEPS;
	uint64_t steps = number("NTMM_STEPS", getenv("NTMM_STRESS") ? STRESS_STEPS : few);
	(void)state;
	tracing = getenv("NTMM_TRACE") != NULL;
	print_message("NTMM_SEED=%" PRIu64 " NTMM_STEPS=%" PRIu64 "\n", seed, steps);
	for (; steps; seed++) {
		uint64_t now = steps < GAME_STEPS ? steps : GAME_STEPS;
		play(seed, now);
		steps -= now;
	}
	game_seed = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_calls, NULL, tell_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
