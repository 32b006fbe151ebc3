/* SPDX-License-Identifier: MIT
 *
 * The Win32 memory calls, source-compatible with <windows.h>.
 *
 * What this is: names, constants, structures and prototypes for code written for Windows. The calls
 * act on HANDLEs of a machine's processes; GetCurrentProcess() is the process of the machine thread
 * that the calling host thread has attached to (thread.h). Without one they fail with
 * ERROR_NOT_SUPPORTED.
 *
 * Addresses operated on are the process's; buffers and out-parameters are the host's.
 * Errors: BOOL and pointer functions return 0 and set GetLastError(), which success leaves alone.
 * A call that fails has changed nothing, but where its rule says so (G-2).
 * Threads: any call from any host thread at any time. GetLastError() is per host thread.
 * Rules cited (VA-1 ...) are those of docs/rules.md.
 */
#ifndef NTMM_WINDOWS_H
#define NTMM_WINDOWS_H

#include <ntmm/exception.h>
#include <ntmm/status.h>
#include <ntmm/types.h>

NTMM_BEGIN

/* ---- constants (section 1) ------------------------------------------------------------------ */

#define MEM_COMMIT 0x00001000
#define MEM_RESERVE 0x00002000
#define MEM_DECOMMIT 0x00004000
#define MEM_RELEASE 0x00008000
#define MEM_FREE 0x00010000
#define MEM_PRIVATE 0x00020000
#define MEM_MAPPED 0x00040000
#define MEM_RESET 0x00080000
#define MEM_TOP_DOWN 0x00100000
#define MEM_WRITE_WATCH 0x00200000
#define MEM_PHYSICAL 0x00400000
#define MEM_ROTATE 0x00800000
#define MEM_RESET_UNDO 0x01000000
#define MEM_IMAGE 0x01000000
#define MEM_LARGE_PAGES 0x20000000
#define MEM_4MB_PAGES 0x80000000
#define MEM_COALESCE_PLACEHOLDERS 0x00000001
#define MEM_PRESERVE_PLACEHOLDER 0x00000002
#define MEM_REPLACE_PLACEHOLDER 0x00004000
#define MEM_RESERVE_PLACEHOLDER 0x00040000

#define MEM_EXTENDED_PARAMETER_GRAPHICS 0x00000001
#define MEM_EXTENDED_PARAMETER_NONPAGED 0x00000002
#define MEM_EXTENDED_PARAMETER_ZERO_PAGES_OPTIONAL 0x00000004
#define MEM_EXTENDED_PARAMETER_NONPAGED_LARGE 0x00000008
#define MEM_EXTENDED_PARAMETER_NONPAGED_HUGE 0x00000010
#define MEM_EXTENDED_PARAMETER_SOFT_FAULT_PAGES 0x00000020
#define MEM_EXTENDED_PARAMETER_EC_CODE 0x00000040
#define NUMA_NO_PREFERRED_NODE ((DWORD)-1)

#define PAGE_NOACCESS 0x01
#define PAGE_READONLY 0x02
#define PAGE_READWRITE 0x04
#define PAGE_WRITECOPY 0x08
#define PAGE_EXECUTE 0x10
#define PAGE_EXECUTE_READ 0x20
#define PAGE_EXECUTE_READWRITE 0x40
#define PAGE_EXECUTE_WRITECOPY 0x80
#define PAGE_GUARD 0x100
#define PAGE_NOCACHE 0x200
#define PAGE_WRITECOMBINE 0x400
#define PAGE_TARGETS_INVALID 0x40000000
#define PAGE_TARGETS_NO_UPDATE 0x40000000

#define MEM_DIFFERENT_IMAGE_BASE_OK 0x00800000
#define MEM_DOS_LIM 0x40000000
#define MEM_UNMAP_WITH_TRANSIENT_BOOST 0x00000001

