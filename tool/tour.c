/* SPDX-License-Identifier: MIT
 *
 * ntmm tour: the steps.
 */
#include "tour.h"

#include <argp.h>
#include <errno.h>
#include <error.h>
#include <stdio.h>

#include <ntmm/status.h>
#include "verbs.h"

/* ---- steps ----------------------------------------------------------------------------------- */

static void reserve(struct tour *tour)
{
	HANDLE process = tour->process;
	char *base;
	SHOW_POINTER(base = VirtualAllocEx(process, NULL, 64 * KB, MEM_RESERVE, PAGE_READWRITE));
	tour->base = base;
	for (int i = 0; i < TOUR_PAGES; i++)
		tour->page[i] = (uintptr_t)base + (uint64_t)i * PAGE;
}

static void commit(struct tour *tour)
{
	HANDLE process = tour->process;
	char *base = tour->base;
	SHOW_POINTER(VirtualAllocEx(process, base, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE));
}

static void touch(struct tour *tour)
{
	ntmm_thread *thread = tour->thread;
	const uint64_t *page = tour->page;
	SHOW_STORE(thread, ntmm_store64(thread, page[0], 0x1111));
	SHOW_STORE(thread, ntmm_store64(thread, page[1], 0x2222));
	SHOW_LOAD(thread, ntmm_load64(thread, page[2], &value));
}

static void protect(struct tour *tour)
{
	HANDLE process = tour->process;
	ntmm_thread *thread = tour->thread;
	char *base = tour->base;
	const uint64_t *page = tour->page;
	DWORD old;
	SHOW_BOOL(VirtualProtectEx(process, base + 1 * PAGE, PAGE, PAGE_READONLY, &old));
	SHOW_STORE(thread, ntmm_store64(thread, page[1], 0x3333));
	SHOW_LOAD(thread, ntmm_load64(thread, page[1], &value));
}

static void guard(struct tour *tour)
{
	HANDLE process = tour->process;
	char *base = tour->base;
	DWORD old;
	SHOW_BOOL(VirtualProtectEx(process, base + 3 * PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD, &old));
}

static void hit_guard(struct tour *tour)
{
	ntmm_thread *thread = tour->thread;
	const uint64_t *page = tour->page;
	SHOW_STORE(thread, ntmm_store64(thread, page[3], 0x4444));
	SHOW_STORE(thread, ntmm_store64(thread, page[3], 0x4444));
}

static void trim(struct tour *tour)
{
	HANDLE process = tour->process;
	SHOW_BOOL(EmptyWorkingSet(process));
}

static void fault_softly(struct tour *tour)
{
	ntmm_thread *thread = tour->thread;
	const uint64_t *page = tour->page;
	SHOW_LOAD(thread, ntmm_load64(thread, page[0], &value));
}

static void write_out(struct tour *tour)
{
	HANDLE process = tour->process;
	ntmm_machine *machine = tour->machine;
	SHOW_BOOL(EmptyWorkingSet(process));
	SHOW_NUMBER(ntmm_machine_write_modified(machine, 64));
}

static void fault_hard(struct tour *tour)
{
	ntmm_thread *thread = tour->thread;
	const uint64_t *page = tour->page;
	SHOW_LOAD(thread, ntmm_load64(thread, page[0], &value));
}

static void change(struct tour *tour)
{
	ntmm_thread *thread = tour->thread;
	const uint64_t *page = tour->page;
	SHOW_STORE(thread, ntmm_store64(thread, page[0], 0x5555));
}

static void decommit(struct tour *tour)
{
	HANDLE process = tour->process;
	char *base = tour->base;
	SHOW_BOOL(VirtualFreeEx(process, base, 2 * PAGE, MEM_DECOMMIT));
}

static void release(struct tour *tour)
{
	HANDLE process = tour->process;
	char *base = tour->base;
	SHOW_BOOL(VirtualFreeEx(process, base, 0, MEM_RELEASE));
}

/* ---- a second process, which needs the frames of the first -------------------------------------- */

