/* SPDX-License-Identifier: MIT
 *
 * The number of a slot: which paging file, and which page of it (PG-12).
 *
 *   31  28 27          0
 *    file   page         page 0 of a file is never used, so that slot 0 can mean none
 *
 * Slots in a row are pages in a row of one file.
 */
#ifndef NTMM_MACHINE_STORE_SLOT_H
#define NTMM_MACHINE_STORE_SLOT_H

#include <stdint.h>

typedef uint32_t slot_t;

#define SLOT_FILES 16
#define SLOT_PAGE_BITS 28
#define SLOT_PAGES (UINT32_C(1) << SLOT_PAGE_BITS) /* of a file; one of them is not used */

static inline slot_t slot_of(uint32_t file, uint32_t page)
{
	return file << SLOT_PAGE_BITS | page;
}

static inline uint32_t slot_file(slot_t slot)
{
	return slot >> SLOT_PAGE_BITS;
}

static inline uint32_t slot_page(slot_t slot)
{
	return slot & (SLOT_PAGES - 1);
}

#endif
