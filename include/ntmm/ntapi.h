/* SPDX-License-Identifier: MIT
 *
 * The native memory calls: what the Win32 ones are made of.
 *
 * What this is: Nt... functions for authors of emulators. Addresses and sizes are uint64_t, whatever
 * the process's layout; every pointer parameter is the host's. They return NTSTATUS and never touch
 * the last error. Values pointed to by in/out parameters are written on success only (rule G-8).
 * Pointers that are NULL, below 64 KB or non-canonical give STATUS_ACCESS_VIOLATION.
 * Threads: any call from any host thread at any time.
 */
#ifndef NTMM_NTAPI_H
#define NTMM_NTAPI_H

#include <ntmm/status.h>
#include <ntmm/types.h>

NTMM_BEGIN

#define NtCurrentProcess() ((HANDLE)(intptr_t)-1)

/* *base: 0 lets the system choose; written back rounded. *size in bytes; written back rounded.
 * Rules VA-2 to VA-72. */
NTMM_API NTSTATUS NtAllocateVirtualMemory(HANDLE process, uint64_t *base, uint64_t zero_bits,
                                          uint64_t *size, uint32_t type, uint32_t protect)
	NTMM_NAMED(NtAllocateVirtualMemory);
/* The same with placeholders (rules PH) and a list of `count` parameters (rules V2), which may be NULL
 * when count is 0. */
NTMM_API NTSTATUS NtAllocateVirtualMemoryEx(HANDLE process, uint64_t *base, uint64_t *size,
                                            uint32_t type, uint32_t protect,
                                            MEM_EXTENDED_PARAMETER *parameters, uint32_t count)
	NTMM_NAMED(NtAllocateVirtualMemoryEx);
/* Rules VF. MEM_RELEASE with a size releases just those pages (VF-33); with
 * MEM_PRESERVE_PLACEHOLDER or MEM_COALESCE_PLACEHOLDERS it changes placeholders (PH-2 to PH-7). */
NTMM_API NTSTATUS NtFreeVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, uint32_t type)
	NTMM_NAMED(NtFreeVirtualMemory);
/* Rules VP. */
NTMM_API NTSTATUS NtProtectVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size,
                                         uint32_t protect, uint32_t *old)
	NTMM_NAMED(NtProtectVirtualMemory);

typedef enum _MEMORY_INFORMATION_CLASS {
	MemoryBasicInformation = 0,        /* MEMORY_BASIC_INFORMATION of windows.h (section 8) */
	MemoryRegionInformation = 3,       /* MEMORY_REGION_INFORMATION (VQ-20) */
	MemoryWorkingSetExInformation = 4, /* array of PSAPI_WORKING_SET_EX_INFORMATION (WS-9) */
} MEMORY_INFORMATION_CLASS;

typedef struct _MEMORY_REGION_INFORMATION {
	uint64_t AllocationBase;
	uint32_t AllocationProtect;
	uint32_t RegionType; /* bit 0 Private ... 5 DirectMapped; 0 for ordinary private memory */
	uint64_t RegionSize; /* of the whole allocation, bytes */
	uint64_t CommitSize; /* bytes */
} MEMORY_REGION_INFORMATION;

/* *returned, which may be NULL: bytes written. */
NTMM_API NTSTATUS NtQueryVirtualMemory(HANDLE process, uint64_t address,
                                       MEMORY_INFORMATION_CLASS info_class, void *buffer,
                                       uint64_t length, uint64_t *returned)
	NTMM_NAMED(NtQueryVirtualMemory);

#define MAP_PROCESS 1
#define MAP_SYSTEM 2
/* Rules VL. STATUS_WAS_LOCKED is a success. */
NTMM_API NTSTATUS NtLockVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size,
                                      uint32_t map_type) NTMM_NAMED(NtLockVirtualMemory);
NTMM_API NTSTATUS NtUnlockVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size,
                                        uint32_t map_type) NTMM_NAMED(NtUnlockVirtualMemory);
/* Rules PM. *copied, which may be NULL, is written also on failure. */
NTMM_API NTSTATUS NtReadVirtualMemory(HANDLE process, uint64_t address, void *buffer, uint64_t size,
                                      uint64_t *copied) NTMM_NAMED(NtReadVirtualMemory);
NTMM_API NTSTATUS NtWriteVirtualMemory(HANDLE process, uint64_t address, const void *buffer,
                                       uint64_t size, uint64_t *copied)
	NTMM_NAMED(NtWriteVirtualMemory);
/* Rules FI. */
NTMM_API NTSTATUS NtFlushInstructionCache(HANDLE process, uint64_t address, uint64_t size)
	NTMM_NAMED(NtFlushInstructionCache);

/* Write watch (rules WW): of an allocation made with MEM_RESERVE | MEM_WRITE_WATCH. `flags` is 0 or
 * WRITE_WATCH_FLAG_RESET. `addresses` takes up to *count addresses, *count then is how many there are,
 * in ascending order; *granularity is 4096. With RESET the pages returned, and no others, count as not
 * written from then on; a store that races with it is told of now or the next time (WW-12). Both
 * calls need PROCESS_VM_OPERATION. */
