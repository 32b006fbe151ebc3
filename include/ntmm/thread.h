/* SPDX-License-Identifier: MIT
 *
 * Threads of a machine's processes: who uses addresses.
 *
 * What this is: a thread translates addresses as the processor does (S5): a small translation
 * buffer (TLB) in front of the page map, faults behind it. An access either succeeds, or raises an
 * exception, which ntmm_thread_exception() returns as Windows would deliver it.
 *
 * Units: addresses are the process's; sizes are bytes.
 * Errors: accesses return false when they raised an exception; nothing was loaded or stored then.
 * Threads: one ntmm_thread is used by one host thread at a time; different ones by any host threads
 * at once. Accesses of up to 8 bytes that are aligned to their size are atomic, in no particular
 * order but what the host processor gives; ntmm_compare_exchange is sequentially consistent.
 */
#ifndef NTMM_THREAD_H
#define NTMM_THREAD_H

#include <ntmm/status.h>
#include <ntmm/types.h>

NTMM_BEGIN

typedef struct ntmm_thread ntmm_thread;

/* Zero in any member but size means the default. */
typedef struct ntmm_thread_options {
	uint32_t size;          /* sizeof (ntmm_thread_options) */
	uint32_t flags;         /* NTMM_THREAD_ */
	uint64_t stack_reserve; /* bytes, default 1 MB; rounded up to 64 KB (rule ST-2) */
	uint64_t stack_commit;  /* bytes, default 8 KB; when above the reserve, that grows (ST-2) */
} ntmm_thread_options;

enum { NTMM_THREAD_STACK = 1 }; /* give it a stack: guard page, growth, overflow (rules ST) */

/* `process` needs PROCESS_CREATE_THREAD. `options` may be NULL: no stack. Returns NULL and sets
 * GetLastError(): 6, 5, 87, 8 or, with a stack, what VirtualAlloc would say. The thread holds a
 * reference to its process. */
NTMM_API ntmm_thread *ntmm_thread_create(HANDLE process, const ntmm_thread_options *options);

/* Ends the thread and releases its stack. It must not be attached or in use. NULL is ignored. */
NTMM_API void ntmm_thread_destroy(ntmm_thread *thread);

/* Makes the calling host thread act as `thread`: GetCurrentProcess(), VirtualAlloc, GetSystemInfo
 * ... mean its process until ntmm_thread_detach(). False and ERROR_BUSY when it is attached already,
 * or when the host thread is. */
NTMM_API bool ntmm_thread_attach(ntmm_thread *thread);
NTMM_API void ntmm_thread_detach(void);

/* Runs body(context), code of the host program, as the code of `thread`: the calling host thread is
 * attached to it, and the memory of its process can be used at its addresses, by pointers that
 * VirtualAlloc and the others returned. The host's processor accesses the machine's RAM then, at
 * its own speed, where a translation of the thread's has been shown to it; each first access to a
 * page faults, and goes the way of ntmm_load ... Stores are seen by write watch, pages come back
 * from the paging file, and so on. Exceptions are raised as in the host's own process: handlers of
 * AddVectoredExceptionHandler, and ntmm_try in the body, see them; they run as the thread, too.
 *
 * The process's addresses must be free in the host process, from 64 KB to the highest: those of
 * NTMM_LAYOUT_NT64_8TB and of the 32-bit layouts are in most programs that are position-independent.
 * Several threads of a process may run at once, but of one process at a time where addresses
 * overlap. What the host's kernel does with a pointer of the process's may answer EFAULT (native.h,
 * ntmm_native_probe); what functions of ntmm/machine.h fill in must not lie there at all. The
 * body must return; it must not detach. x86-64 alone.
 *
 * False, without having called it: ERROR_BUSY, as ntmm_thread_attach; ERROR_NOT_SUPPORTED, the
 * machine has no NTMM_MACHINE_SHARED_RAM or runs a Windows 9x, or there are no signals here;
 * ERROR_INVALID_ADDRESS, something is in the way; ERROR_ACCESS_DENIED, the process has ended;
 * ERROR_NOT_ENOUGH_MEMORY. ntmm_error_message() says more. */
NTMM_API bool ntmm_thread_run(ntmm_thread *thread, void (*body)(void *context), void *context);

/* What the last access that returned false raised: STATUS_ACCESS_VIOLATION,
 * STATUS_GUARD_PAGE_VIOLATION, STATUS_IN_PAGE_ERROR, STATUS_STACK_OVERFLOW or
 * STATUS_DATATYPE_MISALIGNMENT, with parameters as rules EX-1 to EX-8 say. Valid until the next. */
NTMM_API const EXCEPTION_RECORD *ntmm_thread_exception(const ntmm_thread *thread);

