/* SPDX-License-Identifier: MIT
 *
 * Sections of files: the one section of data, and the one of the image, that a machine has of a file
 * (PG-4), found again as long as anybody uses it (SC-14).
 *
 * Threads: any; may block on I/O. No lock may be held.
 */
#ifndef NTMM_OBJECT_BACKING_H
#define NTMM_OBJECT_BACKING_H

#include "object/file.h"
#include "object/process.h"
#include "space/section.h"

/* The section of `node` in the process's machine, made if need be, with a reference. As
 * engine.section_create; FILE_IMAGE: as image_open, too. */
NTSTATUS backing_section(struct process *process, struct file_node *node, enum file_area_kind kind,
                         struct section **section);
/* Of a section of FILE_DATA: the file has at least `bytes` from now on. STATUS_SECTION_NOT_EXTENDED: it
 * would have to grow, and may not; as file_node_set_size. */
NTSTATUS backing_extend(const struct section *section, uint64_t bytes, bool may_grow);
/* Of a section of FILE_IMAGE. */
const struct image *backing_image(const struct section *section);
/* Reads its table of fixups, if that has not been done (IM-3). As image_fixups_load. */
NTSTATUS backing_load_fixups(const struct section *section);

/* In a forked child, where nobody else is: sections that another thread was about to free stay as they are
 * for good. Nobody is to wait for them. */
void backing_forked(struct file_node *node);

#endif
