/* SPDX-License-Identifier: MIT
 *
 * States and protections by their names.
 */
#include "map.h"

const char *map_state_name(DWORD state)
{
	switch (state) {
	case MEM_COMMIT: return "MEM_COMMIT";
	case MEM_RESERVE: return "MEM_RESERVE";
	case MEM_FREE: return "MEM_FREE";
	default: return "?";
	}
}

static const char *access_name(DWORD protect)
{
	switch (protect & 0xff) {
	case PAGE_NOACCESS: return "PAGE_NOACCESS";
	case PAGE_READONLY: return "PAGE_READONLY";
	case PAGE_READWRITE: return "PAGE_READWRITE";
	case PAGE_WRITECOPY: return "PAGE_WRITECOPY";
	case PAGE_EXECUTE: return "PAGE_EXECUTE";
	case PAGE_EXECUTE_READ: return "PAGE_EXECUTE_READ";
	case PAGE_EXECUTE_READWRITE: return "PAGE_EXECUTE_READWRITE";
	case PAGE_EXECUTE_WRITECOPY: return "PAGE_EXECUTE_WRITECOPY";
	default: return "?";
	}
}

struct map_protection map_protection(DWORD protect)
{
	struct map_protection name = {""};
	if (protect)
		snprintf(name.text, sizeof name.text, "%s%s", access_name(protect),
		         protect & PAGE_GUARD ? " | PAGE_GUARD" : "");
	return name;
}
