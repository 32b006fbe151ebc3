/* SPDX-License-Identifier: MIT
 *
 * ntmm/native.h: what a system call of the host does with memory that Windows' services would take
 * (rules GP-6 to GP-8).
 */
#include <ntmm/native.h>

#include <errno.h>

#include "base/os_file.h"
#include "base/user.h"
#include "native/signals.h"
#include "win32/error.h"

/* The host says EFAULT although a touch has just succeeded: another thread takes the memory away
 * again and again. */
enum { MOST_TRIES = 64 };

static NTSTATUS probe(const void *buffer, size_t bytes, bool for_write)
{
	if (!bytes)
		return STATUS_SUCCESS;
	NTSTATUS status = signals_begin();
	if (status)
		return status;
	if ((uintptr_t)buffer + bytes < bytes) /* wraps: nothing is touched */
		return STATUS_ACCESS_VIOLATION;
	return user_probe(buffer, bytes, for_write, USER_SERVICE, NULL);
}

bool ntmm_native_probe(const void *buffer, size_t bytes, bool for_write)
{
	return win32_ok(probe(buffer, bytes, for_write));
}

/* A transfer whose buffer is the program's. */
struct transfer {
	int fd;
	void *buffer;
	size_t bytes;
	bool is_write; /* to the descriptor */
};

static int move(const struct transfer *t, size_t *done)
{
	return t->is_write ? os_stream_write(t->fd, t->buffer, t->bytes, done)
	                   : os_stream_read(t->fd, t->buffer, t->bytes, done);
}

/* GP-8: the file system turns access violations, but not guards, into a status of its own. */
static NTSTATUS status_of(const struct transfer *t, NTSTATUS status)
{
	struct os_file_facts facts;
	if (status != STATUS_ACCESS_VIOLATION || !t->is_write)
		return status;
	bool is_file = !os_file_get_facts(t->fd, &facts) && facts.is_regular;
	return is_file ? STATUS_INVALID_USER_BUFFER : status;
}

static ssize_t transfer(const struct transfer *t)
{
	NTSTATUS status = STATUS_SUCCESS;
	size_t done = 0;
	int error = EFAULT;
	for (unsigned i = 0; error == EFAULT && i < MOST_TRIES && !status; i++) {
		status = probe(t->buffer, t->bytes, !t->is_write);
		if (!status)
			error = move(t, &done);
	}
	if (!error)
		return (ssize_t)done;
	if (error == EFAULT)
		win32_ok(status_of(t, status ? status : STATUS_ACCESS_VIOLATION));
	errno = error;
	return -1;
}

ssize_t ntmm_native_read(int fd, void *buffer, size_t bytes)
{
	struct transfer t = {fd, buffer, bytes, false};
	return transfer(&t);
}

ssize_t ntmm_native_write(int fd, const void *buffer, size_t bytes)
{
	struct transfer t = {fd, (void *)(uintptr_t)buffer, bytes, true};
	return transfer(&t);
}
