/* SPDX-License-Identifier: MIT
 *
 * A map as a table.
 */
#include "map.h"

#include <inttypes.h>

#include "sizes.h"
#include "table.h"

static const char *const headers[MAP_PLACES] = {
	[MAP_RESIDENT] = "RESIDENT", [MAP_STANDBY] = "STANDBY",     [MAP_MODIFIED] = "MODIFIED",
	[MAP_IN_IO] = "IN-IO",       [MAP_PAGED_OUT] = "PAGED-OUT", [MAP_ZERO] = "ZERO",
	[MAP_UNTOUCHED] = "UNTOUCHED",
};

static void add_columns(struct table *table)
{
	table_column(table, "BASE", TABLE_RIGHT);
	table_column(table, "SIZE", TABLE_RIGHT);
	table_column(table, "STATE", TABLE_LEFT);
	table_column(table, "PROTECTION", TABLE_LEFT);
	for (int place = 0; place < MAP_PLACES; place++)
		table_column(table, headers[place], TABLE_RIGHT);
}

static void add_pages(struct table *table, const struct map_pages *pages)
{
	for (int place = 0; place < MAP_PLACES; place++)
		table_cell(table, "%" PRIu64, pages->at[place]);
}

static void add_region(struct table *table, const struct map_region *region)
{
	table_row(table);
	table_cell(table, "0x%" PRIx64, (uint64_t)(uintptr_t)region->info.BaseAddress);
	table_cell(table, "%s", size_text(region->info.RegionSize).text);
	table_cell(table, "%s", map_state_name(region->info.State));
	if (region->info.State != MEM_COMMIT)
		return;
	table_cell(table, "%s", map_protection(region->info.Protect).text);
	add_pages(table, &region->pages);
}

bool map_print_text(const struct map *map, FILE *to)
{
	fprintf(to, "%s after %" PRIu64 " references: layout %s, RAM %s, paging file %s; pages of 4 KB\n\n",
	        map->trace, map->references, ntmm_layout_name(map->layout), size_text(map->ram_bytes).text,
	        paging_files_text(&map->paging_files).text);
	struct table table = table_begin(to);
	add_columns(&table);
	for (size_t i = 0; i < map->count; i++)
		add_region(&table, &map->regions[i]);
	table_row(&table);
	table_cell(&table, "total");
	table_cell(&table, "%s", size_text(map->committed).text);
	table_cell(&table, "MEM_COMMIT");
	table_cell(&table, "%s", "");
	add_pages(&table, &map->pages);
	return table_end(&table);
}
