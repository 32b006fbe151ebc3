/* SPDX-License-Identifier: MIT
 *
 * What the native engine asks of the host about its pages.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/os_lazy.h"
#include "base/os_pages.h"
#include "base/os_watch.h"
#include "wrapped.h"

#define HALF_OF(bytes) ((bytes) / 2 & ~(size_t)0xFFF)

void *__real_os_pages_reserve(size_t bytes);
int __real_os_pages_reserve_at(void *address, size_t bytes);
int __real_os_pages_release(void *address, size_t bytes);
int __real_os_pages_shut(void *address, size_t bytes);
int __real_os_pages_open(void *address, size_t bytes);
int __real_os_pages_protect(void *address, size_t bytes, unsigned how);
bool __real_os_pages_know_guards(void);
int __real_os_pages_guard(void *address, size_t bytes);
int __real_os_pages_unguard(void *address, size_t bytes);
int __real_os_pages_zero(void *address, size_t bytes);
int __real_os_memory_file(uint64_t bytes, int *fd);
int __real_os_memory_fill(int fd, uint64_t offset, uint64_t bytes);
int __real_os_memory_punch(int fd, uint64_t offset, uint64_t bytes);
int __real_os_pages_open_large(void *address, size_t bytes, unsigned how);
int __real_os_pages_show(void *address, size_t bytes, const struct os_showing *showing);
int __real_os_pages_lock(void *address, size_t bytes, bool as_they_are);
int __real_os_pages_map(uint64_t page, uint64_t *words, size_t count);
int __real_os_watch_begin(struct os_watch *watch);
int __real_os_watch_arm(const struct os_watch *watch, void *address, size_t bytes);
int __real_os_watch_scan(const struct os_watch *watch, struct os_watch_scan *scan);
bool __real_os_lazy_works(void);
int __real_os_lazy_give(void *address, size_t bytes);
int __real_os_lazy_keep(void *address, size_t bytes);
int __real_os_lazy_look(const void *address, uint64_t pages, uint64_t *full);

void *__wrap_os_pages_reserve(size_t bytes);
int __wrap_os_pages_reserve_at(void *address, size_t bytes);
int __wrap_os_pages_release(void *address, size_t bytes);
int __wrap_os_pages_shut(void *address, size_t bytes);
int __wrap_os_pages_open(void *address, size_t bytes);
int __wrap_os_pages_protect(void *address, size_t bytes, unsigned how);
bool __wrap_os_pages_know_guards(void);
int __wrap_os_pages_guard(void *address, size_t bytes);
int __wrap_os_pages_unguard(void *address, size_t bytes);
int __wrap_os_pages_zero(void *address, size_t bytes);
int __wrap_os_memory_file(uint64_t bytes, int *fd);
int __wrap_os_memory_fill(int fd, uint64_t offset, uint64_t bytes);
int __wrap_os_memory_punch(int fd, uint64_t offset, uint64_t bytes);
int __wrap_os_pages_open_large(void *address, size_t bytes, unsigned how);
int __wrap_os_pages_show(void *address, size_t bytes, const struct os_showing *showing);
int __wrap_os_pages_lock(void *address, size_t bytes, bool as_they_are);
int __wrap_os_pages_map(uint64_t page, uint64_t *words, size_t count);
int __wrap_os_watch_begin(struct os_watch *watch);
int __wrap_os_watch_arm(const struct os_watch *watch, void *address, size_t bytes);
int __wrap_os_watch_scan(const struct os_watch *watch, struct os_watch_scan *scan);
bool __wrap_os_lazy_works(void);
int __wrap_os_lazy_give(void *address, size_t bytes);
int __wrap_os_lazy_keep(void *address, size_t bytes);
int __wrap_os_lazy_look(const void *address, uint64_t pages, uint64_t *full);

/* ---- places ---------------------------------------------------------------------------------- */

void *__wrap_os_pages_reserve(size_t bytes)
{
	return is_to_fail(OPENS) ? NULL : __real_os_pages_reserve(bytes);
}

int __wrap_os_pages_reserve_at(void *address, size_t bytes)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_reserve_at(address, bytes);
}

int __wrap_os_pages_release(void *address, size_t bytes)
{
	return is_to_fail(CLOSES) ? ENOMEM : __real_os_pages_release(address, bytes);
}

/* ---- access ---------------------------------------------------------------------------------- */