typedef struct ntmm_thread_stack {
	uint32_t size;         /* set by the caller: sizeof (ntmm_thread_stack) */
	uint64_t base;         /* StackBase: one past the highest byte */
	uint64_t limit;        /* StackLimit: lowest committed address without guard */
	uint64_t deallocation; /* DeallocationStack: base of the reservation */
	uint64_t guarantee;    /* bytes kept for the overflow handler (ST-7) */
} ntmm_thread_stack;

/* STATUS_INVALID_PARAMETER when the thread has no stack. */
NTMM_API NTSTATUS ntmm_thread_get_stack(const ntmm_thread *thread, ntmm_thread_stack *stack);
/* SetThreadStackGuarantee: bytes, rounded up to pages. */
NTMM_API NTSTATUS ntmm_thread_set_stack_guarantee(ntmm_thread *thread, uint64_t bytes);

/* ---- the translation buffer ------------------------------------------------------------------
 *
 * The one structure that callers see the inside of, so that a hit is inlined. NTMM_TLB_VERSION
 * changes with its layout. 1024 lines, direct-mapped by page number. A tag is the address of the
 * page that the line translates for that kind of access, NTMM_TLB_EMPTY when it may not be used:
 * a store hits only where the page is dirty already. Tags are taken away by other threads (atomic
 * stores); filled, and `addend` written, only by the owner.
 *
 * Neither a hit nor a walk takes a lock: `inside` = 1, look up, access, `inside` = 0. Whoever takes a page
 * away clears the tags, makes every host thread see that, then waits until `inside` is 0.
 */
#define NTMM_TLB_VERSION 1
#define NTMM_TLB_LINES 1024
#define NTMM_TLB_EMPTY UINT64_C(1)
#define NTMM_PAGE_SHIFT 12
#define NTMM_PAGE_BYTES UINT64_C(4096)

struct ntmm_tlb_line {
	uint64_t load, store, fetch; /* tags */
	uint64_t addend;             /* host address of the page - address of the page */
};

struct ntmm_tlb {
	uint32_t inside;
	uint32_t version;
	struct ntmm_tlb_line lines[NTMM_TLB_LINES];
};

#if defined(__SANITIZE_THREAD__)
#define NTMM_TLB_ORDER __ATOMIC_SEQ_CST
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NTMM_TLB_ORDER __ATOMIC_SEQ_CST
#endif
#endif
#ifndef NTMM_TLB_ORDER
#define NTMM_TLB_ORDER __ATOMIC_RELAXED
#endif

/* A hit is to be inlined whatever the compiler thinks of it. */
#define NTMM_INLINE static inline __attribute__((always_inline))

NTMM_INLINE struct ntmm_tlb *ntmm_tlb_of(ntmm_thread *thread)
{
	return (struct ntmm_tlb *)(void *)thread;
}

NTMM_INLINE struct ntmm_tlb_line *ntmm_tlb_line_of(struct ntmm_tlb *tlb, uint64_t address)
{
	/* lines[page number % NTMM_TLB_LINES], with one shift: a line has 32 bytes */
	uint64_t offset = address >> (NTMM_PAGE_SHIFT - 5) & (NTMM_TLB_LINES - 1) << 5;
	return (struct ntmm_tlb_line *)(void *)((char *)tlb->lines + offset);
}

/* What the tag must be for an aligned access of `bytes`: a misaligned one never matches. */
NTMM_INLINE uint64_t ntmm_tlb_tag(uint64_t address, unsigned bytes)
{
	return address & ~(NTMM_PAGE_BYTES - bytes);
}

