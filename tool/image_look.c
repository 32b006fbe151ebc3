/* SPDX-License-Identifier: MIT
 *
 * The machine of `ntmm image`: mapping, loading, writing, and where the pages are.
 */
#include "image.h"

#include <inttypes.h>
#include <stdlib.h>

#include <ntmm/status.h>

#include "machines.h"

#define MACHINE_I386 0x014C

static const char *reason(NTSTATUS status)
{
	const char *name = ntmm_status_name(status);
	return name ? name : "an unknown status";
}

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* ---- mapping --------------------------------------------------------------------------------- */

static bool open_section(struct image *image, struct failure *failure)
{
	HANDLE file = CreateFileA(image->path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		const char *name = ntmm_error_name(GetLastError());
		return fail_with(failure, EXIT_WRONG, "%s: %s", image->path, name ? name : "cannot be opened");
	}
	NTSTATUS status = NtCreateSection(&image->section, SECTION_ALL_ACCESS, NULL, NULL, PAGE_READONLY,
	                                  SEC_IMAGE, file);
	CloseHandle(file);
	if (!status)
		status = NtQuerySection(image->section, SectionImageInformation, &image->info,
		                        sizeof image->info, NULL);
	if (status)
		return fail_with(failure, EXIT_WRONG, "%s: %s", image->path, reason(status));
	return true;
}

static bool map(struct images *images, struct image *image, unsigned process, struct failure *failure)
{
	uint64_t size = 0;
	NTSTATUS status = NtMapViewOfSection(image->section, images->process[process],
	                                     &image->base[process], 0, 0, NULL, &size, ViewShare, 0,
	                                     PAGE_READONLY);
	if (status < 0)
		return fail_with(failure, EXIT_FAILED, "%s: process %u cannot map it: %s", image->path,
		                 process + 1, reason(status));
	image->count = size / IMAGE_PAGE;
	return true;
}

static bool map_all(struct images *images, struct failure *failure)
{
	for (size_t i = 0; i < images->count; i++) {
		struct image *image = &images->list[i];
		for (unsigned process = 0; process < images->processes; process++)
			if (!map(images, image, process, failure))
				return false;
		image->pages = calloc(image->count, sizeof *image->pages);
		if (!image->pages)
			return fail_no_memory(failure);
	}
	return true;
}

/* One that all the files are made for, if there is one. */
static ntmm_layout layout_for(const struct images *images)
{
	for (size_t i = 0; i < images->count; i++)
		if (images->list[i].info.Machine != MACHINE_I386)
			return NTMM_LAYOUT_NT64_128TB;
	return NTMM_LAYOUT_NT32_2GB;
}

static bool add_process(struct images *images, unsigned n, ntmm_layout layout, struct failure *failure)
{
	images->process[n] = ntmm_process_create(images->machine, layout);
	if (images->process[n])
		images->thread[n] = ntmm_thread_create(images->process[n], NULL);
	return images->thread[n] || fail_with(failure, EXIT_FAILED, "process %u: %s", n + 1,
	                                      ntmm_error_name(GetLastError()));
}

/* A section belongs to a machine: some process must be there before it. That one is none of those that
 * map, for their layout depends on the files. */
static bool open_all(struct images *images, struct failure *failure)
{
	HANDLE process = ntmm_process_create(images->machine, NTMM_LAYOUT_NT32_2GB);
	ntmm_thread *thread = process ? ntmm_thread_create(process, NULL) : NULL;
	bool opened = thread && ntmm_thread_attach(thread);
	if (!opened)
		fail_with(failure, EXIT_FAILED, "no process: %s", ntmm_error_name(GetLastError()));
	for (size_t i = 0; opened && i < images->count; i++)
		opened = open_section(&images->list[i], failure);
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
	if (process)
		CloseHandle(process);
	return opened;
}

bool images_begin(struct images *images, struct failure *failure)
{
	struct paging_files paging_files = paging_files_default();
	struct machine_plan plan = {.ram_bytes = images->ram_bytes, .paging_files = &paging_files};
	if (!machine_open(plan, &images->machine, failure) ||
	    !open_all(images, failure))
		return false;
	ntmm_layout layout = layout_for(images);
	for (unsigned n = 0; n < images->processes; n++)
		if (!add_process(images, n, layout, failure))
			return false;
	return map_all(images, failure);
}

