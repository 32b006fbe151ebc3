/* SPDX-License-Identifier: MIT */
#include "object/backing.h"

#include <string.h>

#include "base/os.h"
#include "image/fixups.h"

struct file_backing {
	struct backing backing; /* first */
	struct file_area area;  /* in the list of the node */
	bool listed;            /* guarded by the node's lock, as the next */
	struct section *section;
	struct file_node *node; /* with a reference */
	struct image *image;    /* of an image */
	struct section_part *parts;
	_Atomic(struct image_fixups *) fixups;
};

static struct file_backing *file_backing_of(struct backing *backing)
{
	return (struct file_backing *)(void *)backing;
}

static struct file_backing *of_area(struct file_area *area)
{
	return (struct file_backing *)((char *)area - offsetof(struct file_backing, area));
}

/* ---- transfers ------------------------------------------------------------------------------ */

/* How much of the range lies in the file as it is now. */
static NTSTATUS clip(struct file_node *node, uint64_t offset, uint32_t *bytes)
{
	uint64_t size;
	NTSTATUS status = file_node_size(node, &size);
	if (status)
		return status;
	if (offset >= size && *bytes)
		return STATUS_END_OF_FILE;
	*bytes = (uint32_t)min_u64(*bytes, size - offset);
	return STATUS_SUCCESS;
}

static NTSTATUS read_file(struct backing *backing, uint64_t offset, void *to, uint32_t bytes)
{
	struct file_node *node = file_backing_of(backing)->node;
	uint32_t there = bytes;
	NTSTATUS status = clip(node, offset, &there);
	if (status)
		return status;
	if (there < bytes && file_backing_of(backing)->image)
		return STATUS_END_OF_FILE; /* it was all there when the image was opened */
	memset((char *)to + there, 0, bytes - there);
	return file_node_read(node, to, there, offset) ? STATUS_IO_DEVICE_ERROR : STATUS_SUCCESS;
}

static NTSTATUS write_file(struct backing *backing, uint64_t offset, const void *from,
                           uint32_t bytes)
{
	struct file_node *node = file_backing_of(backing)->node;
	NTSTATUS status = clip(node, offset, &bytes);
	if (status)
		return status;
	return file_status(file_node_write(node, from, bytes, offset));
}

static int descriptor(struct backing *backing, bool writes)
{
	return file_node_descriptor(file_backing_of(backing)->node, writes);
}

/* ---- views ---------------------------------------------------------------------------------- */

static void add_view(struct backing *backing, uint64_t end)
{
	struct file_backing *file = file_backing_of(backing);
	if (!file->image)
		file_node_add_view(file->node, end);
}

static void remove_view(struct backing *backing)
{
	struct file_backing *file = file_backing_of(backing);
	if (!file->image)
		file_node_remove_view(file->node);
}

/* The node's lock is held: the section is in the list, so it is still there. */
static void cut(struct file_area *area, uint64_t bytes)
{
	struct section *section = of_area(area)->section;
	section->engine->section_cut(section, bytes);
}

/* ---- relocation ----------------------------------------------------------------------------- */

static bool is_moved(struct backing *backing, uint64_t page)
{
	const struct image_fixups *fixups = file_backing_of(backing)->fixups;
	return fixups && image_page_has_fixups(fixups, (uint32_t)page);
}

static void move(struct backing *backing, uint64_t page, uint64_t delta, void *bytes)
{
	image_relocate_page(file_backing_of(backing)->fixups, (uint32_t)page, delta, bytes);
}

NTSTATUS backing_load_fixups(const struct section *section)
{
	struct file_backing *file = file_backing_of(section->backing);
	struct image_fixups *loaded, *none = NULL;
	struct image_source source;
	if (file->fixups)
		return STATUS_SUCCESS;
	NTSTATUS status = file_node_source(file->node, &source);
	if (!status)
		status = image_fixups_load(file->image, &source, &loaded);
	if (!status && !atomic_compare_exchange_strong(&file->fixups, &none, loaded))
		image_fixups_free(loaded); /* another was quicker */
	return status;
}

NTSTATUS backing_extend(const struct section *section, uint64_t bytes, bool may_grow)
{
	struct file_node *node = file_backing_of(section->backing)->node;
	uint64_t size;
	NTSTATUS status = file_node_size(node, &size);
	if (status || bytes <= size)
		return status;
	return may_grow ? file_node_set_size(node, bytes) : STATUS_SECTION_NOT_EXTENDED;
}

