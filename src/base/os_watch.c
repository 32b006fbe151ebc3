/* SPDX-License-Identifier: MIT */
#include "base/os_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than some headers: of <linux/userfaultfd.h> ... */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* ... and <linux/fs.h>: struct pm_scan_arg and what belongs to it. */
struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan) /* PAGEMAP_SCAN */
#define SCAN_PROTECT UINT64_C(1)         /* PM_SCAN_WP_MATCHING */
#define SCAN_CHECK UINT64_C(2)           /* PM_SCAN_CHECK_WPASYNC */
#define IS_WRITTEN UINT64_C(2)           /* PAGE_IS_WRITTEN */

#define AGAIN 1000 /* times that the host may ask for another try */

static int open_files(struct os_watch *watch)
{
	struct uffdio_api api = {.api = UFFD_API,
	                         .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED};
	watch->faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (watch->faults < 0 || ioctl(watch->faults, UFFDIO_API, &api))
		return errno;
	watch->map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return watch->map < 0 ? errno : 0;
}

/* Whether it works, by a page. */
static int try_page(const struct os_watch *watch)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	struct os_written found;
	uint64_t start = (uintptr_t)page;
	struct os_watch_scan scan = {.start = start, .end = start + bytes, .found = &found,
	                             .room = 1, .most = UINT64_MAX};
	if (page == MAP_FAILED)
		return errno;
	int error = os_watch_arm(watch, page, bytes);
	if (!error)
		error = os_watch_scan(watch, &scan);
	munmap(page, bytes);
	return error ? error : scan.count ? EINVAL : 0;
}

int os_watch_begin(struct os_watch *watch)
{
	*watch = (struct os_watch){-1, -1};
	int error = open_files(watch);
	if (!error)
		error = try_page(watch);
	if (error)
		os_watch_end(watch);
	return error;
}

void os_watch_end(struct os_watch *watch)
{
	if (watch->faults >= 0)
		close(watch->faults);
	if (watch->map >= 0)
		close(watch->map);
	*watch = (struct os_watch){-1, -1};
}

static int protect(const struct os_watch *watch, struct uffdio_range range)
{
	struct uffdio_writeprotect all = {.range = range, .mode = UFFDIO_WRITEPROTECT_MODE_WP};
	for (int tries = 0; ioctl(watch->faults, UFFDIO_WRITEPROTECT, &all); tries++)
		if (errno != EAGAIN || tries == AGAIN)
			return errno;
	return 0;
}

int os_watch_arm(const struct os_watch *watch, void *address, size_t bytes)
{
	struct uffdio_range range = {(uintptr_t)address, bytes};
	struct uffdio_register add = {.range = range, .mode = UFFDIO_REGISTER_MODE_WP};
	(void)madvise(address, bytes, MADV_NOHUGEPAGE); /* a host may have none */
	if (ioctl(watch->faults, UFFDIO_REGISTER, &add))
		return errno;
	return protect(watch, range);
}

/* If it was not, the host has looked at everything, whatever walk_end says: where it emptied a buffer of
 * its own last. */
static bool is_full(const struct os_watch_scan *scan)
{
	uint64_t bytes = 0;
	if (!scan->found)
		return false;
	for (size_t i = 0; i < scan->count; i++)
		bytes += scan->found[i].end - scan->found[i].start;
	return scan->count == scan->room || bytes / (uint64_t)sysconf(_SC_PAGESIZE) >= scan->most;
}

int os_watch_scan(const struct os_watch *watch, struct os_watch_scan *scan)
{
	struct scan asked = {.size = sizeof asked,
	                     .flags = SCAN_CHECK | (scan->rearm ? SCAN_PROTECT : 0),
	                     .start = scan->start,
	                     .end = scan->end,
	                     .vec = (uintptr_t)scan->found,
	                     .vec_len = scan->found ? scan->room : 0,
	                     .max_pages = scan->most == UINT64_MAX ? 0 : scan->most,
	                     .category_mask = IS_WRITTEN,
	                     .return_mask = IS_WRITTEN};
	int count = ioctl(watch->map, SCAN, &asked);
	if (count < 0)
		return errno;
	scan->count = (size_t)count;
	scan->stop = is_full(scan) ? asked.walk_end : scan->end;
	return 0;
}
