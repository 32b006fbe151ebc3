/* SPDX-License-Identifier: MIT
 *
 * Mapping frames of the process's own into its windows (AW-4, AW-5): looked at first, then shown by the host, in
 * order, then entered in the tables. When the host refuses, the tables say how it was.
 */
#include "base/os_pages.h"
#include "native/pages.h"

#define SPARE_PAGES 5

void physical_page_gone(struct native *native, uint64_t page)
{
	struct vad *vad = runs_at(&native->space.runs, page).vad;
	page_set_remove(vad_mapped(vad), (struct range){page, page + 1});
}

/* ---- showing --------------------------------------------------------------------------------- */

static int show(const struct physical *physical, struct range pages, uint64_t frame)
{
	struct os_showing showing = {.fd = physical->fd,
	                             .offset = address_of(frame),
	                             .how = OS_PAGE_READ | OS_PAGE_WRITE};
	return os_pages_show(pointer_to_page(pages.start), bytes_of(pages), &showing);
}

static int shut(struct range pages)
{
	return os_pages_shut(pointer_to_page(pages.start), bytes_of(pages));
}

int physical_show_again(const struct native *native, uint64_t page)
{
	uint32_t frame = frame_at_page(&native->physical, page);
	return frame ? show(&native->physical, (struct range){page, page + 1}, frame) : 0;
}

/* The host limits how many mappings there are. To go back from a change that it stops halfway may take
 * two more than there are by then: some are kept for that. */
static bool keep_spare(struct physical *physical)
{
	char *at = physical->spare ? NULL : os_pages_reserve(SPARE_PAGES * PAGE_BYTES);
	if (!at)
		return physical->spare;
	if (os_pages_protect(at + PAGE_BYTES, PAGE_BYTES, OS_PAGE_READ) ||
	    os_pages_protect(at + 3 * PAGE_BYTES, PAGE_BYTES, OS_PAGE_READ)) {
		os_pages_release(at, SPARE_PAGES * PAGE_BYTES);
		return false;
	}
	physical->spare = at;
	return true;
}

static void use_spare(struct physical *physical)
{
	os_pages_release(physical->spare, SPARE_PAGES * PAGE_BYTES);
	physical->spare = NULL;
}

/* The pages show what the tables say. What the host refuses even so is shown when it is touched. */
static void show_as_before(const struct physical *physical, struct range pages)
{
	(void)shut(pages);
	for (uint64_t page = pages.start, end; page < pages.end; page = end) {
		uint32_t frame = frame_at_page(physical, page);
		for (end = page + 1; frame && end < pages.end; end++)
			if (frame_at_page(physical, end) != frame + (end - page))
				break;
		if (frame)
			(void)show(physical, (struct range){page, end}, frame);
	}
}

/* ---- mapping --------------------------------------------------------------------------------- */

struct mapping {
	struct native *native;
	const struct physical_mapping *list;
	uint64_t count;
};

static bool is_to_map(const struct physical_mapping *mapping)
{
	return mapping->frame != PHYSICAL_NONE;
}

static bool may_map(const struct physical *physical, const struct physical_mapping *mapping)
{
	if (!frame_is_own(physical, mapping->frame))
		return false;
	const struct native_frame *frame = &physical->frames[mapping->frame];
	return !frame->named && (frame->page == PAGE_NONE || frame->page == mapping->page); /* AW-8 */
}

/* AW-4: each frame once. */
static NTSTATUS check_frames(const struct mapping *m)
{
	struct physical *physical = &m->native->physical;
	uint64_t seen = 0;
	for (; seen < m->count; seen++) {
		if (!is_to_map(&m->list[seen]))
			continue;
		if (!may_map(physical, &m->list[seen]))
			break;
		physical->frames[m->list[seen].frame].named = true;
	}
	for (uint64_t i = 0; i < seen; i++)
		if (is_to_map(&m->list[i]))
			physical->frames[m->list[i].frame].named = false;
	return seen == m->count ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER_3;
}

/* How many mappings from `i` on are of pages in a row that get frames in a row, or none. */
static uint64_t piece(const struct mapping *m, uint64_t i, bool frames_too)
{
	const struct physical_mapping *list = m->list;
	uint64_t end = i + 1;
	for (; end < m->count && list[end].page == list[end - 1].page + 1; end++) {
		uint64_t before = list[end - 1].frame;
		uint64_t next = before == PHYSICAL_NONE ? PHYSICAL_NONE : before + 1;
		if (frames_too && list[end].frame != next)
			break;
	}
	return end - i;
}

static struct range pages_of(const struct mapping *m, uint64_t i, uint64_t count)
{
	return (struct range){m->list[i].page, m->list[i].page + count};
}

static void go_back(struct mapping *m, uint64_t end)
{
	use_spare(&m->native->physical);
	m->count = end;
	for (uint64_t i = 0, pages; i < end; i += pages) {
		pages = piece(m, i, false);
		show_as_before(&m->native->physical, pages_of(m, i, pages));
	}
}

/* In order, as the host has it. The tables know it all as it was. */
static NTSTATUS show_all(struct mapping *m)
{
	int error = 0;
	for (uint64_t i = 0, pages; i < m->count; i += pages) {
		pages = piece(m, i, true);
		struct range range = pages_of(m, i, pages);
		pages_note_mapped(m->native, range);
		error = is_to_map(&m->list[i])
		                ? show(&m->native->physical, range, m->list[i].frame)
		                : shut(range);
		if (!error)
			continue;
		go_back(m, i + pages);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	return STATUS_SUCCESS;
}

static void enter(struct native *native, const struct physical_mapping *mapping)
{
	struct physical *physical = &native->physical;
	uint32_t old = frame_at_page(physical, mapping->page);
	if (old)
		frame_leave(physical, old);
	if (!is_to_map(mapping)) {
		physical_page_gone(native, mapping->page);
		return;
	}
	frame_enter(physical, (uint32_t)mapping->frame, mapping->page);
	page_set_add(vad_mapped(runs_at(&native->space.runs, mapping->page).vad), mapping->page);
}

NTSTATUS native_physical_map(struct space *space, const struct physical_mapping *mappings,
                             uint64_t count)
{
	struct mapping m = {native_of(space), mappings, count};
	NTSTATUS status = check_frames(&m);
	if (!status && !keep_spare(&m.native->physical))
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (!status)
		status = show_all(&m);
	for (uint64_t i = 0; i < count && !status; i++)
		enter(m.native, &mappings[i]);
	return status;
}

/* ---- windows --------------------------------------------------------------------------------- */

void physical_window_gone(struct native *native, struct range window)
{
	const struct page_set *mapped = vad_mapped(runs_at(&native->space.runs, window.start).vad);
	struct range found;
	while (page_set_find(mapped, window, &found)) {
		for (uint64_t page = found.start; page < found.end; page++)
			frame_leave(&native->physical, frame_at_page(&native->physical, page));
		window.start = found.end;
	}
}

void physical_forked(struct native *native)
{
	struct physical *physical = &native->physical;
	uint64_t own = 0;
	for (uint32_t i = 1; i < physical->end; i++) {
		own += physical->frames[i].own;
		uint64_t page = physical->frames[i].page;
		if (!physical->frames[i].own || page == PAGE_NONE)
			continue;
		(void)os_pages_shut(pointer_to_page(page), PAGE_BYTES);
		physical_page_gone(native, page);
	}
	ledger_return(native->space.ledger, own);
	frames_forget(physical);
}