#define SEC_BASED 0x00200000
#define SEC_NO_CHANGE 0x00400000
#define SEC_FILE 0x00800000
#define SEC_IMAGE 0x01000000
#define SEC_PROTECTED_IMAGE 0x02000000
#define SEC_RESERVE 0x04000000
#define SEC_COMMIT 0x08000000
#define SEC_NOCACHE 0x10000000
#define SEC_IMAGE_NO_EXECUTE (SEC_IMAGE | SEC_NOCACHE)
#define SEC_WRITECOMBINE 0x40000000
#define SEC_LARGE_PAGES 0x80000000

#define SECTION_QUERY 0x0001
#define SECTION_MAP_WRITE 0x0002
#define SECTION_MAP_READ 0x0004
#define SECTION_MAP_EXECUTE 0x0008
#define SECTION_EXTEND_SIZE 0x0010
#define SECTION_MAP_EXECUTE_EXPLICIT 0x0020
#define SECTION_ALL_ACCESS 0x000F001F
#define FILE_MAP_COPY 0x00000001
#define FILE_MAP_WRITE SECTION_MAP_WRITE
#define FILE_MAP_READ SECTION_MAP_READ
#define FILE_MAP_EXECUTE SECTION_MAP_EXECUTE_EXPLICIT
#define FILE_MAP_ALL_ACCESS SECTION_ALL_ACCESS
#define FILE_MAP_LARGE_PAGES 0x20000000
#define FILE_MAP_TARGETS_INVALID 0x40000000
#define FILE_MAP_RESERVE 0x80000000

#define WRITE_WATCH_FLAG_RESET 0x00000001

#define PROCESS_TERMINATE 0x0001
#define PROCESS_CREATE_THREAD 0x0002
#define PROCESS_VM_OPERATION 0x0008
#define PROCESS_VM_READ 0x0010
#define PROCESS_VM_WRITE 0x0020
#define PROCESS_DUP_HANDLE 0x0040
#define PROCESS_CREATE_PROCESS 0x0080
#define PROCESS_SET_QUOTA 0x0100
#define PROCESS_SET_INFORMATION 0x0200
#define PROCESS_QUERY_INFORMATION 0x0400
#define PROCESS_SUSPEND_RESUME 0x0800
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000
#define SYNCHRONIZE 0x00100000
#define PROCESS_ALL_ACCESS 0x001FFFFF

#define GENERIC_READ 0x80000000
#define GENERIC_WRITE 0x40000000
#define GENERIC_EXECUTE 0x20000000
#define GENERIC_ALL 0x10000000
#define DELETE 0x00010000
#define FILE_READ_DATA 0x0001
#define FILE_WRITE_DATA 0x0002
#define FILE_APPEND_DATA 0x0004
#define FILE_EXECUTE 0x0020
#define FILE_READ_ATTRIBUTES 0x0080
#define FILE_GENERIC_READ 0x00120089
#define FILE_GENERIC_WRITE 0x00120116
#define FILE_GENERIC_EXECUTE 0x001200A0
#define FILE_ALL_ACCESS 0x001F01FF
#define FILE_SHARE_READ 0x00000001
#define FILE_SHARE_WRITE 0x00000002
#define FILE_SHARE_DELETE 0x00000004
#define CREATE_NEW 1
#define CREATE_ALWAYS 2
#define OPEN_EXISTING 3
#define OPEN_ALWAYS 4
#define TRUNCATE_EXISTING 5
#define FILE_ATTRIBUTE_NORMAL 0x00000080
#define FILE_FLAG_DELETE_ON_CLOSE 0x04000000
#define FILE_BEGIN 0
#define FILE_CURRENT 1
#define FILE_END 2

