/* SPDX-License-Identifier: MIT
 *
 * Objects of one size, packed into blocks.
 *
 * What this is: blocks that double up to a size that the host backs with huge pages, so that who
 * jumps among millions of objects does not wait for page tables. An object that was given back is
 * taken again first; the blocks go back to the host when the pool ends, not before. No object of up
 * to 64 bytes lies across two cache lines.
 *
 * Errors: only pool_reserve can fail, when the host has no memory.
 * Threads: guarded by the owner's lock. Taking and giving call nobody.
 */
#ifndef NTMM_BASE_POOL_H
#define NTMM_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	size_t bytes;                /* of an object */
	uint64_t spare;              /* objects that can be taken */
	struct pool_object *given;   /* back, and not taken again: linked */
	char *fresh, *fresh_end;     /* of the newest block: never taken */
	struct pool_block *blocks;
	size_t total;                /* bytes of all blocks */
};

void pool_init(struct pool *pool, size_t bytes);
/* Gives all blocks back: no object is left. */
void pool_end(struct pool *pool);

/* Makes so many objects ready to be taken. False: there is no memory; those that were ready are. */
bool pool_reserve(struct pool *pool, uint64_t objects);
/* One that is ready, with any contents. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);

#endif
