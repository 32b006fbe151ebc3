/* SPDX-License-Identifier: MIT
 *
 * Faults on pages that another process has in memory: the first store to a copy-on-write page, and the
 * first use of a page that is shared. The reference is the host's own, on a file that is in memory.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define REGION (64 * MB)
#define RAM (2 * REGION + 64 * MB)

struct share {
	struct guest guest; /* has all pages of the section in its working set */
	HANDLE section;
	struct guest other; /* of the same machine; only process and thread */
	uint64_t bytes;
	int file;
};

/* ---- the machine ----------------------------------------------------------------------------- */

static uint64_t map_in(const struct share *share, const struct guest *guest, ULONG protect)
{
	void *view = MapViewOfFile2(share->section, guest->process, 0, NULL, 0, 0, protect);
	must(view != NULL, "MapViewOfFile2");
	return (uintptr_t)view;
}

static void unmap_in(const struct guest *guest, uint64_t view)
{
	must(UnmapViewOfFile2(guest->process, address_pointer(view), 0), "UnmapViewOfFile2");
}

static void begin_machine(struct share *share)
{
	guest_begin(&share->guest, RAM, 0);
	guest_populate(&share->guest, RAM);
	share->other.machine = share->guest.machine;
	share->other.process = ntmm_process_create(share->guest.machine, NTMM_LAYOUT_NT64_128TB);
	must(share->other.process != NULL, "ntmm_process_create");
	share->other.thread = ntmm_thread_create(share->other.process, NULL);
	must(share->other.thread != NULL, "ntmm_thread_create");
	must(ntmm_thread_attach(share->guest.thread), "ntmm_thread_attach");
	share->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    (DWORD)share->bytes, NULL);
	must(share->section != NULL, "CreateFileMapping");
	uint64_t view = map_in(share, &share->guest, PAGE_READWRITE);
	guest_store_pages(&share->guest, view, share->bytes);
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct share *share = bench_alloc(1, sizeof *share);
	(void)row;
	(void)why;
	share->bytes = bench_times(bench, REGION);
	share->file = memfd_create("ntmm-bench", MFD_CLOEXEC);
	must(share->file >= 0 && !ftruncate(share->file, (off_t)share->bytes), "memfd_create");
	begin_machine(share);
	return share;
}

static void end(void *state)
{
	struct share *share = state;
	ntmm_thread_detach();
	must(CloseHandle(share->section), "CloseHandle");
	ntmm_thread_destroy(share->other.thread);
	must(CloseHandle(share->other.process), "CloseHandle");
	guest_end(&share->guest);
	close(share->file);
	free(share);
}

/* ---- the host -------------------------------------------------------------------------------- */

static char *host_view(const struct share *share, int how)
{
	void *view = mmap(NULL, share->bytes, PROT_READ | PROT_WRITE, how, share->file, 0);
	must(view != MAP_FAILED, "mmap of a file");
	must(!madvise(view, share->bytes, MADV_NOHUGEPAGE), "madvise");
	return view;
}

static double store_all(const struct share *share, char *view)
{
	double start = now();
	for (uint64_t at = 0; at < share->bytes; at += PAGE)
		*(volatile uint64_t *)(void *)(view + at) = at;
	return (now() - start) / (double)(share->bytes / PAGE);
}

static void load_all(const struct share *share, const char *view)
{
	for (uint64_t at = 0; at < share->bytes; at += PAGE)
		use(*(const volatile uint64_t *)(const void *)(view + at));
}

/* So that the file's pages are in memory, as another process's would be. */
static void fill(const struct share *share)
{
	char *view = host_view(share, MAP_SHARED);
	store_all(share, view);
	host_unmap(view, share->bytes);
}

/* ---- copy-on-write --------------------------------------------------------------------------- */

static double cow_theirs(void *state)
{
	const struct share *share = state;
	fill(share);
	char *view = host_view(share, MAP_PRIVATE);
	load_all(share, view);
	double time = store_all(share, view);
	host_unmap(view, share->bytes);
	return time;
}

static double cow_ours(void *state)
{
	const struct share *share = state;
	uint64_t view = map_in(share, &share->other, PAGE_WRITECOPY);
	guest_load_pages(&share->other, view, share->bytes);
	uint64_t before = guest_counters(&share->guest).active;
	double time = guest_store_pages(&share->other, view, share->bytes);
	must(guest_counters(&share->guest).active - before >= share->bytes / PAGE, "a copy a page");
	unmap_in(&share->other, view);
	return time / (double)(share->bytes / PAGE);
}

/* ---- soft faults ----------------------------------------------------------------------------- */

static double soft_theirs(void *state)
{
	const struct share *share = state;
	fill(share);
	char *view = host_view(share, MAP_SHARED);
	double time = store_all(share, view);
	host_unmap(view, share->bytes);
	return time;
}

static double soft_ours(void *state)
{
	const struct share *share = state;
	uint64_t view = map_in(share, &share->other, PAGE_READWRITE);
	uint64_t before = guest_counters(&share->guest).soft;
	double time = guest_store_pages(&share->other, view, share->bytes);
	must(guest_counters(&share->guest).soft - before == share->bytes / PAGE,
	     "one soft fault a page");
	unmap_in(&share->other, view);
	return time / (double)(share->bytes / PAGE);
}

const struct row rows_share[] = {
	{
		.name = "cow",
		.operation = "first store to a copy-on-write page",
		.against = "host's, private mapping",
		.target = {TARGET_RATIO, 0.5},
		.begin = begin,
		.theirs = cow_theirs,
		.ours = cow_ours,
		.end = end,
	},
	{
		.name = "shared-soft",
		.operation = "first store to a page that another has",
		.against = "host's, shared mapping",
		.target = {TARGET_RATIO, 0.25},
		.begin = begin,
		.theirs = soft_theirs,
		.ours = soft_ours,
		.end = end,
	},
	{0},
};