#define TOKEN_QUERY 0x0008
#define TOKEN_ADJUST_PRIVILEGES 0x0020
#define TOKEN_ALL_ACCESS 0x000F01FF
#define SE_PRIVILEGE_ENABLED_BY_DEFAULT 0x00000001
#define SE_PRIVILEGE_ENABLED 0x00000002
#define SE_PRIVILEGE_REMOVED 0x00000004
#define SE_LOCK_MEMORY_NAME "SeLockMemoryPrivilege"
#define SE_INC_WORKING_SET_NAME "SeIncreaseWorkingSetPrivilege"
#define SE_DEBUG_NAME "SeDebugPrivilege"

#define QUOTA_LIMITS_HARDWS_MIN_ENABLE 0x00000001
#define QUOTA_LIMITS_HARDWS_MIN_DISABLE 0x00000002
#define QUOTA_LIMITS_HARDWS_MAX_ENABLE 0x00000004
#define QUOTA_LIMITS_HARDWS_MAX_DISABLE 0x00000008

#define PROCESSOR_ARCHITECTURE_INTEL 0
#define PROCESSOR_ARCHITECTURE_AMD64 9
#define PROCESSOR_INTEL_PENTIUM 586
#define PROCESSOR_AMD_X8664 8664

/* ---- structures ----------------------------------------------------------------------------- */

