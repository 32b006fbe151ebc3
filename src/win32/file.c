/* SPDX-License-Identifier: MIT
 *
 * Files, as far as mappings need them.
 */
#include "base/os.h"
#include "nt/nt.h"
#include "object/file.h"
#include "win32/error.h"
#include "win32/narrow.h"

/* What CreateFile adds to any access. */
#define ALWAYS_GRANTED (SYNCHRONIZE | FILE_READ_ATTRIBUTES)

static bool tells_whether_it_existed(DWORD disposition)
{
	return disposition == CREATE_ALWAYS || disposition == OPEN_ALWAYS;
}

/* A failing status as CreateFile has it. */
static DWORD create_error(NTSTATUS status)
{
	if (status == STATUS_OBJECT_NAME_COLLISION)
		return ERROR_FILE_EXISTS;
	return RtlNtStatusToDosError(status);
}

static HANDLE create(const struct file_request *request, DWORD flags)
{
	HANDLE handle;
	bool existed;
	if (flags & FILE_FLAG_DELETE_ON_CLOSE) {
		win32_fail(ERROR_NOT_SUPPORTED);
		return INVALID_HANDLE_VALUE;
	}
	NTSTATUS status = file_open_path(request, &handle, &existed);
	if (status) {
		win32_fail(create_error(status));
		return INVALID_HANDLE_VALUE;
	}
	if (tells_whether_it_existed(request->disposition))
		SetLastError(existed ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
	return handle;
}

HANDLE CreateFileA(LPCSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                   DWORD disposition, DWORD flags, HANDLE template_file)
{
	(void)security, (void)template_file;
	if (!host_pointer_ok(path)) {
		win32_fail(ERROR_NOACCESS);
		return INVALID_HANDLE_VALUE;
	}
	struct file_request request = {path, access | ALWAYS_GRANTED, share, disposition};
	return create(&request, flags);
}

HANDLE CreateFileW(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                   DWORD disposition, DWORD flags, HANDLE template_file)
{
	char *narrow;
	DWORD error = host_pointer_ok(path) ? narrow_from(path, &narrow) : ERROR_NOACCESS;
	if (error) {
		win32_fail(error);
		return INVALID_HANDLE_VALUE;
	}
	HANDLE file = CreateFileA(narrow, access, share, security, disposition, flags,
	                          template_file);
	os_free(narrow);
	return file;
}

BOOL GetFileSizeEx(HANDLE file, PLARGE_INTEGER bytes)
{
	struct file *f;
	uint64_t size;
	if (!host_pointer_ok(bytes))
		return win32_fail(ERROR_NOACCESS);
	if (!win32_ok(file_reference(file, 0, &f)))
		return FALSE;
	NTSTATUS status = file_node_size(f->node, &size);
	file_release(f);
	if (!win32_ok(status))
		return FALSE;
	bytes->QuadPart = (LONGLONG)size;
	return TRUE;
}

BOOL SetFilePointerEx(HANDLE file, LARGE_INTEGER distance, PLARGE_INTEGER position, DWORD origin)
{
	struct file *f;
	uint64_t to;
	bool is_negative;
	if (position && !host_pointer_ok(position))
		return win32_fail(ERROR_NOACCESS);
	if (!win32_ok(file_reference(file, 0, &f)))
		return FALSE;
	NTSTATUS status = file_seek(f, distance.QuadPart, origin, &to, &is_negative);
	file_release(f);
	if (is_negative)
		return win32_fail(ERROR_NEGATIVE_SEEK);
	if (!win32_ok(status))
		return FALSE;
	if (position)
		position->QuadPart = (LONGLONG)to;
	return TRUE;
}

BOOL SetEndOfFile(HANDLE file)
{
	struct file *f;
	if (!win32_ok(file_reference(file, FILE_WRITE_DATA, &f)))
		return FALSE;
	NTSTATUS status = file_end_here(f);
	file_release(f);
	return win32_ok(status);
}

BOOL FlushFileBuffers(HANDLE file)
{
	struct file *f;
	NTSTATUS status = file_reference(file, 0, &f);
	if (status)
		return win32_ok(status);
	status = f->access & (FILE_WRITE_DATA | FILE_APPEND_DATA) ? file_node_flush(f->node)
	                                                          : STATUS_ACCESS_DENIED;
	file_release(f);
	return win32_ok(status);
}
