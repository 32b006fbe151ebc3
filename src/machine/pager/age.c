/* SPDX-License-Identifier: MIT */
#include "machine/pager/age.h"

#include "machine/pager/share.h"

/* Clears the accessed bit; whether it was set. No thread keeps a translation: the next use sets
 * it again. */
static bool was_used(struct page_map *map, frame_t frame, struct shootdown *shootdown)
{
	struct phys *phys = &map->pager->phys;
	struct place place = map_place_of(phys, frame);
	if (map->segment)
		return share_sample(map, map_owner_of(phys, frame).page, frame, shootdown);
	if (!pte_is_accessed(pte_load(place.entry)))
		return false;
	pte_clear_bits(place.entry, PTE_ACCESSED);
	if (map->translators)
		shoot_page(map, map_owner_of(phys, frame).page, SHOOT_ALL, shootdown);
	return true;
}

bool age_look(struct page_map *map, frame_t frame, struct shootdown *shootdown)
{
	struct pager *pager = map->pager;
	struct frame *record = frame_at(&pager->phys, frame);
	if (record->level || !was_used(map, frame, shootdown))
		return false;
	age_renew(pager, record);
	frame_list_remove(&pager->phys, &map->resident, frame);
	frame_list_append(&pager->phys, &map->resident, frame);
	return true;
}

static bool is_done(const struct page_map *map)
{
	const struct phys *phys = &map->pager->phys;
	frame_t frame = map->resident.hand;
	if (frame == NO_FRAME)
		return true;
	const struct frame *record = frame_at(phys, frame);
	return !record->level && record->epoch == map->pager->epoch; /* so are those behind it */
}

static void begin_map(struct pager *pager, uint32_t number)
{
	struct page_map *map = pager->maps[number];
	pager->hand = number;
	if (map)
		map->resident.hand = map->resident.first;
}

/* Another map; after the last one the next pass begins. */
static void move_on(struct pager *pager)
{
	if (pager->hand + 1 < pager->map_count) {
		begin_map(pager, pager->hand + 1);
		return;
	}
	pager->epoch++;
	begin_map(pager, 0);
}

static void look_on(struct page_map *map, struct shootdown *shootdown)
{
	struct pager *pager = map->pager;
	frame_t frame = map->resident.hand;
	struct frame *record = frame_at(&pager->phys, frame);
	map->resident.hand = record->next;
	if (!age_look(map, frame, shootdown) && !record->level && frame_age(pager, record) > AGE_MOST)
		record->epoch = (uint16_t)(pager->epoch - AGE_MOST);
}

void age_step(struct pager *pager)
{
	struct shootdown shootdown = {0};
	uint64_t looks = min_u64(pager->looks_due, AGE_STEP);
	pager->looks_due -= looks;
	for (; looks && pager->map_count; looks--) {
		struct page_map *map = pager->maps[pager->hand];
		if (map && !is_done(map))
			look_on(map, &shootdown);
		else
			move_on(pager);
	}
	shoot_wait(&shootdown);
}

void age_work(struct pager *pager)
{
	lock_take(&pager->lock);
	if (age_is_due(pager))
		age_step(pager);
	lock_drop(&pager->lock);
}
