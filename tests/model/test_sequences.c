/* SPDX-License-Identifier: MIT
 *
 * Every sequence of up to four calls from an alphabet of forty over a range of four pages: what
 * each call answers, and what the pages then are, compared with the model.
 *
 * A walk over the tree of sequences, depth first. A call that changed something is undone by
 * releasing everything and making the calls before it once more. Longer sequences, and those of
 * four where a sanitizer makes every call slow, are walked with beginnings merged that lead to the
 * same state of the model. What the model does not know, where a page is, differs then: another
 * walk has letters for that, and merges nothing.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/mode.h"
#include "support/sanitized.h"
#include "world.h"

#define LONGEST 7 /* of any walk */
#define BASE UINT64_C(0x200000)
#define P(n) (BASE + (n) * PAGE)
#define PAGES 4
#define WINDOW 16 /* pages: a granule */
#define BALLAST 60

#define RW PAGE_READWRITE
#define RO PAGE_READONLY
#define BOTH (MEM_RESERVE | MEM_COMMIT)

#define ALLOC(at, bytes, how, with) \
	{.kind = ALLOCATE, .address = (at), .size = (bytes), .type = (how), .protect = (with)}
#define PROT(at, bytes, with) \
	{.kind = PROTECT, .address = (at), .size = (bytes), .protect = (with)}
#define WIN32(at, bytes, how) \
	{.kind = FREE_WIN32, .address = (at), .size = (bytes), .type = (how)}
#define PART(at, bytes) \
	{.kind = FREE_NATIVE, .address = (at), .size = (bytes), .type = MEM_RELEASE}
#define USE(how, by, at, bytes, what) \
	{.kind = (how), .address = (at), .size = (bytes), .value = (what), .thread = (by)}

static const struct call alphabet[] = {
	ALLOC(P(0), 4 * PAGE, MEM_RESERVE, RW),
	ALLOC(P(1), PAGE, MEM_RESERVE, RO),
	ALLOC(P(0), 4 * PAGE, BOTH, RW),
	ALLOC(P(0), 2 * PAGE, BOTH, RW | PAGE_GUARD),
	ALLOC(0, 3 * PAGE, BOTH, PAGE_EXECUTE_READ),
	ALLOC(0, 2 * PAGE, MEM_RESERVE | MEM_TOP_DOWN, RW | PAGE_NOCACHE),
	ALLOC(P(0), PAGE, MEM_COMMIT, RW),
	ALLOC(P(2) - 1, 2, MEM_COMMIT, RO),
	ALLOC(P(3), PAGE, MEM_COMMIT, RW | PAGE_GUARD),
	ALLOC(P(0), 4 * PAGE, MEM_COMMIT, PAGE_NOACCESS),
	ALLOC(P(1), 2 * PAGE, MEM_COMMIT, PAGE_EXECUTE_READWRITE),
	ALLOC(P(0), 3 * PAGE, MEM_RESET, RO),
	ALLOC(P(0), 4 * PAGE, MEM_RESET_UNDO, RW),
	PROT(P(0), 4 * PAGE, RW),
	PROT(P(0), 1, RO),
	PROT(P(1), 2 * PAGE, RW | PAGE_GUARD),
	PROT(P(2), PAGE, PAGE_EXECUTE_READ),
	PROT(P(1), PAGE, PAGE_NOACCESS),
	WIN32(P(0), PAGE, MEM_DECOMMIT),
	WIN32(P(1), 2 * PAGE, MEM_DECOMMIT),
	WIN32(P(0), 0, MEM_DECOMMIT),
	WIN32(P(0) + 0xFFF, 0, MEM_RELEASE),
	WIN32(P(2), 0, MEM_RELEASE),
	PART(P(0), PAGE),
	PART(P(1), PAGE),
	PART(P(2), 2 * PAGE),
	USE(LOAD, 0, P(0), 8, 0),
	USE(LOAD, 1, P(3) + 5, 2, 0),
	USE(STORE, 0, P(0) + 8, 8, 0x1111111111111111),
	USE(STORE, 1, P(2) - 3, 8, 0x2222222222222222),
	USE(STORE, 0, P(3), 1, 0x33),
	USE(FETCH, 0, P(2) + 4, 4, 0),
	{.kind = EXCHANGE, .address = P(1), .size = 4, .type = 1, .value = 0x44444444},
	USE(READ, 0, P(1) + 9, 2 * PAGE, 0),
	USE(WRITE, 0, P(0) + 16, 3 * PAGE, 0x55),
	USE(COPY_OUT, 0, P(1) + 32, 2 * PAGE, 0x66),
	USE(LOCK, 0, P(0), 2 * PAGE, 0),
	USE(LOCK, 0, P(2), 2 * PAGE, 0),
	USE(UNLOCK, 0, P(0), PAGE, 0),
	{.kind = EMPTY},
};
#define LETTERS (sizeof alphabet / sizeof alphabet[0])

