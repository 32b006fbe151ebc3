/* SPDX-License-Identifier: MIT
 *
 * Headers of a PE file.
 */
#include <string.h>

#include "image/pe.h"

#define DOS_BYTES 64
#define DOS_NEW_HEADER 60    /* e_lfanew */
#define FILE_HEADER_BYTES 24 /* with the signature */
#define OPTIONAL_BYTES_MOST 240
#define NE_TYPE 0x36
#define NE_TYPE_WINDOWS 2
#define MAGIC_32 0x10B
#define MAGIC_64 0x20B
#define BASE_UNIT 0x10000
#define SECTOR_BYTES 512
#define RELOC_DIRECTORY 5

NTSTATUS pe_read_at(const struct image_source *source, uint64_t offset, void *to, uint32_t bytes)
{
	if (offset > source->bytes || bytes > source->bytes - offset)
		return STATUS_INVALID_IMAGE_FORMAT;
	if (bytes && source->read(source->context, offset, to, bytes))
		return STATUS_IO_DEVICE_ERROR;
	return STATUS_SUCCESS;
}

/* `value` for what lies beyond the end of the file; a failed read is told as it is. */
static NTSTATUS or_beyond(NTSTATUS status, NTSTATUS value)
{
	return status == STATUS_INVALID_IMAGE_FORMAT ? value : status;
}

static NTSTATUS find_new_header(const struct image_source *source, uint64_t *offset)
{
	uint8_t dos[DOS_BYTES];
	if (!source->bytes)
		return STATUS_INVALID_FILE_FOR_SECTION;
	NTSTATUS status = pe_read_at(source, 0, dos, 2);
	if (status || dos[0] != 'M' || dos[1] != 'Z')
		return or_beyond(status ? status : STATUS_INVALID_IMAGE_FORMAT,
		                 STATUS_INVALID_IMAGE_NOT_MZ);
	status = pe_read_at(source, 0, dos, sizeof dos);
	if (status)
		return or_beyond(status, STATUS_INVALID_IMAGE_PROTECT);
	*offset = le32(dos + DOS_NEW_HEADER);
	return STATUS_SUCCESS;
}

static NTSTATUS judge_ne(const struct image_source *source, uint64_t offset)
{
	uint8_t type;
	NTSTATUS status = pe_read_at(source, offset + NE_TYPE, &type, sizeof type);
	if (status)
		return or_beyond(status, STATUS_INVALID_IMAGE_NE_FORMAT);
	return type == NE_TYPE_WINDOWS ? STATUS_INVALID_IMAGE_WIN_16
	                               : STATUS_INVALID_IMAGE_NE_FORMAT;
}

/* Success when a PE header begins here. */
static NTSTATUS judge_signature(const struct image_source *source, uint64_t offset)
{
	uint8_t signature[4];
	NTSTATUS status = pe_read_at(source, offset, signature, sizeof signature);
	if (status)
		return or_beyond(status, STATUS_INVALID_IMAGE_PROTECT);
	if (!memcmp(signature, "NE", 2))
		return judge_ne(source, offset);
	if (!memcmp(signature, "LE", 2) || !memcmp(signature, "LX", 2))
		return STATUS_INVALID_IMAGE_LE_FORMAT;
	if (memcmp(signature, "PE\0\0", 4))
		return STATUS_INVALID_IMAGE_PROTECT;
	return offset % 4 ? STATUS_INVALID_IMAGE_FORMAT : STATUS_SUCCESS;
}

/* `header` is the file header with its signature. Leaves the size of the optional one. */
static bool take_file_header(struct pe *pe, const uint8_t *header, uint32_t *optional_bytes)
{
	pe->image.machine = le16(header + 4);
	pe->sections = le16(header + 6);
	*optional_bytes = le16(header + 20);
	pe->image.characteristics = le16(header + 22);
	return pe->sections <= IMAGE_SECTIONS_MOST && pe->image.characteristics & IMAGE_EXECUTABLE;
}

/* What stands at the same place in both forms of the optional header. */
static void take_common(struct pe *pe, const uint8_t *optional)
{
	struct image *image = &pe->image;
	image->entry = le32(optional + 16);
	pe->section_alignment = le32(optional + 32);
	pe->file_alignment = le32(optional + 36);
	image->system_major = le16(optional + 40);
	image->system_minor = le16(optional + 42);
	image->subsystem_major = le16(optional + 48);
	image->subsystem_minor = le16(optional + 50);
	pe->image_bytes = le32(optional + 56);
	image->header_bytes = le32(optional + 60);
	image->checksum = le32(optional + 64);
	image->subsystem = le16(optional + 68);
	image->dll_characteristics = le16(optional + 70);
}

