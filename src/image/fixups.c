/* SPDX-License-Identifier: MIT
 *
 * Fixups, applied. A fixup's value is at most 8 bytes wide, so that one crosses at most one
 * boundary; and since none overlap, at most one crosses each.
 */
#include <string.h>

#include "base/os.h"
#include "image/fixups_table.h"

void image_fixups_free(struct image_fixups *fixups)
{
	if (!fixups)
		return;
	os_free(fixups->fixup);
	os_free(fixups->crossing);
	os_free(fixups);
}

/* The first fixup at or above `rva`. */
static uint32_t lower_bound(const struct image_fixups *f, uint64_t rva)
{
	uint32_t low = 0, high = f->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (f->fixup[middle].rva < rva)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The one that begins on `page` and ends on the next, or NULL. */
static const struct crossing *crossing_from(const struct image_fixups *f, uint32_t page)
{
	uint32_t low = 0, high = f->crossings;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct crossing *c = &f->crossing[middle];
		uint32_t its = (uint32_t)page_of(f->fixup[c->fixup].rva);
		if (its == page)
			return c;
		if (its < page)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool image_page_has_fixups(const struct image_fixups *fixups, uint32_t page)
{
	uint32_t first = lower_bound(fixups, address_of(page));
	if (first < fixups->count && page_of(fixups->fixup[first].rva) == page)
		return true;
	return page && crossing_from(fixups, page - 1);
}

static uint64_t load(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void store(uint8_t *at, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void apply(const struct fixup *fixup, uint64_t delta, uint8_t *at)
{
	uint64_t value = load(at, fixup->width);
	switch (fixup->kind) {
	case FIXUP_HIGH:
		value = ((value << 16) + delta) >> 16;
		break;
	case FIXUP_HIGHADJ: /* the low half, signed, stands in the table; rounded to the nearest */
		value = (value << 16) + (uint64_t)(int16_t)fixup->parameter;
		value = (value + delta + 0x8000) >> 16;
		break;
	default:
		value += delta;
	}
	store(at, fixup->width, value);
}

/* The part of a crossing fixup's value that lies on its first page, or on the second. */
static void apply_crossing(const struct image_fixups *f, const struct crossing *c, uint64_t delta,
                           uint8_t *page, bool is_second)
{
	const struct fixup *fixup = &f->fixup[c->fixup];
	uint32_t offset = fixup->rva % PAGE_BYTES;
	uint32_t before = (uint32_t)PAGE_BYTES - offset;
	uint8_t value[FIXUP_BYTES_MOST];
	memcpy(value, c->original, sizeof value);
	apply(fixup, delta, value);
	if (is_second)
		memcpy(page, value + before, fixup->width - before);
	else
		memcpy(page + offset, value, before);
}

void image_relocate_page(const struct image_fixups *fixups, uint32_t page, uint64_t delta,
                         void *bytes)
{
	const struct crossing *in = page ? crossing_from(fixups, page - 1) : NULL;
	const struct crossing *out = crossing_from(fixups, page);
	uint64_t start = address_of(page), end = start + PAGE_BYTES;
	for (uint32_t i = lower_bound(fixups, start); i < fixups->count; i++) {
		const struct fixup *fixup = &fixups->fixup[i];
		if ((uint64_t)fixup->rva + fixup->width > end)
			break;
		apply(fixup, delta, (uint8_t *)bytes + (fixup->rva - start));
	}
	if (in)
		apply_crossing(fixups, in, delta, bytes, true);
	if (out)
		apply_crossing(fixups, out, delta, bytes, false);
}
