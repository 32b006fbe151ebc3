/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown. A line's tags are cleared in place; one barrier then makes every host thread see it,
 * and the threads that had a translation are waited for. A thread whose line did not match cannot be
 * in an access to the page: only it fills its lines, under the pager's lock.
 */
#include "base/os.h"
#include "machine/pager/shoot.h"

static void mark(struct translator *translator, struct shootdown *shootdown)
{
	if (translator->must_wait)
		return;
	translator->must_wait = true;
	translator->waiting = shootdown->waiting;
	shootdown->waiting = translator;
}

static bool clear_tag(uint64_t *tag, uint64_t address)
{
	if (__atomic_load_n(tag, __ATOMIC_RELAXED) != address)
		return false;
	__atomic_store_n(tag, NTMM_TLB_EMPTY, NTMM_TLB_ORDER);
	return true;
}

static void clear_line(struct translator *translator, uint64_t page, unsigned what,
                       struct shootdown *shootdown)
{
	uint64_t address = address_of(page);
	struct ntmm_tlb_line *line = ntmm_tlb_line_of(translator->tlb, address);
	bool cleared = clear_tag(&line->store, address);
	if (what == SHOOT_ALL) {
		cleared |= clear_tag(&line->load, address);
		cleared |= clear_tag(&line->fetch, address);
	}
	if (cleared)
		mark(translator, shootdown);
}

void shoot_page(struct page_map *map, uint64_t page, unsigned what, struct shootdown *shootdown)
{
	for (struct translator *t = map->translators; t; t = t->next)
		clear_line(t, page, what, shootdown);
}

static bool tag_in(uint64_t tag, struct range range)
{
	return tag != NTMM_TLB_EMPTY && range_has(range, page_of(tag));
}

static void clear_lines_in(struct translator *translator, struct range range,
                           struct shootdown *shootdown)
{
	for (unsigned i = 0; i < NTMM_TLB_LINES; i++) {
		struct ntmm_tlb_line *line = &translator->tlb->lines[i];
		uint64_t *tags[] = {&line->load, &line->store, &line->fetch};
		for (unsigned k = 0; k < 3; k++) {
			uint64_t tag = __atomic_load_n(tags[k], __ATOMIC_RELAXED);
			if (tag_in(tag, range) && clear_tag(tags[k], tag))
				mark(translator, shootdown);
		}
	}
}

void shoot_range(struct page_map *map, struct range range, struct shootdown *shootdown)
{
	for (struct translator *t = map->translators; t; t = t->next) {
		if (range_pages(range) >= NTMM_TLB_LINES)
			clear_lines_in(t, range, shootdown);
		else
			for (uint64_t page = range.start; page < range.end; page++)
				clear_line(t, page, SHOOT_ALL, shootdown);
	}
}

void shoot_wait(struct shootdown *shootdown)
{
	if (!shootdown->waiting)
		return;
	os_barrier();
	for (struct translator *t = shootdown->waiting; t; t = t->waiting) {
		while (__atomic_load_n(&t->tlb->inside, NTMM_TLB_ORDER == __ATOMIC_SEQ_CST
		                                                ? __ATOMIC_SEQ_CST
		                                                : __ATOMIC_ACQUIRE))
			os_yield();
		t->must_wait = false;
	}
	shootdown->waiting = NULL;
}
