/* SPDX-License-Identifier: MIT */
#include "machine/pager/shadow.h"

#include "base/check.h"
#include "base/os.h"
#include "base/os_pages.h"
#include "base/shared_page.h"

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

#define PARTS(shadow) (sizeof (shadow)->parts / sizeof (shadow)->parts[0])

/* One mapping takes the place of all: that the host can always do. */
static void hide_all(struct shadow *shadow)
{
	for (unsigned i = 0; i < PARTS(shadow); i++)
		CHECK(!os_pages_shut(place_of(shadow->parts[i].start), bytes_of(shadow->parts[i])));
	atomic_store(&shadow->shown, 0);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int reserve(struct range range)
{
	return os_pages_reserve_at(place_of(range.start), bytes_of(range));
}

/* Should the host not take the addresses back, nothing is left there. */
static void release(struct range range)
{
	if (!os_pages_release(place_of(range.start), bytes_of(range)))
		return;
	(void)os_pages_shut(place_of(range.start), bytes_of(range)); /* so that it is one mapping */
	(void)os_pages_release(place_of(range.start), bytes_of(range));
}

static int show_shared_page(const struct phys *phys, frame_t frame)
{
	const struct os_showing showing = {
		.fd = phys->ram_file, .offset = address_of(frame), .how = OS_PAGE_READ};
	return shared_page_lend(&showing);
}

static int take_addresses(struct shadow *shadow, const struct pager *pager)
{
	int error = reserve(shadow->parts[0]);
	if (error)
		return error;
	error = reserve(shadow->parts[1]);
	if (!error) {
		error = show_shared_page(&pager->phys, pager->shared_page);
		if (error)
			release(shadow->parts[1]);
	}
	if (error)
		release(shadow->parts[0]);
	return error;
}

static NTSTATUS complain_of(int error, struct range range)
{
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

static NTSTATUS create(struct page_map *map, struct range range)
{
	const struct pager *pager = map->pager;
	uint64_t shared = page_of(SHARED_PAGE_ADDRESS);
	struct shadow *shadow = os_alloc(sizeof *shadow);
	if (!shadow)
		return STATUS_NO_MEMORY;
	shadow->parts[0] = (struct range){range.start, shared};
	shadow->parts[1] = (struct range){shared + 1, range.end};
	shadow->ram = pager->phys.ram;
	shadow->ram_file = pager->phys.ram_file;
	int error = take_addresses(shadow, pager);
	if (error) {
		os_free(shadow);
		return complain_of(error, range);
	}
	map->shadow = shadow;
	return STATUS_SUCCESS;
}

NTSTATUS shadow_begin(struct page_map *map, struct range range)
{
	NTSTATUS status = STATUS_SUCCESS;
	if (map->pager->phys.ram_file < 0) {
		complain("the machine was made without NTMM_MACHINE_SHARED_RAM");
		return STATUS_NOT_SUPPORTED;
	}
	if (!map->shadow)
		status = create(map, range);
	if (!status)
		map->shadow->threads++;
	return status;
}

void shadow_end(struct page_map *map)
{
	struct shadow *shadow = map->shadow;
	if (--shadow->threads)
		return;
	map->shadow = NULL;
	for (unsigned i = 0; i < PARTS(shadow); i++)
		release(shadow->parts[i]);
	shared_page_return();
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

static bool hide(struct range part, struct range range)
{
	range.start = max_u64(range.start, part.start);
	range.end = min_u64(range.end, part.end);
	return range.start >= range.end || !os_pages_shut(place_of(range.start), bytes_of(range));
}

void shadow_hide(struct page_map *map, struct range range)
{
	struct shadow *shadow = map->shadow;
	if (shadow && (!hide(shadow->parts[0], range) || !hide(shadow->parts[1], range)))
		hide_all(shadow);
}

void shadow_hide_all(struct page_map *map)
{
	if (map->shadow)
		hide_all(map->shadow);
}
