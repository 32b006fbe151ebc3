/* SPDX-License-Identifier: MIT
 *
 * What this host process has mapped, as the host tells it, and where it has nothing.
 *
 * What this is: /proc/self/maps, asked by its ioctl for one mapping (Linux 6.11), or read from the
 * start, which is tens of microseconds to milliseconds. Both tell the same. The system's page near the
 * end of the address space, which is no mapping, is never told.
 *
 * Conventions: as os.h. Units: bytes, addresses. Threads: any, at once; what others map meanwhile is
 * seen or not. In a forked child it is the child's mappings that are told. Nothing allocates.
 */
#ifndef NTMM_BASE_OS_MAPS_H
#define NTMM_BASE_OS_MAPS_H

#include <stdbool.h>
#include <stdint.h>

enum os_mapping_flags {
	OS_MAPPING_READ = 1,
	OS_MAPPING_WRITE = 2,
	OS_MAPPING_EXECUTE = 4,
	OS_MAPPING_SHARED = 8,
	OS_MAPPING_FILE = 16, /* shared memory without a file counts: it is one without a name */
};

struct os_mapping {
	uint64_t start, end;
	unsigned flags;
	uint64_t inode, offset; /* of a file; `offset` is what is mapped at `start` */
	uint32_t major, minor;  /* of its device */
};

/* For tests: the slow way, where the host has the fast one too. */
enum os_maps_way { OS_MAPS_FASTEST, OS_MAPS_TEXT };

/* The mapping that has the byte at `address`, or else the next above it. ENOENT: none is above.
 * ENOENT is also the answer where /proc is not mounted; os_maps_known tells. */
int os_maps_find(uint64_t address, enum os_maps_way way, struct os_mapping *mapping);
/* Whether the host tells anything at all. */
bool os_maps_known(void);

/* A place for `bytes` bytes at a multiple of `alignment`, a power of two of at least a page, all of it
 * within [lowest, highest], where nothing is mapped, nor where the main thread's stack may grow. */
struct os_hole_wish {
	uint64_t bytes, alignment;
	uint64_t lowest, highest;
	bool top_down; /* the highest place there is, not the lowest */
};
/* False: there is none, or the host does not tell. One call of the host for each mapping in the way, and
 * top-down for each within the limits. Who maps there must not replace: it may be taken meanwhile. */
bool os_maps_find_hole(const struct os_hole_wish *wish, enum os_maps_way way, uint64_t *address);

/* A loaded program or shared object: from its first page to behind its last. */
struct os_image {
	uint64_t start, end;
	bool is_segment; /* the address asked for is in one of its segments, not in a gap between */
};
/* The one around `address`; false: there is none. Takes the loader's lock: the caller holds no lock
 * that a thread may wait for that loads an object, as one whose malloc is built on this library does.
 * Not in a signal handler that may have interrupted the loader. */
bool os_image_find(uint64_t address, struct os_image *image);

#endif
