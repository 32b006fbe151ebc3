/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host (base/os.h), with failures to order.
 *
 * Linked with --wrap: every program of this directory, which has --wrap=os_free, os_unmap and
 * os_file_close in its .link file. Threads: one.
 */
#ifndef TESTS_INJECT_WRAPPED_H
#define TESTS_INJECT_WRAPPED_H

#include <stdbool.h>
#include <stdint.h>

enum { /* kinds of requests, to be combined */
	ALLOC = 1,
	MAP = 2,
	FILE_CREATE = 4,
	FILE_ALLOCATE = 8,
	FILE_READ = 16,
	FILE_WRITE = 32,
	FILE_OPEN = 64, /* and duplicating a descriptor */
	FILE_FACTS = 128,
	FILE_SIZE = 256,
	FILE_SYNC = 512,
	THREAD = 1024,
	OPENS = 2048,  /* of base/os_pages.h and os_watch.h: what takes something from the host */
	CLOSES = 4096, /* the same: what gives something back */
	FACTS = 8192,  /* the same: what only tells */
};

/* The requests of `kinds` with the numbers [first, last] fail, counted from 1. */
struct order {
	unsigned kinds;
	uint64_t first, last;
	int error;   /* errno value, of files */
	bool partly; /* a file transfer, or a protection of pages, does half of its work first */
	bool off;    /* for now */
	uint64_t requests, failures; /* so far */
};
extern struct order order;
/* For the functions that stand in: counts the request. */
bool is_to_fail(unsigned kind);

/* What the library holds of the host's. */
struct holdings {
	int64_t allocations, maps, map_bytes, files;
};
extern struct holdings holdings;

/* A scenario, over and over: twice without a failure, which makes what stays and tells how many requests
 * of `kinds` there are; then each time with the next of them failing, up to last(its number). Fails
 * the test if less than `least` are made, or if the library holds more at the end of a run. */
struct every {
	unsigned kinds;
	uint64_t least;
	void (*run)(void *context);
	void *context;
	uint64_t (*last)(uint64_t number); /* NULL: it alone */
};
void every_failure(const struct every *every);

#endif
