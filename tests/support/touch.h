/* SPDX-License-Identifier: MIT
 *
 * Accesses to memory of the calling process that may fault: single instructions, which neither the
 * compiler nor a sanitizer has any opinion of.
 */
#ifndef TESTS_SUPPORT_TOUCH_H
#define TESTS_SUPPORT_TOUCH_H

#include <stdint.h>
#include <sys/mman.h>

static inline uint8_t peek(const volatile void *address)
{
	uint8_t value;
	__asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(address) : "memory");
	return value;
}

static inline void poke(volatile void *address, uint8_t value)
{
	__asm__ volatile("movb %1, (%0)" : : "r"(address), "q"(value) : "memory");
}

static inline uint32_t peek32(const volatile void *address)
{
	uint32_t value;
	__asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

/* Adds 1, in one instruction that reads and writes. */
static inline void bump(volatile void *address)
{
	__asm__ volatile("lock incb (%0)" : : "r"(address) : "memory", "cc");
}

/* Calls what is there. */
static inline void run_code(const volatile void *address)
{
	__asm__ volatile("subq $128, %%rsp\n\t"
	                 "call *%0\n\t"
	                 "addq $128, %%rsp"
	                 :
	                 : "r"(address)
	                 : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
	                   "r11");
}

/* How often to leave by longjmp: sanitizers clear what they know of the whole stack each time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY_JUMPS 2000u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MANY_JUMPS 2000u
#endif
#endif
#ifndef MANY_JUMPS
#define MANY_JUMPS 100000u
#endif

/* Whole pages of the host's, not of the library's. */
static inline char *host_pages(size_t bytes, int protection)
{
	return mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#endif
