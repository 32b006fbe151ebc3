/* SPDX-License-Identifier: MIT
 *
 * Hard faults from the disk: the host's cache holds nothing of the paging file. Against reads of single
 * pages that go past the cache.
 *
 * Time is the clock on the wall.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

#define REGION (32 * MB)
#define RAM (48 * MB)
#define PAGING_FILE (96 * MB)
#define READS 400
#define MOST_FILES 1024

struct disk {
	struct guest guest;
	uint64_t base, reads;
	int paging_file, file; /* file: past the cache */
	char *buffer;
};

/* In no order that the host could guess; no page twice. */
static uint64_t page_at(uint64_t i)
{
	return i * 4099 % (REGION / PAGE);
}

/* The machine's paging file, which has no name any more. */
static int find_paging_file(void)
{
	struct stat is;
	for (int file = 3; file < MOST_FILES; file++)
		if (!fstat(file, &is) && S_ISREG(is.st_mode) && !is.st_nlink &&
		    (uint64_t)is.st_size == PAGING_FILE)
			return file;
	return -1;
}

static int open_past_cache(int file)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	return open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .flags = NTMM_MACHINE_NO_CLUSTERS,
	                                    .ram_bytes = RAM,
	                                    .paging_file_bytes = PAGING_FILE};
	int cached = host_cached_file(REGION), file = open_past_cache(cached);
	(void)row;
	fsync(cached);
	close(cached);
	if (file < 0) {
		*why = "the file system has no reads past the cache";
		return NULL;
	}
	struct disk *disk = bench_alloc(1, sizeof *disk);
	guest_begin_as(&disk->guest, &config);
	disk->reads = bench_times(bench, READS);
	disk->paging_file = find_paging_file();
	must(disk->paging_file >= 0, "the paging file is found");
	disk->base = guest_commit(&disk->guest, REGION);
	guest_store_pages(&disk->guest, disk->base, REGION);
	disk->file = file;
	disk->buffer = host_map(REGION);
	return disk;
}

static double theirs(void *state)
{
	const struct disk *disk = state;
	double start = wall_now();
	for (uint64_t i = 0; i < disk->reads; i++)
		must(pread(disk->file, disk->buffer, PAGE, (off_t)(page_at(i) * PAGE)) == (ssize_t)PAGE,
		     "pread past the cache");
	return (wall_now() - start) / (double)disk->reads;
}

/* Another region takes all frames, and gives them back; then the cache forgets the file. */
static void page_all_out(const struct disk *disk)
{
	uint64_t filler = guest_commit(&disk->guest, RAM);
	guest_store_pages(&disk->guest, filler, RAM);
	guest_release(&disk->guest, filler);
	must(!fdatasync(disk->paging_file), "fdatasync");
	must(!posix_fadvise(disk->paging_file, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
	must(!posix_fadvise(disk->paging_file, 0, 0, POSIX_FADV_RANDOM), "posix_fadvise");
}

static double ours(void *state)
{
	const struct disk *disk = state;
	uint64_t value = 0;
	page_all_out(disk);
	uint64_t before = guest_counters(&disk->guest).hard;
	double start = wall_now();
	for (uint64_t i = 0; i < disk->reads; i++)
		must(ntmm_load64(disk->guest.thread, disk->base + page_at(i) * PAGE, &value),
		     "ntmm_load64");
	double time = wall_now() - start;
	must(guest_counters(&disk->guest).hard - before == disk->reads, "one hard fault a page");
	use(value);
	return time / (double)disk->reads;
}

static void end(void *state)
{
	struct disk *disk = state;
	guest_end(&disk->guest);
	host_unmap(disk->buffer, REGION);
	close(disk->file);
	free(disk);
}

const struct row rows_hard_disk[] = {
	{
		.name = "hard-disk",
		.operation = "hard fault, paging file not cached",
		.against = "direct pread of 4 KB",
		.target = {TARGET_RATIO, 1.1},
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{0},
};