/* As on 64-bit Windows, 48 bytes, for processes of every layout (section 8). */
typedef struct _MEMORY_BASIC_INFORMATION {
	PVOID BaseAddress;
	PVOID AllocationBase;
	DWORD AllocationProtect;
	WORD PartitionId;
	SIZE_T RegionSize;
	DWORD State;
	DWORD Protect;
	DWORD Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;

typedef struct _SYSTEM_INFO {
	union {
		DWORD dwOemId;
		struct {
			WORD wProcessorArchitecture;
			WORD wReserved;
		};
	};
	DWORD dwPageSize;
	LPVOID lpMinimumApplicationAddress;
	LPVOID lpMaximumApplicationAddress;
	DWORD_PTR dwActiveProcessorMask;
	DWORD dwNumberOfProcessors;
	DWORD dwProcessorType;
	DWORD dwAllocationGranularity;
	WORD wProcessorLevel;
	WORD wProcessorRevision;
} SYSTEM_INFO, *LPSYSTEM_INFO;

typedef struct _MEMORYSTATUSEX {
	DWORD dwLength;
	DWORD dwMemoryLoad;
	DWORDLONG ullTotalPhys;
	DWORDLONG ullAvailPhys;
	DWORDLONG ullTotalPageFile;
	DWORDLONG ullAvailPageFile;
	DWORDLONG ullTotalVirtual;
	DWORDLONG ullAvailVirtual;
	DWORDLONG ullAvailExtendedVirtual;
} MEMORYSTATUSEX, *LPMEMORYSTATUSEX;

typedef struct _MEMORYSTATUS {
	DWORD dwLength;
	DWORD dwMemoryLoad;
	SIZE_T dwTotalPhys;
	SIZE_T dwAvailPhys;
	SIZE_T dwTotalPageFile;
	SIZE_T dwAvailPageFile;
	SIZE_T dwTotalVirtual;
	SIZE_T dwAvailVirtual;
} MEMORYSTATUS, *LPMEMORYSTATUS;

typedef struct _PROCESS_MEMORY_COUNTERS {
	DWORD cb;
	DWORD PageFaultCount;
	SIZE_T PeakWorkingSetSize;
	SIZE_T WorkingSetSize;
	SIZE_T QuotaPeakPagedPoolUsage;
	SIZE_T QuotaPagedPoolUsage;
	SIZE_T QuotaPeakNonPagedPoolUsage;
	SIZE_T QuotaNonPagedPoolUsage;
	SIZE_T PagefileUsage;
	SIZE_T PeakPagefileUsage;
} PROCESS_MEMORY_COUNTERS, *PPROCESS_MEMORY_COUNTERS;

typedef struct _PROCESS_MEMORY_COUNTERS_EX {
	DWORD cb;
	DWORD PageFaultCount;
	SIZE_T PeakWorkingSetSize;
	SIZE_T WorkingSetSize;
	SIZE_T QuotaPeakPagedPoolUsage;
	SIZE_T QuotaPagedPoolUsage;
	SIZE_T QuotaPeakNonPagedPoolUsage;
	SIZE_T QuotaNonPagedPoolUsage;
	SIZE_T PagefileUsage;
	SIZE_T PeakPagefileUsage;
	SIZE_T PrivateUsage;
} PROCESS_MEMORY_COUNTERS_EX, *PPROCESS_MEMORY_COUNTERS_EX;

/* Bits of VirtualAttributes.Flags (rule WS-10): 0 Valid, 1-3 ShareCount, 4-14 Win32Protection,
 * 15 Shared, 16-21 Node, 22 Locked, 23 LargePage, 31 Bad. */
typedef union _PSAPI_WORKING_SET_EX_BLOCK {
	ULONG_PTR Flags;
	struct {
		ULONG_PTR Valid : 1;
		ULONG_PTR ShareCount : 3;
		ULONG_PTR Win32Protection : 11;
		ULONG_PTR Shared : 1;
		ULONG_PTR Node : 6;
		ULONG_PTR Locked : 1;
		ULONG_PTR LargePage : 1;
		ULONG_PTR Reserved : 7;
		ULONG_PTR Bad : 1;
		ULONG_PTR ReservedUlong : 32;
	};
} PSAPI_WORKING_SET_EX_BLOCK;

typedef struct _PSAPI_WORKING_SET_EX_INFORMATION {
	PVOID VirtualAddress;
	PSAPI_WORKING_SET_EX_BLOCK VirtualAttributes;
} PSAPI_WORKING_SET_EX_INFORMATION, *PPSAPI_WORKING_SET_EX_INFORMATION;

typedef struct _WIN32_MEMORY_RANGE_ENTRY {
	PVOID VirtualAddress;
	SIZE_T NumberOfBytes;
} WIN32_MEMORY_RANGE_ENTRY, *PWIN32_MEMORY_RANGE_ENTRY;

typedef enum OFFER_PRIORITY {
	VmOfferPriorityVeryLow = 1,
	VmOfferPriorityLow,
	VmOfferPriorityBelowNormal,
	VmOfferPriorityNormal
} OFFER_PRIORITY;

typedef struct _LUID_AND_ATTRIBUTES {
	LUID Luid;
	DWORD Attributes;
} LUID_AND_ATTRIBUTES, *PLUID_AND_ATTRIBUTES;

typedef struct _TOKEN_PRIVILEGES {
	DWORD PrivilegeCount;
	LUID_AND_ATTRIBUTES Privileges[1];
} TOKEN_PRIVILEGES, *PTOKEN_PRIVILEGES;

typedef struct _SECURITY_ATTRIBUTES {
	DWORD nLength;
	LPVOID lpSecurityDescriptor;
	BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

/* ---- errors, handles, processes ------------------------------------------------------------- */

NTMM_API DWORD GetLastError(void) NTMM_NAMED(GetLastError);
NTMM_API void SetLastError(DWORD error) NTMM_NAMED(SetLastError);
NTMM_API BOOL CloseHandle(HANDLE object) NTMM_NAMED(CloseHandle);
NTMM_API HANDLE GetCurrentProcess(void) NTMM_NAMED(GetCurrentProcess);
NTMM_API DWORD GetCurrentProcessId(void) NTMM_NAMED(GetCurrentProcessId);
NTMM_API DWORD GetProcessId(HANDLE process) NTMM_NAMED(GetProcessId);
/* By process identifier. An attached thread finds the processes of its own machine, others all. */
NTMM_API HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD pid) NTMM_NAMED(OpenProcess);
NTMM_API BOOL TerminateProcess(HANDLE process, UINT exit_code) NTMM_NAMED(TerminateProcess);

NTMM_API BOOL OpenProcessToken(HANDLE process, DWORD access, PHANDLE token)
	NTMM_NAMED(OpenProcessToken);
NTMM_API BOOL LookupPrivilegeValueA(LPCSTR system, LPCSTR name, PLUID luid)
	NTMM_NAMED(LookupPrivilegeValueA);
NTMM_API BOOL LookupPrivilegeValueW(LPCWSTR system, LPCWSTR name, PLUID luid)
	NTMM_NAMED(LookupPrivilegeValueW);
NTMM_API BOOL AdjustTokenPrivileges(HANDLE token, BOOL disable_all, PTOKEN_PRIVILEGES state,
                                    DWORD bytes, PTOKEN_PRIVILEGES previous, PDWORD needed)
	NTMM_NAMED(AdjustTokenPrivileges);
#ifdef UNICODE
#define LookupPrivilegeValue LookupPrivilegeValueW
#else
#define LookupPrivilegeValue LookupPrivilegeValueA
#endif

/* ---- modules --------------------------------------------------------------------------------
 *
 * For programs that look up calls which older systems did not have. There are the modules kernel32,
 * kernelbase, ntdll, advapi32 and psapi, with or without ".dll", in either case, each with those of
 * its calls that are declared here or in ntapi.h. A module's handle is none that CloseHandle closes.
 */

/* NULL: 126 there is no such module; 998; 50 for a NULL name: the program is no module. */
NTMM_API HMODULE GetModuleHandleA(LPCSTR name) NTMM_NAMED(GetModuleHandleA);
NTMM_API HMODULE GetModuleHandleW(LPCWSTR name) NTMM_NAMED(GetModuleHandleW);
/* NULL: 127 the module has no such call, or `name` is an ordinal; 126 it is no module. */
NTMM_API FARPROC GetProcAddress(HMODULE module, LPCSTR name) NTMM_NAMED(GetProcAddress);
#ifdef UNICODE
#define GetModuleHandle GetModuleHandleW
#else
#define GetModuleHandle GetModuleHandleA
#endif

/* ---- files ----------------------------------------------------------------------------------
 *
 * For file mappings; reading and writing is done through views. Flags and attributes are accepted
 * and of no effect, but FILE_FLAG_DELETE_ON_CLOSE, which is refused with 50; so are `security` and
 * `template_file`. Handles share as on Windows, those of one host process.
 */

/* `path` is the host's, UTF-8; a backslash is nothing special in it. What access asks for must be
 * granted by the host, but to execute it is enough that one may read. INVALID_HANDLE_VALUE on
 * failure: 2 the file, 3 a directory before it does not exist; 5 not permitted, or a directory; 80
 * CREATE_NEW and it exists; 32 another handle does not share, or to be written while mapped as an
 * image (IM-8); 1224 to be cut while it is mapped (SC-15); 87 disposition, or TRUNCATE_EXISTING
 * without the right to write; 50 neither file nor directory; 4, 112, 123, 1117, 1450 as they say.
 * On success CREATE_ALWAYS and OPEN_ALWAYS set the last error: 183 when it existed, else 0. */
NTMM_API HANDLE CreateFileA(LPCSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                            DWORD disposition, DWORD flags, HANDLE template_file)
	NTMM_NAMED(CreateFileA);
NTMM_API HANDLE CreateFileW(LPCWSTR path, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security,
                            DWORD disposition, DWORD flags, HANDLE template_file)
	NTMM_NAMED(CreateFileW);
NTMM_API BOOL GetFileSizeEx(HANDLE file, PLARGE_INTEGER bytes) NTMM_NAMED(GetFileSizeEx);
/* 87: no such origin; 131: it would lie before the start. The position may lie beyond the end. */
NTMM_API BOOL SetFilePointerEx(HANDLE file, LARGE_INTEGER distance, PLARGE_INTEGER position,
                               DWORD origin) NTMM_NAMED(SetFilePointerEx);
/* The file ends at the handle's position: what is cut is gone, what is added is zero. Needs
 * FILE_WRITE_DATA. 1224: below the end of a view of it, or cut while mapped as an image (SC-15). */
NTMM_API BOOL SetEndOfFile(HANDLE file) NTMM_NAMED(SetEndOfFile);
/* What has been written to the file is on the disk; FlushViewOfFile comes before it. Needs
 * FILE_WRITE_DATA or FILE_APPEND_DATA. */
NTMM_API BOOL FlushFileBuffers(HANDLE file) NTMM_NAMED(FlushFileBuffers);
#ifdef UNICODE
#define CreateFile CreateFileW
#else
#define CreateFile CreateFileA
#endif

/* ---- virtual memory (sections 5 to 10) ------------------------------------------------------ */

NTMM_API LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect)
	NTMM_NAMED(VirtualAlloc);
