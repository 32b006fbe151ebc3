/* SPDX-License-Identifier: MIT
 *
 * Memory of the process itself that is given up and taken back while the host takes pages away:
 * what is told to be intact is, and stays so; what is told to be lost is (VA-64, VA-69, OF-4).
 */
#include "race.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <ntmm/native.h>

#include "base/os_lazy.h"
#include "base/os_pages.h"
#include "native/check.h"
#include "support/touch.h"

#define PAGES 24u
#define TAKERS 2u
#define TESTS 2u
#define WORDS (PAGE / sizeof(uint32_t))

struct field {
	char *base;
	_Atomic bool done;
	uint64_t chance, lost, kept;
};

/* ---- the host -------------------------------------------------------------------------------- */

static void take(void *context, unsigned number)
{
	struct field *f = context;
	uint64_t chance = number;
	while (!f->done) {
		unsigned first = (unsigned)(draw(&chance) % PAGES);
		os_pages_evict(f->base + first * PAGE, (PAGES - first) * PAGE);
		race_pause(&chance);
	}
}

/* ---- contents -------------------------------------------------------------------------------- */

static uint32_t word_at(const struct field *f, unsigned page, unsigned word)
{
	return peek32(f->base + page * PAGE + word * sizeof(uint32_t));
}

static void fill(const struct field *f, uint32_t round)
{
	for (unsigned n = 0; n < PAGES; n++)
		for (unsigned i = 0; i < WORDS; i += 64)
			memcpy(f->base + n * PAGE + i * sizeof round, &round, sizeof round);
}

/* Never in part. */
static bool is_whole(const struct field *f, unsigned page, uint32_t round)
{
	uint32_t value = word_at(f, page, 0);
	MUST(value == round || !value);
	for (unsigned i = 64; i < WORDS; i += 64)
		MUST(word_at(f, page, i) == value);
	return value;
}

static unsigned count_whole(const struct field *f, uint32_t round)
{
	unsigned whole = 0;
	for (unsigned n = 0; n < PAGES; n++)
		whole += is_whole(f, n, round);
	return whole;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static bool give_up(struct field *f, bool offers)
{
	if (offers)
		return !OfferVirtualMemory(f->base, PAGES * PAGE, VmOfferPriorityLow);
	return VirtualAlloc(f->base, PAGES * PAGE, MEM_RESET, PAGE_READWRITE);
}

static bool take_back(struct field *f, bool offers)
{
	if (offers)
		return !ReclaimVirtualMemory(f->base, PAGES * PAGE);
	return VirtualAlloc(f->base, PAGES * PAGE, MEM_RESET_UNDO, PAGE_READWRITE);
}

static void play(struct field *f, uint32_t round, bool offers)
{
	fill(f, round);
	MUST(give_up(f, offers));
	if (draw(&f->chance) % 2)
		race_pause(&f->chance);
	bool intact = take_back(f, offers);
	unsigned whole = count_whole(f, round);
	MUST(intact == (whole == PAGES));
	*(intact ? &f->kept : &f->lost) += 1;
	if (draw(&f->chance) % 2)
		race_pause(&f->chance);
	MUST(count_whole(f, round) == whole);
	MUST(take_back(f, offers));
}

static void rounds(bool offers)
{
	struct field f = {.base = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT,
	                                       PAGE_READWRITE)};
	struct runner runners[TAKERS];
	MUST(f.base && ntmm_native_take_signals());
	race_begin(TESTS);
	for (unsigned i = 0; i < TAKERS; i++)
		race_start(&runners[i], take, &f, i);
	for (uint32_t round = 1; race_goes_on(); round++)
		play(&f, round, offers);
	f.done = true;
	race_join(runners, TAKERS);
	print_message("%" PRIu64 " kept, %" PRIu64 " lost\n", f.kept, f.lost);
	MUST(f.kept && (f.lost || !os_lazy_works()));
	MUST(native_check(native_now(), NULL));
	MUST(VirtualFree(f.base, 0, MEM_RELEASE));
}

static void reset_and_undo(void **state)
{
	(void)state;
	rounds(false);
}

static void offer_and_reclaim(void **state)
{
	(void)state;
	rounds(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_and_undo),
		cmocka_unit_test(offer_and_reclaim),
	};
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a page is what was touched */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
