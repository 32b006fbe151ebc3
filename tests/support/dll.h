/* SPDX-License-Identifier: MIT
 *
 * Real DLLs, those of the mingw-w64 packages, and what their views must hold: worked out from the
 * file's bytes by the plainest reading of the format, and by nothing of the library's.
 *
 * Aborts when there is no memory. Threads: one for each.
 */
#ifndef TESTS_SUPPORT_DLL_H
#define TESTS_SUPPORT_DLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dll {
	char *path;
	uint8_t *bytes; /* the file */
	size_t size;
	bool wide;      /* 64 bits */
	uint64_t base;  /* preferred */
	uint32_t pages;
	uint8_t *view;  /* at that base */
	bool *backed;   /* of each page: not in a gap */
	bool *moved;    /* of each page: a fixup changes it */
};

/* Calls `each` for every DLL that is installed, but large ones; how many there are. */
unsigned dll_each(void (*each)(const struct dll *dll));

/* What the view holds at another base: `pages` * 4096 bytes, to free. */
uint8_t *dll_moved(const struct dll *dll, uint64_t base);

#endif
