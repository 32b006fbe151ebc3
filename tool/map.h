/* SPDX-License-Identifier: MIT
 *
 * The address space of a process as a map: its regions, and where the pages of each are.
 *
 * Units: bytes and numbers of pages. Threads: one.
 */
#ifndef TOOL_MAP_H
#define TOOL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ntmm/machine.h>
#include <ntmm/windows.h>

#include "failure.h"
#include "paging_files.h"
#include "touched.h"

/* Where the pages of a committed region are. */
enum map_place {
	MAP_RESIDENT,
	MAP_STANDBY,
	MAP_MODIFIED,
	MAP_IN_IO,
	MAP_PAGED_OUT, /* the page, or the page table that knows */
	MAP_ZERO,      /* taken away before anything was stored in it */
	MAP_UNTOUCHED,
	MAP_PLACES
};

/* All zeros where nothing is committed. */
struct map_pages {
	uint64_t at[MAP_PLACES];
};

struct map_region {
	MEMORY_BASIC_INFORMATION info;
	struct map_pages pages;
};

struct map {
	const char *trace;
	uint64_t references; /* made before this is how it looks */
	uint64_t ram_bytes;
	struct paging_files paging_files;
	ntmm_layout layout;
	struct map_region *regions;
	size_t count;
	uint64_t reserved, committed; /* bytes of all regions in that state */
	struct map_pages pages;       /* of all regions */
};

/* Fills in the regions and what is summed over them; `touched` is what the process has touched.
 * map_end() frees them, also after a failure. */
bool map_look(struct map *map, HANDLE process, const struct touched *touched,
              struct failure *failure);
void map_end(struct map *map);

/* "MEM_COMMIT"; "PAGE_READWRITE | PAGE_GUARD", and "" for no protection. */
const char *map_state_name(DWORD state);
struct map_protection {
	char text[64];
};
struct map_protection map_protection(DWORD protect);

/* False: no memory. */
bool map_print_text(const struct map *map, FILE *to);
bool map_print_json(const struct map *map, FILE *to);

#endif
