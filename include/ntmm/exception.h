/* SPDX-License-Identifier: MIT
 *
 * Exceptions of the calling process (rules EX, GP): what handlers see, and how they are installed.
 *
 * What this is: the part of <winnt.h> and <errhandlingapi.h> that has to do with exceptions;
 * windows.h includes it. A handler is called for what the processor refuses in this host process,
 * by the thread that faulted; also in code that runs as a machine's thread by ntmm_thread_run()
 * (thread.h). What ntmm_load ... of such a thread raise is told by ntmm_thread_exception(), and
 * no handler sees it.
 *
 * Handlers run in a signal handler, on an alternate stack of 256 KB that nested faults share.
 * They may call every function of ntmm, and those of the host that its signal-safety(7) allows;
 * all, when the fault can only be in the program's own code. They may leave by longjmp (but see
 * ntmm_try), and fault themselves. docs/native.md says more. Threads: any.
 */
#ifndef NTMM_EXCEPTION_H
#define NTMM_EXCEPTION_H

#include <ntmm/types.h>

NTMM_BEGIN

#define EXCEPTION_GUARD_PAGE ((DWORD)0x80000001)
#define EXCEPTION_DATATYPE_MISALIGNMENT ((DWORD)0x80000002)
#define EXCEPTION_BREAKPOINT ((DWORD)0x80000003)
#define EXCEPTION_SINGLE_STEP ((DWORD)0x80000004)
#define EXCEPTION_ACCESS_VIOLATION ((DWORD)0xC0000005)
#define EXCEPTION_IN_PAGE_ERROR ((DWORD)0xC0000006)
#define EXCEPTION_ILLEGAL_INSTRUCTION ((DWORD)0xC000001D)
#define EXCEPTION_NONCONTINUABLE_EXCEPTION ((DWORD)0xC0000025)
#define EXCEPTION_INVALID_DISPOSITION ((DWORD)0xC0000026)
#define EXCEPTION_INT_DIVIDE_BY_ZERO ((DWORD)0xC0000094)
#define EXCEPTION_PRIV_INSTRUCTION ((DWORD)0xC0000096)
#define EXCEPTION_STACK_OVERFLOW ((DWORD)0xC00000FD)

/* ExceptionInformation[0] of the first, the second and the sixth (EX-1, EX-7). */
#define EXCEPTION_READ_FAULT 0
#define EXCEPTION_WRITE_FAULT 1
#define EXCEPTION_EXECUTE_FAULT 8

#define EXCEPTION_NONCONTINUABLE 0x1

/* What handlers answer. */
#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

#define CONTEXT_AMD64 0x00100000
#define CONTEXT_CONTROL (CONTEXT_AMD64 | 0x1)   /* SegSs, Rsp, SegCs, Rip, EFlags */
#define CONTEXT_INTEGER (CONTEXT_AMD64 | 0x2)   /* the other general registers */
#define CONTEXT_SEGMENTS (CONTEXT_AMD64 | 0x4)
#define CONTEXT_FLOATING_POINT (CONTEXT_AMD64 | 0x8) /* MxCsr, FltSave */
#define CONTEXT_DEBUG_REGISTERS (CONTEXT_AMD64 | 0x10)
#define CONTEXT_FULL (CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT)
#define CONTEXT_ALL (CONTEXT_FULL | CONTEXT_SEGMENTS | CONTEXT_DEBUG_REGISTERS)

#ifndef NTMM_NO_WINTYPES

#define NTMM_ALIGNED_16 __attribute__((aligned(16)))

typedef struct NTMM_ALIGNED_16 _M128A {
	ULONGLONG Low;
	LONGLONG High;
} M128A, *PM128A;

