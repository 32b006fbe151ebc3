/* SPDX-License-Identifier: MIT
 *
 * Linux: MADV_FREE. A store is MADV_POPULATE_WRITE, which makes pages dirty as a store does, and
 * raises no signal. Contents are looked at by process_vm_readv for the same reason.
 */
#include "base/os_lazy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/units.h"

#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef PR_GET_THP_DISABLE
#define PR_GET_THP_DISABLE 42
#endif

#define MOST 64 /* pages that are looked at */
#define GLANCE (PAGE_BYTES / MOST) /* bytes of each, before all of it is */

_Static_assert(OS_NOT_WRITABLE == EINVAL, "what the host says");

static int advise(void *address, size_t bytes, int advice)
{
	return madvise(address, bytes, advice) ? errno : 0;
}

int os_lazy_give(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_FREE);
}

int os_lazy_keep(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_POPULATE_WRITE);
}

bool os_lazy_works(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
	uint64_t full = 0;
	if (page == MAP_FAILED)
		return false;
	*page = 1;
	bool works = !os_lazy_look(page, 1, &full) && full == 1 &&
	             !os_lazy_give(page, PAGE_BYTES) && !os_lazy_keep(page, PAGE_BYTES);
	munmap(page, PAGE_BYTES);
	return works;
}

/* ---- looking --------------------------------------------------------------------------------- */

struct glance {
	struct iovec from[MOST];
	uint64_t bytes[PAGE_BYTES / sizeof(uint64_t)];
};

static int copy(struct glance *glance, unsigned count, size_t bytes)
{
	struct iovec into = {glance->bytes, bytes};
	ssize_t got = process_vm_readv(getpid(), &into, 1, glance->from, count, 0);
	return got < 0 ? errno : (size_t)got < bytes ? EFAULT : 0;
}

static bool is_full(const uint64_t *bytes, size_t count)
{
	uint64_t any = 0;
	for (size_t i = 0; i < count / sizeof *bytes; i++)
		any |= bytes[i];
	return any;
}

/* How each of the pages begins, in a row. */
static int look_at_beginnings(struct glance *glance, char *address, uint64_t pages, uint64_t *full)
{
	unsigned count = 0, n = 0;
	for (uint64_t rest = pages; rest; rest &= rest - 1) {
		char *page = address + (unsigned)__builtin_ctzll(rest) * PAGE_BYTES;
		glance->from[count++] = (struct iovec){page, GLANCE};
	}
	int error = copy(glance, count, count * GLANCE);
	if (error)
		return error;
	for (uint64_t rest = pages; rest; rest &= rest - 1, n++)
		if (is_full(glance->bytes + n * (GLANCE / sizeof *glance->bytes), GLANCE))
			*full |= rest & -rest;
	return 0;
}

int os_lazy_look(const void *address, uint64_t pages, uint64_t *full)
{
	struct glance glance;
	uint64_t found = 0;
	char *at = (char *)(uintptr_t)address;
	int error = pages ? look_at_beginnings(&glance, at, pages, &found) : 0;
	for (uint64_t rest = pages & ~found; rest && !error; rest &= rest - 1) {
		char *page = at + (unsigned)__builtin_ctzll(rest) * PAGE_BYTES;
		glance.from[0] = (struct iovec){page, PAGE_BYTES};
		error = copy(&glance, 1, PAGE_BYTES);
		if (!error && is_full(glance.bytes, PAGE_BYTES))
			found |= rest & -rest;
	}
	if (!error)
		*full = found;
	return error;
}

/* ---- large pages ----------------------------------------------------------------------------- */

#define SETTINGS "/sys/kernel/mm/transparent_hugepage"

enum setting { UNKNOWN, ALWAYS, ELSE };

static enum setting setting_of(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UNKNOWN;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	return got <= 0 ? UNKNOWN : strstr(text, "[always]") ? ALWAYS : ELSE;
}

/* There is a setting for all sizes, and since Linux 6.8 one for each. */
bool os_lazy_may_fill(void)
{
	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0)
		return false;
	if (setting_of(SETTINGS "/enabled") != ELSE)
		return true;
	for (unsigned size = 8; size <= 2048; size *= 2) {
		char path[96];
		snprintf(path, sizeof path, SETTINGS "/hugepages-%ukB/enabled", size);
		if (setting_of(path) == ALWAYS)
			return true;
	}
	return false;
}
