/* SPDX-License-Identifier: MIT
 *
 * Windows' basic types and structures, as far as the memory calls need them.
 *
 * What this is: the names that windows.h, ntapi.h, machine.h and thread.h share, laid out as on
 * 64-bit Windows. DWORD and LONG are 32 bits wide, WCHAR is char16_t, pointers are the host's.
 *
 * Beside headers that declare such names too:
 *
 *   NTMM_NO_WINTYPES          defined before machine.h, thread.h or file.h: all of Windows' types,
 *                             statuses and errors are there already (mingw-w64's <windows.h> and
 *                             <winternl.h>, Wine's). They must be as wide as on Windows.
 *   ALREADY_HAVE_WINDOWS_TYPE defined after ntmm's headers and before unixODBC's, which then leave
 *                             theirs out (among them a ULONG of 64 bits); tests/install/odbc.c
 */
#ifndef NTMM_TYPES_H
#define NTMM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define NTMM_BEGIN extern "C" {
#define NTMM_END }
#else
#define NTMM_BEGIN
#define NTMM_END
#endif

/* Exported from the shared library. */
#define NTMM_API __attribute__((visibility("default")))
/* Declares a Windows name whose symbol is ntmm_NAME, so that other libraries may define NAME. */
#define NTMM_NAMED(name) __asm__("ntmm_" #name)

#ifndef NTMM_NO_WINTYPES
#ifndef __cplusplus
#include <uchar.h>
#endif

#define WINAPI
#define CALLBACK
#define NTAPI
#define VOID void
#define CONST const
#define FALSE 0
#define TRUE 1

typedef int BOOL;
typedef unsigned char BYTE, UCHAR, BOOLEAN;
typedef char CHAR;
typedef char16_t WCHAR;
typedef uint16_t WORD, USHORT;
typedef int16_t SHORT;
typedef int32_t LONG, INT;
typedef uint32_t DWORD, ULONG, UINT;
typedef int64_t LONGLONG, LONG64;
typedef uint64_t DWORDLONG, ULONGLONG, ULONG64, DWORD64;
typedef uintptr_t ULONG_PTR, DWORD_PTR, SIZE_T;
typedef intptr_t LONG_PTR, SSIZE_T;
typedef void *PVOID, *LPVOID, *HANDLE, *HMODULE;
typedef const void *LPCVOID;
typedef const char *LPCSTR;
typedef const WCHAR *LPCWSTR;
typedef char *LPSTR;
typedef BOOL *PBOOL, *LPBOOL;
typedef DWORD *PDWORD, *LPDWORD;
typedef ULONG *PULONG;
typedef HANDLE *PHANDLE, *LPHANDLE;
typedef SIZE_T *PSIZE_T;
typedef ULONG_PTR *PULONG_PTR;
typedef int32_t NTSTATUS;
typedef intptr_t (*FARPROC)(void);

#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)

typedef struct _LUID {
	DWORD LowPart;
	LONG HighPart;
} LUID, *PLUID;

/* What VirtualAlloc2 and MapViewOfFile3 take beside the usual (rules V2). */
typedef enum MEM_EXTENDED_PARAMETER_TYPE {
	MemExtendedParameterInvalidType = 0,
	MemExtendedParameterAddressRequirements, /* Pointer: MEM_ADDRESS_REQUIREMENTS */
	MemExtendedParameterNumaNode,            /* ULong: a node; it only guides the system */
	MemExtendedParameterPartitionHandle,     /* not supported */
	MemExtendedParameterUserPhysicalHandle,  /* not supported */
	MemExtendedParameterAttributeFlags,      /* ULong64: MEM_EXTENDED_PARAMETER_... */
	MemExtendedParameterImageMachine,        /* ULong: IMAGE_FILE_MACHINE_..., of image views */
	MemExtendedParameterMax
} MEM_EXTENDED_PARAMETER_TYPE, *PMEM_EXTENDED_PARAMETER_TYPE;

#define MEM_EXTENDED_PARAMETER_TYPE_BITS 8

typedef struct MEM_EXTENDED_PARAMETER {
	struct {
		uint64_t Type : MEM_EXTENDED_PARAMETER_TYPE_BITS;
		uint64_t Reserved : 64 - MEM_EXTENDED_PARAMETER_TYPE_BITS;
	};
	union {
		DWORD64 ULong64;
		PVOID Pointer;
		SIZE_T Size;
		HANDLE Handle;
		DWORD ULong;
	};
} MEM_EXTENDED_PARAMETER, *PMEM_EXTENDED_PARAMETER;

/* Of a place that the system chooses; 0: no requirement. The place starts at a multiple of
 * Alignment, a power of two from 64 KB on, at LowestStartingAddress or above, and its last byte is at
 * HighestEndingAddress or below (V2-4 to V2-6). */
typedef struct _MEM_ADDRESS_REQUIREMENTS {
	PVOID LowestStartingAddress;
	PVOID HighestEndingAddress;
	SIZE_T Alignment;
} MEM_ADDRESS_REQUIREMENTS, *PMEM_ADDRESS_REQUIREMENTS;

typedef union _LARGE_INTEGER {
	struct {
		DWORD LowPart;
		LONG HighPart;
	};
	struct {
		DWORD LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

#define EXCEPTION_MAXIMUM_PARAMETERS 15

/* What an access raises instead of succeeding (rules EX-1 to EX-8). */
typedef struct _EXCEPTION_RECORD {
	DWORD ExceptionCode;
	DWORD ExceptionFlags;
	struct _EXCEPTION_RECORD *ExceptionRecord;
	PVOID ExceptionAddress;
	DWORD NumberParameters;
	ULONG_PTR ExceptionInformation[EXCEPTION_MAXIMUM_PARAMETERS];
} EXCEPTION_RECORD, *PEXCEPTION_RECORD;
#endif /* NTMM_NO_WINTYPES */

/* As Windows has them, whoever has declared them. */
#ifdef __cplusplus
static_assert(sizeof(LONG) == 4 && sizeof(ULONG) == 4 && sizeof(SIZE_T) == sizeof(void *), "widths");
#else
_Static_assert(sizeof(LONG) == 4 && sizeof(ULONG) == 4 && sizeof(SIZE_T) == sizeof(void *), "widths");
#endif

#endif
