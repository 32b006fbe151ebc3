/* SPDX-License-Identifier: MIT
 *
 * base/os_maps.h: what the host has mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os_maps.h"

#define PAGE UINT64_C(4096)
#define GRANULE UINT64_C(65536)
#define MB (UINT64_C(1) << 20)

static uint64_t address_in(const void *pointer)
{
	return (uintptr_t)pointer;
}

static char *map(uint64_t bytes, int protection, int flags, int fd, off_t offset)
{
	char *memory = mmap(NULL, bytes, protection, flags, fd, offset);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

/* Some pages alone, with nothing on either side that they could be joined with. */
static char *map_alone(uint64_t pages, int protection, int flags, int fd, off_t offset)
{
	char *around = map((pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = mmap(around + PAGE, pages * PAGE, protection, flags | MAP_FIXED, fd, offset);
	assert_ptr_equal(memory, around + PAGE);
	assert_int_equal(munmap(around, PAGE), 0);
	assert_int_equal(munmap(around + (pages + 1) * PAGE, PAGE), 0);
	return memory;
}

static struct os_mapping find(const void *address, enum os_maps_way way)
{
	struct os_mapping mapping;
	assert_int_equal(os_maps_find(address_in(address), way, &mapping), 0);
	return mapping;
}

static void check_is(const void *address, uint64_t pages, unsigned flags)
{
	for (enum os_maps_way way = OS_MAPS_FASTEST; way <= OS_MAPS_TEXT; way++) {
		struct os_mapping mapping = find(address, way);
		assert_int_equal(mapping.start, address_in(address));
		assert_int_equal(mapping.end, address_in(address) + pages * PAGE);
		assert_int_equal(mapping.flags, flags);
		mapping = find((const char *)address + pages * PAGE - 1, way);
		assert_int_equal(mapping.start, address_in(address));
	}
}

static void protections_and_kinds(void **state)
{
	static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
	                                  PROT_READ | PROT_EXEC,
	                                  PROT_READ | PROT_WRITE | PROT_EXEC};
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		unsigned flags = (unsigned)protections[i]; /* the host's are the same bits */
		char *memory = map_alone(3, protections[i], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check_is(memory, 3, flags);
		munmap(memory, 3 * PAGE);
		memory = map_alone(3, protections[i], MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		check_is(memory, 3, flags | OS_MAPPING_SHARED | OS_MAPPING_FILE);
		munmap(memory, 3 * PAGE);
	}
}

static void files(void **state)
{
	char name[] = "/tmp/ntmm maps\nXXXXXX"; /* what is in a name does not matter */
	int fd = mkstemp(name);
	struct stat is;
	(void)state;
	assert_int_equal(ftruncate(fd, 16 * (off_t)PAGE), 0);
	assert_int_equal(fstat(fd, &is), 0);
	char *memory = map_alone(2, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 3 * (off_t)PAGE);
	char *shared = map_alone(2, PROT_READ, MAP_SHARED, fd, 5 * (off_t)PAGE);
	for (int with_name = 1; with_name >= 0; with_name--) {
		check_is(memory, 2, OS_MAPPING_READ | OS_MAPPING_WRITE | OS_MAPPING_FILE);
		check_is(shared, 2, OS_MAPPING_READ | OS_MAPPING_SHARED | OS_MAPPING_FILE);
		for (enum os_maps_way way = OS_MAPS_FASTEST; way <= OS_MAPS_TEXT; way++) {
			assert_int_equal(find(memory, way).offset, 3 * PAGE);
			assert_int_equal(find(shared, way).offset, 5 * PAGE);
			assert_int_equal(find(shared, way).inode, is.st_ino);
		}
		unlink(name);
	}
	munmap(memory, 2 * PAGE);
	munmap(shared, 2 * PAGE);
	close(fd);
}

/* From a hole on the next one above is found, and at the end none. */
static void what_is_above(void **state)
{
	char *memory = map_alone(2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct os_mapping mapping;
	(void)state;
	for (enum os_maps_way way = OS_MAPS_FASTEST; way <= OS_MAPS_TEXT; way++) {
		assert_int_equal(find(memory - 1, way).start, address_in(memory));
		assert_int_equal(find(NULL, way).start, find(NULL, OS_MAPS_TEXT).start);
		assert_int_equal(os_maps_find(UINT64_C(0x7FFFFFFFF000), way, &mapping), ENOENT);
		assert_int_equal(os_maps_find(UINT64_MAX, way, &mapping), ENOENT);
	}
	assert_true(os_maps_known());
	munmap(memory, 2 * PAGE);
}

static bool are_equal(struct os_mapping a, struct os_mapping b)
{
	return a.start == b.start && a.end == b.end && a.flags == b.flags && a.inode == b.inode &&
	       a.offset == b.offset && a.major == b.major && a.minor == b.minor;
}

/* From the first to the last mapping, by both ways. */
static unsigned compare_all(void)
{
	struct os_mapping fast, slow;
	uint64_t at = 0;
	unsigned count = 0;
	for (;; count++, at = fast.end) {
		int error = os_maps_find(at, OS_MAPS_FASTEST, &fast);
		if (error != os_maps_find(at, OS_MAPS_TEXT, &slow))
			return 0;
		if (error)
			return count;
		if (!are_equal(fast, slow))
			return 0;
	}
}

static void both_ways_agree(void **state)
{
	char *memory = map(300 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)state;
	for (unsigned i = 0; i < 300; i += 2)
		mprotect(memory + i * PAGE, PAGE, PROT_NONE);
	assert_true(compare_all() > 300);
	munmap(memory, 300 * PAGE);
}

static int status_of(pid_t child)
{
	int status;
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* What a forked child has mapped since is told, to its own children too; and what it has unmapped is
 * not. Its descriptors do not become more. */
static int check_child(char *memory, unsigned generation)
{
	struct os_mapping mapping;
	char *own = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	munmap(memory, PAGE);
	int error = os_maps_find(address_in(memory), OS_MAPS_FASTEST, &mapping);
	if (error || mapping.start == address_in(memory))
		return 1;
	if (os_maps_find(address_in(own), OS_MAPS_FASTEST, &mapping) ||
	    mapping.start != address_in(own))
		return 2;
	if (generation == 5)
		return open("/dev/null", O_RDONLY) < 12 ? 0 : 3;
	pid_t child = fork();
	if (!child)
		_exit(check_child(own, generation + 1));
	return status_of(child) >> 8;
}

static void a_child_has_its_own(void **state)
{
	char *memory = map_alone(1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)state;
	check_is(memory, 1, OS_MAPPING_READ);
	pid_t child = fork();
	if (!child)
		_exit(check_child(memory, 0));
	assert_int_equal(status_of(child), 0);
	check_is(memory, 1, OS_MAPPING_READ);
	munmap(memory, PAGE);
}

/* A program may close what it does not know, and open its own there. */
static int check_closed(void)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	if (!compare_all())
		return 1;
	for (int fd = 3; fd < 64; fd++)
		dup2(1, fd);
	return compare_all() && fcntl(63, F_GETFD) >= 0 ? 0 : 2;
}

static void the_descriptor_may_be_closed(void **state)
{
	(void)state;
	assert_true(compare_all());
	pid_t child = fork();
	if (!child)
		_exit(check_closed());
	assert_int_equal(status_of(child), 0);
}

static atomic_bool stop;

static void *ask(void *memory)
{
	struct os_mapping mapping;
	while (!stop)
		if (os_maps_find(address_in(memory), OS_MAPS_FASTEST, &mapping) ||
		    mapping.start != address_in(memory))
			return memory;
	return NULL;
}

static void threads_ask_at_once(void **state)
{
	char *memory = map_alone(1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, memory), 0);
	for (unsigned i = 0; i < 2000; i++)
		munmap(map(PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
	stop = true;
	for (unsigned i = 0; i < 3; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	munmap(memory, PAGE);
}

/* ---- holes ----------------------------------------------------------------------------------- */

static bool is_free(uint64_t address, uint64_t bytes)
{
	struct os_mapping mapping;
	return os_maps_find(address, OS_MAPS_TEXT, &mapping) || mapping.start >= address + bytes;
}

/* By the plain way, a granule at a time. */
static bool search(const struct os_hole_wish *wish, uint64_t *address)
{
	bool found = false;
	for (uint64_t at = wish->lowest; at + wish->bytes - 1 <= wish->highest; at += GRANULE) {
		if (!is_free(at, wish->bytes))
			continue;
		*address = at;
		found = true;
		if (!wish->top_down)
			break;
	}
	return found;
}

static void compare_hole(struct os_hole_wish wish)
{
	for (enum os_maps_way way = OS_MAPS_FASTEST; way <= OS_MAPS_TEXT; way++) {
		uint64_t found = 1, expected = 1;
		bool is_found = os_maps_find_hole(&wish, way, &found);
		assert_int_equal(is_found, search(&wish, &expected));
		assert_int_equal(found, expected);
	}
}

/* A comb of mappings, with holes of 1 to 6 granules between. */
static void holes_are_found(void **state)
{
	char *comb = map(64 * GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t low = (address_in(comb) + GRANULE - 1) & ~(GRANULE - 1);
	uint64_t high = low + 60 * GRANULE - 1;
	(void)state;
	for (uint64_t i = 1, at = 2; i <= 6; at += i + 2, i++)
		munmap((char *)(uintptr_t)(low + at * GRANULE), i * GRANULE);
	for (uint64_t bytes = GRANULE; bytes <= 7 * GRANULE; bytes += GRANULE)
		for (int top_down = 0; top_down < 2; top_down++) {
			struct os_hole_wish wish = {bytes, GRANULE, low, high, top_down};
			compare_hole(wish);
			wish.bytes -= PAGE;
			compare_hole(wish);
			wish.lowest += 5 * GRANULE;
			wish.highest -= 45 * GRANULE + 1;
			compare_hole(wish);
		}
	munmap(comb, 64 * GRANULE);
}

static void alignment_counts(void **state)
{
	uint64_t address = 0;
	struct os_hole_wish wish = {GRANULE, 64 * MB, GRANULE, UINT64_C(0x7FFFFFFEFFFF), false};
	(void)state;
	for (int top_down = 0; top_down < 2; top_down++) {
		wish.top_down = top_down;
		assert_true(os_maps_find_hole(&wish, OS_MAPS_FASTEST, &address));
		assert_int_equal(address % (64 * MB), 0);
		assert_true(is_free(address, GRANULE));
	}
	wish.bytes = UINT64_C(1) << 48;
	assert_false(os_maps_find_hole(&wish, OS_MAPS_FASTEST, &address));
	wish.bytes = UINT64_MAX;
	assert_false(os_maps_find_hole(&wish, OS_MAPS_TEXT, &address));
}

/* Nothing is placed where the stack may grow. */
static void the_stack_can_grow(void **state)
{
	uint64_t address = 0, top = getauxval(AT_RANDOM); /* bytes that lie there */
	struct os_hole_wish wish = {GRANULE, GRANULE, GRANULE, top, true};
	(void)state;
	assert_true(os_maps_find_hole(&wish, OS_MAPS_FASTEST, &address));
	assert_true(address + GRANULE <= top - 7 * MB);
}

/* ---- images ---------------------------------------------------------------------------------- */

static void images_are_found(void **state)
{
	static int initialised = 1, zero;
	struct os_image program, libc, image;
	(void)state;
	assert_true(os_image_find(address_in(&initialised), &program));
	assert_true(program.is_segment);
	assert_true(os_image_find(address_in(&zero), &image));
	assert_int_equal(image.start, program.start);
	assert_int_equal(program.start % PAGE + program.end % PAGE, 0);
	void *printer = dlsym(RTLD_NEXT, "getppid");
	assert_true(os_image_find(address_in(printer), &libc));
	assert_int_equal(*(const int *)(uintptr_t)libc.start, 0x464C457F); /* "\177ELF" */
	assert_true(libc.end <= program.start || libc.start >= program.end);
	assert_true(os_image_find(libc.end - 1, &image) && image.end == libc.end);
	assert_true(!os_image_find(libc.end, &image) || image.start == libc.end);
}

static void what_is_no_image(void **state)
{
	struct os_image image;
	char *memory = map(PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)state;
	assert_false(os_image_find(address_in(memory), &image));
	assert_false(os_image_find(address_in(&image), &image));
	assert_false(os_image_find(0, &image));
	munmap(memory, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protections_and_kinds),
		cmocka_unit_test(files),
		cmocka_unit_test(what_is_above),
		cmocka_unit_test(both_ways_agree),
		cmocka_unit_test(a_child_has_its_own),
		cmocka_unit_test(the_descriptor_may_be_closed),
		cmocka_unit_test(threads_ask_at_once),
		cmocka_unit_test(holes_are_found),
		cmocka_unit_test(alignment_counts),
		cmocka_unit_test(the_stack_can_grow),
		cmocka_unit_test(images_are_found),
		cmocka_unit_test(what_is_no_image),
	};
	return cmocka_run_group_tests_name("os_maps", tests, NULL, NULL);
}
