/* SPDX-License-Identifier: MIT */
#include "native/foreign.h"

#include "base/os_maps.h"
#include "base/os_pages.h"
#include "native/section.h"

/* ---- which part of the address space is whose ------------------------------------------------- */

static const struct range *chunk_around(const struct arena *arena, uint64_t page)
{
	for (unsigned i = 0; i < arena->chunks; i++)
		if (range_has(arena->chunk[i].range, page))
			return &arena->chunk[i].range;
	return NULL;
}

/* The part around `page`, which is in no chunk, of a free run: what is there is the host's. */
static struct range beside_chunks(const struct arena *arena, struct range run, uint64_t page)
{
	for (unsigned i = 0; i < arena->chunks; i++) {
		struct range chunk = arena->chunk[i].range;
		if (chunk.end <= page)
			run.start = max_u64(run.start, chunk.end);
		else
			run.end = min_u64(run.end, chunk.start);
	}
	return run;
}

static bool mapping_from(uint64_t page, struct os_mapping *mapping)
{
	return !os_maps_find(address_of(page), OS_MAPS_FASTEST, mapping);
}

/* The part around `page`, of a free run, of the mapping that the host has there. */
static bool mapping_at(const struct arena *arena, struct run run, uint64_t page,
                       struct os_mapping *mapping, struct range *part)
{
	if (chunk_around(arena, page) || !mapping_from(page, mapping) ||
	    page_of(mapping->start) > page)
		return false;
	struct range gap = beside_chunks(arena, (struct range){run.start, run.end}, page);
	part->start = max_u64(page_of(mapping->start), gap.start);
	part->end = min_u64(page_of(mapping->end), gap.end);
	return true;
}

/* Nothing of the host's is at `page`: where the first of it begins, or the run ends. Chunks are free
 * memory like any other. */
static uint64_t free_end(const struct arena *arena, struct range run, uint64_t page)
{
	struct os_mapping next;
	while (page < run.end) {
		const struct range *chunk = chunk_around(arena, page);
		struct range gap = chunk ? *chunk : beside_chunks(arena, run, page);
		if (!chunk && mapping_from(page, &next) && page_of(next.start) < gap.end)
			return max_u64(page_of(next.start), page);
		page = gap.end;
	}
	return run.end;
}

/* ---- what a mapping looks like to Windows ----------------------------------------------------- */

static prot_t prot_of(const struct os_mapping *mapping)
{
	bool copy = mapping->flags & OS_MAPPING_FILE && !(mapping->flags & OS_MAPPING_SHARED);
	bool execute = mapping->flags & OS_MAPPING_EXECUTE;
	prot_t write = execute ? PROT_EXECUTE_READWRITE : PROT_READWRITE;
	if (mapping->flags & OS_MAPPING_WRITE)
		return copy ? prot_before_copy(write) : write;
	if (mapping->flags & OS_MAPPING_READ)
		return execute ? PROT_EXECUTE_READ : PROT_READONLY;
	return execute ? PROT_EXECUTE : PROT_NOACCESS;
}

/* Private memory without a file and without access is address space that somebody keeps: reserved. */
static void look(const struct os_mapping *mapping, struct range part, struct foreign *foreign)
{
	bool private = !(mapping->flags & (OS_MAPPING_FILE | OS_MAPPING_SHARED));
	prot_t prot = prot_of(mapping);
	*foreign = (struct foreign){
		.kind = private ? FOREIGN_PRIVATE : FOREIGN_MAPPED,
		.range = part,
		.whole = part,
		.prot = prot,
		.whole_prot = prot,
		.committed = !private || prot != PROT_NOACCESS,
	};
}

/* Pages that have been copied differ from those that have not (CW-4). */
static void narrow(struct space *space, uint64_t page, struct foreign *foreign)
{
	bool copied;
	foreign->range.start = page;
	if (!prot_is_copy(foreign->prot))
		return;
	foreign->range.end = page + view_copied(space, foreign->range, &copied);
	if (copied)
		foreign->prot = prot_after_copy(foreign->prot);
}

