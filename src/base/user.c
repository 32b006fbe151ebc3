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

/* (address or target, source, way, bytes, end). The count of `rep movsb` is exact when it faults: it can be
 * continued, or left with what remains. */
void user_asm_copy(void *to, const void *from, uint64_t way, uint64_t bytes, struct user_end *end);
void user_asm_load(const void *at, const void *unused, uint64_t way, uint64_t one,
                   struct user_end *end);
void user_asm_store(const void *at, const void *unused, uint64_t way, uint64_t one,
                    struct user_end *end);
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
