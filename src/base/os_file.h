/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host about files that others made. As os.h: 0 or an errno value;
 * calls of their own, so that a test can make each fail. What os.h says of reading and writing
 * holds for these files, too. Any thread; all may block.
 */
#ifndef NTMM_BASE_OS_FILE_H
#define NTMM_BASE_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct os_file_facts {
	uint64_t device, inode; /* together they tell files apart, as long as one is open */
	uint64_t bytes;
	bool is_regular, is_directory;
	bool can_read, can_write; /* at any offset, through this descriptor */
};

enum { OS_READ = 1, OS_WRITE = 2, OS_CREATE = 4 };

/* Opens what is there; with OS_CREATE makes it, mode 0666 less the umask, where nothing may be:
 * EEXIST. ENOENT: the last name is missing; ENOTDIR: something before it is. Does not wait for the
 * other end of a pipe. */
int os_file_open(const char *path, unsigned how, int *fd);
/* Another descriptor of the same open file. */
int os_file_duplicate(int fd, int *copy);
void os_file_remove(const char *path);
int os_file_get_facts(int fd, struct os_file_facts *facts);
/* What is cut is gone; what is added is zero, and has no disk space yet. */
int os_file_set_size(int fd, uint64_t bytes);
/* What has been written is on the disk when it returns. */
int os_file_sync(int fd);
/* What has been written to a part of it, through mappings too, has been handed to the device. */
int os_file_flush(int fd, uint64_t offset, uint64_t bytes);

/* read(2) and write(2), once: *done bytes, from where the descriptor stands. */
int os_stream_read(int fd, void *buffer, size_t bytes, size_t *done);
int os_stream_write(int fd, const void *buffer, size_t bytes, size_t *done);

#endif
