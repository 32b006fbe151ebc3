/* SPDX-License-Identifier: MIT
 *
 * An array of 1 GB that costs what is used of it.
 *
 * Its addresses are reserved at once; memory is committed where the program touches it. The first
 * touch of a piece raises an access violation. A vectored exception handler commits the 64 KB around
 * the address and lets the instruction run again: whoever uses the array notices nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define ARRAY_BYTES ((SIZE_T)1 << 30)
#define PIECE_BYTES ((SIZE_T)64 << 10)
#define NUMBERS_PER_PIECE (PIECE_BYTES / sizeof(DWORD64))

static struct {
	char *base;
	volatile unsigned commits; /* pieces that the handler has committed */
} array;

static void must(BOOL holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s (last error %u)\n", what, (unsigned)GetLastError());
	exit(1);
}

static BOOL is_in_array(ULONG_PTR address)
{
	return address - (ULONG_PTR)array.base < ARRAY_BYTES;
}

static LONG WINAPI commit_on_touch(EXCEPTION_POINTERS *exception)
{
	const EXCEPTION_RECORD *record = exception->ExceptionRecord;
	if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
		return EXCEPTION_CONTINUE_SEARCH;
	ULONG_PTR address = record->ExceptionInformation[1];
	if (!is_in_array(address))
		return EXCEPTION_CONTINUE_SEARCH; /* a bug of someone else's */
	char *piece = (char *)(address - address % PIECE_BYTES);
	if (!VirtualAlloc(piece, PIECE_BYTES, MEM_COMMIT, PAGE_READWRITE))
		return EXCEPTION_CONTINUE_SEARCH; /* no memory: now it is an error */
	array.commits++;
	return EXCEPTION_CONTINUE_EXECUTION;
}

/* Bytes of the array that are committed, as the system sees it, a region at a time. */
static SIZE_T committed_bytes(void)
{
	SIZE_T total = 0;
	MEMORY_BASIC_INFORMATION region;
	for (char *at = array.base; is_in_array((ULONG_PTR)at); at += region.RegionSize) {
		must(VirtualQuery(at, &region, sizeof region) == sizeof region, "VirtualQuery");
		if (region.State == MEM_COMMIT)
			total += region.RegionSize;
	}
	return total;
}

static void report(const char *what)
{
	printf("%-52s %4u exceptions, %6u KB committed\n", what, array.commits,
	       (unsigned)(committed_bytes() >> 10));
	must(committed_bytes() == array.commits * PIECE_BYTES, "a piece is committed once");
}

int main(void)
{
	array.base = VirtualAlloc(NULL, ARRAY_BYTES, MEM_RESERVE, PAGE_NOACCESS);
	must(array.base != NULL, "1 GB of address space");
	PVOID handler = AddVectoredExceptionHandler(1, commit_on_touch);
	must(handler != NULL, "AddVectoredExceptionHandler");
	report("1 GB reserved, nothing touched:");

	volatile DWORD64 *numbers = (volatile DWORD64 *)array.base;
	const DWORD64 used = 128 * NUMBERS_PER_PIECE;
	for (DWORD64 i = 0; i < used; i++)
		numbers[i] = i * i;
	report("the first 8 MB filled, front to back:");
	must(array.commits == 128, "an exception a piece");

	numbers[ARRAY_BYTES / sizeof *numbers - 1] = 4711;
	report("a number stored at the very end:");
	must(array.commits == 129, "one piece more");

	must(numbers[ARRAY_BYTES / sizeof *numbers / 2] == 0, "new memory is zero");
	report("a number read in the middle: it is 0:");
	must(array.commits == 130, "reading commits as well");

	for (DWORD64 i = 0; i < used; i++)
		must(numbers[i] == i * i, "what was stored is there");
	report("everything read again:");
	must(array.commits == 130, "nothing is raised where memory is");

	must(VirtualFree(array.base, 0, MEM_RELEASE), "VirtualFree");
	must(RemoveVectoredExceptionHandler(handler) != 0, "RemoveVectoredExceptionHandler");
	return 0;
}
