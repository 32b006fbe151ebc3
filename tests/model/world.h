/* SPDX-License-Identifier: MIT
 *
 * A machine with processes, and the model beside each: every call is made on both, and what they
 * say is compared.
 *
 * Threads: one host thread.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include <inttypes.h>

#include <ntmm/machine.h>

#include "model.h"

/* The two differ, or something does not work that must: how the program ends. Its own to define. */
_Noreturn void world_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define MUST(condition) \
	((condition) ? (void)0 \
	             : world_failed("%s:%d: %s does not hold", __FILE__, __LINE__, #condition))

#define PROCESSES 2
#define THREADS 2

struct inhabitant {
	struct world *world;
	struct model model;
	HANDLE process;
	ntmm_thread *threads[THREADS];
};

/* A process that wants RAM, so that pages of the others have to go. */
struct ballast {
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base;
	unsigned pages;
	uint64_t *words; /* one a page: what is in it */
};

struct world {
	ntmm_machine *machine;
	bool nx;
	struct ballast ballast;
	unsigned processes;
	struct inhabitant inhabitants[PROCESSES];
};

/* Where the window of a process lies. */
struct site {
	ntmm_layout layout;
	uint64_t base;   /* multiple of 64 KB */
	unsigned count;  /* pages, multiple of 16 */
};

void world_create(struct world *w, const ntmm_machine_config *config);
/* A process of its own, all of whose space but the window is taken. */
void world_add(struct world *w, const struct site *site);
/* Once, with as many of the pages wanted as can be committed. */
void world_add_ballast(struct world *w, unsigned pages);
void world_destroy(struct world *w);

enum call_kind {
	ALLOCATE,       /* VirtualAllocEx: type, protect */
	ALLOCATE2,      /* VirtualAlloc2: type, protect */
	FREE_WIN32,     /* VirtualFreeEx: type */
	FREE_NATIVE,    /* NtFreeVirtualMemory: type; releases parts (VF-33) */
	PROTECT,        /* VirtualProtectEx: protect */
	LOAD,           /* by a thread: size 1 to 8 */
	STORE,          /* value */
	FETCH,
	EXCHANGE,       /* expected when `type`, else something else; value */
	READ,           /* ReadProcessMemory */
	WRITE,          /* WriteProcessMemory: bytes from value on */
	WRITE_NATIVE,   /* NtWriteVirtualMemory */
	COPY_IN,        /* as a system service does */
	COPY_OUT,
	LOCK,
	UNLOCK,
	GET_WATCH,      /* GetWriteWatch: type is the flags, value the room there is */
	RESET_WATCH,    /* ResetWriteWatch */
	EMPTY,          /* EmptyWorkingSet */
	BALANCE,        /* ntmm_machine_balance: size pages */
	WRITE_MODIFIED, /* ntmm_machine_write_modified: size pages */
	PREFETCH,
	PRESS,          /* the ballast uses size pages, from its page number `value` on */
	CALL_KINDS
};

struct call {
	enum call_kind kind;
	uint64_t address, size;
	uint32_t type, protect;
	uint64_t value;
	unsigned thread; /* who accesses */
};

/* Makes the call on both; fails the test when they differ. */
void world_call(struct world *w, unsigned who, const struct call *call);
/* Compares everything that can be seen without touching a page: queries of every page, contents of
 * those in RAM, figures. */
void world_compare(struct world *w, unsigned who);
/* The same, of the first pages only. */
void world_compare_pages(struct world *w, unsigned who, unsigned pages);
/* Reads every page that can be read. */
void world_read_all(struct world *w, unsigned who);
void world_check(struct world *w);
/* Finds out the contents of pages that may be one thing or another. world_call does. */
void world_settle(struct world *w, unsigned who);

static inline void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* The call in words, in a buffer that the next one uses again. */
const char *call_words(const struct call *call);

#endif
