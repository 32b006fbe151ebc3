/* SPDX-License-Identifier: MIT
 *
 * The processor's state as a signal handler finds it, and as Windows shows it.
 */
#ifndef NTMM_NATIVE_CONTEXT_H
#define NTMM_NATIVE_CONTEXT_H

#include <ucontext.h>

#include <ntmm/exception.h>

/* The modes of the floating-point units (rounding ...) are from now on those of `state`: handlers
 * run with them, and what a handler jumps out to. The host begins a handler with its defaults. */
void context_keep_modes(const ucontext_t *state);

void context_from_host(CONTEXT *context, const ucontext_t *state);
/* What `context` has, by its ContextFlags, is what execution goes on with: all but segment and
 * debug registers. */
void context_to_host(const CONTEXT *context, ucontext_t *state);

#endif
