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

static struct paging_file *paging_file_of(struct store *store)
{
	return (struct paging_file *)(void *)store;
}

static uint64_t offset_of(uint32_t slot)
{
	return (uint64_t)(slot - 1) * PAGE_BYTES;
}

static int read_pages(struct store *store, uint32_t slot, void *pages, uint32_t count)
{
	return os_file_read(paging_file_of(store)->fd, pages, count * PAGE_BYTES, offset_of(slot));
}

static int write_pages(struct store *store, uint32_t slot, const void *pages, uint32_t count)
{
	return os_file_write(paging_file_of(store)->fd, pages, count * PAGE_BYTES, offset_of(slot));
}

static void close_file(struct store *store)
{
	os_file_close(paging_file_of(store)->fd); /* it has no name: its blocks go with it */
	slots_destroy(store);
	os_free(store);
}

static const struct store_operations operations = {read_pages, write_pages, close_file};

static int open_and_allocate(const char *where, uint64_t bytes, int *fd)
{
	int error = os_file_create(where, fd);
	if (error)
		return error;
	error = os_file_allocate(*fd, bytes);
	if (error)
		os_file_close(*fd);
	return error;
}

struct store *paging_file_open(const char *where, uint64_t pages, int *error)
{
	struct paging_file *file = os_alloc(sizeof *file);
	*error = ENOMEM;
	if (!file || !slots_init(&file->store, (uint32_t)pages)) {
		os_free(file);
		return NULL;
	}
	file->store.operations = &operations;
	*error = open_and_allocate(where, pages * PAGE_BYTES, &file->fd);
	if (*error) {
		slots_destroy(&file->store);
		os_free(file);
		return NULL;
	}
	return &file->store;
}
