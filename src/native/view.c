/* SPDX-License-Identifier: MIT */
#include "base/os_pages.h"
#include "native/pages.h"
#include "native/section.h"

/* ---- mappings -------------------------------------------------------------------------------- */

static bool is_image(const struct view *view)
{
	return view->section->kind == SECTION_IMAGE;
}

bool view_is_private(const struct view *view, uint64_t page, prot_t prot)
{
	if (is_image(view))
		return !section_part_at(view->section, view_page(view, page))->shared;
	return prot_is_copy(view->protect) || prot_is_copy(prot);
}

static int descriptor_for(const struct view *view, bool private)
{
	struct section *section = view->section;
	struct backing *backing = section->backing;
	bool writes = !private && prot_can_write(view->protect);
	if (section->kind != SECTION_FILE)
		return native_section_of(section)->fd;
	return backing->operations->descriptor(backing, writes);
}

int view_show_pages(const struct view *view, struct range range, unsigned how, bool private)
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

static int show_data(const struct view *view)
{
	unsigned how = host_access(view->protect);
	bool private = view_is_private(view, view->range.start, view->protect);
	if (!view->section->reserve)
		return view_show_pages(view, view->range, how, private);
	int error = view_show_pages(view, view->range, 0, private);
	return error ? error : open_committed(view, how);
}

/* What lies between the parts stays shut. */
static int show_image(const struct view *view)
{
	const struct section *section = view->section;
	int error = 0;
	for (unsigned i = 0; i < section->part_count && !error; i++) {
		const struct section_part *part = &section->parts[i];
		uint64_t base = view->range.start;
		struct range range = {base + part->range.start, base + part->range.end};
		if (part->committed)
			error = view_show_pages(view, range, host_access(view_part_prot(view, part)),
			             !part->shared);
	}
	return error;
}

NTSTATUS view_show(struct space *space, const struct view *view)
{
	struct native *native = native_of(space);
	slack_keep_rest(&native->slack);
	int error = is_image(view) ? show_image(view) : show_data(view);
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

int view_find_copies(struct range range, uint64_t *pages, bool *copied)
{
	uint64_t words[PAGES_AT_ONCE];
	*pages = 0;
	for (struct range rest = range; rest.start < rest.end;) {
		size_t count = (size_t)min_u64(range_pages(rest), PAGES_AT_ONCE);
		int error = os_pages_map(rest.start, words, count);
		if (error)
			return error;
		for (size_t i = 0; i < count; i++, ++*pages) {
			if (!*pages)
				*copied = is_copy(words[i]);
			if (is_copy(words[i]) != *copied)
				return 0;
		}
		rest.start += count;
	}
	return 0;
}

/* A host that does not tell has copied nothing that would be known. */
uint64_t view_copied(struct space *space, struct range range, bool *copied)
{
	uint64_t pages;
	(void)space;
	if (!view_find_copies(range, &pages, copied))
		return pages;
	*copied = false;
	return range_pages(range);
}

/* ---- changes by the system ------------------------------------------------------------------- */

static int show_patched(const struct view *view, struct range range)
{
	const unsigned how = OS_PAGE_READ | OS_PAGE_WRITE;
	if (view_is_private(view, range.start, PROT_READONLY))
		return os_pages_protect(pointer_to_page(range.start), bytes_of(range), how);
	return view_show_pages(view, range, how, true);
}

/* The page becomes the process's own by being written to; of a part that is shared, by being mapped so. */
NTSTATUS view_patch(struct space *space, uint64_t page,
                    void (*change)(void *context, uint64_t page, void *bytes), void *context)
{
	struct range range = {page, page + 1};
	shared_lock_write(&space->lock);
	struct run run = runs_at(&space->runs, page);
	const struct view *view = run.vad ? vad_view(run.vad) : NULL;
	int error = !view || show_patched(view, range);
	if (!error) {
		change(context, page, pointer_to_page(page));
		error = page_open(native_of(space), page, host_access(attr_prot(run.attr)));
	}
	shared_lock_drop(&space->lock);
	return error ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}
