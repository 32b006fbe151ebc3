/* SPDX-License-Identifier: MIT
 *
 * Linux. Private memory is mapped without reservation throughout: what may be committed is for the
 * ledger to say, and mappings that are alike in all join.
 */
#include "base/os_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define HUGE_2MB (21 << 26) /* MAP_HUGE_2MB */
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static int advise(void *address, size_t bytes, int advice)
{
	return madvise(address, bytes, advice) ? errno : 0;
}

static void *map(void *address, size_t bytes, int prot, int flags)
{
	void *at = mmap(address, bytes, prot, PRIVATE | flags, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

void *os_pages_reserve(size_t bytes)
{
	void *at = map(NULL, bytes, PROT_NONE, 0);
	if (at)
		(void)advise(at, bytes, MADV_DONTDUMP);
	return at;
}

int os_pages_reserve_at(void *address, size_t bytes)
{
	void *at = map(address, bytes, PROT_NONE, MAP_FIXED_NOREPLACE);
	if (!at)
		return errno;
	if (at != address) { /* before Linux 4.17 the flag is a hint */
		munmap(at, bytes);
		return EEXIST;
	}
	(void)advise(at, bytes, MADV_DONTDUMP);
	return 0;
}

int os_pages_release(void *address, size_t bytes)
{
	return munmap(address, bytes) ? errno : 0;
}

int os_pages_shut(void *address, size_t bytes)
{
	if (!map(address, bytes, PROT_NONE, MAP_FIXED))
		return errno;
	(void)advise(address, bytes, MADV_DONTDUMP);
	return 0;
}

int os_pages_open(void *address, size_t bytes)
{
	return map(address, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) ? 0 : errno;
}

static int prot_of(unsigned how)
{
	return (how & OS_PAGE_READ ? PROT_READ : 0) | (how & OS_PAGE_WRITE ? PROT_WRITE : 0) |
	       (how & OS_PAGE_EXECUTE ? PROT_EXEC : 0);
}

int os_pages_protect(void *address, size_t bytes, unsigned how)
{
	return mprotect(address, bytes, prot_of(how)) ? errno : 0;
}

void os_pages_dump(void *address, size_t bytes)
{
	(void)advise(address, bytes, MADV_DODUMP);
}

bool os_pages_know_guards(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page = map(NULL, bytes, PROT_NONE, 0);
	bool known = page && !advise(page, bytes, MADV_GUARD_INSTALL);
	if (page)
		munmap(page, bytes);
	return known;
}

int os_pages_guard(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_GUARD_INSTALL);
}

int os_pages_unguard(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_GUARD_REMOVE);
}

int os_pages_zero(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_DONTNEED);
}

int os_memory_file(uint64_t bytes, int *fd)
{
	int file = memfd_create("ntmm", MFD_CLOEXEC);
	if (file < 0)
		return errno;
	int error = bytes > INT64_MAX ? EFBIG : ftruncate(file, (off_t)bytes) ? errno : 0;
	if (error)
		close(file);
	else
		*fd = file;
	return error;
}

int os_memory_fill(int fd, uint64_t offset, uint64_t bytes)
{
	int error;
	do
		error = fallocate(fd, 0, (off_t)offset, (off_t)bytes) ? errno : 0;
	while (error == EINTR);
	return error;
}

int os_memory_punch(int fd, uint64_t offset, uint64_t bytes)
{
	int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	return fallocate(fd, how, (off_t)offset, (off_t)bytes) ? errno : 0;
}

/* Made elsewhere first: to lay them over the place at once would empty it even if there were none. */
int os_pages_open_large(void *address, size_t bytes, unsigned how)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | HUGE_2MB;
	void *made = mmap(NULL, bytes, prot_of(how), flags, -1, 0);
	if (made == MAP_FAILED)
		return errno;
	int error = advise(made, bytes, MADV_POPULATE_WRITE);
	if (error == EINVAL) /* before Linux 5.14: they are promised at least */
		error = 0;
	int move = MREMAP_MAYMOVE | MREMAP_FIXED;
	if (!error && mremap(made, bytes, bytes, move, address) == MAP_FAILED)
		error = errno;
	if (error)
		munmap(made, bytes);
	return error;
}

int os_pages_show(void *address, size_t bytes, const struct os_showing *showing)
{
	int flags = (showing->private ? MAP_PRIVATE : MAP_SHARED) | MAP_NORESERVE | MAP_FIXED;
	void *at = mmap(address, bytes, prot_of(showing->how), flags, showing->fd,
	                (off_t)showing->offset);
	return at == MAP_FAILED ? errno : 0;
}

void os_pages_cool(void *address, size_t bytes)
{
	(void)advise(address, bytes, MADV_COLD);
}

void os_pages_want(void *address, size_t bytes)
{
	(void)advise(address, bytes, MADV_WILLNEED);
}

void os_pages_evict(void *address, size_t bytes)
{
	(void)advise(address, bytes, MADV_PAGEOUT);
}

int os_pages_lock(void *address, size_t bytes, bool as_they_are)
{
	return mlock2(address, bytes, as_they_are ? MLOCK_ONFAULT : 0) ? errno : 0;
}

/* Not by the library's munlock, which does nothing in a program with a sanitizer. */
int os_pages_unlock(void *address, size_t bytes)
{
	return syscall(SYS_munlock, address, bytes) ? errno : 0;
}

/* There is nothing to invalidate: it is the refusal that tells. */
bool os_pages_have_lock(void *address, size_t bytes)
{
	return msync(address, bytes, MS_INVALIDATE) && errno == EBUSY;
}

uint64_t os_space_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

void os_exit(uint32_t status)
{
	_exit((int)status);
}