/* After a page was committed and written: where it goes. */
static const struct call written[] = {
	ALLOC(P(0), 2 * PAGE, BOTH, RW),
	USE(STORE, 0, P(0) + 8, 8, 0x1111111111111111),
};
static const struct call paging_alphabet[] = {
	USE(STORE, 0, P(0) + 8, 8, 0x2222222222222222),
	USE(LOAD, 0, P(0), 8, 0),
	ALLOC(P(0), PAGE, MEM_RESET, RO),
	ALLOC(P(0), PAGE, MEM_RESET_UNDO, RW),
	WIN32(P(0), PAGE, MEM_DECOMMIT),
	ALLOC(P(0), PAGE, MEM_COMMIT, RW),
	PROT(P(0), PAGE, PAGE_NOACCESS),
	PROT(P(0), PAGE, RW),
	USE(LOCK, 0, P(0), PAGE, 0),
	USE(UNLOCK, 0, P(0), PAGE, 0),
	{.kind = EMPTY},
	{.kind = WRITE_MODIFIED, .size = 100},
	USE(PREFETCH, 0, P(0), PAGE, 0),
	{.kind = PRESS, .size = BALLAST},
};
#define PAGING_LETTERS (sizeof paging_alphabet / sizeof paging_alphabet[0])

#define KEEP (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER)
#define REPLACE (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER)
#define ALLOC2(at, bytes, how, with) \
	{.kind = ALLOCATE2, .address = (at), .size = (bytes), .type = (how), .protect = (with)}
#define KEEPING(at, bytes) WIN32(at, bytes, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)
#define JOINING(at, bytes) WIN32(at, bytes, MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS)

/* Rules PH. */
static const struct call placeholder_alphabet[] = {
	ALLOC2(P(0), 4 * PAGE, KEEP, PAGE_NOACCESS),
	ALLOC2(P(1), 2 * PAGE, KEEP, PAGE_NOACCESS),
	ALLOC2(P(0), PAGE, REPLACE | MEM_COMMIT, RW),
	ALLOC2(P(1), 2 * PAGE, REPLACE, RO),
	ALLOC2(P(2), PAGE, REPLACE | MEM_COMMIT, PAGE_EXECUTE_READ),
	ALLOC2(P(0), 4 * PAGE, REPLACE | MEM_COMMIT, RW | PAGE_NOCACHE),
	ALLOC(P(1), 2 * PAGE, MEM_COMMIT, RW),
	ALLOC(P(0), 4 * PAGE, BOTH, RW),
	KEEPING(P(0), PAGE),
	KEEPING(P(1), 2 * PAGE),
	KEEPING(P(2), PAGE),
	KEEPING(P(0), 4 * PAGE),
	JOINING(P(0), 4 * PAGE),
	JOINING(P(0), 2 * PAGE),
	JOINING(P(1), 3 * PAGE),
	WIN32(P(1), 0, MEM_RELEASE),
	WIN32(P(0), 0, MEM_RELEASE),
	PART(P(2), PAGE),
	WIN32(P(1), PAGE, MEM_DECOMMIT),
	USE(STORE, 0, P(2) + 8, 8, 0x1111111111111111),
	{.kind = EMPTY},
};
#define PLACEHOLDER_LETTERS (sizeof placeholder_alphabet / sizeof placeholder_alphabet[0])