/* VirtualAllocEx, VirtualFreeEx and what came later: 120 of and from processes of Windows 9x (W9-9). */
NTMM_API LPVOID VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type,
                               DWORD protect) NTMM_NAMED(VirtualAllocEx);
/* A machine has one NUMA node, 0. Another but NUMA_NO_PREFERRED_NODE: ERROR_INVALID_PARAMETER (VA-81). */
NTMM_API LPVOID VirtualAllocExNuma(HANDLE process, LPVOID address, SIZE_T size, DWORD type,
                                   DWORD protect, DWORD node) NTMM_NAMED(VirtualAllocExNuma);
/* Executable protections: ERROR_ACCESS_DENIED (VA-82). */
NTMM_API PVOID VirtualAllocFromApp(PVOID address, SIZE_T size, ULONG type, ULONG protect)
	NTMM_NAMED(VirtualAllocFromApp);
/* Placeholders and address requirements (section 18). A NULL process is the current one. */
NTMM_API PVOID VirtualAlloc2(HANDLE process, PVOID address, SIZE_T size, ULONG type, ULONG protect,
                             MEM_EXTENDED_PARAMETER *parameters, ULONG count)
	NTMM_NAMED(VirtualAlloc2);
/* MEM_RELEASE with MEM_PRESERVE_PLACEHOLDER splits a placeholder, or makes what replaced one a
 * placeholder again; with MEM_COALESCE_PLACEHOLDERS it joins placeholders (PH-2 to PH-8). */
