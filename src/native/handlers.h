/* SPDX-License-Identifier: MIT
 *
 * The two lists of vectored handlers (EX-10).
 *
 * A handler is known by a key, which is unique for ever and says its place in the order. A walk
 * of a list holds the key of the handler it has called, nothing else: it may take any time, or be
 * left by longjmp, while handlers come and go. Memory is reused by later handlers, never given
 * back. Threads: any. Adding and removing take a lock (leaf); walking takes none.
 */
#ifndef NTMM_NATIVE_HANDLERS_H
#define NTMM_NATIVE_HANDLERS_H

#include <ntmm/exception.h>

enum handler_list { HANDLERS_OF_EXCEPTIONS, HANDLERS_OF_CONTINUING };

/* The key; 0: no memory. */
uint64_t handlers_add(enum handler_list list, bool first, PVECTORED_EXCEPTION_HANDLER function);
/* Whether it was there. */
bool handlers_remove(enum handler_list list, uint64_t key);
bool handlers_any(enum handler_list list);

/* Calls them in order until one answers EXCEPTION_CONTINUE_EXECUTION, and tells whether one did. */
bool handlers_call(enum handler_list list, EXCEPTION_POINTERS *pointers);

#endif
