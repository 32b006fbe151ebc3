/* SPDX-License-Identifier: MIT
 *
 * Calls on the process that the test is, each made again and again with the next request to the host failing.
 *
 * A call is made at a place of its own: in the library's arena where nothing was before, there where there was
 * something, or outside, where the host is asked for the place. When it fails, it does so with an
 * error that the rules know, everything is as before, and it succeeds when it is made again.
 * Whether it failed or not, the host's pages are as the space says.
 */
#ifndef TESTS_INJECT_NATIVE_H
#define TESTS_INJECT_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <ntmm/native.h>
#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#include "wrapped.h"

#define PAGE UINT64_C(4096)
#define PLACE_PAGES 64
#define RW PAGE_READWRITE
#define RO PAGE_READONLY
#define BOTH (MEM_RESERVE | MEM_COMMIT)

struct stage {
	uint64_t base;     /* of the place */
	void *elsewhere;   /* an allocation that is not in it */
	uint8_t *other;    /* another view of what is shown there, read-write; NULL: there is none */
	HANDLE section, file;
	ULONG_PTR frames[PLACE_PAGES], count;
};

struct attempt {
	const char *name;
	void (*prepare)(struct stage *s);
	bool (*call)(struct stage *s); /* false: the last error says why */
	void (*clean)(struct stage *s); /* what is not in the place; NULL: nothing is */
	unsigned even_so; /* what it may do even if it fails */
};
/* MAY_HIT: a guard. ALL_MAY_FAIL: no more than that; but it is also tried with a host that refuses everything
 * from some request on, where others are only tried if it takes back what it has given. */
enum { MAY_UNLOCK = 1, MAY_MARK = 2, MAY_HIT = 4, ALL_MAY_FAIL = 8 };

void native_attempts(const struct attempt *attempts, unsigned count);

/* For attempts. Pages of the place; they fail the test. */
void *at_page(const struct stage *s, unsigned page);
void allocate(struct stage *s, unsigned page, unsigned pages, uint32_t type, uint32_t protect);
void protect(struct stage *s, unsigned page, unsigned pages, uint32_t protect);
void decommit(struct stage *s, unsigned page, unsigned pages);
/* Stores something else to each. */
void fill(struct stage *s, unsigned page, unsigned pages);
/* A load or a store by the processor: what it raised; 0: nothing. */
uint32_t touch(const void *address, bool store);
/* The last error is that of a status. */
bool succeeded(NTSTATUS status);

#endif
