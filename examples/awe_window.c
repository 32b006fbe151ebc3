/* SPDX-License-Identifier: MIT
 *
 * More memory than addresses: a window of 16 pages over 256 page frames (AWE).
 *
 * The frames are blocks of a store. They keep their contents while they are not mapped. To move the
 * window, or to put blocks in another order, changes what the pages show; no byte is copied.
 *
 * The account that runs this needs the right to lock pages in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define PAGE_BYTES 4096u
#define BLOCKS 256u
#define WINDOW_PAGES 16u
#define WORDS (PAGE_BYTES / sizeof(DWORD))

static DWORD (*window)[WORDS]; /* page, word */
static ULONG_PTR frames[BLOCKS];

static void must(BOOL holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s (last error %u)\n", what, (unsigned)GetLastError());
	exit(1);
}

static void enable_lock_pages(void)
{
	HANDLE token;
	TOKEN_PRIVILEGES wanted = {1, {{{0, 0}, SE_PRIVILEGE_ENABLED}}};
	must(OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token),
	     "OpenProcessToken");
	must(LookupPrivilegeValueA(NULL, "SeLockMemoryPrivilege", &wanted.Privileges[0].Luid),
	     "LookupPrivilegeValue");
	must(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL), "AdjustTokenPrivileges");
	/* It succeeds, too, when the account has no such right. */
	must(GetLastError() == ERROR_SUCCESS, "the right to lock pages in memory");
	CloseHandle(token);
}

static void allocate_frames(void)
{
	ULONG_PTR count = BLOCKS;
	must(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames),
	     "AllocateUserPhysicalPages");
	must(count == BLOCKS, "as many frames as were asked for");
}

/* The window shows the blocks from `first` on. */
static void show(unsigned first)
{
	must(MapUserPhysicalPages(window, WINDOW_PAGES, &frames[first]), "MapUserPhysicalPages");
}

/* Page i of the window shows block order[i]. */
static void show_scattered(const unsigned *order)
{
	PVOID pages[WINDOW_PAGES];
	ULONG_PTR chosen[WINDOW_PAGES];
	for (unsigned i = 0; i < WINDOW_PAGES; i++) {
		pages[i] = window[i];
		chosen[i] = frames[order[i]];
	}
	must(MapUserPhysicalPagesScatter(pages, WINDOW_PAGES, chosen),
	     "MapUserPhysicalPagesScatter");
}

static void close_window(void)
{
	must(MapUserPhysicalPages(window, WINDOW_PAGES, NULL), "nothing is mapped any more");
}

static DWORD word_of(unsigned block, unsigned word)
{
	return block * 2654435761u + word;
}

static void write_blocks(void)
{
	for (unsigned block = 0; block < BLOCKS; block++) {
		if (block % WINDOW_PAGES == 0)
			show(block);
		for (unsigned word = 0; word < WORDS; word++)
			window[block % WINDOW_PAGES][word] = word_of(block, word);
	}
}

static void check_page(unsigned page, unsigned block)
{
	for (unsigned word = 0; word < WORDS; word++)
		must(window[page][word] == word_of(block, word), "a block kept what was written");
}

static void read_blocks_backwards(void)
{
	for (unsigned first = BLOCKS; first > 0;) {
		first -= WINDOW_PAGES;
		show(first);
		for (unsigned page = 0; page < WINDOW_PAGES; page++)
			check_page(page, first + page);
	}
}

static void read_blocks_scattered(void)
{
	unsigned order[WINDOW_PAGES];
	for (unsigned i = 0; i < WINDOW_PAGES; i++)
		order[i] = (i * 97 + 5) % BLOCKS;
	show_scattered(order);
	for (unsigned page = 0; page < WINDOW_PAGES; page++)
		check_page(page, order[page]);
}

/* Two blocks change places without a copy: unmapped first, since a frame is at one place at a time. */
static void exchange(unsigned a, unsigned b)
{
	PVOID pages[2] = {window[a], window[b]};
	ULONG_PTR crossed[2] = {frames[b], frames[a]};
	must(MapUserPhysicalPagesScatter(pages, 2, NULL), "both are unmapped");
	must(MapUserPhysicalPagesScatter(pages, 2, crossed), "and mapped crosswise");
	check_page(a, b);
	check_page(b, a);
}

int main(void)
{
	enable_lock_pages();
	allocate_frames();
	window = VirtualAlloc(NULL, WINDOW_PAGES * PAGE_BYTES, MEM_RESERVE | MEM_PHYSICAL,
	                      PAGE_READWRITE);
	must(window != NULL, "a window");
	printf("%u frames, and a window of %u pages\n", BLOCKS, WINDOW_PAGES);

	write_blocks();
	printf("every block written, the window moved over all of them\n");
	read_blocks_backwards();
	printf("every block read again, from the last to the first\n");
	close_window();
	read_blocks_scattered();
	printf("16 blocks from all over the store, side by side\n");
	close_window();
	show(0);
	exchange(3, 11);
	printf("blocks 3 and 11 changed places, and no byte was copied\n");

	ULONG_PTR count = BLOCKS;
	must(FreeUserPhysicalPages(GetCurrentProcess(), &count, frames) && count == BLOCKS,
	     "FreeUserPhysicalPages");
	must(VirtualFree(window, 0, MEM_RELEASE), "VirtualFree");
	return 0;
}
