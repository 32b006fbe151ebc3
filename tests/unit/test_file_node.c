/* SPDX-License-Identifier: MIT
 *
 * Nodes of files: one for each host file (SC-14), what is mapped of it (SC-15, IM-8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/windows.h>

#include "object/file_node.h"
#include "support/pe.h"

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define READ FILE_READ_DATA
#define WRITE FILE_WRITE_DATA

static char path[] = "/tmp/ntmm-node-XXXXXX";

static int make_file(void **unused)
{
	int fd = mkstemp(path);
	(void)unused;
	return fd < 0 || write(fd, "contents", 8) != 8 || close(fd);
}

static int remove_file(void **unused)
{
	(void)unused;
	return unlink(path);
}

static int host(int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct file_node *node_of(int flags, uint32_t access)
{
	struct file_node *node = NULL;
	assert_int_equal(file_node_open(host(flags), access, SHARE_ALL, &node), STATUS_SUCCESS);
	return node;
}

static void one_node_for_one_file(void **unused)
{
	(void)unused;
	struct file_node *a = node_of(O_RDONLY, READ), *b = node_of(O_RDWR, READ | WRITE), *other;
	assert_ptr_equal(a, b);
	char name[] = "/tmp/ntmm-node-XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	assert_int_equal(file_node_open(fd, READ, SHARE_ALL, &other), STATUS_SUCCESS);
	assert_ptr_not_equal(a, other);
	file_node_close(other, READ, SHARE_ALL);
	file_node_close(a, READ, SHARE_ALL);
	file_node_close(b, READ | WRITE, SHARE_ALL);
}

/* What the first brought is used by all, also when its handle has gone. */
static void descriptors_stay(void **unused)
{
	char bytes[8];
	int fd = host(O_RDONLY);
	struct file_node *node, *again;
	(void)unused;
	assert_int_equal(file_node_open(fd, READ, SHARE_ALL, &node), STATUS_SUCCESS);
	assert_int_equal(file_node_write(node, "C", 1, 0), EBADF);
	assert_int_equal(file_node_set_size(node, 4), STATUS_ACCESS_DENIED);
	int second = host(O_RDONLY);
	assert_int_equal(file_node_open(second, READ, SHARE_ALL, &again), STATUS_SUCCESS);
	assert_int_equal(fcntl(second, F_GETFD), -1); /* nothing new: closed */
	file_node_close(again, READ, SHARE_ALL);
	struct file_node *writer = node_of(O_WRONLY, WRITE);
	file_node_close(writer, WRITE, SHARE_ALL);
	assert_int_equal(file_node_write(node, "C", 1, 0), 0);
	assert_int_equal(file_node_read(node, bytes, 8, 0), 0);
	assert_memory_equal(bytes, "Contents", 8);
	assert_int_equal(file_node_write(node, "c", 1, 0), 0);
	assert_int_equal(file_node_flush(node), STATUS_SUCCESS);
	assert_int_equal(file_node_read(node, bytes, 8, 1), EIO); /* beyond the end */
	file_node_close(node, READ, SHARE_ALL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A reference without a handle keeps the node, and is in nobody's way. */
static void references(void **unused)
{
	char bytes[8];
	struct file_node *node = node_of(O_RDWR, READ | WRITE), *other;
	(void)unused;
	file_node_retain(node);
	file_node_close(node, READ | WRITE, SHARE_ALL);
	assert_int_equal(file_node_open(host(O_RDONLY), READ, 0, &other), STATUS_SUCCESS);
	assert_ptr_equal(node, other);
	file_node_close(other, READ, 0);
	assert_int_equal(file_node_read(node, bytes, 8, 0), 0);
	file_node_release(node);
}

static uint64_t size_of(struct file_node *node)
{
	uint64_t bytes = 0;
	assert_int_equal(file_node_size(node, &bytes), STATUS_SUCCESS);
	return bytes;
}

/* SC-15: not below a view; growing is allowed. */
static void cutting_below_a_view(void **unused)
{
	struct file_node *node = node_of(O_RDWR, READ | WRITE);
	(void)unused;
	assert_int_equal(file_node_set_size(node, 10000), STATUS_SUCCESS);
	file_node_add_view(node, 6000);
	file_node_add_view(node, 3000);
	assert_int_equal(file_node_set_size(node, 5999), STATUS_USER_MAPPED_FILE);
	assert_int_equal(size_of(node), 10000);
	assert_int_equal(file_node_set_size(node, 6000), STATUS_SUCCESS);
	assert_int_equal(file_node_set_size(node, 20000), STATUS_SUCCESS);
	file_node_remove_view(node);
	assert_int_equal(file_node_set_size(node, 0), STATUS_USER_MAPPED_FILE);
	file_node_remove_view(node);
	assert_int_equal(file_node_set_size(node, 0), STATUS_SUCCESS);
	assert_int_equal(file_node_set_size(node, 8), STATUS_SUCCESS);
	file_node_close(node, READ | WRITE, SHARE_ALL);
}

/* IM-8: an image can be read by all, and neither opened for writing nor cut. */
static void images_are_not_written(void **unused)
{
	struct file_node *node = node_of(O_RDWR, READ | WRITE), *other;
	struct file_area image = {.domain = &image, .kind = FILE_IMAGE};
	(void)unused;
	lock_take(&node->lock);
	file_node_add_area_locked(node, &image);
	lock_drop(&node->lock);
	int fd = host(O_RDWR);
	assert_int_equal(file_node_open(fd, WRITE, SHARE_ALL, &other), STATUS_SHARING_VIOLATION);
	assert_int_equal(file_node_open(fd, FILE_APPEND_DATA, SHARE_ALL, &other),
	                 STATUS_SHARING_VIOLATION);
	assert_int_equal(file_node_open(fd, READ | FILE_EXECUTE, SHARE_ALL, &other), STATUS_SUCCESS);
	file_node_close(other, READ | FILE_EXECUTE, SHARE_ALL);
	assert_int_equal(file_node_set_size(node, 7), STATUS_USER_MAPPED_FILE);
	assert_int_equal(file_node_set_size(node, 8), STATUS_SUCCESS);
	assert_int_equal(size_of(node), 8);
	lock_take(&node->lock);
	file_node_remove_area_locked(node, &image);
	lock_drop(&node->lock);
	other = node_of(O_RDWR, WRITE);
	file_node_close(other, WRITE, SHARE_ALL);
	file_node_close(node, READ | WRITE, SHARE_ALL);
}

struct told {
	struct file_area area;
	uint64_t bytes;
	unsigned times;
};

static void note_cut(struct file_area *area, uint64_t bytes)
{
	struct told *told = (struct told *)area;
	told->bytes = bytes;
	told->times++;
}

/* Areas are found by machine and kind, and told when the file is cut. */
static void areas(void **unused)
{
	int machine[2];
	struct file_node *node = node_of(O_RDWR, READ | WRITE);
	struct told a = {{NULL, &machine[0], FILE_DATA, note_cut}, 0, 0};
	struct told b = {{NULL, &machine[1], FILE_DATA, note_cut}, 0, 0};
	struct file_area quiet = {.domain = machine + 2, .kind = FILE_DATA};
	(void)unused;
	lock_take(&node->lock);
	file_node_add_area_locked(node, &a.area);
	file_node_add_area_locked(node, &b.area);
	file_node_add_area_locked(node, &quiet);
	assert_ptr_equal(file_node_find_area_locked(node, &machine[0], FILE_DATA), &a.area);
	assert_ptr_equal(file_node_find_area_locked(node, &machine[1], FILE_DATA), &b.area);
	assert_null(file_node_find_area_locked(node, &machine[1], FILE_IMAGE));
	assert_false(file_node_is_image_locked(node));
	lock_drop(&node->lock);
	assert_int_equal(file_node_set_size(node, 100), STATUS_SUCCESS);
	assert_int_equal(a.times + b.times, 0);
	assert_int_equal(file_node_set_size(node, 8), STATUS_SUCCESS);
	assert_true(a.times == 1 && b.times == 1 && a.bytes == 8 && b.bytes == 8);
	lock_take(&node->lock);
	file_node_remove_area_locked(node, &b.area);
	assert_null(file_node_find_area_locked(node, &machine[1], FILE_DATA));
	file_node_remove_area_locked(node, &a.area);
	file_node_remove_area_locked(node, &quiet);
	lock_drop(&node->lock);
	file_node_close(node, READ | WRITE, SHARE_ALL);
}

/* A file as the source of an image. */
static void sources(void **unused)
{
	struct pe *pe = pe_new(PE_64, 0x180000000);
	struct file_node *node;
	struct image_source source;
	struct image *image;
	uint8_t header[0x600];
	(void)unused;
	pe_section(pe, ".data", NULL, 0, 0x1000, PE_DATA);
	assert_int_equal(file_node_open(pe_open(pe), READ, SHARE_ALL, &node), STATUS_SUCCESS);
	assert_int_equal(file_node_source(node, &source), STATUS_SUCCESS);
	assert_int_equal(image_open(&source, &image), STATUS_SUCCESS);
	assert_int_equal(image->pages, 2);
	assert_int_equal(image_read(image, &source, 0, header, sizeof header), 0);
	assert_memory_equal(header, pe->bytes, sizeof header);
	image_free(image);
	file_node_close(node, READ, SHARE_ALL);
	pe_free(pe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_node_for_one_file),
		cmocka_unit_test(descriptors_stay),
		cmocka_unit_test(references),
		cmocka_unit_test(cutting_below_a_view),
		cmocka_unit_test(images_are_not_written),
		cmocka_unit_test(areas),
		cmocka_unit_test(sources),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
