/* SPDX-License-Identifier: MIT
 *
 * A paging file on the host's disk: without a name, its space really allocated.
 */
#include "base/os.h"
#include "base/units.h"
#include "machine/store/store.h"

#include <errno.h>

struct paging_file {
	struct store store;
	int fd;
};

static int fd_of(struct store *store)
{
	return ((struct paging_file *)(void *)store)->fd;
}

static uint64_t offset_of(uint32_t page)
{
	return (page - 1) * PAGE_BYTES;
}

static int read_pages(struct store *store, uint32_t page, void *pages, uint32_t count)
{
	return os_file_read(fd_of(store), pages, count * PAGE_BYTES, offset_of(page));
}

static int write_pages(struct store *store, uint32_t page, const void *pages, uint32_t count)
{
	return os_file_write(fd_of(store), pages, count * PAGE_BYTES, offset_of(page));
}

static int grow(struct store *store, uint32_t count)
{
	return os_file_extend(fd_of(store), store->slots.count * PAGE_BYTES, count * PAGE_BYTES);
}

static void close_file(struct store *store)
{
	os_file_close(fd_of(store)); /* it has no name: its blocks go with it */
	slots_destroy(&store->slots);
	os_free(store);
}

static const struct store_operations operations = {read_pages, write_pages, grow, close_file};

static int open_and_allocate(const char *where, uint64_t bytes, int *fd)
{
	int error = os_file_create(where, fd);
	if (error)
		return error;
	error = os_file_extend(*fd, 0, bytes);
	if (error)
		os_file_close(*fd);
	return error;
}

struct store *paging_file_open(const char *where, uint32_t count, uint32_t most, int *error)
{
	struct paging_file *file = os_alloc(sizeof *file);
	*error = ENOMEM;
	if (!file || !slots_init(&file->store.slots, count, most)) {
		os_free(file);
		return NULL;
	}
	file->store.operations = &operations;
	*error = open_and_allocate(where, count * PAGE_BYTES, &file->fd);
	if (*error) {
		slots_destroy(&file->store.slots);
		os_free(file);
		return NULL;
	}
	return &file->store;
}
