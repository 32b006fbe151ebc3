/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: shoot.h says how, and why it is enough.
 */
#include "base/linger.h"
#include "base/os.h"
#include "machine/pager/shadow.h"
#include "machine/pager/shoot.h"

#define LOOKS 100 /* at a thread that is inside, before its processor is given to others */

/* ---- clearing -------------------------------------------------------------------------------- */

/* The owner may fill the line at the same time: what it puts there stays. Acquires: an access by a tag
 * that has gone since is over. */
static bool clear_tag(uint64_t *tag, uint64_t address)
{
	uint64_t expected = address;
	if (__atomic_load_n(tag, SHOOT_ACQUIRE) != address)
		return false;
	return __atomic_compare_exchange_n(tag, &expected, NTMM_TLB_EMPTY, false, SHOOT_ACQUIRE,
	                                   SHOOT_ACQUIRE);
}

static bool clear_line(struct translator *translator, uint64_t page, unsigned what)
{
	uint64_t address = address_of(page);
	struct ntmm_tlb_line *line = ntmm_tlb_line_of(translator->tlb, address);
	bool cleared = false;
	if (what & SHOOT_LOAD)
		cleared |= clear_tag(&line->load, address);
	if (what & SHOOT_STORE)
		cleared |= clear_tag(&line->store, address);
	if (what & SHOOT_FETCH)
		cleared |= clear_tag(&line->fetch, address);
	translator->must_wait |= cleared;
	return cleared;
}

static bool clear_page(struct page_map *map, uint64_t page, unsigned what)
{
	bool cleared = false;
	for (struct translator *t = map->translators; t; t = t->next)
		cleared |= clear_line(t, page, what);
	return cleared;
}

/* Whatever lines there are of a range. */
static bool clear_lines(struct translator *translator, struct range range, unsigned what)
{
	bool cleared = false;
	for (unsigned i = 0; i < NTMM_TLB_LINES; i++) {
		const struct ntmm_tlb_line *line = &translator->tlb->lines[i];
		const uint64_t *tags[] = {&line->load, &line->store, &line->fetch};
		for (unsigned k = 0; k < 3; k++) {
			uint64_t tag = __atomic_load_n(tags[k], SHOOT_ACQUIRE);
			if (tag != NTMM_TLB_EMPTY && range_has(range, page_of(tag)))
				cleared |= clear_line(translator, page_of(tag), what);
		}
	}
	return cleared;
}

static bool clear_range(struct page_map *map, struct range range, unsigned what)
{
	bool cleared = false;
	for (struct translator *t = map->translators; t; t = t->next)
		cleared |= clear_lines(t, range, what);
	return cleared;
}

/* ---- collecting ------------------------------------------------------------------------------ */

static void note(struct shots *shots, uint64_t page, unsigned what)
{
	if (!shots->count) {
		shots->hull = (struct range){page, page + 1};
		shots->what = 0;
	}
	if (shots->count < SHOTS)
		shots->pages[shots->count] = page;
	shots->count++;
	shots->hull.start = min_u64(shots->hull.start, page);
	shots->hull.end = max_u64(shots->hull.end, page + 1);
	shots->what |= what;
}

void shoot_page(struct page_map *map, uint64_t page, unsigned what, struct shootdown *shootdown)
{
	if (!map->translators || !what)
		return;
	if (!map->shots.count) {
		map->shots.next = shootdown->maps;
		shootdown->maps = map;
	}
	note(&map->shots, page, what);
	clear_page(map, page, what);
}

