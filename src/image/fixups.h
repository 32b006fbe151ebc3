/* SPDX-License-Identifier: MIT
 *
 * Relocation: what must be changed in an image that lies at another base than the preferred one
 * (IM-3), page by page, so that it can be done when a page is first touched.
 *
 * The table is read and checked once. Where a fixup crosses from one page into the next, the bytes
 * that were there are kept, so that either page can be done without the other, and neither can
 * fail. Host memory: 8 bytes a fixup, FIXUPS_MOST of them; 12 bytes more for each that crosses.
 *
 * Units: page numbers and bytes from the image's base. Threads: as image.h.
 */
#ifndef NTMM_IMAGE_FIXUPS_H
#define NTMM_IMAGE_FIXUPS_H

#include "image/image.h"

#define FIXUPS_MOST (UINT32_C(1) << 24)
#define FIXUP_TABLE_BYTES_MOST (UINT32_C(64) << 20)

struct image_fixups;

/* An image that needs no change has no fixups, and moves as well. STATUS_CONFLICTING_ADDRESSES: it
 * cannot be moved (IM-4). STATUS_INVALID_IMAGE_FORMAT: the table is malformed, too long, or has
 * fixups of an unknown kind, that overlap, or that lie outside what is backed.
 * STATUS_IO_DEVICE_ERROR, STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS image_fixups_load(const struct image *image, const struct image_source *source,
                           struct image_fixups **fixups);
void image_fixups_free(struct image_fixups *fixups);

/* Whether the page becomes another one at another base; others can be shared by all. */
bool image_page_has_fixups(const struct image_fixups *fixups, uint32_t page);

/* `bytes` are the 4096 of the page as image_read gives them; `delta` is the new base less the
 * preferred one, modulo 2^64. */
void image_relocate_page(const struct image_fixups *fixups, uint32_t page, uint64_t delta,
                         void *bytes);

#endif
