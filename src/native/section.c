/* SPDX-License-Identifier: MIT */
#include "native/section.h"

#include "base/os.h"
#include "base/os_file.h"
#include "base/os_pages.h"
#include "native/pages.h"

struct native_section {
	struct section section; /* first */
	int fd;                 /* of its own; -1: the backing's is asked for */
};

static struct native_section *of(struct section *section)
{
	return (struct native_section *)(void *)section;
}

/* ---- sections -------------------------------------------------------------------------------- */

static NTSTATUS furnish(struct native_section *made, const struct section_wish *wish)
{
	made->fd = -1;
	if (wish->kind != SECTION_MEMORY)
		return STATUS_SUCCESS;
	if (os_memory_file(address_of(wish->pages), &made->fd))
		return STATUS_INSUFFICIENT_RESOURCES;
	return wish->reserve ? STATUS_SUCCESS
	                     : section_charge(&made->section,
	                                      wish->pages + section_tables(wish->pages));
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
	if (wish->kind == SECTION_IMAGE)
		return STATUS_NOT_SUPPORTED;
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
	discard(of(section));
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

/* ---- views ----------------------------------------------------------------------------------- */

static bool is_private(const struct view *view, prot_t prot)
{
	return prot_is_copy(view->protect) || prot_is_copy(prot);
}

static int descriptor_for(const struct view *view, bool private)
{
	struct section *section = view->section;
	struct backing *backing = section->backing;
	bool writes = !private && prot_can_write(view->protect);
	return backing ? backing->operations->descriptor(backing, writes) : of(section)->fd;
}

static int show(const struct view *view, struct range range, unsigned how, bool private)
{
	struct os_showing showing = {.fd = descriptor_for(view, private),
	                             .offset = address_of(view_page(view, range.start)),
	                             .how = how,
	                             .private = private};
	return os_pages_show(pointer_to_page(range.start), bytes_of(range), &showing);
}

/* Where the section is committed, the pages are accessible: the others have been mapped inaccessible. */
static int open_committed(const struct view *view, unsigned how)
{
	int error = 0;
	for (uint64_t page = view->range.start, end; page < view->range.end && !error; page = end) {
		uint64_t until = view_page(view, view->range.end);
		bool committed =
			section_is_committed(view->section, view_page(view, page), &until);
		end = page + (until - view_page(view, page));
		if (committed)
			error = os_pages_protect(pointer_to_page(page),
			                         bytes_of((struct range){page, end}), how);
	}
	return error;
}

static NTSTATUS status_of(int error)
{
	if (!error)
		return STATUS_SUCCESS;
	bool refused = error == OS_DENIED || error == OS_NOT_PERMITTED;
	return refused ? STATUS_ACCESS_DENIED : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS view_show(struct space *space, const struct view *view)
{
	struct native *native = native_of(space);
	unsigned how = host_access(view->protect);
	bool reserve = view->section->reserve;
	int error = show(view, view->range, reserve ? 0 : how, is_private(view, view->protect));
	if (!error && reserve)
		error = open_committed(view, how);
	if (error)
		(void)pages_shut(native, view->range);
	pages_note_mapped(native, view->range);
	return status_of(error);
}

NTSTATUS view_hide(struct space *space, const struct view *view)
{
	return pages_shut(native_of(space), view->range) ? STATUS_INSUFFICIENT_RESOURCES
	                                                 : STATUS_SUCCESS;
}

/* ---- what has been copied -------------------------------------------------------------------- */

#define PAGES_AT_ONCE 64

static bool is_copy(uint64_t word)
{
	return word & (OS_PAGE_PRESENT | OS_PAGE_SWAPPED) && !(word & OS_PAGE_OF_FILE);
}

/* A host that does not tell has copied nothing that would be known. */
uint64_t view_copied(struct space *space, struct range range, bool *copied)
{
	uint64_t words[PAGES_AT_ONCE], pages = 0;
	(void)space;
	*copied = false;
	for (struct range rest = range; rest.start < rest.end;) {
		size_t count = (size_t)min_u64(range_pages(rest), PAGES_AT_ONCE);
		if (os_pages_map(rest.start, words, count))
			return range_pages(range);
		for (size_t i = 0; i < count; i++, pages++) {
			if (!pages)
				*copied = is_copy(words[i]);
			if (is_copy(words[i]) != *copied)
				return pages;
		}
		rest.start += count;
	}
	return pages;
}

/* ---- protection ------------------------------------------------------------------------------ */

/* Pages of one protection, that become private or shared: all but those that are copies. */
static int change_sharing(struct native *native, const struct view *view, struct range range,
                          prot_t prot)
{
	unsigned how = host_access(prot);
	int error = 0;
	for (struct range rest = range; rest.start < rest.end && !error;) {
		bool copied;
		uint64_t pages = view_copied(&native->space, rest, &copied);
		struct range piece = {rest.start, rest.start + pages};
		error = copied ? os_pages_protect(pointer_to_page(piece.start), bytes_of(piece), how)
		               : show(view, piece, how, is_private(view, prot));
		rest.start = piece.end;
	}
	return error;
}

static int open_run(struct native *native, const struct view *view, struct run run, prot_t prot)
{
	struct range range = {run.start, run.end};
	if (is_private(view, attr_prot(run.attr)) != is_private(view, prot))
		return change_sharing(native, view, range, prot);
	return os_pages_protect(pointer_to_page(range.start), bytes_of(range), host_access(prot));
}

/* As the space says: what has been copied stays so. */
static void undo(struct native *native, const struct view *view, struct range range)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = space_run(&native->space, address_of(page));
		struct range piece = {page, min_u64(run.end, range.end)};
		prot_t prot = attr_is_committed(run.attr) ? attr_prot(run.attr) : PROT_NOACCESS;
		(void)change_sharing(native, view, piece, prot);
		page = piece.end;
	}
}

int view_open(struct native *native, const struct view *view, struct range range, prot_t prot)
{
	int error = 0;
	uint64_t page = range.start;
	while (page < range.end && !error) {
		struct run run = runs_at(&native->space.runs, page);
		run.start = page;
		run.end = min_u64(run.end, range.end);
		error = open_run(native, view, run, prot);
		page = run.end;
	}
	if (error)
		undo(native, view, (struct range){range.start, page});
	return error;
}
