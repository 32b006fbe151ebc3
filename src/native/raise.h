/* SPDX-License-Identifier: MIT
 *
 * Who sees an exception, in order (EX-10): vectored handlers, then the thread's innermost ntmm_try.
 */
#ifndef NTMM_NATIVE_RAISE_H
#define NTMM_NATIVE_RAISE_H

#include <ucontext.h>

#include <ntmm/exception.h>

/* Whether a handler continued: then `state` is what with. */
bool raise_to_handlers(EXCEPTION_RECORD *record, ucontext_t *state);

/* Does not return if the thread is in an ntmm_try: that goes on with the record, and with the
 * signals blocked that were when it happened. */
void raise_to_try(const EXCEPTION_RECORD *record, const ucontext_t *state);

#endif
