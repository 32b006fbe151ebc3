/* SPDX-License-Identifier: MIT */
#include "prototype.h"

#include <sys/mman.h>

#define PRESENT UINT64_C(1)
#define ACCESSED UINT64_C(0x20)
#define TABLE_BYTES (PROTOTYPE_FANOUT * sizeof(uint64_t))

static uint64_t *new_table(struct prototype *prototype)
{
	must(prototype->used < prototype->room, "there is room for another table");
	return prototype->tables[prototype->used++];
}

void prototype_begin(struct prototype *prototype, uint64_t tables)
{
	*prototype = (struct prototype){.room = tables};
	prototype->tables = host_map(tables * TABLE_BYTES);
	madvise(prototype->tables, tables * TABLE_BYTES, MADV_HUGEPAGE); /* as the machine's RAM */
	prototype->root = new_table(prototype);
	for (unsigned i = 0; i < PROTOTYPE_LINES; i++)
		prototype->lines[i].tag = 1; /* matches nothing */
}

void prototype_end(struct prototype *prototype)
{
	host_unmap(prototype->tables, prototype->room * TABLE_BYTES);
}

static uint64_t *entry_of(uint64_t *table, uint64_t address, unsigned shift)
{
	return &table[address >> shift & (PROTOTYPE_FANOUT - 1)];
}

void prototype_map(struct prototype *prototype, uint64_t address, const char *page)
{
	uint64_t *table = prototype->root;
	for (unsigned shift = 39; shift > 12; shift -= 9) {
		uint64_t *entry = entry_of(table, address, shift);
		if (!*entry)
			*entry = (uintptr_t)new_table(prototype) | PRESENT;
		table = (uint64_t *)(uintptr_t)(*entry & ~(PAGE - 1));
	}
	*entry_of(table, address, 12) = (uintptr_t)page | PRESENT;
}

const char *prototype_walk(struct prototype *prototype, uint64_t address)
{
	uint64_t *table = prototype->root, *entry;
	for (unsigned shift = 39;; shift -= 9) {
		entry = entry_of(table, address, shift);
		if (!(*entry & PRESENT))
			return NULL;
		if (shift == 12)
			break;
		table = (uint64_t *)(uintptr_t)(*entry & ~(PAGE - 1));
	}
	if (!(*entry & ACCESSED))
		*entry |= ACCESSED;
	uint64_t page = *entry & ~(PAGE - 1);
	struct prototype_line *line = &prototype->lines[address / PAGE % PROTOTYPE_LINES];
	*line = (struct prototype_line){address & ~(PAGE - 1), page - (address & ~(PAGE - 1))};
	return (const char *)(uintptr_t)(line->addend + address);
}
