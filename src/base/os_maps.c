/* SPDX-License-Identifier: MIT
 *
 * Mappings of this process, Linux.
 */
#include "base/os_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/units.h"

#define MAPS "/proc/self/maps"
/* Above it are the system's own addresses. */
#define USER_END (UINT64_C(1) << 63)

/* ---- one at a time, by the ioctl; headers may be older than it ------------------------------- */

struct procmap_query {
	uint64_t size;
	uint64_t query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define QUERY_MAPPING _IOWR('f', 17, struct procmap_query)
#define QUERY_COVERING_OR_NEXT 0x10 /* 1, 2, 4 and 8 are as os_mapping_flags has them */

/* The descriptor shows the process that opened it, so that a forked child needs its own: both in one
 * word, 0: none. A program may close descriptors that it does not know; then another file may have
 * the number. */
static _Atomic uint64_t opened; /* process << 32 | descriptor + 1 */
static _Atomic bool has_no_query;

static uint64_t opened_by(pid_t process, int fd)
{
	return (uint64_t)(uint32_t)process << 32 | (uint32_t)(fd + 1);
}

/* Ours, if nobody has closed it since: the parent's, of no use to a child. */
static void close_old(uint64_t word)
{
	char link[64], path[64];
	int fd = (int)(uint32_t)word - 1;
	if (fd < 0)
		return;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	path[length < 0 ? 0 : length] = 0;
	snprintf(link, sizeof link, "/proc/%u/maps", (unsigned)(word >> 32));
	if (!strcmp(link, path))
		close(fd);
}

/* The descriptor to ask; -1: there is none. */
static int open_again(uint64_t word)
{
	int fd = open(MAPS, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!atomic_compare_exchange_strong(&opened, &word, opened_by(getpid(), fd))) {
		close(fd); /* another thread was faster */
		return (int)(uint32_t)word - 1;
	}
	close_old(word);
	return fd;
}

static int query(int fd, uint64_t address, struct os_mapping *mapping)
{
	struct procmap_query q = {.size = sizeof q, .query_flags = QUERY_COVERING_OR_NEXT,
	                          .query_addr = address};
	if (ioctl(fd, QUERY_MAPPING, &q))
		return errno;
	*mapping = (struct os_mapping){.start = q.vma_start,
	                               .end = q.vma_end,
	                               .flags = (unsigned)q.vma_flags & 15,
	                               .inode = q.inode,
	                               .offset = q.inode ? q.vma_offset : 0,
	                               .major = q.dev_major,
	                               .minor = q.dev_minor};
	mapping->flags |= q.inode ? OS_MAPPING_FILE : 0;
	return 0;
}

/* ENOTTY: this host has no such question. */
static int find_by_query(uint64_t address, struct os_mapping *mapping)
{
	uint64_t word = atomic_load(&opened);
	bool is_ours = word && word >> 32 == (uint32_t)getpid();
	int fd = is_ours ? (int)(uint32_t)word - 1 : open_again(word);
	int error = fd < 0 ? ENOTTY : query(fd, address, mapping);
	if (!error || error == ENOENT || !is_ours)
		return error;
	fd = open_again(word); /* it has been closed behind our back */
	return fd < 0 ? ENOTTY : query(fd, address, mapping);
}

/* ---- all of them, as a text ------------------------------------------------------------------ */

struct text {
	int fd; /* -1: not open */
	unsigned at, end;
	char bytes[4096];
};

/* The next character, which is not taken; 0 at the end. */
static char peek(struct text *text)
{
	if (text->at == text->end) {
		ssize_t got;
		do
			got = read(text->fd, text->bytes, sizeof text->bytes);
		while (got < 0 && errno == EINTR);
		if (got <= 0)
			return 0;
		text->at = 0;
		text->end = (unsigned)got;
	}
	return text->bytes[text->at];
}

static char take(struct text *text)
{
	char c = peek(text);
	text->at += c != 0;
	return c;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* A number, and the one character behind it. */
static uint64_t take_number(struct text *text, unsigned base)
{
	uint64_t number = 0;
	for (unsigned digit; (digit = digit_of(peek(text))) < base; take(text))
		number = number * base + digit;
	if (peek(text) != '\n')
		take(text);
	return number;
}

static unsigned take_flags(struct text *text)
{
	unsigned flags = 0;
	flags |= take(text) == 'r' ? OS_MAPPING_READ : 0;
	flags |= take(text) == 'w' ? OS_MAPPING_WRITE : 0;
	flags |= take(text) == 'x' ? OS_MAPPING_EXECUTE : 0;
	flags |= take(text) == 's' ? OS_MAPPING_SHARED : 0;
	take(text);
	return flags;
}

/* start-end rwxp offset major:minor inode   name */
static bool take_line(struct text *text, struct os_mapping *mapping)
{
	if (!peek(text))
		return false;
	mapping->start = take_number(text, 16);
	mapping->end = take_number(text, 16);
	mapping->flags = take_flags(text);
	uint64_t offset = take_number(text, 16);
	mapping->major = (uint32_t)take_number(text, 16);
	mapping->minor = (uint32_t)take_number(text, 16);
	mapping->inode = take_number(text, 10);
	mapping->offset = mapping->inode ? offset : 0;
	mapping->flags |= mapping->inode ? OS_MAPPING_FILE : 0;
	for (char c = take(text); c && c != '\n';)
		c = take(text);
	return mapping->start < USER_END;
}

static int find_in_text(struct text *text, uint64_t address, struct os_mapping *mapping)
{
	struct os_mapping one;
	if (text->fd < 0)
		text->fd = open(MAPS, O_RDONLY | O_CLOEXEC);
	if (text->fd < 0)
		return ENOENT;
	do {
		if (!take_line(text, &one))
			return ENOENT;
	} while (one.end <= address);
	*mapping = one;
	return 0;
}

static void text_end(struct text *text)
{
	if (text->fd >= 0)
		close(text->fd);
}

/* ---- either way ------------------------------------------------------------------------------ */

/* Addresses must rise from call to call, each not below the end of what was found before. */
static int find_next(struct text *text, uint64_t address, enum os_maps_way way,
                     struct os_mapping *mapping)
{
	if (way == OS_MAPS_FASTEST && !has_no_query && text->fd < 0) {
		int error = find_by_query(address, mapping);
		if (!error || error == ENOENT)
			return error;
		has_no_query = error == ENOTTY || error == EINVAL;
	}
	return find_in_text(text, address, mapping);
}

int os_maps_find(uint64_t address, enum os_maps_way way, struct os_mapping *mapping)
{
	struct text text;
	text.fd = -1;
	text.at = text.end = 0;
	int error = find_next(&text, address, way, mapping);
	text_end(&text);
	return error;
}

bool os_maps_known(void)
{
	struct os_mapping mapping;
	return !os_maps_find(0, OS_MAPS_FASTEST, &mapping);
}

/* ---- holes ----------------------------------------------------------------------------------- */

#define STACK_GAP (UINT64_C(1) << 20)  /* the host keeps so much free below a stack */
#define STACK_LEAST (UINT64_C(8) << 20) /* and lets the main thread's grow to this, or to its limit */
#define STACK_MOST (UINT64_C(128) << 20)

/* What is kept free below a mapping. */
static uint64_t room_below(const struct os_mapping *mapping)
{
	struct rlimit limit;
	uint64_t in_stack = getauxval(AT_RANDOM); /* 16 bytes that the host puts there */
	if (in_stack < mapping->start || in_stack >= mapping->end)
		return 0;
	uint64_t most = getrlimit(RLIMIT_STACK, &limit) ? STACK_LEAST : limit.rlim_cur;
	uint64_t size = mapping->end - mapping->start;
	most = min_u64(max_u64(most, STACK_LEAST), STACK_MOST);
	return min_u64((most > size ? most - size : 0) + STACK_GAP, mapping->start);
}

/* Of a hole between two mappings, [start, end): the lowest or highest place in it. */
static bool place_in(const struct os_hole_wish *wish, uint64_t start, uint64_t end,
                     uint64_t *address)
{
	uint64_t mask = ~(wish->alignment - 1);
	if (end < start || end - start < wish->bytes)
		return false;
	uint64_t place = wish->top_down ? (end - wish->bytes) & mask
	                                : (start + wish->alignment - 1) & mask;
	if (place < start || place > end - wish->bytes)
		return false;
	*address = place;
	return true;
}

static bool find_hole(struct text *text, const struct os_hole_wish *wish, enum os_maps_way way,
                      uint64_t *address)
{
	uint64_t start = wish->lowest, end = min_u64(wish->highest, USER_END - 1) + 1;
	bool found = false;
	while (start < end && !(found && !wish->top_down)) {
		struct os_mapping next;
		bool last = find_next(text, start, way, &next) != 0;
		uint64_t hole_end = last ? end : min_u64(next.start - room_below(&next), end);
		found |= place_in(wish, start, hole_end, address);
		start = last ? end : next.end;
	}
	return found;
}

bool os_maps_find_hole(const struct os_hole_wish *wish, enum os_maps_way way, uint64_t *address)
{
	struct text text;
	if (!os_maps_known())
		return false;
	text.fd = -1;
	text.at = text.end = 0;
	bool found = find_hole(&text, wish, way, address);
	text_end(&text);
	return found;
}
