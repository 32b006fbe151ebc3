/* SPDX-License-Identifier: MIT
 *
 * VirtualProtect of what the host process has mapped: first every piece of the range is looked at, then
 * each is changed; when the host refuses one, those before get back what they had.
 */
#include "base/os_maps.h"
#include "base/os_pages.h"
#include "native/foreign.h"
#include "native/pages.h"

#define MOST_PIECES 32
#define ACCESS (OS_MAPPING_READ | OS_MAPPING_WRITE | OS_MAPPING_EXECUTE)
#define SORT (OS_MAPPING_FILE | OS_MAPPING_SHARED)

/* Of one mapping of the host's. */
struct host_piece {
	struct range range;
	unsigned flags; /* enum os_mapping_flags */
};

struct change {
	struct range range;
	prot_t prot;
	struct foreign first; /* at the first page */
	struct host_piece pieces[MOST_PIECES];
	unsigned count;
};

/* ---- looking --------------------------------------------------------------------------------- */

/* All of an image belongs together, what is anonymous in it too; of the rest, what is of one sort. */
static bool is_of_same(const struct change *change, unsigned flags)
{
	return change->first.kind == FOREIGN_IMAGE || !change->count ||
	       (flags & SORT) == (change->pieces[0].flags & SORT);
}

/* Inaccessible pages between the segments of an image are reserved. Others count as committed: this very
 * call may have made them inaccessible. */
static bool is_gap(const struct change *change, unsigned flags, uint64_t page)
{
	struct os_image image;
	return change->first.kind == FOREIGN_IMAGE && !(flags & ACCESS) &&
	       os_image_find(address_of(page), &image) && !image.is_segment;
}

static NTSTATUS look_at(struct space *space, struct change *change, uint64_t *page)
{
	struct os_mapping mapping;
	struct range part;
	if (!foreign_mapping(space, *page, &mapping, &part) || !is_of_same(change, mapping.flags))
		return STATUS_CONFLICTING_ADDRESSES; /* VP-4 */
	if (is_gap(change, mapping.flags, *page))
		return STATUS_NOT_COMMITTED; /* VP-5 */
	if (change->count == MOST_PIECES)
		return STATUS_INSUFFICIENT_RESOURCES;
	struct range piece = {*page, min_u64(part.end, change->range.end)};
	change->pieces[change->count++] = (struct host_piece){piece, mapping.flags};
	*page = piece.end;
	return STATUS_SUCCESS;
}

static NTSTATUS look(struct space *space, struct change *change)
{
	uint64_t page = change->range.start;
	if (!foreign_at(space, page, &change->first) || change->first.kind == FOREIGN_NONE)
		return STATUS_CONFLICTING_ADDRESSES; /* VP-4 */
	if (change->first.kind == FOREIGN_IMAGE && change->range.end > change->first.whole.end)
		return STATUS_CONFLICTING_ADDRESSES;
	NTSTATUS status = STATUS_SUCCESS;
	while (!status && page < change->range.end)
		status = look_at(space, change, &page);
	return status;
}

/* A mapping that others share cannot begin to be copied on write here. */
static NTSTATUS check_prot(const struct change *change)
{
	unsigned modifier = change->prot & PROT_MODIFIER_MASK;
	if (modifier && change->prot != PROT_NOACCESS)
		return STATUS_NOT_SUPPORTED;
	if (!prot_is_copy(change->prot))
		return STATUS_SUCCESS;
	if (change->first.kind == FOREIGN_PRIVATE)
		return STATUS_INVALID_PARAMETER_4; /* VP-8 */
	return change->pieces[0].flags & OS_MAPPING_SHARED ? STATUS_SECTION_PROTECTION
	                                                   : STATUS_SUCCESS;
}

/* ---- changing -------------------------------------------------------------------------------- */

static unsigned access_of(const struct host_piece *piece)
{
	return (piece->flags & OS_MAPPING_READ ? OS_PAGE_READ : 0) |
	       (piece->flags & OS_MAPPING_WRITE ? OS_PAGE_WRITE : 0) |
	       (piece->flags & OS_MAPPING_EXECUTE ? OS_PAGE_EXECUTE : 0);
}

static int protect(const struct host_piece *piece, unsigned how)
{
	return os_pages_protect(pointer_to_page(piece->range.start), bytes_of(piece->range), how);
}

static NTSTATUS status_of(int error)
{
	if (error == OS_DENIED)
		return STATUS_SECTION_PROTECTION; /* VP-20: of a file that was opened to be read */
	return error == OS_NOT_PERMITTED ? STATUS_ACCESS_DENIED : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS apply(const struct change *change)
{
	for (unsigned i = 0; i < change->count; i++) {
		int error = protect(&change->pieces[i], host_access(change->prot));
		if (!error)
			continue;
		for (unsigned k = 0; k <= i; k++)
			(void)protect(&change->pieces[k], access_of(&change->pieces[k]));
		return status_of(error);
	}
	return STATUS_SUCCESS;
}

NTSTATUS foreign_protect(struct space *space, struct range range, prot_t prot, prot_t *old)
{
	struct change change = {.range = range, .prot = prot};
	NTSTATUS status = look(space, &change);
	if (!status)
		status = check_prot(&change);
	if (!status)
		status = apply(&change);
	if (!status)
		*old = change.first.prot;
	return status;
}
