/* SPDX-License-Identifier: MIT
 *
 * The calling process itself, as far as Windows has no names for it: exceptions in C, who owns the
 * signals, system calls on memory that may be guarded.
 *
 * What this is: what goes with the native engine beside windows.h; docs/native.md tells how the
 * parts work together. Linux on x86-64; elsewhere what can fail does, with ERROR_NOT_SUPPORTED.
 *
 * Units: bytes. Errors: false, or -1, and GetLastError(). Threads: any.
 */
#ifndef NTMM_NATIVE_H
#define NTMM_NATIVE_H

#include <sys/types.h>

#include <ntmm/exception.h>
#include <ntmm/types.h>

NTMM_BEGIN

/* ---- commit -------------------------------------------------------------------------------- */

/* How many bytes, in whole pages, this process may have committed (rules CM): a call that would
 * pass it fails with ERROR_COMMITMENT_LIMIT, as on a machine whose paging files are full. At
 * first it is the RAM and swap of the host, or the limit of its control group if that is less. It
 * may be less than is committed already; 0: the first value again. GlobalMemoryStatusEx tells it.
 * ERROR_NOT_SUPPORTED; ERROR_NOT_ENOUGH_MEMORY. */
NTMM_API bool ntmm_native_set_commit_limit(uint64_t bytes);

/* ---- exceptions ---------------------------------------------------------------------------- */

/* Runs body(context). True when it returned. False when an exception was raised in it that no
 * vectored handler continued: *record, which may be NULL, says which. What the body was doing is
 * given up where it was, as by longjmp. Nests, in the body and in vectored handlers; each thread
 * has its own. The body must not be left in another way: by longjmp, a C++ exception, or the end
 * of the thread. Where exceptions are not supported the body just runs. */
NTMM_API bool ntmm_try(void (*body)(void *context), void *context, EXCEPTION_RECORD *record);

/* ---- signals -----------------------------------------------------------------------------------
 *
 * Exceptions come from SIGSEGV and SIGBUS. The library installs handlers for the two when it
 * first needs them, and hands what is not its own, or what nobody wanted, to those that were
 * there before.
 */

/* Installs the handlers now; or puts them in front again, if others have been installed since
 * (those are then next in turn, and may call the ones they replaced). ERROR_NOT_SUPPORTED;
 * ERROR_NO_SYSTEM_RESOURCES after too many changes. */
NTMM_API bool ntmm_native_take_signals(void);

/* The program owns the two signals from now on: the library installs no handlers, and takes away
 * those it has installed if they are still in front. The program's handlers call
 * ntmm_native_signal() first. ntmm_native_take_signals() ends that. */
NTMM_API bool ntmm_native_leave_signals(void);

/* For a handler of SIGSEGV or SIGBUS, with its arguments (`info`: siginfo_t). True: it was the
 * library's, or a vectored handler continued; return, and execution goes on. False: not handled.
 * It does not return when an ntmm_try takes the exception. The handler needs SA_SIGINFO;
 * SA_ONSTACK, for stack overflows to be seen; and SA_NODEFER, for faults in vectored handlers. */
NTMM_API bool ntmm_native_signal(int signal, void *info, void *context);

/* Gives the calling thread an alternate signal stack, until it ends, unless it has one of at least
 * 32 KB. Without one a stack overflow ends the process. Done by itself at a thread's first
 * ntmm_try or Add...Handler, so only threads that do neither need it. ERROR_NOT_ENOUGH_MEMORY. */
NTMM_API bool ntmm_native_thread_enter(void);

/* ---- write watch --------------------------------------------------------------------------- */

/* How stores to memory that was allocated with MEM_WRITE_WATCH are noticed. The answers are the
 * same. */
typedef enum ntmm_watch_way {
	NTMM_WATCH_UNDECIDED,
	/* The first store to each page faults, and the fault's handler marks it. Works
	 * everywhere. Linux' own calls answer EFAULT for pages that are not marked:
	 * ntmm_native_read, ntmm_native_probe. */
	NTMM_WATCH_BY_FAULTS,
	/* The host notes them, its own calls' too: Linux 6.7, if userfaultfd is not forbidden. */
	NTMM_WATCH_BY_HOST,
} ntmm_watch_way;

/* Decided for the whole process when such memory is first committed: by the host if that can be. */
NTMM_API ntmm_watch_way ntmm_native_watch_way(void);
/* Decides it. ERROR_INVALID_PARAMETER, no such way; ERROR_NOT_SUPPORTED, the host does not allow
 * it; ERROR_BUSY, another has been decided on. */
NTMM_API bool ntmm_native_set_watch_way(ntmm_watch_way way);

/* ---- system calls on guarded, watched or reserved memory ---------------------------------------
 *
 * Linux' own calls answer EFAULT for memory that Windows would make accessible, or for guarded
 * pages whose guard must go (rules GP-6 to GP-8).
 */

/* Touches each page of the buffer as a system service of Windows does, for reading or for writing
 * without changing it: what may be accessed can be when it returns, watched pages are marked as
 * written to, the first guard met is gone. False: 0x80000001, a guard; ERROR_NOACCESS;
 * ERROR_SWAPERROR. An empty buffer may be anywhere. */
NTMM_API bool ntmm_native_probe(const void *buffer, size_t bytes, bool for_write);

/* As read(2) and write(2). When the buffer is at fault: -1, errno EFAULT, and the last error that
 * ReadFile or WriteFile would have: as ntmm_native_probe, but ERROR_INVALID_USER_BUFFER for what
 * cannot be written to a regular file (GP-8). Otherwise the last error stays. */
NTMM_API ssize_t ntmm_native_read(int fd, void *buffer, size_t bytes);
NTMM_API ssize_t ntmm_native_write(int fd, const void *buffer, size_t bytes);

NTMM_END
#endif
