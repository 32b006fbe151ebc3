/* SPDX-License-Identifier: MIT
 *
 * The last steps of the tour: one DLL in two processes, and who has which copy of its pages.
 */
#include "tour.h"

#include <stdio.h>

static void set_pages(uint64_t *page, const char *base)
{
	for (int i = 0; i < TOUR_PAGES; i++)
		page[i] = (uintptr_t)base + (uint64_t)i * PAGE;
}

/* The image's section belongs to the machine of the thread that makes it. */
static HANDLE open_image(const struct tour *tour)
{
	HANDLE file = tour_dll(), section = NULL;
	if (file && ntmm_thread_attach(tour->thread)) {
		section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
		ntmm_thread_detach();
	}
	if (file)
		CloseHandle(file);
	return section;
}

void tour_map_image(struct tour *tour)
{
	struct tour_other *second = &tour->other;
	HANDLE process = tour->process, other, section = open_image(tour);
	char *base, *base2;
	second->process = other = ntmm_process_create(tour->machine, NTMM_LAYOUT_NT32_2GB);
	second->thread = other ? ntmm_thread_create(other, NULL) : NULL;
	puts("  a DLL of four pages becomes a section: headers, code, constants, data");
	SHOW_POINTER(base = MapViewOfFile2(section, process, 0, NULL, 0, 0, PAGE_READONLY));
	SHOW_POINTER(base2 = MapViewOfFile2(section, other, 0, NULL, 0, 0, PAGE_READONLY));
	tour->base = base;
	second->base = base2;
	set_pages(tour->page, base);
	set_pages(second->page, base2);
	if (section)
		CloseHandle(section);
}

void tour_share_image(struct tour *tour)
{
	ntmm_thread *thread = tour->thread, *thread2 = tour->other.thread;
	const uint64_t *page = tour->page, *page2 = tour->other.page;
	SHOW_LOAD(thread, ntmm_load64(thread, page[1], &value));
	SHOW_LOAD(thread, ntmm_load64(thread, page[3], &value));
	SHOW_LOAD(thread2, ntmm_load64(thread2, page2[1], &value));
	SHOW_LOAD(thread2, ntmm_load64(thread2, page2[3], &value));
}

void tour_write_image(struct tour *tour)
{
	ntmm_thread *thread = tour->thread, *thread2 = tour->other.thread;
	const uint64_t *page = tour->page, *page2 = tour->other.page;
	SHOW_STORE(thread, ntmm_store64(thread, page[3], 0x6666));
	SHOW_LOAD(thread, ntmm_load64(thread, page[3], &value));
	SHOW_LOAD(thread2, ntmm_load64(thread2, page2[3], &value));
}

void tour_write_again(struct tour *tour)
{
	ntmm_thread *thread = tour->thread, *thread2 = tour->other.thread;
	const uint64_t *page = tour->page, *page2 = tour->other.page;
	SHOW_STORE(thread2, ntmm_store64(thread2, page2[3], 0x7777));
	SHOW_LOAD(thread, ntmm_load64(thread, page[3], &value));
	SHOW_LOAD(thread2, ntmm_load64(thread2, page2[3], &value));
}
