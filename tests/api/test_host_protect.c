/* SPDX-License-Identifier: MIT
 *
 * VirtualProtect, and WriteProcessMemory to code, of what the host process has mapped by itself (rules VP-4
 * to VP-9, VP-20, VP-23; PM-11).
 */
#include "host_maps.h"

#include <fcntl.h>
#include <stdio.h>

#include <ntmm/native.h>

static DWORD must_change(void *memory, SIZE_T bytes, DWORD protect)
{
	DWORD old = 77;
	assert_succeeds(VirtualProtect(memory, bytes, protect, &old));
	return old;
}

/* Nothing changes, *old either. */
static void assert_refused(void *memory, SIZE_T bytes, DWORD protect, DWORD error)
{
	DWORD old = 77;
	assert_fails(VirtualProtect(memory, bytes, protect, &old), error);
	assert_int_equal(old, 77);
}

static void load_body(void *address)
{
	peek(address);
}

static void store_body(void *address)
{
	poke(address, 1);
}

/* VP-6, VP-7, VP-9: as of what a malloc on Windows returns. The host splits the mapping meanwhile. */
static void private_memory_can_be_protected(void **state)
{
	char *memory = map_alone(3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)state;
	assert_true(ntmm_native_take_signals());
	memset(memory, 0x5A, 3 * PAGE);
	assert_int_equal(must_change(memory + PAGE + 5, 1, PAGE_READONLY), PAGE_READWRITE);
	check(memory + PAGE, PAGE, MEM_COMMIT, PAGE_READONLY, MEM_PRIVATE);
	assert_false(ntmm_try(store_body, memory + PAGE, NULL));
	assert_true(ntmm_try(store_body, memory + 2 * PAGE, NULL));
	assert_int_equal(must_change(memory + PAGE, 2 * PAGE, PAGE_NOACCESS), PAGE_READONLY);
	assert_false(ntmm_try(load_body, memory + 2 * PAGE, NULL));
	assert_int_equal(must_change(memory + PAGE, PAGE, PAGE_EXECUTE_READ), PAGE_NOACCESS);
	assert_int_equal(must_change(memory, 3 * PAGE, PAGE_READWRITE), PAGE_READWRITE);
	check(memory, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_PRIVATE);
	assert_int_equal(memory[PAGE], 0x5A);
	assert_int_equal(memory[2 * PAGE], 1);
	munmap(memory, 3 * PAGE);
}

static uint8_t code[PAGE] __attribute__((aligned(PAGE)));

/* A function in a page of its own. */
__asm__(".section .text.patched, \"ax\", @progbits\n"
        ".balign 4096\n"
        "patched: movl $1, %eax\n"
        "ret\n"
        ".balign 4096\n"
        ".text\n");
extern int patched(void) __attribute__((visibility("hidden")));

/* VP-23; PM-11: a program changes its own code, and makes code of its data. */
static void images_can_be_patched(void **state)
{
	static const uint8_t ret = 0xC3, two = 2;
	char *function = at((uintptr_t)patched);
	(void)state;
	code[0] = ret;
	assert_int_equal(must_change(code, PAGE, PAGE_EXECUTE_READWRITE), PAGE_READWRITE);
	run_code(code);
	assert_int_equal(must_change(code, PAGE, PAGE_READWRITE), PAGE_EXECUTE_READWRITE);
	assert_int_equal(patched(), 1);
	assert_int_equal(must_change(function, 1, PAGE_EXECUTE_READWRITE), PAGE_EXECUTE_READ);
	poke(function + 1, 3);
	assert_true(FlushInstructionCache(GetCurrentProcess(), function, 5));
	assert_int_equal(patched(), 3);
	assert_int_equal(must_change(function, 1, PAGE_EXECUTE_READ), PAGE_EXECUTE_READWRITE);
	check_image(function, PAGE_EXECUTE_READ, query(code).AllocationBase);
	assert_true(WriteProcessMemory(GetCurrentProcess(), function + 1, &two, 1, NULL));
	assert_int_equal(patched(), 2);
	check_image(function, PAGE_EXECUTE_READ, query(code).AllocationBase);
}

static void what_protection_is_refused(void **state) /* VP-4, VP-8, VP-20 */
{
	char *around = map_alone(4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = file_of(2 * PAGE);
	(void)state;
	assert_refused(around, PAGE, PAGE_WRITECOPY, 87);
	assert_refused(around, PAGE, PAGE_READWRITE | PAGE_GUARD, ERROR_NOT_SUPPORTED);
	assert_refused(around, PAGE, PAGE_READWRITE | PAGE_NOCACHE, ERROR_NOT_SUPPORTED);
	assert_refused(around, 5 * PAGE, PAGE_READONLY, 487);
	assert_refused(around - PAGE, PAGE, PAGE_READONLY, 487);
	assert_refused(around - PAGE, 2 * PAGE, PAGE_READONLY, 487);
	check(around, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE, MEM_PRIVATE);
	/* two kinds, side by side */
	char *file = mmap(around + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_refused(around, 2 * PAGE, PAGE_READONLY, 487);
	assert_refused(file, PAGE, PAGE_WRITECOPY, 87);
	assert_int_equal(must_change(file, PAGE, PAGE_READWRITE), PAGE_READONLY);
	assert_int_equal(must_change(file, PAGE, PAGE_READONLY), PAGE_READWRITE);
	/* the second may not be written, so the first is not either */
	char name[32];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	int closed = open(name, O_RDONLY);
	mmap(file + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, closed, 0);
	assert_refused(file, 2 * PAGE, PAGE_READWRITE, 87);
	check(file, PAGE, MEM_COMMIT, PAGE_READONLY, MEM_MAPPED);
	check(file + PAGE, PAGE, MEM_COMMIT, PAGE_READONLY, MEM_MAPPED);
	assert_int_equal(must_change(file, 2 * PAGE, PAGE_NOACCESS), PAGE_READONLY);
	/* an allocation of the library's behind it */
	char *mine = must_commit(PAGE, PAGE_READWRITE);
	assert_refused(mine - PAGE, 2 * PAGE, PAGE_READONLY, 487);
	assert_true(VirtualFree(mine, 0, MEM_RELEASE));
	assert_refused(mine, PAGE, PAGE_READONLY, 487);
	munmap(around, 4 * PAGE);
	close(closed);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_memory_can_be_protected),
		cmocka_unit_test(images_can_be_patched),
		cmocka_unit_test(what_protection_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
