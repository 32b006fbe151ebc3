/* SPDX-License-Identifier: MIT
 *
 * The rules a second time, in the most obvious way: an array of pages.
 *
 * What this is: what Windows says about a window of pages of one process, and what is in them. Each
 * call is a function that changes the array and says what the caller is told. Nothing of the
 * library is used but the names of its constants; nothing is clever, nothing is fast.
 *
 *      0 ... 64 KB | lower wall | window | upper wall ... highest address
 *         free        reserved              reserved
 *
 * The walls are allocations that stay as they are, so that the system can choose places only in the
 * window. Calls must not change them: a range that is not refused has a page of the window in it.
 *
 * Units: bytes and addresses in arguments; page numbers are those of the address space. Errors are
 * Win32 errors. Rules cited are those of the semantics.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define PAGE UINT64_C(0x1000)
#define GRANULE UINT64_C(0x10000)
#define MOST_PAGES 64

enum state { FREE, RESERVED, COMMITTED };

/* What is known of the contents after MEM_RESET (VA-64). */
enum contents {
	SURE,       /* `bytes` */
	MAY_VANISH, /* `bytes`, until at some moment it becomes zero; a write ends that */
	EITHER,     /* one of the two, for good: to be found out by looking, before the next call */
};

struct page {
	enum state state;
	unsigned allocation;         /* the same number: the same allocation; 0: none */
	uint32_t allocation_protect;
	uint32_t protect;            /* of a committed page: what VirtualQuery reports */
	bool locked;
	enum contents contents;
	bool window;                 /* of an allocation made with MEM_PHYSICAL, nothing mapped */
	bool watched, marked;        /* of an allocation made with MEM_WRITE_WATCH; written */
	bool lost;                   /* has vanished after MEM_RESET, and was not written since */
	bool placeholder;            /* of one */
	bool replaced;               /* of what took the place of one */
};

struct model {
	uint64_t first;              /* page number of the window's first page */
	unsigned count;              /* pages of the window */
	uint64_t highest, maximum; /* highest address of an allocation, of the application (AS-5) */
	bool nx;
	uint64_t commit_left; /* pages that the machine can still promise: kept by the caller */
	unsigned last_allocation;
	struct page pages[MOST_PAGES];
	uint8_t (*bytes)[PAGE];      /* zero, of pages that are not committed */
	uint8_t (*vanished)[PAGE];   /* what EITHER may turn out to be */
};

/* What a call answers. */
struct answer {
	uint32_t error;         /* 0: success */
	bool may_be_lost;       /* MEM_RESET_UNDO: ERROR_INVALID_ADDRESS is as good as success */
	uint64_t base, size;    /* rounded */
	uint32_t old;           /* protection */
	uint64_t done;          /* bytes copied */
};

/* What an access raises; code 0: nothing. */
struct raised {
	uint32_t code;
	uint64_t kind, address; /* the two parameters */
};

/* All free. The memory is model_destroy's to give back. */
void model_create(struct model *m, uint64_t base, unsigned count);
void model_destroy(struct model *m);
/* Between models of the same window. */
void model_copy(struct model *to, const struct model *from);
/* Whether Windows could tell them apart, or their contents differ. */
bool model_equal(const struct model *a, const struct model *b);

/* ---- calls ---------------------------------------------------------------------------------- */

/* VirtualAllocEx. */
struct answer model_allocate(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                             uint32_t protect);
/* VirtualAlloc2, without parameters: placeholders too. */
struct answer model_allocate2(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                              uint32_t protect);
/* What MEM_RESET_UNDO over the range said. */
void model_undone(struct model *m, uint64_t address, uint64_t size, uint32_t error);
/* NtFreeVirtualMemory, and VirtualFreeEx when `win32`. */
struct answer model_free(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                         bool win32);
struct answer model_protect(struct model *m, uint64_t address, uint64_t size, uint32_t protect);
/* The address is in the window. */
MEMORY_BASIC_INFORMATION model_query(const struct model *m, uint64_t address);
/* ReadProcessMemory: what is read, model_seen takes. */
struct answer model_read(const struct model *m, uint64_t address, uint64_t size);
/* WriteProcessMemory, or NtWriteVirtualMemory when `native`. */
struct answer model_write(struct model *m, uint64_t address, const uint8_t *from, uint64_t size,
                          bool native);
struct answer model_lock(struct model *m, uint64_t address, uint64_t size);
struct answer model_unlock(struct model *m, uint64_t address, uint64_t size);

/* GetWriteWatch: the number of pages that are `done`, up to `most`, goes to `addresses`. */
struct answer model_get_watch(struct model *m, uint64_t address, uint64_t size, uint32_t flags,
                              uint64_t most, uint64_t *addresses);
/* ResetWriteWatch. */
struct answer model_reset_watch(struct model *m, uint64_t address, uint64_t size);

/* ---- accesses ------------------------------------------------------------------------------- */

/* By a thread: may it? Guards are consumed. What is loaded model_seen takes; model_store does a
 * store. */
struct raised model_access(struct model *m, ntmm_access access, uint64_t address, uint64_t size);
/* By a system service, with a buffer of its caller (S27): as many bytes as are `done`; the error
 * is a status. Again the caller goes on with model_seen or model_store. */
struct answer model_service(struct model *m, ntmm_access access, uint64_t address, uint64_t size);
/* Allowed by what came before. */
void model_store(struct model *m, uint64_t address, const void *from, uint64_t size);
/* The range was seen to hold this. False when it must not. */
bool model_seen(struct model *m, uint64_t address, const void *actual, uint64_t size);

/* ---- figures -------------------------------------------------------------------------------- */

unsigned model_committed(const struct model *m);
unsigned model_locked(const struct model *m);

/* The page, of the window. */
static inline struct page *model_page(struct model *m, unsigned index)
{
	return &m->pages[index];
}

static inline uint64_t model_address(const struct model *m, unsigned index)
{
	return (m->first + index) * PAGE;
}

#endif