NTMM_API NTSTATUS NtGetWriteWatch(HANDLE process, uint32_t flags, uint64_t base, uint64_t size,
                                  uint64_t *addresses, uint64_t *count, uint32_t *granularity)
	NTMM_NAMED(NtGetWriteWatch);
NTMM_API NTSTATUS NtResetWriteWatch(HANDLE process, uint64_t base, uint64_t size)
	NTMM_NAMED(NtResetWriteWatch);

/* AWE (rules AW): frames of a process's own, and windows (MEM_RESERVE | MEM_PHYSICAL) that they are mapped
 * into. Frame numbers are opaque, not 0, and stay what they are.
 *
 * Allocating needs SeLockMemoryPrivilege, enabled. *count: frames wanted; then how many were got,
 * perhaps fewer. STATUS_INSUFFICIENT_RESOURCES when it would be none. */
NTMM_API NTSTATUS NtAllocateUserPhysicalPages(HANDLE process, uint64_t *count, uint64_t *frames)
	NTMM_NAMED(NtAllocateUserPhysicalPages);
/* Frames that are mapped are unmapped first. STATUS_CONFLICTING_ADDRESSES at the first that is not the
 * process's; *count, also then: how many were freed. Both calls need PROCESS_VM_OPERATION. */
NTMM_API NTSTATUS NtFreeUserPhysicalPages(HANDLE process, uint64_t *count, const uint64_t *frames)
	NTMM_NAMED(NtFreeUserPhysicalPages);
/* In the current process, all or nothing. `frames` NULL unmaps. Within one window from `address` on,
 * which is rounded down to a page; or each at an address of its own, where a frame 0 unmaps. What was
 * mapped at a page is replaced; of an address that comes twice the last one counts. */
NTMM_API NTSTATUS NtMapUserPhysicalPages(uint64_t address, uint64_t count, const uint64_t *frames)
	NTMM_NAMED(NtMapUserPhysicalPages);
NTMM_API NTSTATUS NtMapUserPhysicalPagesScatter(const uint64_t *addresses, uint64_t count,
                                                const uint64_t *frames)
	NTMM_NAMED(NtMapUserPhysicalPagesScatter);

typedef struct _MEMORY_RANGE_ENTRY {
	uint64_t VirtualAddress;
	uint64_t NumberOfBytes;
} MEMORY_RANGE_ENTRY;

#define VmPrefetchInformation 0
/* Prefetch (rules PF): info_class VmPrefetchInformation, info a uint32_t of flags, 0. */
NTMM_API NTSTATUS NtSetInformationVirtualMemory(HANDLE process, uint32_t info_class, uint64_t count,
                                                const MEMORY_RANGE_ENTRY *ranges, const void *info,
                                                uint32_t length)
	NTMM_NAMED(NtSetInformationVirtualMemory);

/* ---- sections (sections 16 and 17 of the rules) --------------------------------------------- */

typedef struct _UNICODE_STRING {
	USHORT Length; /* bytes */
	USHORT MaximumLength;
	WCHAR *Buffer;
} UNICODE_STRING, *PUNICODE_STRING;

