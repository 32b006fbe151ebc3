/* SPDX-License-Identifier: MIT
 *
 * RAM sizes on the command line: sizes and ranges with commas.
 *
 *   2M,3M        these two
 *   1M-8M        1M, 2M, 4M, 8M: each twice the one before, up to the last
 *   1M-8M+512K   1M, 1536K, 2M ...: in steps
 */
#ifndef TOOL_RAM_LIST_H
#define TOOL_RAM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM_LIST_MOST 1000

struct ram_list {
	uint64_t bytes[RAM_LIST_MOST];
	size_t count;
};

/* False: the text is no such list, names no size or 0, or more than RAM_LIST_MOST. */
bool ram_list_parse(const char *text, struct ram_list *list);

#endif
