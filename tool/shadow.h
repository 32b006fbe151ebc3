/* SPDX-License-Identifier: MIT
 *
 * What a process's memory must hold: a copy of every page it has touched, in ordinary memory. A page
 * is all zeros until something is stored.
 *
 * Units: addresses and bytes. Threads: one.
 */
#ifndef TOOL_SHADOW_H
#define TOOL_SHADOW_H

#include <stddef.h>
#include <stdint.h>

#define SHADOW_PAGE_BYTES 4096

struct shadow;

struct shadow *shadow_create(void); /* NULL: no memory */
void shadow_destroy(struct shadow *shadow); /* NULL is ignored */

/* The bytes at an address up to the end of its page; NULL: no memory. */
unsigned char *shadow_bytes(struct shadow *shadow, uint64_t address);

/* The touched pages, one after another in no particular order: the bytes and the address of one, and
 * *cursor, which begins as 0, moved on; NULL after the last. */
const unsigned char *shadow_next_page(const struct shadow *shadow, size_t *cursor, uint64_t *address);

#endif
