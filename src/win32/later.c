/* SPDX-License-Identifier: MIT
 *
 * Calls that are declared, so that sources compile, and not supported yet.
 */
#include "win32/error.h"

static bool not_supported(void)
{
	return win32_fail(ERROR_NOT_SUPPORTED);
}

HANDLE CreateFileMappingA(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect,
                          DWORD size_high, DWORD size_low, LPCSTR name)
{
	(void)file, (void)security, (void)protect, (void)size_high, (void)size_low, (void)name;
	not_supported();
	return NULL;
}

LPVOID MapViewOfFileEx(HANDLE mapping, DWORD access, DWORD offset_high, DWORD offset_low,
                       SIZE_T bytes, LPVOID address)
{
	(void)mapping, (void)access, (void)offset_high, (void)offset_low, (void)bytes,
		(void)address;
	not_supported();
	return NULL;
}

BOOL UnmapViewOfFile(LPCVOID address)
{
	(void)address;
	return not_supported();
}