NTMM_INLINE void ntmm_tlb_enter(struct ntmm_tlb *tlb)
{
	__atomic_store_n(&tlb->inside, 1, NTMM_TLB_ORDER);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

NTMM_INLINE void ntmm_tlb_leave(struct ntmm_tlb *tlb)
{
	__atomic_store_n(&tlb->inside, 0, __ATOMIC_RELEASE);
}

typedef enum ntmm_access { NTMM_LOAD, NTMM_STORE, NTMM_FETCH } ntmm_access;

/* What the inline functions call when they miss, while `inside` is 1: finds the page in the page map, as the
 * processor does, and fills the line. False: leave, and ntmm_thread_access. */
NTMM_API bool ntmm_thread_walk(ntmm_thread *thread, ntmm_access kind, uint64_t address,
                               unsigned bytes);

/* An access of whatever kind, which callers with odd sizes call directly: `bytes` is 1 to 8, it may be
 * misaligned and cross a page. */
NTMM_API bool ntmm_thread_access(ntmm_thread *thread, ntmm_access kind, uint64_t address,
                                 void *value, unsigned bytes);

/* ntmm_load8 ... 64, ntmm_fetch8 ... 64 (reads as the processor reads code), ntmm_store8 ... 64. */
/* The local keeps `value` out of memory on the hit path. */
#define NTMM_DEFINE_READ(name, kind, tag, bits) \
	NTMM_INLINE bool ntmm_##name##bits(ntmm_thread *thread, uint64_t address, \
	                                   uint##bits##_t *value) \
	{ \
		struct ntmm_tlb *tlb = ntmm_tlb_of(thread); \
		struct ntmm_tlb_line *line = ntmm_tlb_line_of(tlb, address); \
		const uint64_t wanted = ntmm_tlb_tag(address, bits / 8); \
		ntmm_tlb_enter(tlb); \
		do { \
			if (__builtin_expect( \
				    __atomic_load_n(&line->tag, NTMM_TLB_ORDER) == wanted, 1)) { \
				const void *cell = (const void *)(uintptr_t)(line->addend + address); \
				*value = __atomic_load_n((const uint##bits##_t *)cell, \
				                         __ATOMIC_RELAXED); \
				ntmm_tlb_leave(tlb); \
				return true; \
			} \
		} while (ntmm_thread_walk(thread, kind, address, bits / 8)); \
		ntmm_tlb_leave(tlb); \
		uint##bits##_t missed; \
		if (!ntmm_thread_access(thread, kind, address, &missed, bits / 8)) \
			return false; \
		*value = missed; \
		return true; \
	}

#define NTMM_DEFINE_STORE(bits) \
	NTMM_INLINE bool ntmm_store##bits(ntmm_thread *thread, uint64_t address, \
	                                  uint##bits##_t value) \
	{ \
		struct ntmm_tlb *tlb = ntmm_tlb_of(thread); \
		struct ntmm_tlb_line *line = ntmm_tlb_line_of(tlb, address); \
		const uint64_t wanted = ntmm_tlb_tag(address, bits / 8); \
		ntmm_tlb_enter(tlb); \
		do { \
			if (__builtin_expect( \
				    __atomic_load_n(&line->store, NTMM_TLB_ORDER) == wanted, 1)) { \
				void *cell = (void *)(uintptr_t)(line->addend + address); \
				__atomic_store_n((uint##bits##_t *)cell, value, __ATOMIC_RELAXED); \
				ntmm_tlb_leave(tlb); \
				return true; \
			} \
		} while (ntmm_thread_walk(thread, NTMM_STORE, address, bits / 8)); \
		ntmm_tlb_leave(tlb); \
		uint##bits##_t missed = value; \
		return ntmm_thread_access(thread, NTMM_STORE, address, &missed, bits / 8); \
	}

NTMM_DEFINE_READ(load, NTMM_LOAD, load, 8)
NTMM_DEFINE_READ(load, NTMM_LOAD, load, 16)
NTMM_DEFINE_READ(load, NTMM_LOAD, load, 32)
NTMM_DEFINE_READ(load, NTMM_LOAD, load, 64)
NTMM_DEFINE_READ(fetch, NTMM_FETCH, fetch, 8)
NTMM_DEFINE_READ(fetch, NTMM_FETCH, fetch, 16)
NTMM_DEFINE_READ(fetch, NTMM_FETCH, fetch, 32)
NTMM_DEFINE_READ(fetch, NTMM_FETCH, fetch, 64)
NTMM_DEFINE_STORE(8)
NTMM_DEFINE_STORE(16)
NTMM_DEFINE_STORE(32)
NTMM_DEFINE_STORE(64)

/* Atomic compare-exchange of 1, 2, 4 or 8 bytes, aligned (else STATUS_DATATYPE_MISALIGNMENT). False
 * when an exception was raised. Otherwise *swapped tells whether *expected was there; if not,
 * *expected is what was. Faults as a store does (rule EX-4). */
NTMM_API bool ntmm_compare_exchange(ntmm_thread *thread, uint64_t address, unsigned bytes,
                                    uint64_t *expected, uint64_t desired, bool *swapped);

/* ---- copies by a system service ---------------------------------------------------------------
 *
 * What a system call does with a buffer of its caller (rules GP-6 to GP-8, S27): nothing is raised.
 * The whole range is tried in order; returns STATUS_SUCCESS, or STATUS_GUARD_PAGE_VIOLATION (the
 * guard is then gone), STATUS_ACCESS_VIOLATION or STATUS_IN_PAGE_ERROR. *done, which may be NULL, is
 * the number of bytes copied. */
NTMM_API NTSTATUS ntmm_copy_in(ntmm_thread *thread, void *host, uint64_t address, uint64_t bytes,
                               uint64_t *done);  /* from the process */
NTMM_API NTSTATUS ntmm_copy_out(ntmm_thread *thread, uint64_t address, const void *host,
                                uint64_t bytes, uint64_t *done); /* to the process */

NTMM_END
#endif
