/* SPDX-License-Identifier: MIT */
#include "wrapped.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/os.h"
#include "base/os_file.h"

struct order order;
struct holdings holdings;

void *__real_os_alloc(size_t bytes);
void __real_os_free(void *memory);
void *__real_os_map(size_t bytes);
void *__real_os_map_sparse(size_t bytes);
void *__real_os_map_file(int fd, size_t bytes);
void __real_os_unmap(void *memory, size_t bytes);
int __real_os_file_create(const char *where, int *fd);
int __real_os_file_extend(int fd, uint64_t from, uint64_t to);
int __real_os_file_read(int fd, void *buffer, size_t bytes, uint64_t offset);
int __real_os_file_write(int fd, const void *buffer, size_t bytes, uint64_t offset);
void __real_os_file_close(int fd);
int __real_os_file_open(const char *path, unsigned how, int *fd);
int __real_os_file_duplicate(int fd, int *copy);
int __real_os_file_get_facts(int fd, struct os_file_facts *facts);
int __real_os_file_set_size(int fd, uint64_t bytes);
int __real_os_file_sync(int fd);

void *__wrap_os_alloc(size_t bytes);
void __wrap_os_free(void *memory);
void *__wrap_os_map(size_t bytes);
void *__wrap_os_map_sparse(size_t bytes);
void *__wrap_os_map_file(int fd, size_t bytes);
void __wrap_os_unmap(void *memory, size_t bytes);
int __wrap_os_file_create(const char *where, int *fd);
int __wrap_os_file_extend(int fd, uint64_t from, uint64_t to);
int __wrap_os_file_read(int fd, void *buffer, size_t bytes, uint64_t offset);
int __wrap_os_file_write(int fd, const void *buffer, size_t bytes, uint64_t offset);
void __wrap_os_file_close(int fd);
int __wrap_os_file_open(const char *path, unsigned how, int *fd);
int __wrap_os_file_duplicate(int fd, int *copy);
int __wrap_os_file_get_facts(int fd, struct os_file_facts *facts);
int __wrap_os_file_set_size(int fd, uint64_t bytes);
int __wrap_os_file_sync(int fd);

int __real_os_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);
int __wrap_os_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

bool is_to_fail(unsigned kind)
{
	if (order.off || !(order.kinds & kind))
		return false;
	order.requests++;
	if (order.requests < order.first || order.requests > order.last)
		return false;
	order.failures++;
	return true;
}

int __wrap_os_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
	return is_to_fail(THREAD) ? EAGAIN : __real_os_thread_start(thread, run, context);
}

void *__wrap_os_alloc(size_t bytes)
{
	void *memory = is_to_fail(ALLOC) ? NULL : __real_os_alloc(bytes);
	holdings.allocations += memory != NULL;
	return memory;
}

void __wrap_os_free(void *memory)
{
	holdings.allocations -= memory != NULL;
	__real_os_free(memory);
}

static void *count_map(void *memory, size_t bytes)
{
	holdings.maps += memory != NULL;
	holdings.map_bytes += memory ? (int64_t)bytes : 0;
	return memory;
}

void *__wrap_os_map(size_t bytes)
{
	return count_map(is_to_fail(MAP) ? NULL : __real_os_map(bytes), bytes);
}

void *__wrap_os_map_sparse(size_t bytes)
{
	return count_map(is_to_fail(MAP) ? NULL : __real_os_map_sparse(bytes), bytes);
}

void *__wrap_os_map_file(int fd, size_t bytes)
{
	return count_map(is_to_fail(MAP) ? NULL : __real_os_map_file(fd, bytes), bytes);
}

void __wrap_os_unmap(void *memory, size_t bytes)
{
	holdings.maps--;
	holdings.map_bytes -= (int64_t)bytes;
	__real_os_unmap(memory, bytes);
}

int __wrap_os_file_create(const char *where, int *fd)
{
	int error = is_to_fail(FILE_CREATE) ? order.error : __real_os_file_create(where, fd);
	holdings.files += !error;
	return error;
}

int __wrap_os_file_extend(int fd, uint64_t from, uint64_t to)
{
	return is_to_fail(FILE_ALLOCATE) ? order.error : __real_os_file_extend(fd, from, to);
}

int __wrap_os_file_read(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	if (!is_to_fail(FILE_READ))
		return __real_os_file_read(fd, buffer, bytes, offset);
	if (order.partly)
		(void)__real_os_file_read(fd, buffer, bytes / 2, offset);
	return order.error;
}

int __wrap_os_file_write(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	if (!is_to_fail(FILE_WRITE))
		return __real_os_file_write(fd, buffer, bytes, offset);
	if (order.partly)
		(void)__real_os_file_write(fd, buffer, bytes / 2, offset);
	return order.error;
}

void __wrap_os_file_close(int fd)
{
	holdings.files--;
	__real_os_file_close(fd);
}

int __wrap_os_file_open(const char *path, unsigned how, int *fd)
{
	int error = is_to_fail(FILE_OPEN) ? order.error : __real_os_file_open(path, how, fd);
	holdings.files += !error;
	return error;
}

int __wrap_os_file_duplicate(int fd, int *copy)
{
	int error = is_to_fail(FILE_OPEN) ? order.error : __real_os_file_duplicate(fd, copy);
	holdings.files += !error;
	return error;
}

int __wrap_os_file_get_facts(int fd, struct os_file_facts *facts)
{
	return is_to_fail(FILE_FACTS) ? order.error : __real_os_file_get_facts(fd, facts);
}

int __wrap_os_file_set_size(int fd, uint64_t bytes)
{
	return is_to_fail(FILE_SIZE) ? order.error : __real_os_file_set_size(fd, bytes);
}

int __wrap_os_file_sync(int fd)
{
	return is_to_fail(FILE_SYNC) ? order.error : __real_os_file_sync(fd);
}

void every_failure(const struct every *every)
{
	uint64_t failures = 0;
	for (int i = 0; i < 2; i++) {
		order = (struct order){.kinds = every->kinds};
		every->run(every->context);
	}
	uint64_t requests = order.requests;
	struct holdings resting = holdings;
	assert_true(requests >= every->least);
	for (uint64_t n = 1; n <= requests; n++) {
		order = (struct order){.kinds = every->kinds,
		                       .first = n,
		                       .last = every->last ? every->last(n) : n};
		every->run(every->context);
		failures += order.failures;
		assert_memory_equal(&holdings, &resting, sizeof resting);
	}
	print_message("%" PRIu64 " requests, %" PRIu64 " failures\n", requests, failures);
}
