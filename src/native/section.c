/* SPDX-License-Identifier: MIT */
#include "native/section.h"

#include "base/os.h"
#include "base/os_file.h"
#include "base/os_pages.h"

/* ---- images ---------------------------------------------------------------------------------- */

#define PIECE_BYTES UINT64_C(65536)

static NTSTATUS copy_part(int fd, struct backing *backing, const struct section_part *part,
                          void *buffer)
{
	uint64_t to = address_of(part->range.start), done = 0;
	NTSTATUS status = STATUS_SUCCESS;
	while (done < part->bytes && !status) {
		uint32_t bytes = (uint32_t)min_u64(part->bytes - done, PIECE_BYTES);
		status = backing->operations->read(backing, part->offset + done, buffer, bytes);
		if (!status && os_file_write(fd, buffer, bytes, to + done))
			status = STATUS_INSUFFICIENT_RESOURCES;
		done += bytes;
	}
	return status;
}

/* The file as it lies in memory. It is read once: nobody may write to it while it is mapped (IM-8). */
static NTSTATUS lay_out(int fd, const struct section_wish *wish)
{
	void *buffer = os_alloc(PIECE_BYTES);
	NTSTATUS status = buffer ? STATUS_SUCCESS : STATUS_NO_MEMORY;
	for (unsigned i = 0; i < wish->part_count && !status; i++)
		status = copy_part(fd, wish->backing, &wish->parts[i], buffer);
	os_free(buffer);
	return status;
}

/* ---- sections -------------------------------------------------------------------------------- */

/* SC-8; of an image what can be read from its file again is not promised (CM-3). */
static uint64_t pages_to_charge(const struct section_wish *wish)
{
	uint64_t pages = wish->kind == SECTION_IMAGE ? 0 : wish->pages;
	for (unsigned i = 0; i < wish->part_count; i++) {
		const struct section_part *part = &wish->parts[i];
		if (part->shared && prot_can_write(part->prot))
			pages += range_pages(part->range);
	}
	return pages;
}

static NTSTATUS furnish(struct native_section *made, const struct section_wish *wish)
{
	NTSTATUS status = STATUS_SUCCESS;
	made->fd = -1;
	if (wish->kind == SECTION_FILE)
		return STATUS_SUCCESS;
	if (!wish->reserve)
		status = section_charge(&made->section,
		                        pages_to_charge(wish) + section_tables(wish->pages));
	if (!status && os_memory_file(address_of(wish->pages), &made->fd))
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (!status && wish->kind == SECTION_IMAGE)
		status = lay_out(made->fd, wish);
	return status;
}

static void discard(struct native_section *made)
{
	if (made->fd >= 0)
		os_file_close(made->fd);
	section_destroy(&made->section);
	os_free(made);
}

NTSTATUS native_section_create(struct space *space, const struct section_wish *wish,
                               struct section **section)
{
	struct native_section *made = os_alloc(sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	NTSTATUS status = section_init(&made->section, &native_engine, space->ledger, wish);
	if (status) {
		os_free(made);
		return status;
	}
	status = furnish(made, wish);
	if (status)
		discard(made); /* the backing is still the caller's */
	else
		*section = &made->section;
	return status;
}

void native_section_free(struct section *section)
{
	struct backing *backing = section->backing;
	discard(native_section_of(section));
	if (backing)
		backing->operations->free(backing);
}

NTSTATUS native_section_flush(struct section *section, struct range range)
{
	struct backing *backing = section->backing;
	int fd = backing->operations->descriptor(backing, false);
	return fd < 0 || os_file_flush(fd, address_of(range.start), address_of(range_pages(range)))
	               ? STATUS_IO_DEVICE_ERROR
	               : STATUS_SUCCESS;
}
