/* SPDX-License-Identifier: MIT
 *
 * What a call that maps a view works with; and what is different for images (rules IM).
 */
#ifndef NTMM_NT_MAP_H
#define NTMM_NT_MAP_H

#include "nt/target.h"
#include "object/section.h"
#include "space/view.h"

struct map_call {
	uint64_t base, bytes, offset; /* bytes 0: to the end */
	uint64_t commit;              /* bytes */
	uint64_t lowest, highest;     /* addresses, for the system's choice */
	uint32_t type;
	uint16_t machine; /* that an image must be for; 0: any */
	bool prefers; /* the base is the image's wish, not the caller's */
	bool there; /* of Windows 9x: the view was mapped already, and is held once more */
	struct view view;
	struct charge charge;
};

/* The view that holds `address` goes, as NtUnmapViewOfSectionEx. */
NTSTATUS unmap_view(struct target *target, uint64_t address, bool preserve);

/* ---- view_check.c --------------------------------------------------------------------------- */

/* The arguments, in the order of MV-18: the type, of the bits in `known` (MV-13, MV-16); the
 * protection (MV-15); base, size and offset (MV-5, MV-6, MV-9, MV-14). */
NTSTATUS map_check_type(uint32_t type, uint32_t known, SECTION_INHERIT inherit);
NTSTATUS map_check_protect(const struct era *era, uint32_t protect, prot_t *prot);
NTSTATUS map_check_place(const struct layout *layout, const struct map_call *call);
/* What a handle must allow for such a view (MV-2): SECTION_MAP_. */
uint32_t map_access(prot_t prot);
/* The section's side of it (MV-3, MV-7, MV-13, SC-17). In `view`: where in the section, and how many
 * pages. */
NTSTATUS map_check_section(const struct era *era, const struct section_object *object,
                           struct map_call *call);

/* ---- view_image.c --------------------------------------------------------------------------- */

/* IM-1: all of it is mapped, whatever protection is asked for. Reads what is needed to move it. */
NTSTATUS map_check_image(const struct section_object *object, struct map_call *call);
/* IM-2: where the caller does not say, the image does, if it can. The space is locked. */
void map_prefer_base(const struct space *space, struct map_call *call);
/* The view is mapped: what must be changed at this base is (IM-3). STATUS_SUCCESS,
 * STATUS_IMAGE_NOT_AT_BASE, STATUS_IMAGE_MACHINE_TYPE_MISMATCH; a failure has unmapped it. */
NTSTATUS map_finish_image(struct target *target, struct map_call *call);

#endif