NTMM_API BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type) NTMM_NAMED(VirtualFree);
NTMM_API BOOL VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type)
	NTMM_NAMED(VirtualFreeEx);
NTMM_API BOOL VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old)
	NTMM_NAMED(VirtualProtect);
NTMM_API BOOL VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect,
                               PDWORD old) NTMM_NAMED(VirtualProtectEx);
NTMM_API SIZE_T VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION buffer, SIZE_T length)
	NTMM_NAMED(VirtualQuery);
NTMM_API SIZE_T VirtualQueryEx(HANDLE process, LPCVOID address, PMEMORY_BASIC_INFORMATION buffer,
                               SIZE_T length) NTMM_NAMED(VirtualQueryEx);
NTMM_API BOOL VirtualLock(LPVOID address, SIZE_T size) NTMM_NAMED(VirtualLock);
NTMM_API BOOL VirtualUnlock(LPVOID address, SIZE_T size) NTMM_NAMED(VirtualUnlock);
NTMM_API BOOL FlushInstructionCache(HANDLE process, LPCVOID address, SIZE_T size)
	NTMM_NAMED(FlushInstructionCache);
NTMM_API BOOL ReadProcessMemory(HANDLE process, LPCVOID address, LPVOID buffer, SIZE_T size,
                                SIZE_T *copied) NTMM_NAMED(ReadProcessMemory);
NTMM_API BOOL WriteProcessMemory(HANDLE process, LPVOID address, LPCVOID buffer, SIZE_T size,
                                 SIZE_T *copied) NTMM_NAMED(WriteProcessMemory);