/* ---- loaded objects -------------------------------------------------------------------------- */

/* Inaccessible pages between two segments are a gap of the image (VQ-16). */
static bool is_gap(const struct foreign *foreign, const struct os_image *image)
{
	return foreign->prot == PROT_NOACCESS && !image->is_segment;
}

static bool become_image(struct foreign *foreign)
{
	struct os_image image;
	if (!os_image_find(address_of(foreign->range.start), &image))
		return false;
	foreign->kind = FOREIGN_IMAGE;
	foreign->whole = (struct range){page_of(image.start), page_of(image.end)};
	foreign->whole_prot = PROT_EXECUTE_WRITECOPY;
	foreign->range.end = min_u64(foreign->range.end, foreign->whole.end);
	foreign->committed = !is_gap(foreign, &image);
	return true;
}

/* Of an image the host has several mappings; those that look alike are one region (VQ-7). */
static void extend(struct space *space, struct foreign *foreign)
{
	struct os_mapping mapping;
	struct foreign next;
	while (foreign->range.end < foreign->whole.end) {
		uint64_t page = foreign->range.end;
		if (!mapping_from(page, &mapping) || page_of(mapping.start) > page)
			return;
		struct range part = {page, min_u64(page_of(mapping.end), foreign->whole.end)};
		look(&mapping, part, &next);
		narrow(space, page, &next);
		if (!become_image(&next) || next.prot != foreign->prot ||
		    next.committed != foreign->committed)
			return;
		foreign->range.end = next.range.end;
	}
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct foreign nothing(struct range range)
{
	return (struct foreign){.kind = FOREIGN_NONE, .range = range, .whole = range};
}

/* What the host has mapped cannot become the space's, nor the other way round, as long as it is locked. */
static bool find(struct space *space, uint64_t page, struct foreign *foreign)
{
	const struct arena *arena = &native_of(space)->arena;
	struct run run = runs_at(&space->runs, page);
	struct range free = {run.start, run.end};
	struct os_mapping mapping;
	struct range part;
	if (run.vad)
		return false;
	if (mapping_at(arena, run, page, &mapping, &part))
		look(&mapping, part, foreign);
	else
		*foreign = nothing((struct range){page, free_end(arena, free, page)});
	return true;
}

bool foreign_mapping(struct space *space, uint64_t page, struct os_mapping *mapping,
                     struct range *part)
{
	const struct arena *arena = &native_of(space)->arena;
	shared_lock_read(&space->lock);
	struct run run = runs_at(&space->runs, page);
	bool is_theirs = !run.vad && mapping_at(arena, run, page, mapping, part);
	shared_lock_drop(&space->lock);
	return is_theirs;
}

bool foreign_at(struct space *space, uint64_t page, struct foreign *foreign)
{
	struct foreign found;
	shared_lock_read(&space->lock);
	bool is_free = find(space, page, &found);
	shared_lock_drop(&space->lock);
	if (!is_free)
		return false;
	if (found.kind != FOREIGN_NONE)
		narrow(space, page, &found);
	if (found.kind != FOREIGN_NONE && become_image(&found))
		extend(space, &found);
	*foreign = found;
	return true;
}

void foreign_residency(struct space *space, uint64_t page, struct residency *residency)
{
	struct foreign foreign;
	uint64_t word;
	if (!foreign_at(space, page, &foreign) || foreign.kind == FOREIGN_NONE ||
	    !foreign.committed || os_pages_map(page, &word, 1))
		return;
	residency->valid = word & OS_PAGE_PRESENT;
	residency->shared = residency->valid ? (word & OS_PAGE_OF_FILE) != 0
	                                     : foreign.kind != FOREIGN_PRIVATE;
	residency->sharers = residency->valid && residency->shared;
	residency->prot = foreign.prot;
}
