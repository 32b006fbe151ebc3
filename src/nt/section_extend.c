/* SPDX-License-Identifier: MIT
 *
 * NtExtendSection (rules SC).
 */
#include "nt/target.h"
#include "object/backing.h"
#include "object/section.h"

static bool may_write(const struct section_object *object)
{
	return prot_can_write(object->protect) && !prot_is_copy(object->protect);
}

/* Another call may extend it more meanwhile. */
static void raise_bytes(struct section_object *object, uint64_t bytes)
{
	uint64_t now = atomic_load(&object->bytes);
	while (now < bytes && !atomic_compare_exchange_weak(&object->bytes, &now, bytes))
		;
}

/* *bytes: asked for; then, what it has. */
static NTSTATUS extend(struct section_object *object, const struct section *section,
                       uint64_t *bytes)
{
	uint64_t now = atomic_load(&object->bytes);
	if (section->kind != SECTION_FILE)
		return STATUS_SECTION_NOT_EXTENDED;
	if (*bytes > now) {
		if (*bytes > address_of(SECTION_FILE_PAGES))
			return STATUS_SECTION_TOO_BIG;
		NTSTATUS status = backing_extend(section, *bytes, may_write(object));
		if (status)
			return status;
		raise_bytes(object, *bytes);
	}
	*bytes = max_u64(*bytes, now);
	return STATUS_SUCCESS;
}

NTSTATUS NtExtendSection(HANDLE handle, uint64_t *size)
{
	struct section_object *object;
	struct section *section;
	NTSTATUS status = probe_word(size);
	if (status)
		return status;
	uint64_t bytes = *size;
	status = section_object_reference(handle, SECTION_EXTEND_SIZE, &object, &section);
	if (status)
		return status;
	status = extend(object, section, &bytes);
	section_release(section);
	section_object_release(object);
	if (!status)
		*size = bytes;
	return status;
}
