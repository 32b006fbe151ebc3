/* SPDX-License-Identifier: MIT */
#include "reference_string.h"

#include <stdlib.h>

#define FIRST_ROOM 65536
#define MOST_PAGES (UINT32_MAX / 2)
#define MOST_TOUCHES (UINT32_MAX - 1)

bool reference_string_begin(struct reference_string *string, size_t processes)
{
	*string = (struct reference_string){.processes = processes};
	string->numbers = calloc(processes, sizeof *string->numbers);
	return string->numbers;
}

void reference_string_end(struct reference_string *string)
{
	for (size_t i = 0; i < string->processes && string->numbers; i++)
		page_index_end(&string->numbers[i]);
	free(string->numbers);
	free(string->touches);
	*string = (struct reference_string){0};
}

static bool grow(struct reference_string *string)
{
	size_t room = string->room ? string->room * 2 : FIRST_ROOM;
	uint32_t *touches = reallocarray(string->touches, room, sizeof *touches);
	if (!touches)
		return false;
	string->touches = touches;
	string->room = room;
	return true;
}

/* The entry's value is the number + 1, so that NULL is a page without. */
static bool number_of(struct reference_string *string, size_t process, uint64_t page, uint32_t *number)
{
	struct page_entry *entry = page_index_at(&string->numbers[process], page);
	if (!entry || (!entry->value && string->pages == MOST_PAGES))
		return false;
	if (!entry->value)
		entry->value = (void *)(uintptr_t)++string->pages;
	*number = (uint32_t)(uintptr_t)entry->value - 1;
	return true;
}

bool reference_string_add(struct reference_string *string, size_t process, uint64_t page, bool stored)
{
	uint32_t number;
	if (!number_of(string, process, page, &number))
		return false;
	uint32_t *last = string->count ? &string->touches[string->count - 1] : NULL;
	if (last && touch_page(*last) == number) {
		*last |= stored;
		return true;
	}
	if (string->count == MOST_TOUCHES || (string->count == string->room && !grow(string)))
		return false;
	string->touches[string->count++] = number << 1 | stored;
	return true;
}
