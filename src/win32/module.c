/* SPDX-License-Identifier: MIT
 *
 * Modules: the calls of this library by name.
 */
#include <string.h>
#include <strings.h>

#include "nt/nt.h"
#include "win32/error.h"

#define NAME_BYTES 32 /* longer than any module's name */

typedef void (*call)(void);

enum {
	IN_KERNEL32 = 1,
	IN_KERNELBASE = 2,
	NTDLL = 4,
	ADVAPI32 = 8,
	PSAPI = 16,
	KERNEL32 = IN_KERNEL32 | IN_KERNELBASE,
	LATER = IN_KERNELBASE, /* what kernel32 was not given any more */
};

static const struct module {
	const char *name;
	unsigned mask;
} modules[] = {
	{"kernel32", IN_KERNEL32},
	{"kernelbase", IN_KERNELBASE},
	{"ntdll", NTDLL},
	{"advapi32", ADVAPI32},
	{"psapi", PSAPI},
};
#define MODULES (sizeof modules / sizeof modules[0])

/* Every call of windows.h and ntapi.h: scripts/calls.sh sees to it. */
static const struct {
	const char *name;
	call address;
	unsigned modules;
} calls[] = {
	{"GetLastError", (call)GetLastError, KERNEL32},
	{"SetLastError", (call)SetLastError, KERNEL32},
	{"CloseHandle", (call)CloseHandle, KERNEL32},
	{"GetCurrentProcess", (call)GetCurrentProcess, KERNEL32},
	{"GetCurrentProcessId", (call)GetCurrentProcessId, KERNEL32},
	{"GetProcessId", (call)GetProcessId, KERNEL32},
	{"OpenProcess", (call)OpenProcess, KERNEL32},
	{"TerminateProcess", (call)TerminateProcess, KERNEL32},
	{"OpenProcessToken", (call)OpenProcessToken, ADVAPI32},
	{"LookupPrivilegeValueA", (call)LookupPrivilegeValueA, ADVAPI32},
	{"LookupPrivilegeValueW", (call)LookupPrivilegeValueW, ADVAPI32},
	{"AdjustTokenPrivileges", (call)AdjustTokenPrivileges, ADVAPI32},
	{"GetModuleHandleA", (call)GetModuleHandleA, KERNEL32},
	{"GetModuleHandleW", (call)GetModuleHandleW, KERNEL32},
	{"GetProcAddress", (call)GetProcAddress, KERNEL32},
	{"CreateFileA", (call)CreateFileA, KERNEL32},
	{"CreateFileW", (call)CreateFileW, KERNEL32},
	{"GetFileSizeEx", (call)GetFileSizeEx, KERNEL32},
	{"SetFilePointerEx", (call)SetFilePointerEx, KERNEL32},
	{"SetEndOfFile", (call)SetEndOfFile, KERNEL32},
	{"FlushFileBuffers", (call)FlushFileBuffers, KERNEL32},
	{"VirtualAlloc", (call)VirtualAlloc, KERNEL32},
	{"VirtualAllocEx", (call)VirtualAllocEx, KERNEL32},
	{"VirtualAllocExNuma", (call)VirtualAllocExNuma, KERNEL32},
	{"VirtualAllocFromApp", (call)VirtualAllocFromApp, LATER},
	{"VirtualAlloc2", (call)VirtualAlloc2, LATER},
	{"VirtualFree", (call)VirtualFree, KERNEL32},
	{"VirtualFreeEx", (call)VirtualFreeEx, KERNEL32},
	{"VirtualProtect", (call)VirtualProtect, KERNEL32},
	{"VirtualProtectEx", (call)VirtualProtectEx, KERNEL32},
	{"VirtualQuery", (call)VirtualQuery, KERNEL32},
	{"VirtualQueryEx", (call)VirtualQueryEx, KERNEL32},
	{"VirtualLock", (call)VirtualLock, KERNEL32},
	{"VirtualUnlock", (call)VirtualUnlock, KERNEL32},
	{"FlushInstructionCache", (call)FlushInstructionCache, KERNEL32},
	{"ReadProcessMemory", (call)ReadProcessMemory, KERNEL32},
	{"WriteProcessMemory", (call)WriteProcessMemory, KERNEL32},
	{"CreateFileMappingA", (call)CreateFileMappingA, KERNEL32},
	{"CreateFileMappingW", (call)CreateFileMappingW, KERNEL32},
	{"OpenFileMappingA", (call)OpenFileMappingA, KERNEL32},
	{"OpenFileMappingW", (call)OpenFileMappingW, KERNEL32},
	{"MapViewOfFile", (call)MapViewOfFile, KERNEL32},
	{"MapViewOfFileEx", (call)MapViewOfFileEx, KERNEL32},
	{"MapViewOfFileNuma2", (call)MapViewOfFileNuma2, LATER},
	{"MapViewOfFile3", (call)MapViewOfFile3, LATER},
	{"FlushViewOfFile", (call)FlushViewOfFile, KERNEL32},
	{"UnmapViewOfFile", (call)UnmapViewOfFile, KERNEL32},
	{"UnmapViewOfFileEx", (call)UnmapViewOfFileEx, KERNEL32},
	{"UnmapViewOfFile2", (call)UnmapViewOfFile2, LATER},
	{"PrefetchVirtualMemory", (call)PrefetchVirtualMemory, KERNEL32},
	{"OfferVirtualMemory", (call)OfferVirtualMemory, KERNEL32},
	{"ReclaimVirtualMemory", (call)ReclaimVirtualMemory, KERNEL32},
	{"DiscardVirtualMemory", (call)DiscardVirtualMemory, KERNEL32},
	{"GetSystemInfo", (call)GetSystemInfo, KERNEL32},
	{"GetNativeSystemInfo", (call)GetNativeSystemInfo, KERNEL32},
	{"GlobalMemoryStatus", (call)GlobalMemoryStatus, KERNEL32},
	{"GlobalMemoryStatusEx", (call)GlobalMemoryStatusEx, KERNEL32},
	{"GetProcessMemoryInfo", (call)GetProcessMemoryInfo, PSAPI},
	{"GetProcessWorkingSetSize", (call)GetProcessWorkingSetSize, KERNEL32},
	{"GetProcessWorkingSetSizeEx", (call)GetProcessWorkingSetSizeEx, KERNEL32},
	{"SetProcessWorkingSetSize", (call)SetProcessWorkingSetSize, KERNEL32},
	{"SetProcessWorkingSetSizeEx", (call)SetProcessWorkingSetSizeEx, KERNEL32},
	{"EmptyWorkingSet", (call)EmptyWorkingSet, PSAPI},
	{"QueryWorkingSetEx", (call)QueryWorkingSetEx, PSAPI},
	{"GetLargePageMinimum", (call)GetLargePageMinimum, KERNEL32},
	{"GetWriteWatch", (call)GetWriteWatch, KERNEL32},
	{"ResetWriteWatch", (call)ResetWriteWatch, KERNEL32},
	{"AllocateUserPhysicalPages", (call)AllocateUserPhysicalPages, KERNEL32},
	{"FreeUserPhysicalPages", (call)FreeUserPhysicalPages, KERNEL32},
	{"MapUserPhysicalPages", (call)MapUserPhysicalPages, KERNEL32},
	{"MapUserPhysicalPagesScatter", (call)MapUserPhysicalPagesScatter, KERNEL32},
	{"AddVectoredExceptionHandler", (call)AddVectoredExceptionHandler, KERNEL32},
	{"RemoveVectoredExceptionHandler", (call)RemoveVectoredExceptionHandler, KERNEL32},
	{"AddVectoredContinueHandler", (call)AddVectoredContinueHandler, KERNEL32},
	{"RemoveVectoredContinueHandler", (call)RemoveVectoredContinueHandler, KERNEL32},
	{"NtAllocateVirtualMemory", (call)NtAllocateVirtualMemory, NTDLL},
	{"NtAllocateVirtualMemoryEx", (call)NtAllocateVirtualMemoryEx, NTDLL},
	{"NtFreeVirtualMemory", (call)NtFreeVirtualMemory, NTDLL},
	{"NtProtectVirtualMemory", (call)NtProtectVirtualMemory, NTDLL},
	{"NtQueryVirtualMemory", (call)NtQueryVirtualMemory, NTDLL},
	{"NtLockVirtualMemory", (call)NtLockVirtualMemory, NTDLL},
	{"NtUnlockVirtualMemory", (call)NtUnlockVirtualMemory, NTDLL},
	{"NtReadVirtualMemory", (call)NtReadVirtualMemory, NTDLL},
	{"NtWriteVirtualMemory", (call)NtWriteVirtualMemory, NTDLL},
	{"NtFlushInstructionCache", (call)NtFlushInstructionCache, NTDLL},
	{"NtGetWriteWatch", (call)NtGetWriteWatch, NTDLL},
	{"NtResetWriteWatch", (call)NtResetWriteWatch, NTDLL},
	{"NtAllocateUserPhysicalPages", (call)NtAllocateUserPhysicalPages, NTDLL},
	{"NtFreeUserPhysicalPages", (call)NtFreeUserPhysicalPages, NTDLL},
	{"NtMapUserPhysicalPages", (call)NtMapUserPhysicalPages, NTDLL},
	{"NtMapUserPhysicalPagesScatter", (call)NtMapUserPhysicalPagesScatter, NTDLL},
	{"NtSetInformationVirtualMemory", (call)NtSetInformationVirtualMemory, NTDLL},
	{"NtCreateSection", (call)NtCreateSection, NTDLL},
	{"NtOpenSection", (call)NtOpenSection, NTDLL},
	{"NtMapViewOfSection", (call)NtMapViewOfSection, NTDLL},
	{"NtMapViewOfSectionEx", (call)NtMapViewOfSectionEx, NTDLL},
	{"NtUnmapViewOfSection", (call)NtUnmapViewOfSection, NTDLL},
	{"NtUnmapViewOfSectionEx", (call)NtUnmapViewOfSectionEx, NTDLL},
	{"NtFlushVirtualMemory", (call)NtFlushVirtualMemory, NTDLL},
	{"NtQuerySection", (call)NtQuerySection, NTDLL},
	{"NtExtendSection", (call)NtExtendSection, NTDLL},
	{"NtOpenProcess", (call)NtOpenProcess, NTDLL},
	{"NtTerminateProcess", (call)NtTerminateProcess, NTDLL},
	{"NtClose", (call)NtClose, NTDLL},
	{"NtOpenProcessToken", (call)NtOpenProcessToken, NTDLL},
	{"RtlNtStatusToDosError", (call)RtlNtStatusToDosError, NTDLL},
};
#define CALLS (sizeof calls / sizeof calls[0])

