/* SPDX-License-Identifier: MIT
 *
 * File objects: opening, positions.
 */
#include "object/file.h"

#include <errno.h>
#include <stddef.h>

#include <ntmm/windows.h>

#include "base/os.h"
#include "base/os_file.h"

#define READS (FILE_READ_DATA | FILE_EXECUTE)
#define WRITES (FILE_WRITE_DATA | FILE_APPEND_DATA)
#define ATTEMPTS 8 /* while others make and remove a file of that name */

static struct file *file_of(struct object *object)
{
	return (struct file *)((char *)object - offsetof(struct file, object));
}

static void file_destroy(struct object *object)
{
	struct file *file = file_of(object);
	file_node_close(file->node, file->access, file->share);
	lock_destroy(&file->lock);
	os_free(file);
}

uint32_t file_specific_access(uint32_t access)
{
	static const struct {
		uint32_t generic, specific;
	} rows[] = {
		{GENERIC_READ, FILE_GENERIC_READ},
		{GENERIC_WRITE, FILE_GENERIC_WRITE},
		{GENERIC_EXECUTE, FILE_GENERIC_EXECUTE},
		{GENERIC_ALL, FILE_ALL_ACCESS},
	};
	uint32_t specific = access;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (access & rows[i].generic)
			specific = (specific & ~rows[i].generic) | rows[i].specific;
	return specific;
}

/* Takes over `fd` on success. One reference. */
static NTSTATUS make_file(int fd, uint32_t access, uint32_t share, struct file **file)
{
	struct file *f = os_alloc(sizeof *f);
	if (!f)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status = file_node_open(fd, access, share, &f->node);
	if (status) {
		os_free(f);
		return status;
	}
	f->access = access;
	f->share = share;
	lock_init(&f->lock, RANK_LEAF);
	object_init(&f->object, OBJECT_FILE, file_destroy);
	*file = f;
	return STATUS_SUCCESS;
}

NTSTATUS file_open_fd(int fd, uint32_t access, HANDLE *handle)
{
	struct file *file;
	int copy;
	NTSTATUS status = file_status(os_file_duplicate(fd, &copy));
	if (status)
		return status;
	access = file_specific_access(access);
	status = make_file(copy, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	                   &file);
	if (status) {
		os_file_close(copy);
		return status;
	}
	status = handle_open(&file->object, access, handle);
	file_release(file);
	return status;
}

/* ---- by name -------------------------------------------------------------------------------- */

/* How the host is to open it: CREATE_ALWAYS cuts also what its caller may not write. */
static unsigned how_to_open(const struct file_request *request)
{
	bool reads = request->access & READS;
	bool writes = request->access & WRITES || request->disposition == CREATE_ALWAYS;
	return (reads || !writes ? OS_READ : 0) | (writes ? OS_WRITE : 0);
}

static bool may_create(uint32_t disposition)
{
	return disposition == CREATE_NEW || disposition == CREATE_ALWAYS ||
	       disposition == OPEN_ALWAYS;
}

static int open_host(const struct file_request *request, int *fd, bool *existed)
{
	unsigned how = how_to_open(request);
	int error = EEXIST;
	*existed = true;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (request->disposition != CREATE_NEW)
			error = os_file_open(request->path, how, fd);
		if (!error || !may_create(request->disposition) ||
		    (request->disposition != CREATE_NEW && error != ENOENT))
			return error;
		error = os_file_open(request->path, how | OS_CREATE, fd);
		*existed = error;
		if (error != EEXIST || request->disposition == CREATE_NEW)
			return error;
	}
	return error;
}

static bool is_to_be_cut(const struct file_request *request, bool existed)
{
	return existed && (request->disposition == CREATE_ALWAYS ||
	                   request->disposition == TRUNCATE_EXISTING);
}

static NTSTATUS open_file(const struct file_request *request, struct file **file, bool *existed)
{
	int fd;
	NTSTATUS status = file_status(open_host(request, &fd, existed));
	if (status)
		return status;
	status = make_file(fd, request->access, request->share, file);
	if (status) {
		os_file_close(fd);
		return status;
	}
	if (is_to_be_cut(request, *existed))
		status = file_node_set_size((*file)->node, 0);
	if (status)
		file_release(*file);
	return status;
}

NTSTATUS file_open_path(const struct file_request *request, HANDLE *handle, bool *existed)
{
	struct file_request specific = *request;
	struct file *file;
	specific.access = file_specific_access(request->access);
	if (request->disposition < CREATE_NEW || request->disposition > TRUNCATE_EXISTING)
		return STATUS_INVALID_PARAMETER;
	if (request->disposition == TRUNCATE_EXISTING && !(specific.access & FILE_WRITE_DATA))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = open_file(&specific, &file, existed);
	if (!status) {
		status = handle_open(&file->object, specific.access, handle);
		file_release(file);
	}
	if (status && !*existed) /* leaves no trace */
		os_file_remove(request->path);
	return status;
}

/* ---- positions ------------------------------------------------------------------------------ */

NTSTATUS file_reference(HANDLE handle, uint32_t access, struct file **file)
{
	struct object *object;
	NTSTATUS status = handle_reference(handle, OBJECT_FILE, access, &object);
	if (!status)
		*file = file_of(object);
	return status;
}

void file_release(struct file *file)
{
	object_release(&file->object);
}

NTSTATUS file_seek(struct file *file, int64_t distance, uint32_t origin, uint64_t *position,
                   bool *is_negative)
{
	uint64_t end = 0;
	int64_t to;
	*is_negative = false;
	if (origin >= FILE_ORIGINS)
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = origin == FILE_FROM_END ? file_node_size(file->node, &end)
	                                          : STATUS_SUCCESS;
	if (status)
		return status;
	lock_take(&file->lock);
	int64_t from = (int64_t)(origin == FILE_FROM_CURRENT ? file->position : end);
	if (__builtin_add_overflow(from, distance, &to))
		status = STATUS_INVALID_PARAMETER;
	else if (to < 0)
		*is_negative = true;
	else
		*position = file->position = (uint64_t)to;
	lock_drop(&file->lock);
	return *is_negative ? STATUS_INVALID_PARAMETER : status;
}

NTSTATUS file_end_here(struct file *file)
{
	lock_take(&file->lock);
	uint64_t position = file->position;
	lock_drop(&file->lock);
	return file_node_set_size(file->node, position);
}

/* The lock guards one word. */
void file_forked(struct object *object)
{
	lock_init(&file_of(object)->lock, RANK_LEAF);
}
