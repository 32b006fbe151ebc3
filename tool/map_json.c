/* SPDX-License-Identifier: MIT
 *
 * A map as one JSON object.
 */
#include "map.h"

#include <jansson.h>

static json_t *count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *pages_object(const struct map_pages *pages)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "resident", count(pages->at[MAP_RESIDENT]),
	                 "standby", count(pages->at[MAP_STANDBY]),
	                 "modified", count(pages->at[MAP_MODIFIED]),
	                 "in_io", count(pages->at[MAP_IN_IO]),
	                 "paged_out", count(pages->at[MAP_PAGED_OUT]),
	                 "zero", count(pages->at[MAP_ZERO]),
	                 "untouched", count(pages->at[MAP_UNTOUCHED]));
}

/* Addresses are strings in hexadecimal: a reader that keeps numbers as doubles would round them. */
static json_t *address_string(const void *address)
{
	return json_sprintf("0x%jx", (uintmax_t)(uintptr_t)address);
}

static json_t *region_object(const struct map_region *region)
{
	const MEMORY_BASIC_INFORMATION *info = &region->info;
	if (info->State == MEM_FREE)
		return json_pack("{s:o, s:o, s:s}", "base", address_string(info->BaseAddress), "bytes",
		                 count(info->RegionSize), "state", map_state_name(info->State));
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:o}",
	                 "base", address_string(info->BaseAddress),
	                 "allocation_base", address_string(info->AllocationBase),
	                 "bytes", count(info->RegionSize),
	                 "state", map_state_name(info->State),
	                 "protection", map_protection(info->Protect).text,
	                 "pages", pages_object(&region->pages));
}

static json_t *regions_array(const struct map *map)
{
	json_t *array = json_array();
	for (size_t i = 0; i < map->count; i++) {
		if (json_array_append_new(array, region_object(&map->regions[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

bool map_print_json(const struct map *map, FILE *to)
{
	json_t *name = json_string(map->trace); /* NULL: the name is not UTF-8 */
	json_t *whole = json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                          "ntmm", NTMM_VERSION,
	                          "trace", name ? name : json_null(),
	                          "references", count(map->references),
	                          "layout", ntmm_layout_name(map->layout),
	                          "ram_bytes", count(map->ram_bytes),
	                          "paging_file_bytes", count(paging_files_initial(&map->paging_files)),
	                          "paging_file_maximum_bytes",
	                          count(paging_files_maximum(&map->paging_files)),
	                          "reserved_bytes", count(map->reserved),
	                          "committed_bytes", count(map->committed),
	                          "pages", pages_object(&map->pages),
	                          "regions", regions_array(map));
	bool printed = whole && json_dumpf(whole, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF;
	json_decref(whole);
	return printed;
}
