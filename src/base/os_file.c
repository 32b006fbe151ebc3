/* SPDX-License-Identifier: MIT
 *
 * Files of the host, Linux with glibc.
 */
#include "base/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of "a/b/c" is "a/b" a directory? */
static bool is_in_directory(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	struct stat is;

	if (!length || length >= sizeof parent)
		return *path;
	memcpy(parent, path, length);
	parent[length] = 0;
	return !stat(parent, &is) && S_ISDIR(is.st_mode);
}

int os_file_open(const char *path, unsigned how, int *fd)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	flags |= !(how & OS_WRITE) ? O_RDONLY : how & OS_READ ? O_RDWR : O_WRONLY;
	if (how & OS_CREATE)
		flags |= O_CREAT | O_EXCL;
	int file = open(path, flags, 0666);
	if (file < 0)
		return errno == ENOENT && !is_in_directory(path) ? ENOTDIR : errno;
	*fd = file;
	return 0;
}

int os_file_duplicate(int fd, int *copy)
{
	int file = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (file < 0)
		return errno;
	*copy = file;
	return 0;
}

void os_file_remove(const char *path)
{
	unlink(path);
}

int os_file_get_facts(int fd, struct os_file_facts *facts)
{
	struct stat is;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &is))
		return errno;
	int mode = flags & O_PATH ? -1 : flags & O_ACCMODE;
	*facts = (struct os_file_facts){
		.device = is.st_dev,
		.inode = is.st_ino,
		.bytes = (uint64_t)is.st_size,
		.is_regular = S_ISREG(is.st_mode),
		.is_directory = S_ISDIR(is.st_mode),
		.can_read = mode == O_RDONLY || mode == O_RDWR,
		/* O_APPEND: the host writes at the end, wherever it is told to */
		.can_write = (mode == O_WRONLY || mode == O_RDWR) && !(flags & O_APPEND),
	};
	return 0;
}

int os_file_set_size(int fd, uint64_t bytes)
{
	int error;

	if (bytes > INT64_MAX)
		return EFBIG;
	do
		error = ftruncate(fd, (off_t)bytes) ? errno : 0;
	while (error == EINTR);
	return error;
}

int os_file_flush(int fd, uint64_t offset, uint64_t bytes)
{
	const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
	                     SYNC_FILE_RANGE_WAIT_AFTER;
	if (!sync_file_range(fd, (off_t)offset, (off_t)bytes, all))
		return 0;
	return errno == EIO || errno == ENOSPC ? errno : os_file_sync(fd);
}

int os_file_sync(int fd)
{
	return fsync(fd) ? errno : 0;
}

static int tell(ssize_t moved, size_t *done)
{
	if (moved < 0)
		return errno;
	*done = (size_t)moved;
	return 0;
}

int os_stream_read(int fd, void *buffer, size_t bytes, size_t *done)
{
	return tell(read(fd, buffer, bytes), done);
}

int os_stream_write(int fd, const void *buffer, size_t bytes, size_t *done)
{
	return tell(write(fd, buffer, bytes), done);
}
