/* SPDX-License-Identifier: MIT */
#include "machine/pager/shadow.h"

#include "base/check.h"
#include "base/os.h"
#include "base/os_pages.h"

/* A quarter of what Linux allows a process by default. */
#define SHOWN_MOST 16384

static void *place_of(uint64_t page)
{
	return (void *)(uintptr_t)address_of(page);
}

static size_t bytes_of(struct range range)
{
	return (size_t)address_of(range_pages(range));
}

/* One mapping takes the place of all: that the host can always do. */
static void hide_all(struct shadow *shadow)
{
	CHECK(!os_pages_shut(place_of(shadow->range.start), bytes_of(shadow->range)));
	atomic_store(&shadow->shown, 0);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static NTSTATUS reserve(struct range range)
{
	int error = os_pages_reserve_at(place_of(range.start), bytes_of(range));
	if (!error)
		return STATUS_SUCCESS;
	if (error == OS_EXISTS) {
		complain("something of the host process lies between %#lx and %#lx, where the "
		         "process has its memory",
		         address_of(range.start), address_of(range.end));
		return STATUS_CONFLICTING_ADDRESSES;
	}
	complain("the host does not let %lu GB of addresses be reserved",
	         address_of(range_pages(range)) >> 30);
	return STATUS_NO_MEMORY;
}

NTSTATUS shadow_begin(struct page_map *map, struct range range)
{
	const struct phys *phys = &map->pager->phys;
	if (map->shadow) {
		map->shadow->threads++;
		return STATUS_SUCCESS;
	}
	if (phys->ram_file < 0) {
		complain("the machine was made without NTMM_MACHINE_SHARED_RAM");
		return STATUS_NOT_SUPPORTED;
	}
	struct shadow *shadow = os_alloc(sizeof *shadow);
	NTSTATUS status = shadow ? reserve(range) : STATUS_NO_MEMORY;
	if (status) {
		os_free(shadow);
		return status;
	}
	shadow->range = range;
	shadow->ram = phys->ram;
	shadow->ram_file = phys->ram_file;
	shadow->threads = 1;
	map->shadow = shadow;
	return STATUS_SUCCESS;
}

/* Should the host not take the addresses back, nothing is left there. */
static void release(struct shadow *shadow)
{
	void *place = place_of(shadow->range.start);
	if (!os_pages_release(place, bytes_of(shadow->range)))
		return;
	hide_all(shadow); /* so that it is one mapping */
	(void)os_pages_release(place, bytes_of(shadow->range));
}

void shadow_end(struct page_map *map)
{
	struct shadow *shadow = map->shadow;
	if (--shadow->threads)
		return;
	map->shadow = NULL;
	release(shadow);
	os_free(shadow);
}

/* ---- pages ----------------------------------------------------------------------------------- */

bool shadow_show(struct shadow *shadow, uint64_t page, const void *frame, unsigned how)
{
	const struct os_showing showing = {
		.fd = shadow->ram_file,
		.offset = (uint64_t)((const uint8_t *)frame - shadow->ram),
		.how = how,
	};
	if (atomic_fetch_add(&shadow->shown, 1) >= SHOWN_MOST)
		hide_all(shadow);
	if (!os_pages_show(place_of(page), PAGE_BYTES, &showing))
		return true;
	hide_all(shadow);
	return !os_pages_show(place_of(page), PAGE_BYTES, &showing);
}

void shadow_hide(struct page_map *map, struct range range)
{
	struct shadow *shadow = map->shadow;
	if (!shadow)
		return;
	range.start = max_u64(range.start, shadow->range.start);
	range.end = min_u64(range.end, shadow->range.end);
	if (range.start >= range.end)
		return;
	if (os_pages_shut(place_of(range.start), bytes_of(range)))
		hide_all(shadow);
}

void shadow_hide_all(struct page_map *map)
{
	if (map->shadow)
		hide_all(map->shadow);
}
