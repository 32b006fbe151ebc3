/* SPDX-License-Identifier: MIT
 *
 * Random calls and accesses of processes that show sections, on machines with so little RAM that
 * everything pages all the time; every answer, content, query and figure compared with the model
 * (CW, MV, VP, VQ-15, S11 to S13, S30 to S32).
 *
 * NTMM_SEED repeats a game; NTMM_STEPS sets how many calls are made in all; NTMM_STRESS: many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "share.h"

#define DEFAULT_STEPS 60000
#define STRESS_STEPS 6000000
#define GAME_STEPS 2000
#define COMPARE_EVERY 4
#define HISTORY 30
#define WINDOW UINT64_C(0x10000000)
#define WINDOW_GRANULES 20

/* ---- chance --------------------------------------------------------------------------------- */

static uint64_t chance; /* splitmix64 */

static uint64_t draw(void)
{
	uint64_t z = (chance += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(draw() % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

#define PICK(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

/* ---- what was done last, for the reader of a failure ---------------------------------------- */

static struct step {
	const char *what;
	unsigned actor, view, from, to;
	DWORD protect;
} history[HISTORY];
static uint64_t steps_made, game_seed;

static void tell(const struct step *step)
{
	fprintf(stderr, "  %s: process %u, view %u, pages %u to %u, protection %#x\n", step->what,
	        step->actor, step->view, step->from, step->to, step->protect);
}

_Noreturn void share_failed(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "NTMM_SEED=%" PRIu64 " repeats this; the last calls were\n", game_seed);
	for (uint64_t n = steps_made > HISTORY ? steps_made - HISTORY : 0; n < steps_made; n++)
		tell(&history[n % HISTORY]);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

/* ---- a step --------------------------------------------------------------------------------- */

static const DWORD protections[] = {
	PAGE_READWRITE,
	PAGE_READWRITE,
	PAGE_READWRITE,
	PAGE_WRITECOPY,
	PAGE_WRITECOPY,
	PAGE_WRITECOPY,
	PAGE_READONLY,
	PAGE_NOACCESS,
	PAGE_EXECUTE_READWRITE,
	PAGE_EXECUTE_WRITECOPY,
	PAGE_EXECUTE_READ,
	PAGE_EXECUTE,
};

static DWORD any_protection(void)
{
	DWORD protect = PICK(protections);
	return protect != PAGE_NOACCESS && one_in(12) ? protect | PAGE_GUARD : protect;
}

static void begin_section(struct share *s, unsigned n)
{
	static const DWORD kinds[] = {PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_READWRITE, PAGE_READWRITE,
	                              PAGE_READONLY, PAGE_WRITECOPY};
	unsigned stride = one_in(3) ? SPARSE : 1;
	section_begin(s, n, 1 + below(MOST_PAGES), stride, PICK(kinds), stride > 1 || one_in(2));
}

static void map_somewhere(struct share *s, struct actor *actor, struct view *view)
{
	unsigned n = below(SECTIONS);
	const struct section *section = s->sections[n];
	if (!section)
		return;
	/* where its granules begin, in pages of the model */
	unsigned step = section->stride > 1 ? 1 : GRANULE / PAGE;
	unsigned first = one_in(2) ? below(section->pages) / step * step : 0;
	unsigned pages = section->pages - first;
	uint64_t at = one_in(3) ? 0 : WINDOW + below(WINDOW_GRANULES) * GRANULE;
	view_map(s, actor, view, n, first, one_in(2) ? pages : 1 + below(pages), at,
	         PICK(protections));
}

static void change_world(struct share *s, struct actor *actor, struct view *view)
{
	unsigned n = below(SECTIONS);
	switch (below(8)) {
	case 0:
		if (one_in(3))
			actor_end(actor);
		break;
	case 1:
		if (one_in(2))
			section_close(s, n);
		break;
	case 2:
	case 3:
		if (!s->sections[n])
			begin_section(s, n);
		break;
	case 4:
		if (actor->process)
			view_unmap(actor, view, below(MOST_PAGES));
		break;
	default:
		map_somewhere(s, actor, view);
	}
}

static void page_out(struct share *s, struct actor *actor)
{
	switch (below(3)) {
	case 0:
		EmptyWorkingSet(actor->process);
		break;
	case 1:
		ntmm_machine_balance(s->machine, below(200));
		break;
	default:
		ntmm_machine_write_modified(s->machine, below(40));
	}
}

static void access(struct actor *actor, struct view *view, const struct step *step)
{
	switch (below(8)) {
	case 0:
		page_read(actor, view, step->from);
		break;
	case 1:
		page_write(actor, view, step->from, below(WORDS), draw());
		break;
	case 2:
	case 3:
		page_load(actor, view, step->from);
		break;
	default:
		page_store(actor, view, step->from, below(WORDS), draw());
	}
}

static void use_view(struct share *s, struct actor *actor, struct view *view, const struct step *step)
{
	switch (below(20)) {
	case 0:
	case 1:
		pages_commit(s, actor, view, step->from, step->to, step->protect);
		break;
	case 2:
	case 3:
		share_pages_protect(s, actor, view, step->from, step->to, step->protect);
		break;
	case 4:
		share_pages_lock(actor, view, step->from, step->to);
		break;
	case 5:
		share_pages_unlock(actor, view, step->from, step->to);
		break;
	case 6:
	case 7:
	case 8:
		share_pages_reset(actor, view, step->from, step->to, one_in(2));
		break;
	default:
		access(actor, view, step);
	}
}

/* Often where something has just been done. */
static struct step next_step(const struct share *s)
{
	struct step step = {.what = "a change of the world",
	                    .actor = below(ACTORS),
	                    .view = below(VIEWS),
	                    .from = below(MOST_PAGES),
	                    .protect = any_protection()};
	if (steps_made && !one_in(3)) {
		const struct step *last = &history[(steps_made - 1) % HISTORY];
		step.view = last->view;
		step.from = last->from;
		step.actor = one_in(3) ? step.actor : last->actor;
	}
	const struct view *view = &s->actors[step.actor].views[step.view];
	unsigned pages = view->section ? view->pages : 1;
	step.from %= pages;
	step.to = step.from + 1 + below(one_in(2) ? pages - step.from : 1);
	return step;
}

static void one_step(struct share *s)
{
	struct step step = next_step(s);
	struct actor *actor = &s->actors[step.actor];
	struct view *view = &actor->views[step.view];
	history[steps_made++ % HISTORY] = step;
	const char **what = &history[(steps_made - 1) % HISTORY].what;
	if (!actor->process)
		actor_begin(s, actor, 1 + below(MOST_BALLAST));
	else if (one_in(16))
		change_world(s, actor, view);
	else if (one_in(12))
		page_out(s, actor);
	else if (one_in(3))
		ballast_use(actor, below(MOST_BALLAST), draw());
	else if (!view->section)
		map_somewhere(s, actor, view);
	else
		*what = "a view", use_view(s, actor, view, &step);
}

/* ---- a game --------------------------------------------------------------------------------- */

static void compare(struct share *s, unsigned n)
{
	if (n % COMPARE_EVERY == 0)
		compare_figures(s);
	if (n % 16 == 0)
		compare_pages(s);
	if (n % 128 == 0)
		compare_contents(s);
}

static void play(uint64_t seed, uint64_t steps)
{
	static struct share s;
	game_seed = chance = seed;
	ntmm_machine_config config = {.size = sizeof config,
	                              .ram_bytes = (90 + below(80)) * PAGE,
	                              .paging_file_bytes = (150 + below(400)) * PAGE,
	                              .flags = one_in(2) ? NTMM_MACHINE_NO_CLUSTERS : 0};
	share_create(&s, &config, (ntmm_layout)below(NTMM_LAYOUT_WIN9X));
	for (unsigned n = 0; n < steps; n++) {
		one_step(&s);
		compare(&s, n);
	}
	compare_contents(&s);
	compare_pages(&s);
	share_destroy(&s);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);
	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void games(void **state)
{
	uint64_t steps = number_from("NTMM_STEPS",
	                             getenv("NTMM_STRESS") ? STRESS_STEPS : DEFAULT_STEPS);
	uint64_t seed = number_from("NTMM_SEED", 0);
	(void)state;
	if (seed) {
		play(seed, GAME_STEPS);
		return;
	}
	seed = (uint64_t)time(NULL) * 1000003;
	for (uint64_t done = 0; done < steps; done += GAME_STEPS)
		play(++seed, GAME_STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(games)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
