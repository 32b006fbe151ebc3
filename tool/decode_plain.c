/* SPDX-License-Identifier: MIT */
#include "source.h"

static char no_state;

static void *plain_begin(void)
{
	return &no_state;
}

static void plain_finish(void *state)
{
	(void)state;
}

static ssize_t plain_read(void *state, struct source *source, void *text, size_t room)
{
	(void)state;
	return source_take(source, text, room);
}

const struct decoder decode_plain = {plain_begin, plain_read, plain_finish};