static bool clear_again(struct page_map *map)
{
	const struct shots *shots = &map->shots;
	bool cleared = false;
	if (shots->count > SHOTS)
		return clear_range(map, shots->hull, shots->what);
	for (uint32_t i = 0; i < shots->count; i++)
		cleared |= clear_page(map, shots->pages[i], shots->what);
	return cleared;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static uint32_t inside(const struct translator *translator)
{
	return __atomic_load_n(&translator->tlb->inside, SHOOT_ACQUIRE);
}

/* An access takes nanoseconds; a thread that was interrupted in one has to run first. */
static void next_look(unsigned *looks)
{
	if (++*looks % LOOKS == 0)
		os_yield();
}

static void wait_outside(struct page_map *map, bool all)
{
	unsigned looks = 0;
	for (struct translator *t = map->translators; t; t = t->next) {
		while ((t->must_wait || all) && inside(t))
			next_look(&looks);
		t->must_wait = false;
	}
}

static void void_walks(struct page_map *map)
{
	for (struct translator *t = map->translators; t; t = t->next)
		__atomic_store_n(&t->voids, t->voids + 1, __ATOMIC_RELEASE);
}

static void make_visible(const struct shootdown *shootdown)
{
	bool late = false;
	linger();
	for (struct page_map *map = shootdown->maps; map; map = map->shots.next)
		void_walks(map);
	os_barrier();
	for (struct page_map *map = shootdown->maps; map; map = map->shots.next)
		late |= clear_again(map);
	if (late)
		os_barrier();
}

static void hide(struct page_map *map)
{
	const struct shots *shots = &map->shots;
	if (shots->count > SHOTS)
		shadow_hide(map, shots->hull);
	else
		for (uint32_t i = 0; i < shots->count; i++)
			shadow_hide(map, (struct range){shots->pages[i], shots->pages[i] + 1});
}

void shoot_wait(struct shootdown *shootdown)
{
	if (!shootdown->maps)
		return;
	if (!os_is_alone())
		make_visible(shootdown);
	for (struct page_map *map = shootdown->maps; map; map = map->shots.next) {
		wait_outside(map, false);
		hide(map);
		map->shots.count = 0;
	}
	shootdown->maps = NULL;
}

/* ---- tables ---------------------------------------------------------------------------------- */

void shoot_table(struct page_map *map)
{
	if (!map->translators || os_is_alone())
		return;
	map->walks_end = true;
	map->pager->walks_end = true;
}

void shoot_walkers(struct pager *pager)
{
	if (!pager->walks_end)
		return;
	pager->walks_end = false;
	os_barrier();
	for (uint32_t i = 0; i < pager->map_count; i++) {
		struct page_map *map = pager->maps[i];
		if (!map || !map->walks_end)
			continue;
		map->walks_end = false;
		wait_outside(map, true);
	}
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void shoot_enlist(struct page_map *map, struct translator *translator)
{
	translator->ram = map->pager->phys.ram;
	translator->root = frame_bytes(&map->pager->phys, map->root);
	translator->end = map->user_end;
	translator->next = map->translators;
	map->translators = translator;
}

void shoot_delist(struct page_map *map, struct translator *translator)
{
	struct translator **link = &map->translators;
	while (*link && *link != translator)
		link = &(*link)->next;
	if (*link)
		*link = translator->next;
}

void shoot_translator(struct page_map *map, struct translator *translator)
{
	const struct range all = {0, map->user_end};
	unsigned looks = 0;
	__atomic_store_n(&translator->end, 0, __ATOMIC_RELEASE);
	clear_lines(translator, all, SHOOT_ALL);
	__atomic_store_n(&translator->voids, translator->voids + 1, __ATOMIC_RELEASE);
	os_barrier();
	if (clear_lines(translator, all, SHOOT_ALL))
		os_barrier();
	while (inside(translator))
		next_look(&looks);
	shoot_delist(map, translator);
}

void shoot_pause(struct page_map *map)
{
	const struct range all = {0, map->user_end};
	for (struct translator *t = map->translators; t; t = t->next)
		__atomic_store_n(&t->end, 0, __ATOMIC_RELEASE);
	clear_range(map, all, SHOOT_ALL);
	void_walks(map);
	os_barrier();
	if (clear_range(map, all, SHOOT_ALL))
		os_barrier();
	wait_outside(map, true);
	shadow_hide_all(map);
}

void shoot_resume(struct page_map *map)
{
	for (struct translator *t = map->translators; t; t = t->next) {
		t->root = frame_bytes(&map->pager->phys, map->root);
		__atomic_store_n(&t->end, map->user_end, __ATOMIC_RELEASE);
	}
}

void shoot_map(struct page_map *map)
{
	shoot_pause(map);
	map->translators = NULL;
}