static bool is_name_of(const struct module *module, const char *name)
{
	size_t length = strlen(module->name);
	if (strncasecmp(name, module->name, length))
		return false;
	return !name[length] || !strcasecmp(name + length, ".dll");
}

HMODULE GetModuleHandleA(LPCSTR name)
{
	if (!name)
		return win32_fail(ERROR_NOT_SUPPORTED), NULL;
	if (!host_pointer_ok(name))
		return win32_fail(ERROR_NOACCESS), NULL;
	for (size_t i = 0; i < MODULES; i++)
		if (is_name_of(&modules[i], name))
			return (HMODULE)&modules[i];
	return win32_fail(ERROR_MOD_NOT_FOUND), NULL;
}

HMODULE GetModuleHandleW(LPCWSTR name)
{
	char narrow[NAME_BYTES] = "";
	if (!name)
		return GetModuleHandleA(NULL);
	if (!host_pointer_ok(name))
		return win32_fail(ERROR_NOACCESS), NULL;
	for (size_t i = 0; name[i]; i++) {
		if (i == NAME_BYTES - 1 || name[i] >= 0x80)
			return win32_fail(ERROR_MOD_NOT_FOUND), NULL;
		narrow[i] = (char)name[i];
	}
	return GetModuleHandleA(narrow);
}

static const struct module *module_of(HMODULE handle)
{
	for (size_t i = 0; i < MODULES; i++)
		if (handle == (HMODULE)&modules[i])
			return &modules[i];
	return NULL;
}

FARPROC GetProcAddress(HMODULE handle, LPCSTR name)
{
	const struct module *module = module_of(handle);
	if (!module)
		return win32_fail(ERROR_MOD_NOT_FOUND), NULL;
	for (size_t i = 0; host_pointer_ok(name) && i < CALLS; i++)
		if ((calls[i].modules & module->mask) && !strcmp(name, calls[i].name))
			return (FARPROC)calls[i].address;
	return win32_fail(ERROR_PROC_NOT_FOUND), NULL;
}
