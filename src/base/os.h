/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host: the only file that calls it for memory, files, threads and barriers.
 *
 * Conventions: memory comes zeroed. Functions that can fail return NULL, or 0 or an errno value; they
 * set nothing else. Each is a call of its own, never inlined, so that a test can stand in for it
 * (--wrap) and make the N-th one fail. Any thread may call any of them.
 */
#ifndef NTMM_BASE_OS_H
#define NTMM_BASE_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks of any size, of a heap of the library's own (heap.h): never malloc's. */
void *os_alloc(size_t bytes);
void os_free(void *memory);

/* Address space, zero, populated by the host as it is touched. `bytes` in whole pages. */
void *os_map(size_t bytes);
/* The same, of which little will be touched, here and there: never in huge pages. */
void *os_map_sparse(size_t bytes);
/* A memory file (os_pages.h), for others to map as well; NULL: there is no room. */
void *os_map_file(int fd, size_t bytes);
void os_unmap(void *memory, size_t bytes);
/* The contents may go; the range reads as zero afterwards. */
void os_map_zero(void *memory, size_t bytes);
/* As os_map, at a multiple of `alignment`, a power of two of at least a page: for the heap. False: the
 * host is at its limit of mappings and could not take it back; the range reads as zero. */
void *os_map_aligned(size_t bytes, size_t alignment);
bool os_unmap_aligned(void *memory, size_t bytes);

/* A new file without a name, mode 0600, in the directory `where` or, if no such directory is, made
 * at the path `where` where no file may be. */
int os_file_create(const char *where, int *fd);
/* A file of `from` bytes grows to `to`, its disk space really allocated; or stays as it was:
 * ENOSPC, EFBIG ... What is in it is not touched. */
int os_file_extend(int fd, uint64_t from, uint64_t to);
/* All of it or an error; a short transfer is EIO. May block. */
int os_file_read(int fd, void *buffer, size_t bytes, uint64_t offset);
int os_file_write(int fd, const void *buffer, size_t bytes, uint64_t offset);
void os_file_close(int fd);

/* A thread that is sent no signals of the process's. EAGAIN ... */
int os_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);
void os_thread_join(pthread_t thread);

/* Called around each fork, by the thread that forks: before it, last registered first; after it in the parent
 * and in the child, first registered first. ENOMEM. */
int os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* Every thread of this host process has executed a memory barrier when it returns. os_barrier_ready
 * must have succeeded once before. */
bool os_barrier_ready(void);
void os_barrier(void);
/* Whether the caller is the only thread of this host process. May be false when it is. */
bool os_is_alone(void);
void os_yield(void);
void os_sleep(uint32_t microseconds);

#endif
