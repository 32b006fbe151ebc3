/* SPDX-License-Identifier: MIT
 *
 * A ring buffer without a seam: the same memory twice, side by side.
 *
 *        first view           second view
 *      +-------------------+-------------------+
 *      | 0 ...         end | 0 ...         end |     a message that passes the end is in one piece
 *      +-------------------+-------------------+
 *               [ message that | wraps ]
 *
 * The place for both views is reserved as a placeholder, split in two, and each half is replaced by a
 * view of one section: there is no moment in which another thread could take the second half.
 *
 * VirtualAlloc2 and MapViewOfFile3 came with Windows 10; they are looked up, so that the program also
 * links where the import libraries do not have them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#ifndef MEM_RESERVE_PLACEHOLDER /* older headers */
#define MEM_PRESERVE_PLACEHOLDER 0x00000002
#define MEM_REPLACE_PLACEHOLDER 0x00004000
#define MEM_RESERVE_PLACEHOLDER 0x00040000
#endif

#define RING_BYTES ((SIZE_T)64 << 10)
#define MOST_MESSAGE 5000u
#define MESSAGES 20000u

typedef PVOID(WINAPI *virtual_alloc2)(HANDLE process, PVOID address, SIZE_T bytes, ULONG type,
                                      ULONG protect, void *parameters, ULONG count);
typedef PVOID(WINAPI *map_view_of_file3)(HANDLE mapping, HANDLE process, PVOID address,
                                         ULONG64 offset, SIZE_T bytes, ULONG type, ULONG protect,
                                         void *parameters, ULONG count);

struct ring {
	unsigned char *memory;
	SIZE_T written, read; /* bytes since the beginning; what is between them is in the ring */
};

static void must(BOOL holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s (last error %u)\n", what, (unsigned)GetLastError());
	exit(1);
}

static void *look_up(const char *name)
{
	void *function = (void *)GetProcAddress(GetModuleHandleA("kernelbase.dll"), name);
	must(function != NULL, name);
	return function;
}

static struct ring ring_create(void)
{
	virtual_alloc2 reserve = (virtual_alloc2)look_up("VirtualAlloc2");
	map_view_of_file3 map = (map_view_of_file3)look_up("MapViewOfFile3");

	unsigned char *memory = reserve(NULL, NULL, 2 * RING_BYTES,
	                                MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, NULL, 0);
	must(memory != NULL, "a placeholder for both views");
	must(VirtualFree(memory, RING_BYTES, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER),
	     "the placeholder is split");

	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    (DWORD)RING_BYTES, NULL);
	must(section != NULL, "CreateFileMapping");
	for (unsigned half = 0; half < 2; half++) {
		unsigned char *place = memory + half * RING_BYTES;
		must(map(section, NULL, place, 0, RING_BYTES, MEM_REPLACE_PLACEHOLDER,
		         PAGE_READWRITE, NULL, 0) == place,
		     "a view takes the place of a half");
	}
	CloseHandle(section); /* the views keep it alive */
	return (struct ring){.memory = memory};
}

static void ring_destroy(struct ring *ring)
{
	must(UnmapViewOfFile(ring->memory), "the first view goes");
	must(UnmapViewOfFile(ring->memory + RING_BYTES), "the second view goes");
}

static BOOL ring_put(struct ring *ring, const void *bytes, SIZE_T count)
{
	if (ring->written - ring->read + count > RING_BYTES)
		return FALSE;
	memcpy(ring->memory + ring->written % RING_BYTES, bytes, count);
	ring->written += count;
	return TRUE;
}

/* The next `count` bytes, in one piece wherever they lie; they are taken out of the ring. */
static const unsigned char *ring_take(struct ring *ring, SIZE_T count)
{
	const unsigned char *bytes = ring->memory + ring->read % RING_BYTES;
	ring->read += count;
	return bytes;
}

static unsigned length_of(unsigned number)
{
	return number * 2654435761u % MOST_MESSAGE + 1;
}

static const unsigned char *message(unsigned number)
{
	static unsigned char text[MOST_MESSAGE];
	for (unsigned i = 0; i < length_of(number); i++)
		text[i] = (unsigned char)(number * 31 + i);
	return text;
}

/* Sends numbered messages through the ring; how many of them lay across the seam. */
static unsigned send_and_receive(struct ring *ring)
{
	unsigned sent = 0, across = 0;
	for (unsigned received = 0; received < MESSAGES; received++) {
		while (sent < MESSAGES && ring_put(ring, message(sent), length_of(sent)))
			sent++;
		SIZE_T length = length_of(received);
		across += ring->read % RING_BYTES + length > RING_BYTES;
		must(memcmp(ring_take(ring, length), message(received), length) == 0,
		     "a message arrives as it was sent");
	}
	return across;
}

int main(void)
{
	struct ring ring = ring_create();
	printf("%u KB of memory, at %p and again right behind it\n", (unsigned)(RING_BYTES >> 10),
	       (void *)ring.memory);

	ring.memory[0] = 'A';
	must(ring.memory[RING_BYTES] == 'A', "a byte is seen in both views");

	unsigned across = send_and_receive(&ring);
	printf("%u messages received, %u of them lay across the seam, each in one piece\n", MESSAGES,
	       across);
	must(across > 0, "the seam was passed");
	ring_destroy(&ring);
	return 0;
}