int __wrap_os_pages_shut(void *address, size_t bytes)
{
	return is_to_fail(CLOSES) ? ENOMEM : __real_os_pages_shut(address, bytes);
}

int __wrap_os_pages_open(void *address, size_t bytes)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_open(address, bytes);
}

int __wrap_os_pages_protect(void *address, size_t bytes, unsigned how)
{
	if (!is_to_fail(how ? OPENS : CLOSES))
		return __real_os_pages_protect(address, bytes, how);
	if (order.partly && HALF_OF(bytes))
		(void)__real_os_pages_protect(address, HALF_OF(bytes), how);
	return ENOMEM;
}

/* support/mode.h. */
bool __wrap_os_pages_know_guards(void)
{
	return !getenv("NTMM_TEST_BARE") && __real_os_pages_know_guards();
}

int __wrap_os_pages_guard(void *address, size_t bytes)
{
	return is_to_fail(CLOSES) ? ENOMEM : __real_os_pages_guard(address, bytes);
}

int __wrap_os_pages_unguard(void *address, size_t bytes)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_unguard(address, bytes);
}

int __wrap_os_pages_lock(void *address, size_t bytes, bool as_they_are)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_lock(address, bytes, as_they_are);
}

/* ---- contents -------------------------------------------------------------------------------- */

int __wrap_os_pages_zero(void *address, size_t bytes)
{
	return is_to_fail(CLOSES) ? ENOMEM : __real_os_pages_zero(address, bytes);
}

int __wrap_os_memory_file(uint64_t bytes, int *fd)
{
	int error = is_to_fail(OPENS) ? EMFILE : __real_os_memory_file(bytes, fd);
	holdings.files += !error;
	return error;
}

int __wrap_os_memory_fill(int fd, uint64_t offset, uint64_t bytes)
{
	return is_to_fail(OPENS) ? ENOSPC : __real_os_memory_fill(fd, offset, bytes);
}

int __wrap_os_memory_punch(int fd, uint64_t offset, uint64_t bytes)
{
	return is_to_fail(CLOSES) ? ENOMEM : __real_os_memory_punch(fd, offset, bytes);
}

int __wrap_os_pages_open_large(void *address, size_t bytes, unsigned how)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_open_large(address, bytes, how);
}

int __wrap_os_pages_show(void *address, size_t bytes, const struct os_showing *showing)
{
	return is_to_fail(OPENS) ? ENOMEM : __real_os_pages_show(address, bytes, showing);
}

/* It is asked once. */
bool __wrap_os_lazy_works(void)
{
	return !getenv("NTMM_TEST_BARE") && __real_os_lazy_works();
}

int __wrap_os_lazy_give(void *address, size_t bytes)
{
	if (!is_to_fail(CLOSES))
		return __real_os_lazy_give(address, bytes);
	if (order.partly && HALF_OF(bytes))
		(void)__real_os_lazy_give(address, HALF_OF(bytes));
	return EINVAL;
}

int __wrap_os_lazy_keep(void *address, size_t bytes)
{
	if (!is_to_fail(OPENS))
		return __real_os_lazy_keep(address, bytes);
	if (order.partly && HALF_OF(bytes))
		(void)__real_os_lazy_keep(address, HALF_OF(bytes));
	return ENOMEM;
}

/* ---- what the host tells ---------------------------------------------------------------------- */

int __wrap_os_lazy_look(const void *address, uint64_t pages, uint64_t *full)
{
	return is_to_fail(FACTS) ? EPERM : __real_os_lazy_look(address, pages, full);
}

int __wrap_os_pages_map(uint64_t page, uint64_t *words, size_t count)
{
	return is_to_fail(FACTS) ? EIO : __real_os_pages_map(page, words, count);
}

int __wrap_os_watch_begin(struct os_watch *watch)
{
	return getenv("NTMM_TEST_BARE") ? EPERM : __real_os_watch_begin(watch);
}

int __wrap_os_watch_arm(const struct os_watch *watch, void *address, size_t bytes)
{
	if (!is_to_fail(OPENS))
		return __real_os_watch_arm(watch, address, bytes);
	if (order.partly && HALF_OF(bytes))
		(void)__real_os_watch_arm(watch, address, HALF_OF(bytes));
	return ENOMEM;
}

int __wrap_os_watch_scan(const struct os_watch *watch, struct os_watch_scan *scan)
{
	return is_to_fail(FACTS) ? EPERM : __real_os_watch_scan(watch, scan);
}
