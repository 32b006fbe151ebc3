/* SPDX-License-Identifier: MIT
 *
 * A store in the host's memory: for tests, as fast as a store can be.
 */
#include <errno.h>
#include <string.h>

#include "base/os.h"
#include "base/units.h"
#include "machine/store/store.h"

struct memory_store {
	struct store store;
	uint8_t *bytes; /* slots.most pages of address space */
};

static uint8_t *bytes_of(struct store *store, uint32_t page)
{
	return ((struct memory_store *)(void *)store)->bytes + (page - 1) * PAGE_BYTES;
}

static int read_pages(struct store *store, uint32_t page, void *pages, uint32_t count)
{
	memcpy(pages, bytes_of(store, page), count * PAGE_BYTES);
	return 0;
}

static int write_pages(struct store *store, uint32_t page, const void *pages, uint32_t count)
{
	memcpy(bytes_of(store, page), pages, count * PAGE_BYTES);
	return 0;
}

static int grow(struct store *store, uint32_t count)
{
	(void)store;
	(void)count;
	return 0; /* the address space is there, the host provides pages as they are written */
}

static void close_store(struct store *store)
{
	os_unmap(bytes_of(store, 1), store->slots.most * PAGE_BYTES);
	slots_destroy(&store->slots);
	os_free(store);
}

static const struct store_operations operations = {read_pages, write_pages, grow, close_store};

struct store *memory_store_open(uint32_t count, uint32_t most, int *error)
{
	struct memory_store *made = os_alloc(sizeof *made);
	*error = ENOMEM;
	if (!made || !slots_init(&made->store.slots, count, most)) {
		os_free(made);
		return NULL;
	}
	made->store.operations = &operations;
	made->bytes = os_map(most * PAGE_BYTES);
	if (made->bytes)
		return &made->store;
	slots_destroy(&made->store.slots);
	os_free(made);
	return NULL;
}
