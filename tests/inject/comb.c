/* SPDX-License-Identifier: MIT */
#include "comb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "support/sanitized.h"

#define MOST_TEETH 100000u
#define OPEN_TEETH 60u
#define TOOTH ((size_t)8192) /* two pages, of which the first can be read */

static char *comb;
static unsigned teeth;

bool comb_can_close(void)
{
	unsigned limit = UINT32_MAX;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	if (file && fscanf(file, "%u", &limit) != 1)
		limit = UINT32_MAX;
	if (file)
		fclose(file);
	return !IS_SANITIZED && limit < 2 * MOST_TEETH;
}

static bool add(void)
{
	bool added = !mprotect(comb + teeth * TOOTH, TOOTH / 2, PROT_READ);
	teeth += added;
	return added;
}

static void take_out(unsigned count)
{
	assert_true(count <= teeth);
	teeth -= count;
	assert_int_equal(mprotect(comb + teeth * TOOTH, count * TOOTH, PROT_NONE), 0);
}

void comb_close(unsigned room)
{
	if (!comb) {
		comb = mmap(NULL, MOST_TEETH * TOOTH, PROT_NONE,
		            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_ptr_not_equal(comb, MAP_FAILED);
	}
	while (add())
		assert_true(teeth < MOST_TEETH);
	if (room)
		take_out(room);
}

void comb_open(void)
{
	take_out(OPEN_TEETH);
}