/* ---- sections and views (sections 16 and 17) ------------------------------------------------- */

/* Of the machine of the current process. `file` INVALID_HANDLE_VALUE: backed by the paging file.
 * GetLastError() is 0 or, when the name was there, ERROR_ALREADY_EXISTS (SC-10). Names are the
 * machine's; ANSI ones are UTF-8. */
NTMM_API HANDLE CreateFileMappingA(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect,
                                   DWORD size_high, DWORD size_low, LPCSTR name)
	NTMM_NAMED(CreateFileMappingA);
NTMM_API HANDLE CreateFileMappingW(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect,
                                   DWORD size_high, DWORD size_low, LPCWSTR name)
	NTMM_NAMED(CreateFileMappingW);
NTMM_API HANDLE OpenFileMappingA(DWORD access, BOOL inherit, LPCSTR name)
	NTMM_NAMED(OpenFileMappingA);
NTMM_API HANDLE OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name)
	NTMM_NAMED(OpenFileMappingW);
NTMM_API LPVOID MapViewOfFile(HANDLE mapping, DWORD access, DWORD offset_high, DWORD offset_low,
                              SIZE_T bytes) NTMM_NAMED(MapViewOfFile);
NTMM_API LPVOID MapViewOfFileEx(HANDLE mapping, DWORD access, DWORD offset_high, DWORD offset_low,
                                SIZE_T bytes, LPVOID address) NTMM_NAMED(MapViewOfFileEx);
/* `protect` is a page protection; `node` is a hint. */
NTMM_API LPVOID MapViewOfFileNuma2(HANDLE mapping, HANDLE process, ULONG64 offset, PVOID address,
                                   SIZE_T bytes, ULONG type, ULONG protect, ULONG node)
	NTMM_NAMED(MapViewOfFileNuma2);
static inline LPVOID MapViewOfFile2(HANDLE mapping, HANDLE process, ULONG64 offset, PVOID address,
                                    SIZE_T bytes, ULONG type, ULONG protect)
{
	return MapViewOfFileNuma2(mapping, process, offset, address, bytes, type, protect,
	                          0xFFFFFFFF);
}
/* Both the protection and MEM_REPLACE_PLACEHOLDER are named; `parameters` as VirtualAlloc2's. */
NTMM_API PVOID MapViewOfFile3(HANDLE mapping, HANDLE process, PVOID address, ULONG64 offset,
                              SIZE_T bytes, ULONG type, ULONG protect,
                              MEM_EXTENDED_PARAMETER *parameters, ULONG count)
	NTMM_NAMED(MapViewOfFile3);
/* Returns once the host has what was dirty of the range; FlushFileBuffers, once its disk does. */
NTMM_API BOOL FlushViewOfFile(LPCVOID address, SIZE_T bytes) NTMM_NAMED(FlushViewOfFile);
NTMM_API BOOL UnmapViewOfFile(LPCVOID address) NTMM_NAMED(UnmapViewOfFile);
NTMM_API BOOL UnmapViewOfFileEx(LPVOID address, ULONG flags) NTMM_NAMED(UnmapViewOfFileEx);
NTMM_API BOOL UnmapViewOfFile2(HANDLE process, PVOID address, ULONG flags)
	NTMM_NAMED(UnmapViewOfFile2);
#ifdef UNICODE
#define CreateFileMapping CreateFileMappingW
#define OpenFileMapping OpenFileMappingW
#else
#define CreateFileMapping CreateFileMappingA
#define OpenFileMapping OpenFileMappingA
#endif

/* ---- hints (section 20) --------------------------------------------------------------------- */

NTMM_API BOOL PrefetchVirtualMemory(HANDLE process, ULONG_PTR count,
                                    PWIN32_MEMORY_RANGE_ENTRY ranges, ULONG flags)
	NTMM_NAMED(PrefetchVirtualMemory);