static struct world world;
static uint64_t native_base; /* 0: anywhere */
static struct model before[LONGEST]; /* the model, before the call at each place of the sequence */
static const struct call *sequence[LONGEST];
static uint64_t calls_made, states_merged;

struct plan {
	const struct call *letters;
	unsigned count, longest;
	bool merge;
	const struct call *beginning; /* of every sequence: so many calls */
	unsigned beginnings;
};

/* ---- states that were seen ------------------------------------------------------------------ */

#define SEEN_SLOTS (1u << 20) /* a power of two, far more than there are states */

static uint64_t seen[LONGEST][SEEN_SLOTS];

static uint64_t mix(uint64_t digest, uint64_t value)
{
	return (digest ^ value) * UINT64_C(0x9E3779B97F4A7C15) + (digest >> 29);
}

/* Allocations are numbered from the first page on: how they came about does not matter. */
static uint64_t digest_of(const struct model *m)
{
	uint64_t digest = 1;
	for (unsigned i = 0; i < m->count; i++) {
		const struct page *p = &m->pages[i];
		bool begins = i == 0 || p->allocation != m->pages[i - 1].allocation;
		digest = mix(digest, (uint64_t)p->state << 8 | p->replaced << 6 |
		                             p->placeholder << 5 | begins << 4 |
		                             p->locked << 3 | p->lost << 2 | p->contents);
		digest = mix(digest, (uint64_t)p->allocation_protect << 32 | p->protect);
		for (unsigned k = 0; p->state == COMMITTED && k < PAGE; k += 8)
			digest = mix(digest, *(const uint64_t *)(const void *)&m->bytes[i][k]);
	}
	return digest | 1;
}

static bool was_seen(unsigned depth)
{
	uint64_t digest = digest_of(&world.inhabitants[0].model);
	for (uint64_t slot = digest >> 8;; slot++) {
		uint64_t *cell = &seen[depth][slot % SEEN_SLOTS];
		if (*cell == digest)
			return true;
		if (*cell)
			continue;
		*cell = digest;
		return false;
	}
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* The alphabet's addresses are those of a window at BASE. */
static void call(const struct call *c)
{
	struct call moved = *c;
	if (moved.address >= BASE)
		moved.address += model_address(&world.inhabitants[0].model, 0) - BASE;
	world_call(&world, 0, &moved);
	calls_made++;
}

static void release_all(void)
{
	struct model *m = &world.inhabitants[0].model;
	for (unsigned i = 0; i < m->count; i++)
		if (m->pages[i].state != FREE)
			call(&(struct call)WIN32(P(i), 0, MEM_RELEASE));
}

/* Pages that were reset vanish at one time or another. */
static bool has_reset(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		if (sequence[i]->type == MEM_RESET)
			return true;
	return false;
}

static void again(unsigned depth)
{
	const struct model *m = &world.inhabitants[0].model;
	release_all();
	for (unsigned i = 0; i < depth; i++)
		call(sequence[i]);
	if (model_equal(m, &before[depth]))
		return;
	if (!has_reset(depth))
		fail_msg("the same calls led to another state");
	model_copy(&before[depth], m);
}

static void walk(const struct plan *plan, unsigned depth)
{
	struct model *m = &world.inhabitants[0].model;
	model_copy(&before[depth], m);
	for (unsigned letter = 0; letter < plan->count; letter++) {
		sequence[depth] = &plan->letters[letter];
		call(sequence[depth]);
		world_compare_pages(&world, 0, PAGES + 1);
		if (depth + 1 < plan->longest) {
			if (plan->merge && was_seen(depth + 1))
				states_merged++;
			else
				walk(plan, depth + 1);
		}
		if (depth < plan->longest - 2)
			world_check(&world);
		if (!model_equal(m, &before[depth]))
			again(depth);
	}
}

static int tell_sequence(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LONGEST && sequence[i]; i++)
		print_error("  %s\n", call_words(sequence[i]));
	return 0;
}