/* As FXSAVE stores it. */
typedef struct NTMM_ALIGNED_16 _XSAVE_FORMAT {
	WORD ControlWord;
	WORD StatusWord;
	BYTE TagWord;
	BYTE Reserved1;
	WORD ErrorOpcode;
	DWORD ErrorOffset;
	WORD ErrorSelector;
	WORD Reserved2;
	DWORD DataOffset;
	WORD DataSelector;
	WORD Reserved3;
	DWORD MxCsr;
	DWORD MxCsr_Mask;
	M128A FloatRegisters[8];
	M128A XmmRegisters[16];
	BYTE Reserved4[96];
} XSAVE_FORMAT, *PXSAVE_FORMAT, XMM_SAVE_AREA32, *PXMM_SAVE_AREA32;

/* The processor's state as of 64-bit Windows on x86-64, 1232 bytes. ContextFlags says which parts
 * are valid: CONTEXT_FULL and CONTEXT_SEGMENTS when a handler is called. When one continues, the
 * parts that are valid are what execution goes on with, but for segment registers. */
typedef struct NTMM_ALIGNED_16 _CONTEXT {
	DWORD64 P1Home, P2Home, P3Home, P4Home, P5Home, P6Home;
	DWORD ContextFlags;
	DWORD MxCsr; /* counts, not the one in FltSave */
	WORD SegCs, SegDs, SegEs, SegFs, SegGs, SegSs;
	DWORD EFlags;
	DWORD64 Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
	DWORD64 Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi;
	DWORD64 R8, R9, R10, R11, R12, R13, R14, R15;
	DWORD64 Rip;
	union {
		XMM_SAVE_AREA32 FltSave;
		struct {
			M128A Header[2];
			M128A Legacy[8];
			M128A Xmm0, Xmm1, Xmm2, Xmm3, Xmm4, Xmm5, Xmm6, Xmm7;
			M128A Xmm8, Xmm9, Xmm10, Xmm11, Xmm12, Xmm13, Xmm14, Xmm15;
		};
	};
	M128A VectorRegister[26];
	DWORD64 VectorControl;
	DWORD64 DebugControl;
	DWORD64 LastBranchToRip, LastBranchFromRip;
	DWORD64 LastExceptionToRip, LastExceptionFromRip;
} CONTEXT, *PCONTEXT, *LPCONTEXT;

typedef struct _EXCEPTION_POINTERS {
	PEXCEPTION_RECORD ExceptionRecord;
	PCONTEXT ContextRecord;
} EXCEPTION_POINTERS, *PEXCEPTION_POINTERS, *LPEXCEPTION_POINTERS;

typedef LONG(NTAPI *PVECTORED_EXCEPTION_HANDLER)(EXCEPTION_POINTERS *pointers);

#endif /* NTMM_NO_WINTYPES */

/* The handler is called for each exception: before those that there are when `first` is not 0,
 * else after them (EX-10). EXCEPTION_CONTINUE_EXECUTION ends the search and goes on as the
 * CONTEXT says; anything else means the next handler, then ntmm_try, then the signal handler that
 * was there before. Returns what removes it; NULL: ERROR_INVALID_PARAMETER, no handler;
 * ERROR_NOT_ENOUGH_MEMORY; ERROR_NOT_SUPPORTED, the host is not Linux on x86-64. */
NTMM_API PVOID AddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
	NTMM_NAMED(AddVectoredExceptionHandler);
/* 0 when it is not one (any more). Does not wait: another thread may still be in the handler, or
 * about to call it. */
NTMM_API ULONG RemoveVectoredExceptionHandler(PVOID handle)
	NTMM_NAMED(RemoveVectoredExceptionHandler);
/* Called, in order, after a vectored exception handler has said to continue; what they answer only
 * says whether the next is called too. */
NTMM_API PVOID AddVectoredContinueHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
	NTMM_NAMED(AddVectoredContinueHandler);
NTMM_API ULONG RemoveVectoredContinueHandler(PVOID handle)
	NTMM_NAMED(RemoveVectoredContinueHandler);

NTMM_END
#endif
