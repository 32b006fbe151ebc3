/* SPDX-License-Identifier: MIT
 * Beside headers that have all of Windows' types, as mingw-w64's do: for an embedder that has them. */
#include <windows.h>
#include <winternl.h>

#define NTMM_NO_WINTYPES
#include <ntmm/file.h>
#include <ntmm/machine.h>
#include <ntmm/thread.h>

NTSTATUS (*create)(const ntmm_machine_config *, ntmm_machine **) = ntmm_machine_create;
const EXCEPTION_RECORD *(*exception)(const ntmm_thread *) = ntmm_thread_exception;