void images_end(struct images *images)
{
	for (unsigned n = 0; n < images->processes; n++) {
		ntmm_thread_destroy(images->thread[n]);
		if (images->process[n])
			CloseHandle(images->process[n]);
	}
	for (size_t i = 0; i < images->count; i++) {
		if (images->list[i].section)
			CloseHandle(images->list[i].section);
		free(images->list[i].pages);
	}
	ntmm_machine_destroy(images->machine);
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool is_readable(const struct image_page *page)
{
	return page->state == MEM_COMMIT && !(page->protect & (PAGE_NOACCESS | PAGE_GUARD));
}

static bool is_writable(const struct image_page *page)
{
	return page->state == MEM_COMMIT &&
	       page->protect & (PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE |
	                        PAGE_EXECUTE_WRITECOPY);
}

static bool access_failed(const struct images *images, const struct image *image, unsigned process,
                          struct failure *failure)
{
	const EXCEPTION_RECORD *raised = ntmm_thread_exception(images->thread[process]);
	return fail_with(failure, EXIT_FAILED, "%s: process %u: %s at 0x%" PRIxPTR, image->path, process + 1,
	                 reason((NTSTATUS)raised->ExceptionCode), raised->ExceptionInformation[1]);
}

static void query(const struct images *images, struct image *image)
{
	MEMORY_BASIC_INFORMATION info;
	uint64_t end;
	for (uint64_t page = 0; page < image->count; page = end) {
		uint64_t address = image->base[0] + page * IMAGE_PAGE;
		VirtualQueryEx(images->process[0], pointer(address), &info, sizeof info);
		for (end = page; end < page + info.RegionSize / IMAGE_PAGE && end < image->count; end++) {
			image->pages[end].state = info.State;
			image->pages[end].protect = info.Protect;
		}
	}
}

static bool load(const struct images *images, const struct image *image, uint64_t page,
                 struct failure *failure)
{
	uint8_t byte;
	for (unsigned n = 0; n < images->processes; n++)
		if (!ntmm_load8(images->thread[n], image->base[n] + page * IMAGE_PAGE, &byte))
			return access_failed(images, image, n, failure);
	return true;
}

static void find_frames(const struct images *images, struct image *image, uint64_t page)
{
	for (unsigned n = 0; n < images->processes; n++) {
		ntmm_page_info info = {.size = sizeof info};
		ntmm_process_page_info(images->process[n], image->base[n] + page * IMAGE_PAGE, &info);
		bool there = info.where != NTMM_PAGE_NONE && info.where != NTMM_PAGE_PAGED_OUT;
		image->pages[page].frame[n] = there ? info.frame : NO_FRAME;
	}
}

static void find_data(struct image *image)
{
	image->has_data = false;
	for (uint64_t page = image->count; page-- > 0;) {
		if (!is_writable(&image->pages[page]))
			continue;
		image->data = page;
		image->has_data = true;
	}
}

bool image_look(struct images *images, struct image *image, struct failure *failure)
{
	query(images, image);
	for (uint64_t page = 0; page < image->count; page++) {
		bool readable = is_readable(&image->pages[page]);
		if (readable && !load(images, image, page, failure))
			return false;
		for (unsigned n = 0; n < images->processes; n++)
			image->pages[page].frame[n] = NO_FRAME;
		if (readable)
			find_frames(images, image, page);
	}
	if (!image->has_data)
		find_data(image);
	return true;
}

bool image_write(struct images *images, struct image *image, struct failure *failure)
{
	uint8_t byte;
	uint64_t address = image->base[0] + image->data * IMAGE_PAGE;
	if (!ntmm_load8(images->thread[0], address, &byte) ||
	    !ntmm_store8(images->thread[0], address, (uint8_t)~byte))
		return access_failed(images, image, 0, failure);
	return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The first process that has the page in the same frame as this one. */
static unsigned first_with(const struct image_page *page, unsigned n)
{
	unsigned first = 0;
	while (page->frame[first] != page->frame[n])
		first++;
	return first;
}

static bool is_alike(const struct images *images, const struct image_page *a, const struct image_page *b)
{
	bool alike = a->state == b->state && a->protect == b->protect;
	for (unsigned n = 0; n < images->processes; n++)
		alike = alike && (a->frame[n] == NO_FRAME) == (b->frame[n] == NO_FRAME) &&
		        first_with(a, n) == first_with(b, n);
	return alike;
}

static void say_shared(const struct images *images, const struct image_page *page, struct image_row *row)
{
	char *at = row->shared;
	for (unsigned first = 0; first < images->processes; first++) {
		if (page->frame[first] == NO_FRAME || first_with(page, first) != first)
			continue;
		at += sprintf(at, "%s%u", at == row->shared ? "" : " | ", first + 1);
		for (unsigned n = first + 1; n < images->processes; n++)
			if (page->frame[n] == page->frame[first])
				at += sprintf(at, "+%u", n + 1);
		row->frames += row->count;
	}
}

struct image_row image_row_at(const struct images *images, const struct image *image, uint64_t page)
{
	const struct image_page *first = &image->pages[page];
	struct image_row row = {
		.first = page, .count = 1, .state = first->state, .protect = first->protect};
	while (page + row.count < image->count &&
	       is_alike(images, first, &image->pages[page + row.count]))
		row.count++;
	say_shared(images, first, &row);
	return row;
}
