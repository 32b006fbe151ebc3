/* SPDX-License-Identifier: MIT
 *
 * NtQuerySection (rule SC-13).
 */
#include <string.h>

#include "nt/target.h"
#include "object/backing.h"
#include "object/section.h"

union answer {
	SECTION_BASIC_INFORMATION basic;
	SECTION_IMAGE_INFORMATION image;
};

_Static_assert(sizeof(SECTION_IMAGE_INFORMATION) == 64, "as on 64-bit Windows");

/* 0: there is no such class. */
static uint64_t size_of(SECTION_INFORMATION_CLASS info_class)
{
	switch (info_class) {
	case SectionBasicInformation:
		return sizeof(SECTION_BASIC_INFORMATION);
	case SectionImageInformation:
		return sizeof(SECTION_IMAGE_INFORMATION);
	}
	return 0;
}

static SECTION_BASIC_INFORMATION basic(const struct section_object *object)
{
	return (SECTION_BASIC_INFORMATION){.BaseAddress = (PVOID)(uintptr_t)object->base,
	                                   .Attributes = object->attributes,
	                                   .Size = (LONGLONG)object->bytes};
}

static SECTION_IMAGE_INFORMATION image(const struct image *image)
{
	return (SECTION_IMAGE_INFORMATION){
		.TransferAddress = (PVOID)(uintptr_t)(image->base + image->entry),
		.MaximumStackSize = image->stack_reserve,
		.CommittedStackSize = image->stack_commit,
		.SubSystemType = image->subsystem,
		.SubSystemMinorVersion = image->subsystem_minor,
		.SubSystemMajorVersion = image->subsystem_major,
		.MajorOperatingSystemVersion = image->system_major,
		.MinorOperatingSystemVersion = image->system_minor,
		.ImageCharacteristics = image->characteristics,
		.DllCharacteristics = image->dll_characteristics,
		.Machine = image->machine,
		.ImageContainsCode = image->has_code,
		.ImageFlags = image->is_flat ? SECTION_IMAGE_MAPPED_FLAT : 0,
		.LoaderFlags = image->loader_flags,
		.ImageFileSize = (ULONG)image->file_bytes,
		.CheckSum = image->checksum};
}

static NTSTATUS fill(const struct section_object *object, const struct section *section,
                     SECTION_INFORMATION_CLASS info_class, union answer *answer)
{
	if (info_class == SectionBasicInformation)
		answer->basic = basic(object);
	else if (section->kind != SECTION_IMAGE)
		return STATUS_SECTION_NOT_IMAGE;
	else
		answer->image = image(backing_image(section));
	return STATUS_SUCCESS;
}

NTSTATUS NtQuerySection(HANDLE handle, SECTION_INFORMATION_CLASS info_class, void *buffer,
                        uint64_t length, uint64_t *returned)
{
	struct section_object *object;
	struct section *section;
	union answer answer;
	uint64_t size = size_of(info_class);
	NTSTATUS probed = probe_out(buffer, length ? length : 1);
	if (!probed && returned)
		probed = probe_word(returned);
	if (probed)
		return probed;
	if (!size)
		return STATUS_INVALID_INFO_CLASS;
	if (length < size)
		return STATUS_INFO_LENGTH_MISMATCH;
	NTSTATUS status = section_object_reference(handle, SECTION_QUERY, &object, &section);
	if (status)
		return status;
	status = fill(object, section, info_class, &answer);
	section_release(section);
	section_object_release(object);
	if (status)
		return status;
	memcpy(buffer, &answer, size);
	if (returned)
		*returned = size;
	return STATUS_SUCCESS;
}
