/* SPDX-License-Identifier: MIT
 *
 * CreateFileMapping, MapViewOfFile and their family: Win32's words, then the native calls.
 */
#include <string.h>

#include "nt/nt.h"
#include "win32/error.h"
#include "win32/wide.h"

#define SEC_BITS \
	((DWORD)(SEC_BASED | SEC_NO_CHANGE | SEC_FILE | SEC_IMAGE | SEC_PROTECTED_IMAGE | \
	         SEC_RESERVE | SEC_COMMIT | SEC_NOCACHE | SEC_WRITECOMBINE | SEC_LARGE_PAGES))
#define MOST_NAME_UNITS 32000

/* ---- sections ------------------------------------------------------------------------------- */

/* SC-11. */
static uint32_t access_of(DWORD protect)
{
	uint32_t access = 0x000F0000 | SECTION_QUERY | SECTION_MAP_READ;
	if (protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE))
		access |= SECTION_MAP_WRITE;
	if (protect & (PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY))
		access |= SECTION_MAP_EXECUTE;
	return access;
}

static void name_attributes(OBJECT_ATTRIBUTES *attributes, UNICODE_STRING *string, LPCWSTR name)
{
	size_t units = 0;
	while (name && units < MOST_NAME_UNITS && name[units])
		units++;
	*string = (UNICODE_STRING){(USHORT)(units * sizeof *name), (USHORT)(units * sizeof *name),
	                           (WCHAR *)(uintptr_t)name};
	*attributes = (OBJECT_ATTRIBUTES){.Length = sizeof *attributes,
	                                  .ObjectName = string,
	                                  .Attributes = OBJ_OPENIF};
}

HANDLE CreateFileMappingW(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect,
                          DWORD size_high, DWORD size_low, LPCWSTR name)
{
	HANDLE section;
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING string;
	uint64_t size = (uint64_t)size_high << 32 | size_low;
	DWORD allocation = protect & SEC_BITS;
	(void)security;
	name_attributes(&attributes, &string, name);
	if (file == INVALID_HANDLE_VALUE) {
		file = NULL;
		if (!size) { /* SC-3 */
			win32_fail(ERROR_INVALID_PARAMETER);
			return NULL;
		}
	}
	protect &= ~SEC_BITS; /* SC-1 */
	NTSTATUS status = NtCreateSection(&section, access_of(protect), &attributes,
	                                  size ? &size : NULL, protect,
	                                  allocation ? allocation : SEC_COMMIT, file);
	if (!win32_ok(status))
		return NULL;
	SetLastError(status == STATUS_OBJECT_NAME_EXISTS ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
	return section;
}

HANDLE OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name)
{
	HANDLE section;
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING string;
	uint32_t rights = access;
	(void)inherit;
	if (!name) {
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	if (access == FILE_MAP_COPY)
		rights = SECTION_MAP_READ;
	else if (access & FILE_MAP_EXECUTE)
		rights |= SECTION_MAP_EXECUTE;
	name_attributes(&attributes, &string, name);
	return win32_ok(NtOpenSection(&section, rights, &attributes)) ? section : NULL;
}

HANDLE CreateFileMappingA(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect,
                          DWORD size_high, DWORD size_low, LPCSTR name)
{
	WCHAR *wide;
	if (!wide_from(name, &wide))
		return NULL;
	HANDLE section = CreateFileMappingW(file, security, protect, size_high, size_low, wide);
	wide_free(wide);
	return section;
}

HANDLE OpenFileMappingA(DWORD access, BOOL inherit, LPCSTR name)
{
	WCHAR *wide;
	if (!wide_from(name, &wide))
		return NULL;
	HANDLE section = OpenFileMappingW(access, inherit, wide);
	wide_free(wide);
	return section;
}

/* ---- views ---------------------------------------------------------------------------------- */

/* MV-1. */
static DWORD protection_of(DWORD access)
{
	const DWORD rights = FILE_MAP_COPY | FILE_MAP_WRITE | FILE_MAP_READ | SECTION_MAP_EXECUTE;
	bool execute = access & FILE_MAP_EXECUTE;
	if ((access & rights) == FILE_MAP_COPY)
		return execute ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
	if (access & FILE_MAP_WRITE)
		return execute ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
	if (access & FILE_MAP_READ)
		return execute ? PAGE_EXECUTE_READ : PAGE_READONLY;
	return PAGE_NOACCESS;
}

static DWORD type_of(DWORD access)
{
	return (access & FILE_MAP_RESERVE ? MEM_RESERVE : 0) |
	       (access & FILE_MAP_LARGE_PAGES ? MEM_LARGE_PAGES : 0);
}

LPVOID MapViewOfFileEx(HANDLE mapping, DWORD access, DWORD offset_high, DWORD offset_low,
                       SIZE_T bytes, LPVOID address)
{
	if (access & FILE_MAP_TARGETS_INVALID && !(access & FILE_MAP_EXECUTE)) { /* MV-21 */
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	return MapViewOfFile2(mapping, GetCurrentProcess(),
	                      (ULONG64)offset_high << 32 | offset_low, address, bytes,
	                      type_of(access), protection_of(access));
}

LPVOID MapViewOfFile(HANDLE mapping, DWORD access, DWORD offset_high, DWORD offset_low,
                     SIZE_T bytes)
{
	return MapViewOfFileEx(mapping, access, offset_high, offset_low, bytes, NULL);
}

LPVOID MapViewOfFileNuma2(HANDLE mapping, HANDLE process, ULONG64 offset, PVOID address,
                          SIZE_T bytes, ULONG type, ULONG protect, ULONG node)
{
	uint64_t base = (uintptr_t)address, start = offset, size = bytes;
	(void)node;
	NTSTATUS status = NtMapViewOfSection(mapping, process, &base, 0, 0, &start, &size,
	                                     ViewShare, type, protect);
	return win32_ok(status) ? (LPVOID)(uintptr_t)base : NULL;
}

PVOID MapViewOfFile3(HANDLE mapping, HANDLE process, PVOID address, ULONG64 offset, SIZE_T bytes,
                     ULONG type, ULONG protect, MEM_EXTENDED_PARAMETER *parameters, ULONG count)
{
	uint64_t base = (uintptr_t)address, start = offset, size = bytes;
	HANDLE target = process ? process : GetCurrentProcess(); /* as VirtualAlloc2 */
	NTSTATUS status = NtMapViewOfSectionEx(mapping, target, &base, &start, &size, type,
	                                       protect, parameters, count);
	return win32_ok(status) ? (LPVOID)(uintptr_t)base : NULL;
}

/* FV-2. */
BOOL FlushViewOfFile(LPCVOID address, SIZE_T bytes)
{
	uint64_t base = (uintptr_t)address, size = bytes;
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtFlushVirtualMemory(GetCurrentProcess(), &base, &size, &io);
	return status == STATUS_NOT_MAPPED_DATA || win32_ok(status);
}

BOOL UnmapViewOfFile2(HANDLE process, PVOID address, ULONG flags)
{
	return win32_ok(NtUnmapViewOfSectionEx(process, (uintptr_t)address, flags));
}

BOOL UnmapViewOfFileEx(LPVOID address, ULONG flags)
{
	return UnmapViewOfFile2(GetCurrentProcess(), address, flags);
}

BOOL UnmapViewOfFile(LPCVOID address)
{
	return UnmapViewOfFile2(GetCurrentProcess(), (PVOID)(uintptr_t)address, 0);
}
