/* SPDX-License-Identifier: MIT
 *
 * The instructions that may fault are in assembler, where their addresses are known and no
 * sanitizer looks.
 */
#include "base/user.h"

#include <stdatomic.h>

#include "base/lock.h"
#include "base/units.h"

static _Thread_local uint64_t turn __attribute__((tls_model("initial-exec")));

static _Atomic bool is_guarded;

bool user_is_guarded(void)
{
	return atomic_load_explicit(&is_guarded, memory_order_relaxed);
}

void user_set_guarded(bool guarded)
{
	atomic_store_explicit(&is_guarded, guarded, memory_order_relaxed);
}

uint64_t user_turn(void)
{
	return turn;
}

#ifdef __x86_64__

/* (address or target, source, way, bytes, end).
 *
 * The count of `rep movsb` is exact when it faults: it can be continued, or left with what
 * remains. It is the fastest for large copies, but for one case: some processors are ten times
 * slower when the target lies a little beyond the source in their pages. Such copies, and small
 * ones, are done in blocks of 64 bytes; when one faults, `rep movsb` begins with that block. */
void user_asm_copy(void *to, const void *from, uint64_t way, uint64_t bytes, struct user_end *end);
void user_asm_load(const void *at, const void *unused, uint64_t way, uint64_t one,
                   struct user_end *end);
void user_asm_store(const void *at, const void *unused, uint64_t way, uint64_t one,
                    struct user_end *end);
extern const char user_blocks[], user_blocks_end[];
extern const char user_at_copy[], user_at_load[], user_at_store[], user_at_landing[];

#define FUNCTION(name) \
	".hidden " name "\n.globl " name "\n.type " name ", @function\n.p2align 4\n" name ":\n"
#define LABEL(name) ".hidden " name "\n.globl " name "\n" name ":\n"
#define END(name) ".size " name ", . - " name "\n"

__asm__(".pushsection .text\n"
        FUNCTION("user_asm_load")
        "	.cfi_startproc\n"
        LABEL("user_at_load")
        "	movb (%rdi), %al\n"
        "	jmp user_done\n"
        "	.cfi_endproc\n"
        END("user_asm_load")

        FUNCTION("user_asm_store")
        "	.cfi_startproc\n"
        LABEL("user_at_store")
        "	lock orb $0, (%rdi)\n"
        "	jmp user_done\n"
        "	.cfi_endproc\n"
        END("user_asm_store")

        FUNCTION("user_asm_copy")
        "	.cfi_startproc\n"
        "	movl %edi, %eax\n"
        "	subl %esi, %eax\n"
        "	decl %eax\n"
        "	andl $4095, %eax\n"
        "	cmpl $63, %eax\n"
        "	jb 1f\n" /* 1 to 63 beyond */
        "	cmpq $2048, %rcx\n"
        "	jae user_at_copy\n"
        "1:	subq $64, %rcx\n"
        "	jb user_blocks_end\n"
        "	.p2align 4\n"
        LABEL("user_blocks")
        "	movups 0(%rsi), %xmm0\n"
        "	movups 16(%rsi), %xmm1\n"
        "	movups 32(%rsi), %xmm2\n"
        "	movups 48(%rsi), %xmm3\n"
        "	movups %xmm0, 0(%rdi)\n"
        "	movups %xmm1, 16(%rdi)\n"
        "	movups %xmm2, 32(%rdi)\n"
        "	movups %xmm3, 48(%rdi)\n"
        "	addq $64, %rsi\n"
        "	addq $64, %rdi\n"
        "	subq $64, %rcx\n"
        "	jae user_blocks\n"
        LABEL("user_blocks_end")
        "	addq $64, %rcx\n"
        LABEL("user_at_copy")
        "	rep movsb\n"
        "user_done:\n"
        "	xorl %edx, %edx\n"
        "	xorl %r9d, %r9d\n"
        LABEL("user_at_landing")
        "	movq %rcx, 0(%r8)\n"
        "	movq %rdx, 8(%r8)\n"
        "	movq %r9, 16(%r8)\n"
        "	ret\n"
        "	.cfi_endproc\n"
        END("user_asm_copy")
        ".popsection\n");

uint64_t user_slower(uint64_t rip)
{
	bool is_in_block = rip >= (uintptr_t)user_blocks && rip < (uintptr_t)user_blocks_end;
	return is_in_block ? (uintptr_t)user_blocks_end : 0;
}

bool user_is_at(uint64_t rip)
{
	return rip == (uintptr_t)user_at_copy || rip == (uintptr_t)user_at_load ||
	       rip == (uintptr_t)user_at_store;
}

uint64_t user_landing(void)
{
	return (uintptr_t)user_at_landing;
}

static int32_t finish(const struct user_end *end, struct user_end *told)
{
	if (told)
		*told = *end;
	return (int32_t)(uint32_t)end->status;
}

int32_t user_copy(void *to, const void *from, size_t bytes, enum user_way way, struct user_end *end)
{
	struct user_end now;
	lock_none_held();
	turn++;
	user_asm_copy(to, from, way, bytes, &now);
	return finish(&now, end);
}

static void touch(const void *at, bool store, enum user_way way, struct user_end *end)
{
	if (store)
		user_asm_store(at, NULL, way, 1, end);
	else
		user_asm_load(at, NULL, way, 1, end);
}

int32_t user_probe(const void *start, size_t bytes, bool store, enum user_way way,
                   struct user_end *end)
{
	uint64_t at = (uintptr_t)start, last = at + bytes;
	struct user_end now = {0};
	lock_none_held();
	turn++;
	for (; at < last && !now.status; at = round_down(at, PAGE_BYTES) + PAGE_BYTES)
		touch((const void *)(uintptr_t)at, store, way, &now);
	return finish(&now, end);
}

#else

#define NOT_SUPPORTED 0xC00000BB

uint64_t user_slower(uint64_t rip)
{
	(void)rip;
	return 0;
}

bool user_is_at(uint64_t rip)
{
	(void)rip;
	return false;
}

uint64_t user_landing(void)
{
	return 0;
}

int32_t user_copy(void *to, const void *from, size_t bytes, enum user_way way, struct user_end *end)
{
	(void)to, (void)from, (void)way;
	if (end)
		*end = (struct user_end){bytes, NOT_SUPPORTED, 0};
	return (int32_t)NOT_SUPPORTED;
}

int32_t user_probe(const void *start, size_t bytes, bool store, enum user_way way,
                   struct user_end *end)
{
	(void)store;
	return user_copy((void *)(uintptr_t)start, start, bytes, way, end);
}

#endif
