/* SPDX-License-Identifier: MIT
 *
 * Privileges by name, by number, and as a process has them.
 */
#include "object/token.h"

#include <ntmm/windows.h>

static const struct {
	const char *name;
	uint32_t luid;
} known[PRIVILEGES] = {
	[PRIVILEGE_LOCK_MEMORY] = {SE_LOCK_MEMORY_NAME, 4},
	[PRIVILEGE_INCREASE_WORKING_SET] = {SE_INC_WORKING_SET_NAME, 33},
	[PRIVILEGE_DEBUG] = {SE_DEBUG_NAME, 20},
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* strcasecmp would ask the locale. */
static bool is_same_name(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b))
		a++, b++;
	return lower(*a) == lower(*b);
}

int privilege_find(const char *name, uint32_t *luid)
{
	for (int i = 0; i < PRIVILEGES; i++) {
		if (!is_same_name(name, known[i].name))
			continue;
		*luid = known[i].luid;
		return i;
	}
	return -1;
}

int privilege_of_luid(uint32_t luid)
{
	for (int i = 0; i < PRIVILEGES; i++)
		if (known[i].luid == luid)
			return i;
	return -1;
}

uint32_t privilege_luid(enum privilege privilege)
{
	return known[privilege].luid;
}

bool privilege_enabled(const struct process *process, enum privilege privilege)
{
	return privilege_standing(process->privileges, privilege) & PRIVILEGE_ENABLED;
}

bool privilege_held(const struct process *process, enum privilege privilege)
{
	return privilege_standing(process->privileges, privilege) & PRIVILEGE_HELD;
}
