/* SPDX-License-Identifier: MIT
 *
 * What the native engine asks of the host about the address space of this process.
 *
 * Conventions: addresses and sizes are whole pages, sizes not 0. Functions return 0 or an errno value;
 * what failed has changed nothing, unless it says otherwise. Each is a call of its own, so that a
 * test can make it fail. Any thread. OS_EXISTS
 * stands for EEXIST, OS_DENIED for EACCES, OS_NOT_PERMITTED for EPERM.
 *
 * A page that is *shut* is inaccessible, without contents, and left out of core dumps.
 */
#ifndef NTMM_BASE_OS_PAGES_H
#define NTMM_BASE_OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_NOT_PERMITTED = 1, OS_DENIED = 13, OS_EXISTS = 17 };
enum { OS_PAGE_READ = 1, OS_PAGE_WRITE = 2, OS_PAGE_EXECUTE = 4 };

/* Shut pages where the host likes; NULL: it has no room for them. */
void *os_pages_reserve(size_t bytes);
/* The same at a place. EEXIST: something is there. */
int os_pages_reserve_at(void *address, size_t bytes);
/* The place is the host's again. ENOMEM. */
int os_pages_release(void *address, size_t bytes);

/* Whatever is there: shut from now on. ENOMEM: as it was. */
int os_pages_shut(void *address, size_t bytes);
/* Shut pages: zero, to be read and written. */
int os_pages_open(void *address, size_t bytes);
/* Contents stay. ENOMEM: some pages at the beginning may have changed. `how`: OS_PAGE_ bits. */
int os_pages_protect(void *address, size_t bytes, unsigned how);
/* What is opened by os_pages_protect is to be in core dumps. */
void os_pages_dump(void *address, size_t bytes);

/* Whether the host knows guards: marks of single pages that make every access fault whatever the
 * protection is, at no cost in mappings (Linux 6.13). */
bool os_pages_know_guards(void);
/* Contents go. */
int os_pages_guard(void *address, size_t bytes);
int os_pages_unguard(void *address, size_t bytes);

/* Contents go, and read as zero. Of shared memory: only this mapping of it. */
int os_pages_zero(void *address, size_t bytes);
/* A file without a name, of `bytes` zero bytes, in memory. */
int os_memory_file(uint64_t bytes, int *fd);
/* Zero bytes are really there from now on, where none were; it is longer if need be. ENOMEM, ENOSPC: as it
 * was. */
int os_memory_fill(int fd, uint64_t offset, uint64_t bytes);
/* What is there goes, and reads as zero. */
int os_memory_punch(int fd, uint64_t offset, uint64_t bytes);
/* Over shut pages: large ones of 2 MB, zero, all of them taken from the host's pool now. Any error: the
 * place may have been changed, and is to be shut again. ENOMEM: the pool has not so many. */
int os_pages_open_large(void *address, size_t bytes, unsigned how);
/* Whatever is there: a part of a file. `private`: what is written stays here. As it was on failure. */
struct os_showing {
	int fd;
	uint64_t offset; /* bytes */
	unsigned how;
	bool private;
};
int os_pages_show(void *address, size_t bytes, const struct os_showing *showing);

/* Not needed soon; needed soon; to be written out now if that can be. Hints. */
void os_pages_cool(void *address, size_t bytes);
void os_pages_want(void *address, size_t bytes);
void os_pages_evict(void *address, size_t bytes);

/* EPERM, ENOMEM: too many are locked. `as_they_are`: the host does not write to them to have them, now or
 * when they become writable. */
int os_pages_lock(void *address, size_t bytes, bool as_they_are);
/* ENOMEM: the host allows no more mappings. */
int os_pages_unlock(void *address, size_t bytes);
/* Whether some of them are locked. */
bool os_pages_have_lock(void *address, size_t bytes);

/* The words of /proc/self/pagemap for `count` pages from `page` on. */
int os_pages_map(uint64_t page, uint64_t *words, size_t count);
#define OS_PAGE_PRESENT (UINT64_C(1) << 63)
#define OS_PAGE_SWAPPED (UINT64_C(1) << 62)
#define OS_PAGE_OF_FILE (UINT64_C(1) << 61) /* or shared memory: not a private copy */
#define OS_PAGE_ALONE (UINT64_C(1) << 56)   /* mapped here and nowhere else */

/* Bytes. The host's RAM and what of it is available; RAM and swap together, or the limit of the
 * control group if that is less. */
struct os_memory {
	uint64_t physical, available, limit;
};
void os_memory(struct os_memory *memory);
/* Pages: of this process. */
struct os_usage {
	uint64_t faults, resident, resident_peak;
};
void os_usage(struct os_usage *usage);
/* Bytes of address space that this process may have: RLIMIT_AS; UINT64_MAX. */
uint64_t os_space_limit(void);
_Noreturn void os_exit(uint32_t status);

#endif
