/* SPDX-License-Identifier: MIT */
#include "shadow.h"

#include <stdlib.h>

#include "page_index.h"

struct shadow {
	struct page_index pages; /* the values are their bytes */
	uint64_t last_page;      /* the one asked for last is often the next one too */
	unsigned char *last;     /* its bytes; NULL: none was */
};

struct shadow *shadow_create(void)
{
	return calloc(1, sizeof(struct shadow));
}

void shadow_destroy(struct shadow *shadow)
{
	if (!shadow)
		return;
	const struct page_entry *entry;
	for (size_t cursor = 0; (entry = page_index_next(&shadow->pages, &cursor));)
		free(entry->value);
	page_index_end(&shadow->pages);
	free(shadow);
}

unsigned char *shadow_bytes(struct shadow *shadow, uint64_t address)
{
	uint64_t page = address / SHADOW_PAGE_BYTES;
	if (!shadow->last || shadow->last_page != page) {
		struct page_entry *entry = page_index_at(&shadow->pages, page);
		if (!entry || (!entry->value && !(entry->value = calloc(1, SHADOW_PAGE_BYTES))))
			return NULL;
		shadow->last = entry->value;
		shadow->last_page = page;
	}
	return shadow->last + address % SHADOW_PAGE_BYTES;
}

const unsigned char *shadow_next_page(const struct shadow *shadow, size_t *cursor, uint64_t *address)
{
	const struct page_entry *entry;
	while ((entry = page_index_next(&shadow->pages, cursor))) {
		if (entry->value) {
			*address = entry->page * SHADOW_PAGE_BYTES;
			return entry->value;
		}
	}
	return NULL;
}
