/* SPDX-License-Identifier: MIT
 *
 * Protections: Windows' values at the face, the 5-bit code of rule PG-16 inside.
 *
 * A prot_t is 3 low bits of access and 2 high bits of modifier, which is why GUARD, NOCACHE and
 * WRITECOMBINE exclude each other and NOACCESS takes none (PR-2 to PR-4):
 *
 *      4 3   2 1 0
 *     +-----+-------+   0 none, 1 R, 2 X, 3 RX, 4 RW, 5 WC, 6 RWX, 7 WCX
 *     | mod | access|   mod: 01 NOCACHE, 10 GUARD, 11 WRITECOMBINE; 11 000 = NOACCESS
 *     +-----+-------+
 *
 * An attr_t is what Windows can say about one page of an allocation: its protection, and whether it
 * is committed, offered, or charged though it is a section's. A reserved page is ATTR_RESERVED.
 */
#ifndef NTMM_SPACE_PROT_H
#define NTMM_SPACE_PROT_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t prot_t;
typedef uint16_t attr_t;

enum {
	PROT_READONLY = 1,
	PROT_EXECUTE = 2,
	PROT_EXECUTE_READ = 3,
	PROT_READWRITE = 4,
	PROT_WRITECOPY = 5,
	PROT_EXECUTE_READWRITE = 6,
	PROT_EXECUTE_WRITECOPY = 7,
	PROT_ACCESS_MASK = 7,
	PROT_NOCACHE = 0x08,
	PROT_GUARD = 0x10,
	PROT_WRITECOMBINE = 0x18,
	PROT_NOACCESS = 0x18,
	PROT_MODIFIER_MASK = 0x18,
};

enum {
	ATTR_RESERVED = 0,
	ATTR_PROT_MASK = 0x1F,
	ATTR_CHARGED = 0x20, /* of a view: a private copy has been charged */
	ATTR_OFFERED = 0x40,
	ATTR_COMMITTED = 0x80,
	ATTR_LEVEL_SHIFT = 8, /* the clone since which the page is what it is; 0: none (clone.h) */
};
#define ATTR_LEVEL_MASK 0xFF00u
#define MOST_CLONES 255u /* in a line of descent */

/* False for what is no valid protection (PR-1 to PR-5). PAGE_TARGETS_INVALID is left to the caller. */
bool prot_from_win32(uint32_t win32, prot_t *prot);
uint32_t prot_to_win32(prot_t prot);

static inline bool prot_is_guard(prot_t p)
{
	return (p & PROT_MODIFIER_MASK) == PROT_GUARD;
}

/* The cache attribute of the whole allocation (PR-8): PROT_NOCACHE, PROT_WRITECOMBINE or 0. */
static inline prot_t prot_cache_of(prot_t p)
{
	prot_t mod = p & PROT_MODIFIER_MASK;
	return p == PROT_NOACCESS || mod == PROT_GUARD ? 0 : mod;
}

static inline bool prot_is_copy(prot_t p)
{
	return (p & PROT_ACCESS_MASK) == PROT_WRITECOPY ||
	       (p & PROT_ACCESS_MASK) == PROT_EXECUTE_WRITECOPY;
}

/* Of a page that must be copied before it is written, whatever it seems. */
static inline prot_t prot_before_copy(prot_t p)
{
	prot_t access = p & PROT_ACCESS_MASK;
	bool writes = access == PROT_READWRITE || access == PROT_EXECUTE_READWRITE;
	return writes ? (prot_t)(p + (PROT_WRITECOPY - PROT_READWRITE)) : p;
}

/* Of a copy-on-write page once it has been copied (PR-11). Modifiers stay. */
static inline prot_t prot_after_copy(prot_t p)
{
	return prot_is_copy(p) ? (prot_t)(p - (PROT_WRITECOPY - PROT_READWRITE)) : p;
}

static inline bool prot_can_read(prot_t p)
{
	return (p & PROT_ACCESS_MASK) != 0;
}

static inline bool prot_can_write(prot_t p)
{
	return (p & PROT_ACCESS_MASK) >= PROT_READWRITE;
}

static inline bool prot_can_execute(prot_t p)
{
	prot_t access = p & PROT_ACCESS_MASK;
	return access == PROT_EXECUTE || access == PROT_EXECUTE_READ ||
	       access >= PROT_EXECUTE_READWRITE;
}

static inline bool attr_is_committed(attr_t a)
{
	return a & ATTR_COMMITTED;
}

static inline unsigned attr_level(attr_t a)
{
	return a >> ATTR_LEVEL_SHIFT;
}

static inline prot_t attr_prot(attr_t a)
{
	return a & ATTR_PROT_MASK;
}

#endif
