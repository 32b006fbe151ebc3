/* SPDX-License-Identifier: MIT
 *
 * The least that a translation can be: a page map of four levels for one thread, without locks,
 * behind a TLB of the same shape as ntmm's. Entries hold host addresses and a present bit.
 */
#ifndef BENCH_PROTOTYPE_H
#define BENCH_PROTOTYPE_H

#include "bench.h"

#define PROTOTYPE_LINES 1024
#define PROTOTYPE_FANOUT 512

struct prototype_line {
	uint64_t tag, addend;
};

struct prototype {
	struct prototype_line lines[PROTOTYPE_LINES];
	uint64_t *root;
	uint64_t (*tables)[PROTOTYPE_FANOUT];
	uint64_t used, room; /* tables */
};

void prototype_begin(struct prototype *prototype, uint64_t tables);
void prototype_end(struct prototype *prototype);
void prototype_map(struct prototype *prototype, uint64_t address, const char *page);

/* The host address; NULL when nothing is mapped. */
const char *prototype_walk(struct prototype *prototype, uint64_t address);

static inline uint64_t prototype_load(struct prototype *prototype, uint64_t address)
{
	const struct prototype_line *line = &prototype->lines[address / PAGE % PROTOTYPE_LINES];
	const char *at = line->tag == (address & ~(PAGE - 8))
	                         ? (const char *)(uintptr_t)(line->addend + address)
	                         : prototype_walk(prototype, address);
	must(at != NULL, "the address is mapped");
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

#endif
