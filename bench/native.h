/* SPDX-License-Identifier: MIT
 *
 * The calls on this process itself, which the rows native-* measure.
 */
#ifndef BENCH_NATIVE_H
#define BENCH_NATIVE_H

#include <ntmm/windows.h>

#include "bench.h"

/* False: *why the calls cannot be measured here. */
bool bench_native_begin(const char **why);

char *native_reserve(uint64_t bytes, DWORD more); /* `more`: MEM_COMMIT, MEM_WRITE_WATCH ... */
void native_commit(char *base, uint64_t bytes);
void native_release(char *base);
void native_protect(char *base, uint64_t bytes, DWORD protection);

/* Stores to every page. */
static inline void touch(char *base, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE)
		*(volatile char *)(base + at) = 1;
}

#endif