static void begin(uint64_t frames, uint64_t slots)
{
	struct site site = {.layout = NTMM_LAYOUT_NT32_2GB, .base = BASE, .count = WINDOW};
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = frames * PAGE,
	                              .paging_file_bytes = slots * PAGE};
	if (test_native()) {
		world_create_native(&world, UINT64_MAX);
		site.base = native_base;
	} else {
		world_create(&world, &config);
	}
	world_add(&world, &site);
	for (unsigned i = 0; i < LONGEST; i++)
		model_create(&before[i], BASE, WINDOW);
	memset(seen, 0, sizeof seen);
	calls_made = states_merged = 0;
}

static void end(const struct plan *plan)
{
	for (unsigned i = 0; i < LONGEST; i++) {
		model_destroy(&before[i]);
		sequence[i] = NULL;
	}
	world_check(&world);
	world_destroy(&world);
	print_message("sequences of %u of %u letters: %" PRIu64 " calls, %" PRIu64
	              " states merged\n",
	              plan->longest, plan->count, calls_made, states_merged);
}

static void follow(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->beginnings; i++) {
		sequence[i] = &plan->beginning[i];
		call(sequence[i]);
	}
	walk(plan, plan->beginnings);
	end(plan);
}

static unsigned at_length(unsigned calls)
{
	return calls + (getenv("NTMM_STRESS") != NULL);
}

static void all_of_four(void **state)
{
	const struct plan plan = {
		.letters = alphabet, .count = LETTERS, .longest = 4, .merge = IS_SANITIZED};
	(void)state;
	begin(256, 64);
	follow(&plan);
}

static void longer(void **state)
{
	const struct plan plan = {.letters = alphabet,
	                          .count = LETTERS,
	                          .longest = at_length(test_native() ? 5 : 6),
	                          .merge = true};
	(void)state;
	begin(256, 64);
	follow(&plan);
}

static void with_placeholders(void **state)
{
	const struct plan plan = {.letters = placeholder_alphabet,
	                          .count = PLACEHOLDER_LETTERS,
	                          .longest = at_length(6),
	                          .merge = true};
	(void)state;
	begin(256, 64);
	follow(&plan);
}

/* Where the host is asked for the place itself. */
static void native_elsewhere(void **state)
{
	const struct plan plan = {
		.letters = alphabet, .count = LETTERS, .longest = at_length(4), .merge = true};
	(void)state;
	native_base = BASE;
	begin(0, 0);
	follow(&plan);
	native_base = 0;
}

/* With as little RAM as can be, and pages that leave it between calls. */
static void with_paging(void **state)
{
	const struct plan plan = {.letters = paging_alphabet,
	                          .count = PAGING_LETTERS,
	                          .longest = at_length(6) - IS_SANITIZED,
	                          .beginning = written,
	                          .beginnings = sizeof written / sizeof written[0]};
	(void)state;
	begin(64, 200);
	world_add_ballast(&world, BALLAST);
	follow(&plan);
}

int main(void)
{
	const struct CMUnitTest of_a_machine[] = {
		cmocka_unit_test_setup_teardown(all_of_four, NULL, tell_sequence),
		cmocka_unit_test_setup_teardown(longer, NULL, tell_sequence),
		cmocka_unit_test_setup_teardown(with_placeholders, NULL, tell_sequence),
		cmocka_unit_test_setup_teardown(with_paging, NULL, tell_sequence),
	};
	const struct CMUnitTest native[] = {
		cmocka_unit_test_setup_teardown(longer, NULL, tell_sequence),
		cmocka_unit_test_setup_teardown(with_placeholders, NULL, tell_sequence),
		cmocka_unit_test_setup_teardown(native_elsewhere, NULL, tell_sequence),
	};
	return test_native() ? cmocka_run_group_tests(native, NULL, NULL)
	                     : cmocka_run_group_tests(of_a_machine, NULL, NULL);
}
