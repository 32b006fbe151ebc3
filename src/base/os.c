/* SPDX-License-Identifier: MIT
 *
 * The host, Linux with glibc.
 */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/heap.h"

/* A sanitizer brings an allocator that knows who forgot a block, who uses one that is gone, and which
 * thread told which; it would see nothing of that in a heap of our own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_HEAP 0
#elif defined(__has_feature)
#define OWN_HEAP (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define OWN_HEAP 1
#endif

/* Below this a huge page would more likely waste memory than save look-ups. */
#define HUGE_FROM_BYTES ((size_t)4 << 20)

void *os_alloc(size_t bytes)
{
	return OWN_HEAP ? heap_alloc(bytes) : calloc(1, bytes);
}

void os_free(void *memory)
{
	if (OWN_HEAP)
		heap_free(memory);
	else
		free(memory);
}

static void *map_advised(size_t bytes, int advice)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_FROM_BYTES)
		(void)madvise(memory, bytes, advice); /* a host without them will do */
	return memory;
}

void *os_map(size_t bytes)
{
	return map_advised(bytes, MADV_HUGEPAGE);
}

void *os_map_sparse(size_t bytes)
{
	return map_advised(bytes, MADV_NOHUGEPAGE);
}

void *os_map_file(int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

/* To cut a hole the host may need one mapping more than it has left: then the memory goes without
 * the addresses. */
static bool unmap(void *memory, size_t bytes)
{
	if (!munmap(memory, bytes))
		return true;
	CHECK(errno == ENOMEM);
	os_map_zero(memory, bytes);
	return false;
}

void os_unmap(void *memory, size_t bytes)
{
	(void)unmap(memory, bytes);
}

void os_map_zero(void *memory, size_t bytes)
{
	if (madvise(memory, bytes, MADV_DONTNEED)) /* the program has locked all its memory */
		memset(memory, 0, bytes);
}

static void unmap_between(const char *start, const char *end)
{
	if (start < end)
		(void)unmap((void *)(uintptr_t)start, (size_t)(end - start));
}

void *os_map_aligned(size_t bytes, size_t alignment)
{
	char *memory = map_advised(bytes, MADV_NORMAL);
	if (!memory || !((uintptr_t)memory & (alignment - 1)))
		return memory;
	(void)unmap(memory, bytes);
	memory = map_advised(bytes + alignment, MADV_NORMAL);
	if (!memory)
		return NULL;
	char *start = memory + (-(uintptr_t)memory & (alignment - 1));
	unmap_between(memory, start);
	unmap_between(start + bytes, memory + bytes + alignment);
	return start;
}

bool os_unmap_aligned(void *memory, size_t bytes)
{
	return unmap(memory, bytes);
}

/* For file systems without O_TMPFILE. */
static int create_and_unlink_in(const char *directory, int *fd)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/ntmm-XXXXXX", directory);

	if (length < 0 || (size_t)length >= sizeof path)
		return ENAMETOOLONG;
	int file = mkostemp(path, O_CLOEXEC);
	if (file < 0)
		return errno;
	unlink(path);
	*fd = file;
	return 0;
}

static int create_in(const char *directory, int *fd)
{
	int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (file < 0) /* the reason differs by file system and kernel; a real one will show again */
		return create_and_unlink_in(directory, fd);
	*fd = file;
	return 0;
}

static int create_at(const char *path, int *fd)
{
	int file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (file < 0)
		return errno;
	unlink(path);
	*fd = file;
	return 0;
}

int os_file_create(const char *where, int *fd)
{
	struct stat is;

	if (!stat(where, &is) && S_ISDIR(is.st_mode))
		return create_in(where, fd);
	return create_at(where, fd);
}

int os_file_extend(int fd, uint64_t from, uint64_t to)
{
	int error;

	if (to > INT64_MAX)
		return EFBIG;
	if (from >= to)
		return 0;
	do
		error = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
	while (error == EINTR);
	if (error) /* some file systems keep what they could allocate */
		(void)!ftruncate(fd, (off_t)from);
	return error;
}

int os_file_read(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	char *at = buffer;

	while (bytes) {
		ssize_t done = pread(fd, at, bytes, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		at += done;
		bytes -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int os_file_write(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	const char *at = buffer;

	while (bytes) {
		ssize_t done = pwrite(fd, at, bytes, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		at += done;
		bytes -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

void os_file_close(int fd)
{
	close(fd);
}

int os_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
	sigset_t all, before;

	sigfillset(&all);
	CHECK(!pthread_sigmask(SIG_SETMASK, &all, &before));
	int error = pthread_create(thread, NULL, run, context);
	CHECK(!pthread_sigmask(SIG_SETMASK, &before, NULL));
	return error;
}

void os_thread_join(pthread_t thread)
{
	CHECK(!pthread_join(thread, NULL));
}

/* glibc keeps the first 48 without allocating. */
int os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
	return pthread_atfork(before, in_parent, in_child);
}

static bool membarrier(int command)
{
	return !syscall(SYS_membarrier, command, 0, 0);
}

static bool has_global_barrier(void)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return commands > 0 && commands & MEMBARRIER_CMD_GLOBAL;
}

bool os_barrier_ready(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) || has_global_barrier();
}

void os_barrier(void)
{
	/* Private is refused where it is unknown; global takes milliseconds, but is as good. */
	if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		CHECK(membarrier(MEMBARRIER_CMD_GLOBAL));
}

bool os_is_alone(void)
{
	return __libc_single_threaded;
}

void os_yield(void)
{
	sched_yield();
}

void os_sleep(uint32_t microseconds)
{
	struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000L};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
