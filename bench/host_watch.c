/* SPDX-License-Identifier: MIT */
#include "host_watch.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#define USER_MODE_ONLY 1

/* <linux/fs.h> of Linux 6.7 */
struct host_region {
	uint64_t start, end, categories;
};
struct scan {
	uint64_t size, flags, start, end, walk_end, regions, regions_count, most_pages;
	uint64_t inverted, all_of, any_of, returned;
};
#define SCAN _IOWR('f', 16, struct scan)
#define SCAN_PROTECT_FOUND 1
#define SCAN_CHECK_ASYNC 2
#define IS_WRITTEN 2

static bool open_files(struct host_watch *watch)
{
	struct uffdio_api api = {.api = UFFD_API,
	                         .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED};
	watch->map_file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	watch->fault_file = (int)syscall(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY);
	return watch->map_file >= 0 && watch->fault_file >= 0 &&
	       !ioctl(watch->fault_file, UFFDIO_API, &api);
}

static bool protect(struct host_watch *watch)
{
	struct uffdio_range range = {(uintptr_t)watch->memory, watch->bytes};
	struct uffdio_register add = {.range = range, .mode = UFFDIO_REGISTER_MODE_WP};
	struct uffdio_writeprotect all = {.range = range, .mode = UFFDIO_WRITEPROTECT_MODE_WP};
	return !ioctl(watch->fault_file, UFFDIO_REGISTER, &add) &&
	       !ioctl(watch->fault_file, UFFDIO_WRITEPROTECT, &all);
}

bool host_watch_begin(struct host_watch *watch, uint64_t bytes, const char **why)
{
	*watch = (struct host_watch){.memory = host_map(bytes), .bytes = bytes};
	watch->regions = bench_alloc(bytes / PAGE, sizeof *watch->regions);
	must(!madvise(watch->memory, bytes, MADV_NOHUGEPAGE), "madvise");
	memset(watch->memory, 1, bytes);
	if (open_files(watch) && protect(watch))
		return true;
	*why = "the host has no userfaultfd write protection, or forbids it";
	host_watch_end(watch);
	return false;
}

void host_watch_end(struct host_watch *watch)
{
	if (watch->fault_file >= 0)
		close(watch->fault_file);
	if (watch->map_file >= 0)
		close(watch->map_file);
	host_unmap(watch->memory, watch->bytes);
	free(watch->regions);
}

uint64_t host_watch_collect(struct host_watch *watch)
{
	struct scan scan = {.size = sizeof scan,
	                    .flags = SCAN_PROTECT_FOUND | SCAN_CHECK_ASYNC,
	                    .start = (uintptr_t)watch->memory,
	                    .end = (uintptr_t)watch->memory + watch->bytes,
	                    .regions = (uintptr_t)watch->regions,
	                    .regions_count = watch->bytes / PAGE,
	                    .all_of = IS_WRITTEN,
	                    .returned = IS_WRITTEN};
	uint64_t pages = 0;
	int count = ioctl(watch->map_file, SCAN, &scan);
	must(count >= 0, "PAGEMAP_SCAN");
	for (int i = 0; i < count; i++)
		pages += (watch->regions[i].end - watch->regions[i].start) / PAGE;
	return pages;
}
