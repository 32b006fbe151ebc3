/* SPDX-License-Identifier: MIT
 *
 * AWE: mapping other frames into a window, against the host's way to show other pages of a memory file
 * at an address: mmap with MAP_FIXED, which replaces what was there.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define FRAMES 8192
#define RAM (64 * MB)

struct awe {
	struct guest guest;
	uint64_t window;     /* address */
	uint64_t at_once;    /* pages that a call maps */
	uint64_t calls;      /* in a repetition */
	uint64_t turn;       /* which half of the frames is mapped next */
	ULONG_PTR *frames;
	int file;
	char *memory;
};

static void enable_privilege(void)
{
	HANDLE token;
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	must(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid) &&
	             OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token) &&
	             AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL) &&
	             CloseHandle(token),
	     "SeLockMemoryPrivilege");
}

static void begin_guest(struct awe *awe)
{
	ULONG_PTR count = FRAMES;
	guest_begin(&awe->guest, RAM, 0);
	must(ntmm_thread_attach(awe->guest.thread), "ntmm_thread_attach");
	enable_privilege();
	awe->frames = bench_alloc(FRAMES, sizeof *awe->frames);
	must(AllocateUserPhysicalPages(awe->guest.process, &count, awe->frames) && count == FRAMES,
	     "AllocateUserPhysicalPages");
	awe->window = (uintptr_t)VirtualAlloc(NULL, FRAMES / 2 * PAGE, MEM_RESERVE | MEM_PHYSICAL,
	                                      PAGE_READWRITE);
	must(awe->window, "VirtualAlloc");
}

/* Pages that are there, as the frames are. */
static void begin_host(struct awe *awe)
{
	awe->file = memfd_create("bench", MFD_CLOEXEC);
	must(awe->file >= 0 && !ftruncate(awe->file, FRAMES * PAGE), "memfd_create");
	for (uint64_t i = 0; i < FRAMES; i++)
		must(pwrite(awe->file, "x", 1, (off_t)(i * PAGE)) == 1, "pwrite");
	awe->memory = host_map(FRAMES / 2 * PAGE);
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct awe *awe = bench_alloc(1, sizeof *awe);
	(void)why;
	awe->at_once = row->size;
	awe->calls = bench_times(bench, 65536) / awe->at_once;
	begin_guest(awe);
	begin_host(awe);
	return awe;
}

static void end(void *state)
{
	struct awe *awe = state;
	ntmm_thread_detach();
	guest_end(&awe->guest);
	host_unmap(awe->memory, FRAMES / 2 * PAGE);
	close(awe->file);
	free(awe->frames);
	free(awe);
}

/* The first of the pages, in the window and among the frames: each call finds the others mapped. */
static uint64_t place_of(const struct awe *awe, uint64_t call)
{
	return call * awe->at_once % (FRAMES / 2);
}

static uint64_t frame_of(struct awe *awe, uint64_t call)
{
	uint64_t place = place_of(awe, call);
	awe->turn += place == 0;
	return place + (awe->turn % 2) * (FRAMES / 2);
}

/* Both sides store to the first page of each call, so that a mapping is one that can be used. */
static double theirs(void *state)
{
	struct awe *awe = state;
	double start = now();
	for (uint64_t i = 0; i < awe->calls; i++) {
		char *at = awe->memory + place_of(awe, i) * PAGE;
		must(mmap(at, awe->at_once * PAGE, PROT_READ | PROT_WRITE,
		          MAP_SHARED | MAP_FIXED | MAP_POPULATE, awe->file,
		          (off_t)(frame_of(awe, i) * PAGE)) == at,
		     "mmap");
		*(volatile char *)at = 1;
	}
	return (now() - start) / (double)(awe->calls * awe->at_once);
}

static double ours(void *state)
{
	struct awe *awe = state;
	double start = now();
	for (uint64_t i = 0; i < awe->calls; i++) {
		uint64_t at = awe->window + place_of(awe, i) * PAGE;
		must(MapUserPhysicalPages(address_pointer(at), awe->at_once,
		                          awe->frames + frame_of(awe, i)),
		     "MapUserPhysicalPages");
		must(ntmm_store8(awe->guest.thread, at, 1), "ntmm_store8");
	}
	return (now() - start) / (double)(awe->calls * awe->at_once);
}

#define REMAP(pages) \
	{ \
		.name = "awe-" #pages, \
		.operation = "MapUserPhysicalPages, " #pages " at once, a page", \
		.against = "mmap of a memory file", \
		.target = {TARGET_RATIO, 1.0}, \
		.size = (pages), \
		.begin = begin, \
		.theirs = theirs, \
		.ours = ours, \
		.end = end, \
	}

const struct row rows_awe[] = {
	REMAP(1),
	REMAP(64),
	{0},
};
