/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)128 << 10)

static uint64_t size_of_file(int file)
{
	struct stat status;
	if (fstat(file, &status) || !S_ISREG(status.st_mode))
		return 0;
	off_t at = lseek(file, 0, SEEK_CUR);
	return at >= 0 && at < status.st_size ? (uint64_t)(status.st_size - at) : 0;
}

bool source_of_file(struct source *source, int file)
{
	*source = (struct source){.file = file, .buffer = malloc(BUFFER_BYTES)};
	if (!source->buffer) {
		close(file);
		errno = ENOMEM;
		return false;
	}
	source->next = source->end = source->buffer;
	source->size = size_of_file(file);
	return true;
}

void source_of_memory(struct source *source, const void *bytes, size_t count)
{
	const unsigned char *first = bytes;
	*source = (struct source){
		.next = first, .end = first + count, .file = -1, .ended = true, .size = count, .read = count};
}

void source_close(struct source *source)
{
	free(source->buffer);
	if (source->file >= 0)
		close(source->file);
}

/* How many bytes were read: 0 at the end and after an error. */
static size_t read_some(struct source *source, void *bytes, size_t room)
{
	if (source->ended || source->error)
		return 0;
	ssize_t got;
	do
		got = read(source->file, bytes, room);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		source->error = strerror(errno);
	source->ended = got <= 0;
	size_t count = got > 0 ? (size_t)got : 0;
	source->read += count;
	return count;
}

static bool read_behind(struct source *source)
{
	size_t used = (size_t)(source->end - source->buffer);
	size_t got = read_some(source, source->buffer + used, BUFFER_BYTES - used);
	source->end += got;
	return got > 0;
}

bool source_fill(struct source *source)
{
	if (source->next < source->end)
		return true;
	if (!source->buffer)
		return false;
	source->next = source->end = source->buffer;
	return read_behind(source);
}

size_t source_peek(struct source *source, size_t count)
{
	while (source->buffer && (size_t)(source->end - source->next) < count && read_behind(source))
		;
	return (size_t)(source->end - source->next);
}

ssize_t source_take(struct source *source, void *bytes, size_t room)
{
	size_t count = (size_t)(source->end - source->next);
	if (!count) {
		count = read_some(source, bytes, room);
		return source->error ? -1 : (ssize_t)count;
	}
	if (count > room)
		count = room;
	memcpy(bytes, source->next, count);
	source->next += count;
	return (ssize_t)count;
}
