/* SPDX-License-Identifier: MIT
 *
 * Images in the test's own process, with requests to the host failing: mapped, moved, and protected, which is
 * another protection in each part (IM-2, IM-3, VP-23).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/file.h>

#include "native_view.h"
#include "support/pe.h"
#include "support/touch.h"

#define RUN(attempts) native_attempts(attempts, sizeof(attempts) / sizeof(attempts)[0])
#define COPY PAGE_WRITECOPY

static bool protect_pages(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	return VirtualProtect(at_page(s, page), pages * PAGE, protect, &old);
}

/* Pages of code, of data, of data that all processes share, and of data again. */
static void with_image(struct stage *s, uint64_t base)
{
	static uint8_t bytes[3 * PAGE];
	memset(bytes, 0xC3, sizeof bytes); /* can be run */
	struct pe *pe = pe_new(PE_64, base);
	uint32_t text = pe_section(pe, ".text", bytes, sizeof bytes, sizeof bytes, PE_CODE);
	pe_section(pe, ".data", bytes, sizeof bytes, sizeof bytes, PE_DATA);
	pe_section(pe, ".share", bytes, sizeof bytes, sizeof bytes, PE_DATA | PE_SHARED);
	pe_section(pe, ".more", bytes, sizeof bytes, sizeof bytes, PE_DATA);
	pe_relocations(pe, (struct pe_fixup[]){{text + 8, PE_DIR64, 0}}, 1);
	int fd = pe_open(pe);
	pe_free(pe);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ | GENERIC_EXECUTE, &s->file),
	                 STATUS_SUCCESS);
	close(fd);
	s->section = CreateFileMappingA(s->file, NULL, RO | SEC_IMAGE, 0, 0, NULL);
	assert_non_null(s->section);
}

static void image(struct stage *s)
{
	with_image(s, s->base);
	assert_true(show(s, FILE_MAP_READ));
	poke((uint8_t *)at_page(s, 5) + 1, 5);
}

static void moved_image(struct stage *s)
{
	with_image(s, UINT64_C(0x200000000000));
}

static bool map_image(struct stage *s)
{
	return show(s, FILE_MAP_READ);
}

/* VP-23: other protections in other parts. */
static bool image_writable(struct stage *s)
{
	return protect_pages(s, 2, 10, PAGE_EXECUTE_READWRITE);
}

static bool image_readable(struct stage *s)
{
	return protect_pages(s, 1, 10, RO);
}

static bool image_copy(struct stage *s)
{
	return protect_pages(s, 0, 6, COPY);
}

static const struct attempt of_images[] = {
	{"map an image that is moved", moved_image, map_image, close_file, 0},
	{"all of an image becomes writable", image, image_writable, close_file, ALL_MAY_FAIL},
	{"all of an image becomes readable", image, image_readable, close_file, ALL_MAY_FAIL},
	{"code and data become data", image, image_copy, close_file, ALL_MAY_FAIL},
};

static void images(void **state)
{
	(void)state;
	RUN(of_images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(images)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
