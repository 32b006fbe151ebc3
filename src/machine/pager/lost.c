/* SPDX-License-Identifier: MIT */
#include "machine/pager/lost.h"

#include <string.h>

#include "base/os.h"
#include "machine/pager/pager.h"

#define FIRST_CAPACITY 16

static bool make_room(struct lost_tables *lost)
{
	if (lost->count < lost->capacity)
		return true;
	uint32_t capacity = lost->capacity ? 2 * lost->capacity : FIRST_CAPACITY;
	struct lost_table *tables = os_alloc(capacity * sizeof *tables);
	if (!tables)
		return false;
	if (lost->count)
		memcpy(tables, lost->tables, lost->count * sizeof *tables);
	os_free(lost->tables);
	lost->tables = tables;
	lost->capacity = capacity;
	return true;
}

void lost_add(struct pager *pager, struct lost_table table)
{
	struct lost_tables *lost = &pager->lost;
	if (make_room(lost))
		lost->tables[lost->count++] = table;
	else
		stores_free(&pager->stores, table.slot);
}

/* What a table says that was read after all: slots of pages, or tables below it. */
static void give_back(struct pager *pager, struct lost_table table, const struct pte *entries)
{
	for (unsigned i = 0; i < MAP_FANOUT; i++) {
		if (!pte_is_paged_out(entries[i]))
			continue;
		slot_t slot = pte_slot(entries[i]);
		if (table.level == 1)
			stores_free(&pager->stores, slot);
		else
			lost_add(pager, (struct lost_table){slot, table.level - 1});
	}
	stores_free(&pager->stores, table.slot);
}

/* It has its turn again after the others. */
static void put_back(struct pager *pager, struct lost_table table)
{
	struct lost_tables *lost = &pager->lost;
	uint32_t count = lost->count;
	lost_add(pager, table);
	if (lost->count == count)
		return;
	lost->tables[count] = lost->tables[0];
	lost->tables[0] = table;
}

static bool recover_one(struct pager *pager)
{
	struct pte entries[MAP_FANOUT];
	struct lost_table table = pager->lost.tables[--pager->lost.count];
	lock_drop(&pager->lock);
	int error = stores_read(&pager->stores, table.slot, entries, 1);
	lock_take(&pager->lock);
	if (error) {
		pager->read_errors++;
		put_back(pager, table);
		return false;
	}
	give_back(pager, table, entries);
	return true;
}

bool lost_recover(struct pager *pager)
{
	bool found = false;
	while (pager->lost.count && recover_one(pager))
		found = true;
	return found;
}
