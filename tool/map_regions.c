/* SPDX-License-Identifier: MIT
 *
 * Looking at an address space, region by region and page by page.
 */
#include "map.h"

#include <inttypes.h>
#include <stdlib.h>

#include <ntmm/status.h>
#include <ntmm/thread.h>

static enum map_place place_of(const ntmm_page_info *page)
{
	switch (page->where) {
	case NTMM_PAGE_LARGE:
	case NTMM_PAGE_PHYSICAL:
	case NTMM_PAGE_ACTIVE: return MAP_RESIDENT;
	case NTMM_PAGE_STANDBY: return MAP_STANDBY;
	case NTMM_PAGE_MODIFIED:
	case NTMM_PAGE_MODIFIED_NO_WRITE: return MAP_MODIFIED;
	case NTMM_PAGE_TRANSITION: return MAP_IN_IO;
	case NTMM_PAGE_PAGED_OUT: return MAP_PAGED_OUT;
	default: return MAP_ZERO;
	}
}

/* Only the replay knows which pages have been touched: to the machine, a page that was never stored to
 * is like one that was never touched. */
static enum map_place place_if_untouched(enum map_place place)
{
	return place == MAP_ZERO || place == MAP_PAGED_OUT ? MAP_UNTOUCHED : place;
}

static bool count_pages(struct map_region *region, HANDLE process, const struct touched *touched,
                        struct failure *failure)
{
	uint64_t start = (uintptr_t)region->info.BaseAddress, end = start + region->info.RegionSize;
	for (uint64_t at = start; at < end; at += NTMM_PAGE_BYTES) {
		ntmm_page_info page = {.size = sizeof page};
		NTSTATUS status = ntmm_process_page_info(process, at, &page);
		if (status != STATUS_SUCCESS)
			return fail_with(failure, EXIT_FAILED,
			                 "the page at 0x%" PRIx64 " cannot be looked up: 0x%08x", at, status);
		enum map_place place = place_of(&page);
		if (!page_index_has(&touched->pages, at / NTMM_PAGE_BYTES))
			place = place_if_untouched(place);
		region->pages.at[place]++;
	}
	return true;
}

static bool add_region(struct map *map, const MEMORY_BASIC_INFORMATION *info, struct failure *failure)
{
	struct map_region *regions = reallocarray(map->regions, map->count + 1, sizeof *regions);
	if (!regions)
		return fail_no_memory(failure);
	map->regions = regions;
	regions[map->count++] = (struct map_region){.info = *info};
	return true;
}

static bool find_regions(struct map *map, HANDLE process, struct failure *failure)
{
	MEMORY_BASIC_INFORMATION info;
	uint64_t at = 0;
	while (VirtualQueryEx(process, (void *)(uintptr_t)at, &info, sizeof info)) {
		if (!add_region(map, &info, failure))
			return false;
		at = (uintptr_t)info.BaseAddress + info.RegionSize;
	}
	return true;
}

static void add_up(struct map *map, const struct map_region *region)
{
	map->reserved += region->info.State == MEM_RESERVE ? region->info.RegionSize : 0;
	map->committed += region->info.State == MEM_COMMIT ? region->info.RegionSize : 0;
	for (int place = 0; place < MAP_PLACES; place++)
		map->pages.at[place] += region->pages.at[place];
}

/* All regions first: asking for them can need page tables, asking where pages are does not. */
bool map_look(struct map *map, HANDLE process, const struct touched *touched,
              struct failure *failure)
{
	if (!find_regions(map, process, failure))
		return false;
	for (size_t i = 0; i < map->count; i++) {
		struct map_region *region = &map->regions[i];
		bool committed = region->info.State == MEM_COMMIT;
		if (committed && !count_pages(region, process, touched, failure))
			return false;
		add_up(map, region);
	}
	return true;
}

void map_end(struct map *map)
{
	free(map->regions);
	map->regions = NULL;
	map->count = 0;
}