const struct image *backing_image(const struct section *section)
{
	return file_backing_of(section->backing)->image;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void dispose(struct file_backing *file)
{
	image_fixups_free(file->fixups);
	image_free(file->image);
	os_free(file->parts);
	file_node_release(file->node);
	os_free(file);
}

static void free_backing(struct backing *backing)
{
	struct file_backing *file = file_backing_of(backing);
	lock_take(&file->node->lock);
	if (file->listed)
		file_node_remove_area_locked(file->node, &file->area);
	lock_drop(&file->node->lock);
	dispose(file);
}

static const struct backing_operations file_operations = {
	.read = read_file,
	.write = write_file,
	.descriptor = descriptor,
	.add_view = add_view,
	.remove_view = remove_view,
	.is_moved = is_moved,
	.move = move,
	.free = free_backing,
};

static struct section_part part_of(const struct image_piece *piece)
{
	return (struct section_part){
		.range = {piece->first_page, piece->first_page + piece->pages},
		.offset = piece->file_offset,
		.bytes = piece->file_bytes,
		.prot = piece->protection,
		.committed = !piece->is_gap,
		.shared = piece->is_shared};
}

static struct section *find(struct file_node *node, const void *domain, enum file_area_kind kind);

/* What data views have written becomes part of the image. */
static NTSTATUS flush_data(struct file_node *node, const void *domain)
{
	struct section *data = find(node, domain, FILE_DATA);
	if (!data)
		return STATUS_SUCCESS;
	NTSTATUS status =
		data->engine->section_flush(data, (struct range){0, SECTION_FILE_PAGES});
	section_release(data);
	return status;
}

static NTSTATUS open_image(struct file_backing *file, struct section_wish *wish)
{
	struct image_source source;
	NTSTATUS status = flush_data(file->node, file->area.domain);
	if (!status)
		status = file_node_source(file->node, &source);
	if (!status)
		status = image_open(&source, &file->image);
	if (status)
		return status;
	file->parts = os_alloc(file->image->pieces * sizeof *file->parts);
	if (!file->parts)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < file->image->pieces; i++)
		file->parts[i] = part_of(&file->image->piece[i]);
	wish->pages = file->image->pages;
	wish->base = file->image->base;
	wish->parts = file->parts;
	wish->part_count = file->image->pieces;
	return STATUS_SUCCESS;
}

static NTSTATUS make(struct process *process, struct file_node *node, enum file_area_kind kind,
                     struct file_backing **made)
{
	struct file_backing *file = os_alloc(sizeof *file);
	struct section_wish wish = {.kind = kind == FILE_IMAGE ? SECTION_IMAGE : SECTION_FILE,
	                            .pages = SECTION_FILE_PAGES};
	if (!file)
		return STATUS_INSUFFICIENT_RESOURCES;
	file_node_retain(node);
	file->node = node;
	file->backing.operations = &file_operations;
	file->area = (struct file_area){
		.domain = process->domain, .kind = kind, .cut = kind == FILE_DATA ? cut : NULL};
	wish.backing = &file->backing;
	NTSTATUS status = kind == FILE_IMAGE ? open_image(file, &wish) : STATUS_SUCCESS;
	if (!status)
		status = process->space->engine->section_create(process->space, &wish,
		                                                &file->section);
	if (status)
		dispose(file);
	else
		*made = file;
	return status;
}

/* What the machine has of the file already. One that is just going, *going, is waited for: what is
 * dirty of it is being written. */
static struct section *find_locked(struct file_node *node, const void *domain,
                                   enum file_area_kind kind, bool *going)
{
	struct file_area *area = file_node_find_area_locked(node, domain, kind);
	struct section *section = area ? of_area(area)->section : NULL;
	*going = section && !section_retain_if_alive(section);
	return *going ? NULL : section;
}

static struct section *find(struct file_node *node, const void *domain, enum file_area_kind kind)
{
	bool going;
	do {
		lock_take(&node->lock);
		struct section *section = find_locked(node, domain, kind, &going);
		lock_drop(&node->lock);
		if (section)
			return section;
		if (going)
			os_yield();
	} while (going);
	return NULL;
}

/* False: there is one already, or one that is just going. */
static bool enlist(struct file_backing *file)
{
	struct file_node *node = file->node;
	lock_take(&node->lock);
	bool first = !file_node_find_area_locked(node, file->area.domain, file->area.kind);
	if (first)
		file_node_add_area_locked(node, &file->area);
	file->listed = first;
	lock_drop(&node->lock);
	return first;
}

NTSTATUS backing_section(struct process *process, struct file_node *node, enum file_area_kind kind,
                         struct section **section)
{
	struct file_backing *made = NULL;
	for (;;) {
		*section = find(node, process->domain, kind);
		if (*section)
			return STATUS_SUCCESS;
		NTSTATUS status = make(process, node, kind, &made);
		if (status)
			return status;
		*section = made->section;
		if (enlist(made))
			return STATUS_SUCCESS;
		section_release(made->section);
	}
}

void backing_forked(struct file_node *node)
{
	for (struct file_area **at = &node->areas; *at;) {
		struct file_backing *file = of_area(*at);
		file->listed = file->section && file->section->references;
		if (file->listed)
			at = &(*at)->next;
		else
			*at = (*at)->next;
	}
}
