/* SPDX-License-Identifier: MIT
 *
 * The system changes a page of a process for itself, whatever its protection: relocation (IM-3).
 */
#include "machine/pager/shoot.h"
#include "machine/pager/touch.h"
#include "machine/pager/trim.h"

struct patch {
	void (*change)(void *context, uint64_t page, void *bytes);
	void *context;
};

static NTSTATUS patch_visitor(struct fault *fault, void *context)
{
	const struct patch *patch = context;
	struct page_map *map = fault->map;
	struct shootdown shootdown = {0};
	frame_t frame = pte_frame(pte_load(fault->place.entry));
	patch->change(patch->context, fault->page, frame_bytes(&map->pager->phys, frame));
	if (fault->prot == PROT_NOACCESS || prot_is_guard(fault->prot)) /* PG-17 */
		trim_page(map, frame, &shootdown);
	shoot_wait(&shootdown);
	return STATUS_SUCCESS;
}

NTSTATUS touch_patch(struct machine_process *process, uint64_t page,
                     void (*change)(void *context, uint64_t page, void *bytes), void *context)
{
	struct patch patch = {change, context};
	struct touch touch = {process,     address_of(page), NTMM_STORE,
	                      MODE_SYSTEM, patch_visitor,    &patch};
	return touch_as_service(&touch);
}
