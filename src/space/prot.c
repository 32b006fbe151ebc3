/* SPDX-License-Identifier: MIT
 *
 * Windows' page protections to and from the 5-bit code (PR-1 to PR-5, PG-16).
 */
#include "space/prot.h"

#include <stddef.h>

#define WIN32_BASES 0xFFu
#define WIN32_MODIFIERS_SHIFT 8
#define PROT_MODIFIER_SHIFT 3

/* PAGE_NOACCESS has no access code: it is WRITECOMBINE of nothing, and so combines with nothing. */
static const prot_t access_of_base[8] = {
	PROT_NOACCESS,
	PROT_READONLY,
	PROT_READWRITE,
	PROT_WRITECOPY,
	PROT_EXECUTE,
	PROT_EXECUTE_READ,
	PROT_EXECUTE_READWRITE,
	PROT_EXECUTE_WRITECOPY,
};

/* By PAGE_GUARD, PAGE_NOCACHE and PAGE_WRITECOMBINE as bits 0 to 2; no two go together. */
static const struct {
	bool valid;
	prot_t code;
} modifiers[8] = {
	[0] = {true, 0},
	[1] = {true, PROT_GUARD},
	[2] = {true, PROT_NOCACHE},
	[4] = {true, PROT_WRITECOMBINE},
};

static const uint16_t win32_of_access[8] = {0, 0x02, 0x10, 0x20, 0x04, 0x08, 0x40, 0x80};
static const uint16_t win32_of_modifier[4] = {0, 0x200, 0x100, 0x400};
#define WIN32_NOACCESS 0x01

bool prot_from_win32(uint32_t win32, prot_t *prot)
{
	uint32_t base = win32 & WIN32_BASES;
	uint32_t modifier = win32 >> WIN32_MODIFIERS_SHIFT;

	if (!base || (base & (base - 1)))
		return false;
	if (modifier >= 8 || !modifiers[modifier].valid)
		return false;
	prot_t access = access_of_base[__builtin_ctz(base)];
	if (access == PROT_NOACCESS && modifier)
		return false;
	*prot = access | modifiers[modifier].code;
	return true;
}

/* 0 for the codes that are no protection: reserved and decommitted pages. */
uint32_t prot_to_win32(prot_t prot)
{
	if (prot == PROT_NOACCESS)
		return WIN32_NOACCESS;
	uint32_t access = win32_of_access[prot & PROT_ACCESS_MASK];
	if (!access)
		return 0;
	return access | win32_of_modifier[(prot & PROT_MODIFIER_MASK) >> PROT_MODIFIER_SHIFT];
}
