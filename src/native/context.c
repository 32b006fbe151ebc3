/* SPDX-License-Identifier: MIT
 *
 * CONTEXT (laid out as on 64-bit Windows) from and to ucontext_t.
 */
#include "native/context.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(CONTEXT) == 1232 && _Alignof(CONTEXT) == 16, "CONTEXT");
_Static_assert(sizeof(XMM_SAVE_AREA32) == 512, "XMM_SAVE_AREA32");
_Static_assert(offsetof(CONTEXT, ContextFlags) == 0x30, "CONTEXT");
_Static_assert(offsetof(CONTEXT, SegCs) == 0x38, "CONTEXT");
_Static_assert(offsetof(CONTEXT, EFlags) == 0x44, "CONTEXT");
_Static_assert(offsetof(CONTEXT, Rax) == 0x78, "CONTEXT");
_Static_assert(offsetof(CONTEXT, Rip) == 0xF8, "CONTEXT");
_Static_assert(offsetof(CONTEXT, FltSave) == 0x100, "CONTEXT");
_Static_assert(offsetof(CONTEXT, Xmm15) == 0x290, "CONTEXT");
_Static_assert(offsetof(CONTEXT, VectorRegister) == 0x300, "CONTEXT");
_Static_assert(offsetof(CONTEXT, LastExceptionFromRip) == 0x4C8, "CONTEXT");

#ifdef __x86_64__

#define INTEGER_REGISTERS(X) \
	X(Rax, REG_RAX) X(Rcx, REG_RCX) X(Rdx, REG_RDX) X(Rbx, REG_RBX) X(Rbp, REG_RBP) \
	X(Rsi, REG_RSI) X(Rdi, REG_RDI) X(R8, REG_R8) X(R9, REG_R9) X(R10, REG_R10) \
	X(R11, REG_R11) X(R12, REG_R12) X(R13, REG_R13) X(R14, REG_R14) X(R15, REG_R15)

/* Of the area that FXSAVE writes: what registers are in. The kernel keeps words of its own
 * behind. */
#define REGISTER_BYTES offsetof(XMM_SAVE_AREA32, Reserved4)
_Static_assert(REGISTER_BYTES == 416, "XMM_SAVE_AREA32");

/* Bits of MXCSR that may be set on every processor. */
#define MXCSR_MASK 0xFFBFu

void context_keep_modes(const ucontext_t *state)
{
	const struct _libc_fpstate *host = state->uc_mcontext.fpregs;
	if (!host)
		return;
	uint32_t mxcsr = host->mxcsr & ~UINT32_C(0x3F); /* without what has been raised */
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(host->cwd));
}

void context_from_host(CONTEXT *context, const ucontext_t *state)
{
	const greg_t *registers = state->uc_mcontext.gregs;
	uint64_t segments = (uint64_t)registers[REG_CSGSFS];
	memset(context, 0, sizeof *context);
	context->ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_SEGMENTS;
#define FROM_HOST(name, number) context->name = (DWORD64)registers[number];
	INTEGER_REGISTERS(FROM_HOST)
	context->Rsp = (DWORD64)registers[REG_RSP];
	context->Rip = (DWORD64)registers[REG_RIP];
	context->EFlags = (DWORD)registers[REG_EFL];
	context->SegCs = (WORD)segments;
	context->SegGs = (WORD)(segments >> 16);
	context->SegFs = (WORD)(segments >> 32);
	context->SegSs = (WORD)(segments >> 48);
	if (!state->uc_mcontext.fpregs)
		return;
	context->ContextFlags |= CONTEXT_FLOATING_POINT;
	memcpy(&context->FltSave, state->uc_mcontext.fpregs, REGISTER_BYTES);
	context->MxCsr = context->FltSave.MxCsr;
}

static bool has(const CONTEXT *context, DWORD part)
{
	return (context->ContextFlags & part) == part;
}

static void floating_to_host(const CONTEXT *context, struct _libc_fpstate *host)
{
	uint32_t mask = host->mxcr_mask;
	memcpy(host, &context->FltSave, REGISTER_BYTES);
	host->mxcr_mask = mask;
	host->mxcsr = context->MxCsr & (mask ? mask : MXCSR_MASK);
}

void context_to_host(const CONTEXT *context, ucontext_t *state)
{
	greg_t *registers = state->uc_mcontext.gregs;
	if (has(context, CONTEXT_INTEGER)) {
#define TO_HOST(name, number) registers[number] = (greg_t)context->name;
		INTEGER_REGISTERS(TO_HOST)
	}
	if (has(context, CONTEXT_CONTROL)) {
		registers[REG_RSP] = (greg_t)context->Rsp;
		registers[REG_RIP] = (greg_t)context->Rip;
		registers[REG_EFL] = (greg_t)context->EFlags;
	}
	if (has(context, CONTEXT_FLOATING_POINT) && state->uc_mcontext.fpregs)
		floating_to_host(context, state->uc_mcontext.fpregs);
}

#else

void context_keep_modes(const ucontext_t *state)
{
	(void)state;
}

void context_from_host(CONTEXT *context, const ucontext_t *state)
{
	(void)state;
	memset(context, 0, sizeof *context);
}

void context_to_host(const CONTEXT *context, ucontext_t *state)
{
	(void)context, (void)state;
}

#endif
