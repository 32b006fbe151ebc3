/* SPDX-License-Identifier: MIT
 *
 * Where a section's pages come from, and go to, when that is not the paging file: a file.
 *
 * Units: bytes of the file. Errors: a status; nothing is known then about what was read or written.
 * Threads: any; read and write may block, and are called with no lock held.
 */
#ifndef NTMM_SPACE_BACKING_H
#define NTMM_SPACE_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include <ntmm/types.h>

struct backing;

struct backing_operations {
	/* What lies beyond the end of the file reads as zero (MV-19); STATUS_END_OF_FILE when the whole
	 * range does, for the file has been cut (MV-20). */
	NTSTATUS (*read)(struct backing *backing, uint64_t offset, void *to, uint32_t bytes);
	/* What lies beyond the end of the file is left out (MV-19); the same. */
	NTSTATUS (*write)(struct backing *backing, uint64_t offset, const void *from,
	                  uint32_t bytes);
	/* A descriptor of the host's that the file can be mapped by, for writing too if `writes`; it stays the
	 * backing's. -1: it has none. */
	int (*descriptor)(struct backing *backing, bool writes);
	/* A view shows the file up to byte `end`; it goes (SC-15). A space's lock may be held. */
	void (*add_view)(struct backing *backing, uint64_t end);
	void (*remove_view)(struct backing *backing);
	/* Of an image that lies `delta` from where it wants to: whether the page becomes another, and
	 * what it becomes. May be NULL: nothing has to be changed (IM-3). */
	bool (*is_moved)(struct backing *backing, uint64_t page);
	void (*move)(struct backing *backing, uint64_t page, uint64_t delta, void *bytes);
	/* Its section goes. */
	void (*free)(struct backing *backing);
};

struct backing {
	const struct backing_operations *operations;
};

#endif
