/* SPDX-License-Identifier: MIT */
#include "ram_list.h"

#include "sizes.h"

static bool add(struct ram_list *list, uint64_t bytes)
{
	if (!bytes || list->count == RAM_LIST_MOST)
		return false;
	list->bytes[list->count++] = bytes;
	return true;
}

/* The size after `bytes`: a step further, or twice as much when there is no step. */
static bool next_size(uint64_t *bytes, uint64_t step)
{
	return !__builtin_add_overflow(*bytes, step ? step : *bytes, bytes);
}

/* What follows "-" of a range that begins with `from`. */
static bool read_range(struct ram_list *list, uint64_t from, const char *text, const char **rest)
{
	uint64_t to, step = 0;
	if (!size_read(text, &to, rest) || to < from)
		return false;
	if (**rest == '+' && (!size_read(*rest + 1, &step, rest) || !step))
		return false;
	do {
		if (!add(list, from))
			return false;
	} while (next_size(&from, step) && from <= to);
	return true;
}

static bool read_item(struct ram_list *list, const char *text, const char **rest)
{
	uint64_t bytes;
	if (!size_read(text, &bytes, rest))
		return false;
	return **rest == '-' ? read_range(list, bytes, *rest + 1, rest) : add(list, bytes);
}

bool ram_list_parse(const char *text, struct ram_list *list)
{
	const char *rest = text;
	list->count = 0;
	while (read_item(list, rest, &rest)) {
		if (!*rest)
			return true;
		if (*rest++ != ',')
			return false;
	}
	return false;
}