NTMM_API DWORD OfferVirtualMemory(PVOID address, SIZE_T size, OFFER_PRIORITY priority)
	NTMM_NAMED(OfferVirtualMemory);
NTMM_API DWORD ReclaimVirtualMemory(void const *address, SIZE_T size)
	NTMM_NAMED(ReclaimVirtualMemory);
NTMM_API DWORD DiscardVirtualMemory(PVOID address, SIZE_T size) NTMM_NAMED(DiscardVirtualMemory);

/* ---- system and working sets (sections 13, 21, 22) ------------------------------------------ */

NTMM_API void GetSystemInfo(LPSYSTEM_INFO info) NTMM_NAMED(GetSystemInfo);
NTMM_API void GetNativeSystemInfo(LPSYSTEM_INFO info) NTMM_NAMED(GetNativeSystemInfo);
/* Never fails: members are 0 when there is nothing to tell (MS-7). */
NTMM_API void GlobalMemoryStatus(LPMEMORYSTATUS status) NTMM_NAMED(GlobalMemoryStatus);
NTMM_API BOOL GlobalMemoryStatusEx(LPMEMORYSTATUSEX status) NTMM_NAMED(GlobalMemoryStatusEx);
NTMM_API BOOL GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters, DWORD size)
	NTMM_NAMED(GetProcessMemoryInfo);
NTMM_API BOOL GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum)
	NTMM_NAMED(GetProcessWorkingSetSize);
NTMM_API BOOL GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum,
                                         PDWORD flags) NTMM_NAMED(GetProcessWorkingSetSizeEx);
NTMM_API BOOL SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum)
	NTMM_NAMED(SetProcessWorkingSetSize);
NTMM_API BOOL SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum,
                                         DWORD flags) NTMM_NAMED(SetProcessWorkingSetSizeEx);
NTMM_API BOOL EmptyWorkingSet(HANDLE process) NTMM_NAMED(EmptyWorkingSet);
NTMM_API BOOL QueryWorkingSetEx(HANDLE process, PVOID entries, DWORD bytes)
	NTMM_NAMED(QueryWorkingSetEx);

/* LP-1: 2 MB, the multiple that sizes and addresses of MEM_LARGE_PAGES are. */
NTMM_API SIZE_T GetLargePageMinimum(void) NTMM_NAMED(GetLargePageMinimum);

/* ---- write watch ------------------------------------------------------------------------------
 *
 * Rules WW, of the current process. 0, or 0xFFFFFFFF and the last error: 87, 998. What counts as a
 * write: stores, WriteProcessMemory, copies by the system into the process; VirtualLock (VL-12). */

NTMM_API UINT GetWriteWatch(DWORD flags, PVOID base, SIZE_T size, PVOID *addresses,
                            ULONG_PTR *count, LPDWORD granularity) NTMM_NAMED(GetWriteWatch);
NTMM_API UINT ResetWriteWatch(LPVOID base, SIZE_T size) NTMM_NAMED(ResetWriteWatch);

/* ---- AWE --------------------------------------------------------------------------------------
 *
 * Rules AW; ntapi.h says what each does. MapUserPhysicalPages and ...Scatter work on the current
 * process. Errors: 87, 487 (FreeUserPhysicalPages: *count were freed before), 998, 1314, 1450. */

NTMM_API BOOL AllocateUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames)
	NTMM_NAMED(AllocateUserPhysicalPages);
NTMM_API BOOL FreeUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames)
	NTMM_NAMED(FreeUserPhysicalPages);
NTMM_API BOOL MapUserPhysicalPages(PVOID address, ULONG_PTR count, PULONG_PTR frames)
	NTMM_NAMED(MapUserPhysicalPages);
NTMM_API BOOL MapUserPhysicalPagesScatter(PVOID *addresses, ULONG_PTR count, PULONG_PTR frames)
	NTMM_NAMED(MapUserPhysicalPagesScatter);

NTMM_END
#endif