/* What is wider in the 64-bit form. Leaves the number of data directories and where they begin. */
static uint32_t take_wide(struct image *image, const uint8_t *optional, uint32_t *directories)
{
	if (image->machine == IMAGE_MACHINE_I386) {
		image->base = le32(optional + 28);
		image->stack_reserve = le32(optional + 72);
		image->stack_commit = le32(optional + 76);
		image->loader_flags = le32(optional + 88);
		*directories = le32(optional + 92);
		return 96;
	}
	image->base = le64(optional + 24);
	image->stack_reserve = le64(optional + 72);
	image->stack_commit = le64(optional + 80);
	image->loader_flags = le32(optional + 104);
	*directories = le32(optional + 108);
	return 112;
}

/* A table that does not lie in the image makes it one that cannot be moved; where it is wanted it
 * is as good as any. One that is not there means that nothing depends on the base. */
static void take_relocations(struct pe *pe, const uint8_t *directory)
{
	struct image *image = &pe->image;
	uint32_t rva = le32(directory), bytes = le32(directory + 4);
	bool is_stripped = image->characteristics & IMAGE_RELOCS_STRIPPED;
	if (bytes && (rva > pe->image_bytes || bytes > pe->image_bytes - rva))
		return;
	image->is_movable = !is_stripped;
	image->reloc_rva = is_stripped || !bytes ? 0 : rva;
	image->reloc_bytes = is_stripped ? 0 : bytes;
}

/* Directories beyond the end of the optional header, or beyond their number, are empty. */
static bool take_optional_header(struct pe *pe, const uint8_t *optional, uint32_t bytes)
{
	static const uint8_t empty[8];
	uint16_t magic = le16(optional);
	uint32_t directories;
	bool is_32 = pe->image.machine == IMAGE_MACHINE_I386 && magic == MAGIC_32;
	bool is_64 = pe->image.machine == IMAGE_MACHINE_AMD64 && magic == MAGIC_64;
	if (!is_32 && !is_64)
		return false;
	take_common(pe, optional);
	uint32_t first = take_wide(&pe->image, optional, &directories);
	if (bytes < first)
		return false;
	uint32_t at = first + RELOC_DIRECTORY * 8;
	bool has_directory = directories > RELOC_DIRECTORY && bytes >= at + 8;
	take_relocations(pe, has_directory ? optional + at : empty);
	return true;
}

static bool is_power_of_two(uint32_t value)
{
	return value && !(value & (value - 1));
}

static bool alignments_are_good(const struct pe *pe)
{
	uint32_t section = pe->section_alignment, file = pe->file_alignment;
	if (!is_power_of_two(section) || !is_power_of_two(file) || file > section)
		return false;
	if (section < PAGE_BYTES) /* IM-7 */
		return file == section;
	return file >= SECTOR_BYTES;
}

static bool sizes_are_good(const struct pe *pe)
{
	const struct image *image = &pe->image;
	uint64_t top = image->machine == IMAGE_MACHINE_I386 ? UINT32_MAX : UINT64_MAX;
	return pe->image_bytes && pe->image_bytes <= IMAGE_BYTES_MOST && image->header_bytes &&
	       image->header_bytes <= pe->image_bytes &&
	       image->header_bytes <= image->file_bytes && image->entry < pe->image_bytes &&
	       !(image->base % BASE_UNIT) &&
	       image->base <= top - (pages_for(pe->image_bytes) * PAGE_BYTES - 1);
}

static NTSTATUS read_pe(const struct image_source *source, uint64_t offset, struct pe *pe)
{
	uint8_t header[FILE_HEADER_BYTES], optional[OPTIONAL_BYTES_MOST] = {0};
	uint32_t bytes;
	NTSTATUS status = pe_read_at(source, offset, header, sizeof header);
	if (status)
		return status;
	if (!take_file_header(pe, header, &bytes))
		return STATUS_INVALID_IMAGE_FORMAT;
	pe->table = offset + FILE_HEADER_BYTES + bytes;
	status = pe_read_at(source, offset + FILE_HEADER_BYTES, optional,
	                    (uint32_t)min_u64(bytes, sizeof optional));
	if (status)
		return status;
	if (!take_optional_header(pe, optional, bytes) || !alignments_are_good(pe) ||
	    !sizes_are_good(pe))
		return STATUS_INVALID_IMAGE_FORMAT;
	pe->image.pages = (uint32_t)pages_for(pe->image_bytes);
	return STATUS_SUCCESS;
}

NTSTATUS pe_read(const struct image_source *source, struct pe *pe)
{
	uint64_t offset;
	*pe = (struct pe){.image.file_bytes = source->bytes};
	NTSTATUS status = find_new_header(source, &offset);
	if (!status)
		status = judge_signature(source, offset);
	return status ? status : read_pe(source, offset, pe);
}