static bool has_frames(const struct tour *tour)
{
	for (int i = 0; i < TOUR_PAGES; i++) {
		ntmm_page_info page = {.size = sizeof page};
		ntmm_process_page_info(tour->process, tour->page[i], &page);
		if (page.where != NTMM_PAGE_PAGED_OUT && page.where != NTMM_PAGE_NONE)
			return true;
	}
	return false;
}

static uint64_t touch_until_out(const struct tour *tour, HANDLE process)
{
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	SIZE_T bytes = 128 * PAGE;
	uint64_t at = (uintptr_t)VirtualAllocEx(process, NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	uint64_t end = at + bytes, count = 0;
	for (; at && at < end && has_frames(tour); at += PAGE)
		count += ntmm_store64(thread, at, at);
	ntmm_thread_destroy(thread);
	return count;
}

static void lose_frames(struct tour *tour)
{
	HANDLE other = ntmm_process_create(tour->machine, NTMM_LAYOUT_NT32_2GB);
	uint64_t touched = touch_until_out(tour, other);
	printf("  a second process touches %ju pages of its own, then ends\n", (uintmax_t)touched);
	SHOW_BOOL(TerminateProcess(other, 0));
	CloseHandle(other);
}

static const struct {
	const char *title;
	void (*go)(struct tour *tour);
} steps[] = {
	{"a process begins", NULL},
	{"reserve", reserve},
	{"commit", commit},
	{"first touch", touch},
	{"protect", protect},
	{"guard", guard},
	{"guard hit", hit_guard},
	{"trim", trim},
	{"soft fault", fault_softly},
	{"write-out", write_out},
	{"frames lost", lose_frames},
	{"hard fault", fault_hard},
	{"change", change},
	{"decommit", decommit},
	{"release", release},
	{"one DLL, two processes", tour_map_image},
	{"shared", tour_share_image},
	{"a write", tour_write_image},
	{"two copies", tour_write_again},
};

/* ---- running --------------------------------------------------------------------------------- */

static void walk(struct tour *tour)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		printf("%s%zu. %s\n", i ? "\n" : "", i + 1, steps[i].title);
		if (steps[i].go)
			steps[i].go(tour);
		tour_show(tour);
	}
}

static int begin(struct tour *tour)
{
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = 512 * KB, .paging_file_bytes = 256 * KB};
	NTSTATUS status = ntmm_machine_create(&config, &tour->machine);
	if (status != STATUS_SUCCESS) {
		const char *name = ntmm_status_name(status);
		error(0, 0, "no machine: %s (%s)", ntmm_error_message(), name ? name : "");
		return EXIT_FAILED;
	}
	tour->process = ntmm_process_create(tour->machine, NTMM_LAYOUT_NT32_2GB);
	tour->thread = tour->process ? ntmm_thread_create(tour->process, NULL) : NULL;
	if (tour->thread)
		return EXIT_FINE;
	error(0, 0, "no process: %s", ntmm_error_message());
	return EXIT_FAILED;
}

static void end(struct tour *tour)
{
	ntmm_thread_destroy(tour->other.thread);
	if (tour->other.process)
		CloseHandle(tour->other.process);
	ntmm_thread_destroy(tour->thread);
	if (tour->process)
		CloseHandle(tour->process);
	ntmm_machine_destroy(tour->machine);
}

static error_t parse_nothing(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_error(state, "'%s': the tour takes no arguments", argument);
	return EINVAL;
}

static const struct argp arguments = {
	.parser = parse_nothing,
	.doc = "Follow one process of a machine with 512 KB of RAM from reserve to release, then share a "
	       "DLL with a second one, and see after each step its regions, page-map entries, frames and slots. docs/tour.md explains each step.",
};

int tour_main(int argc, char **argv)
{
	struct tour tour = {0};
	argp_parse(&arguments, argc, argv, 0, NULL, NULL);
	int status = begin(&tour);
	if (status == EXIT_FINE)
		walk(&tour);
	end(&tour);
	return status;
}