typedef struct _OBJECT_ATTRIBUTES {
	ULONG Length;
	HANDLE RootDirectory; /* NULL: names are those of the machine */
	PUNICODE_STRING ObjectName;
	ULONG Attributes; /* OBJ_OPENIF */
	PVOID SecurityDescriptor;
	PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

#define OBJ_OPENIF 0x00000080

/* A section of the machine that the calling thread is attached to; without one
 * STATUS_NOT_SUPPORTED. `attributes` may be NULL: no name. *size, which may be NULL for a file: bytes.
 * `protect` and `allocation` (SEC_) as rules SC-2 and SC-4. `file` NULL: backed by the paging file.
 * STATUS_OBJECT_NAME_EXISTS, a success, when OBJ_OPENIF found the name. */
NTMM_API NTSTATUS NtCreateSection(HANDLE *section, uint32_t access,
                                  const OBJECT_ATTRIBUTES *attributes, const uint64_t *size,
                                  uint32_t protect, uint32_t allocation, HANDLE file)
	NTMM_NAMED(NtCreateSection);
NTMM_API NTSTATUS NtOpenSection(HANDLE *section, uint32_t access,
                                const OBJECT_ATTRIBUTES *attributes) NTMM_NAMED(NtOpenSection);

typedef enum _SECTION_INHERIT { ViewShare = 1, ViewUnmap = 2 } SECTION_INHERIT;

/* *base: 0 lets the system choose. *offset, which may be NULL, and *size: bytes, written back. Rules
 * MV. Processes of another machine than the section's: STATUS_NOT_SAME_DEVICE. */
NTMM_API NTSTATUS NtMapViewOfSection(HANDLE section, HANDLE process, uint64_t *base,
                                     uint64_t zero_bits, uint64_t commit, uint64_t *offset,
                                     uint64_t *size, SECTION_INHERIT inherit, uint32_t type,
                                     uint32_t protect) NTMM_NAMED(NtMapViewOfSection);
/* The same, with MEM_REPLACE_PLACEHOLDER in `type` (PH-10), and parameters (V2-9) instead of ZeroBits. */
NTMM_API NTSTATUS NtMapViewOfSectionEx(HANDLE section, HANDLE process, uint64_t *base,
                                       uint64_t *offset, uint64_t *size, uint32_t type,
                                       uint32_t protect, MEM_EXTENDED_PARAMETER *parameters,
                                       uint32_t count) NTMM_NAMED(NtMapViewOfSectionEx);
/* Rules UV; MEM_PRESERVE_PLACEHOLDER: the view becomes a placeholder again (PH-20). */
NTMM_API NTSTATUS NtUnmapViewOfSection(HANDLE process, uint64_t address)
	NTMM_NAMED(NtUnmapViewOfSection);
NTMM_API NTSTATUS NtUnmapViewOfSectionEx(HANDLE process, uint64_t address, uint32_t flags)
	NTMM_NAMED(NtUnmapViewOfSectionEx);

typedef struct _IO_STATUS_BLOCK {
	union {
		NTSTATUS Status;
		PVOID Pointer;
	};
	ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

/* Writes what is dirty in pages of the range, of one view, to its file. *size 0: to the end of the
 * view. STATUS_NOT_MAPPED_DATA: there is no file to write to. Rules FV. */
NTMM_API NTSTATUS NtFlushVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size,
                                       IO_STATUS_BLOCK *io) NTMM_NAMED(NtFlushVirtualMemory);

typedef enum _SECTION_INFORMATION_CLASS {
	SectionBasicInformation = 0,
	SectionImageInformation = 1, /* of images only: STATUS_SECTION_NOT_IMAGE (SC-13) */
} SECTION_INFORMATION_CLASS;

typedef struct _SECTION_BASIC_INFORMATION {
	PVOID BaseAddress;
	ULONG Attributes; /* SEC_ (SC-13) */
	LONGLONG Size;
} SECTION_BASIC_INFORMATION, *PSECTION_BASIC_INFORMATION;

/* What an image's headers say; of 32-bit images, too, in this form. */
typedef struct _SECTION_IMAGE_INFORMATION {
	PVOID TransferAddress; /* the entry point, at the preferred base */
	ULONG ZeroBits;        /* 0 */
	SIZE_T MaximumStackSize, CommittedStackSize;
	ULONG SubSystemType;
	union {
		struct {
			USHORT SubSystemMinorVersion, SubSystemMajorVersion;
		};
		ULONG SubSystemVersion;
	};
	union {
		struct {
			USHORT MajorOperatingSystemVersion, MinorOperatingSystemVersion;
		};
		ULONG OperatingSystemVersion;
	};
	USHORT ImageCharacteristics, DllCharacteristics, Machine;
	BOOLEAN ImageContainsCode;
	UCHAR ImageFlags; /* SECTION_IMAGE_MAPPED_FLAT */
	ULONG LoaderFlags;
	ULONG ImageFileSize; /* bytes, modulo 2^32 */
	ULONG CheckSum;
} SECTION_IMAGE_INFORMATION, *PSECTION_IMAGE_INFORMATION;

#define SECTION_IMAGE_MAPPED_FLAT 0x08 /* IM-7 */

/* Needs SECTION_QUERY. *returned, which may be NULL: bytes written. */
NTMM_API NTSTATUS NtQuerySection(HANDLE section, SECTION_INFORMATION_CLASS info_class, void *buffer,
                                 uint64_t length, uint64_t *returned) NTMM_NAMED(NtQuerySection);

/* A section of a data file becomes *size bytes long, and its file at least so; it never becomes shorter:
 * *size is then what it has. Needs SECTION_EXTEND_SIZE. Views stay as they are.
 * STATUS_SECTION_NOT_EXTENDED: it is not of a data file, or the file would have to grow and the section
 * may not be written; STATUS_SECTION_TOO_BIG; STATUS_DISK_FULL ... */
NTMM_API NTSTATUS NtExtendSection(HANDLE section, uint64_t *size) NTMM_NAMED(NtExtendSection);

/* By process identifier. */
NTMM_API NTSTATUS NtOpenProcess(HANDLE *process, uint32_t access, uint64_t pid)
	NTMM_NAMED(NtOpenProcess);
NTMM_API NTSTATUS NtTerminateProcess(HANDLE process, NTSTATUS exit_status)
	NTMM_NAMED(NtTerminateProcess);
NTMM_API NTSTATUS NtClose(HANDLE object) NTMM_NAMED(NtClose);
NTMM_API NTSTATUS NtOpenProcessToken(HANDLE process, uint32_t access, HANDLE *token)
	NTMM_NAMED(NtOpenProcessToken);
/* The Win32 error of a status (section 2). A status it does not know gives
 * ERROR_MR_MID_NOT_FOUND (317), as Windows does. */
NTMM_API ULONG RtlNtStatusToDosError(NTSTATUS status) NTMM_NAMED(RtlNtStatusToDosError);

NTMM_END
#endif
