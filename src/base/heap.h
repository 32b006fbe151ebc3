/* SPDX-License-Identifier: MIT
 *
 * Small blocks of host memory, without malloc: programs put their allocator on top of this library,
 * so the library has one of its own.
 *
 * What this is: slabs of 64 KB at multiples of 64 KB, each cut into blocks of one size and headed by
 * what is known of it, so that a block leads to its slab. Sizes are 16 bytes apart up to 128 bytes,
 * then four to each doubling. Larger blocks are mapped one by one. Slabs in which nothing is left
 * serve any size again; all but a few of them go back to the host.
 *
 * Units: bytes. Blocks are zero, at multiples of 16.
 * Errors: NULL when the host has no memory; then nothing changed.
 * Threads: any, at once, whatever locks they hold: the heap's own lock has no rank, is last, and is
 * not held while the host is asked for anything. Not in a signal handler that may have interrupted the
 * library.
 */
#ifndef NTMM_BASE_HEAP_H
#define NTMM_BASE_HEAP_H

#include <stddef.h>

void *heap_alloc(size_t bytes);
void heap_free(void *block); /* NULL: nothing */

/* Around fork, in the parent before and after, in the child after: so that the child is not left with
 * a heap that another thread of its parent was changing. Nobody else allocates meanwhile. */
void heap_hold(void);
void heap_let_go(void);

#endif
