/* SPDX-License-Identifier: MIT
 *
 * Processes, and the model beside each: every call is made on both, and what they say is compared.
 *
 * They are processes of a machine, or it is the one process that the test is (support/mode.h), of
 * which a window of memory is the playground. What differs between the two is a table of operations.
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
	ntmm_thread *threads[THREADS]; /* of a machine */
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
	const struct ground *ground;
	ntmm_machine *machine; /* NULL: it is the process that the test is */
	bool nx;
	struct ballast ballast;
	unsigned processes;
	struct inhabitant inhabitants[PROCESSES];
	uint64_t resting, limit; /* of no machine: pages charged before, and promised at most */
};

/* Where the window of a process lies. */
struct site {
	ntmm_layout layout;
	uint64_t base;   /* multiple of 64 KB; 0: anywhere, when it is the test's own process */
	unsigned count;  /* pages, multiple of 16 */
};

void world_create(struct world *w, const ntmm_machine_config *config);
/* The world is the process of the test, where `commit` pages can still be promised: it gets no other
 * processes, and no ballast. */
void world_create_native(struct world *w, uint64_t commit);
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

/* What the two kinds of worlds do in ways of their own. */
struct ground {
	/* Of no machine. */
	void (*create)(struct world *w, uint64_t commit);
	/* What world_add has not done yet: the walls too. */
	void (*add)(struct inhabitant *i, const struct site *site);
	void (*destroy)(struct world *w);
	/* Pages that can still be promised. */
	uint64_t (*commit_left)(struct world *w);
	/* VirtualAllocEx, and VirtualAlloc2 without parameters; of address 0, in the window. */
	void *(*allocate)(struct inhabitant *i, const struct call *call);
	void *(*allocate2)(struct inhabitant *i, const struct call *call);
	/* The calling host thread acts as the thread, for what has no handle of a process. */
	void (*enter)(struct inhabitant *i, unsigned thread);
	void (*leave)(struct inhabitant *i);
	/* What was raised; NULL: nothing. *value is what is stored, or was loaded. */
	const EXCEPTION_RECORD *(*access)(struct inhabitant *i, const struct call *call,
	                                  ntmm_access kind, uint64_t *value);
	/* The same; *old is what is expected, and then what was there. NULL: cannot be done. */
	const EXCEPTION_RECORD *(*exchange)(struct inhabitant *i, const struct call *call,
	                                    uint64_t *old, bool *swapped);
	NTSTATUS (*copy_in)(struct inhabitant *i, const struct call *call, void *to,
	                    uint64_t *done);
	NTSTATUS (*copy_out)(struct inhabitant *i, const struct call *call, const void *from,
	                     uint64_t *done);
	/* What is in a committed page, without touching it. False: it cannot be told. */
	bool (*peek)(const struct inhabitant *i, uint64_t address, const uint8_t **bytes);
	/* Fails the test if a page that is not committed has contents. */
	void (*expect_absent)(const struct inhabitant *i, uint64_t address);
	/* Pages. */
	void (*figures)(const struct inhabitant *i, uint64_t *committed, uint64_t *locked);
	/* BALANCE, WRITE_MODIFIED, PRESS. */
	void (*work)(struct world *w, const struct call *call);
	bool (*check)(struct world *w);
	bool executes; /* what is fetched is run */
	bool splits;   /* compare-exchange looks whether it is aligned */
};
extern const struct ground machine_ground, native_ground;

static inline void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* The call in words, in a buffer that the next one uses again. */
const char *call_words(const struct call *call);

#endif
