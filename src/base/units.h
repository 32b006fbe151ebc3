/* SPDX-License-Identifier: MIT
 *
 * Pages, granules, and ranges of pages.
 */
#ifndef NTMM_BASE_UNITS_H
#define NTMM_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES UINT64_C(4096)
#define GRANULE_PAGES UINT64_C(16) /* allocation granularity, 64 KB */
#define LARGE_PAGES UINT64_C(512)  /* of a large page, 2 MB (LP-1) */
#define GRANULE_BYTES (GRANULE_PAGES * PAGE_BYTES)
#define SHARED_PAGE_ADDRESS UINT64_C(0x7FFE0000) /* of every process of Windows NT (AS-4) */

/* [start, end) in page numbers. */
struct range {
	uint64_t start, end;
};

static inline uint64_t page_of(uint64_t address)
{
	return address >> PAGE_SHIFT;
}

static inline uint64_t address_of(uint64_t page)
{
	return page << PAGE_SHIFT;
}

/* The pages that `bytes` fill, the last one perhaps in part. */
static inline uint64_t pages_for(uint64_t bytes)
{
	return (bytes >> PAGE_SHIFT) + ((bytes & (PAGE_BYTES - 1)) != 0);
}

static inline uint64_t range_pages(struct range r)
{
	return r.end - r.start;
}

static inline bool range_has(struct range r, uint64_t page)
{
	return page >= r.start && page < r.end;
}

static inline uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static inline uint64_t round_down(uint64_t value, uint64_t unit)
{
	return value / unit * unit;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
