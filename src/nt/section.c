/* SPDX-License-Identifier: MIT
 *
 * NtCreateSection and NtOpenSection (rules SC).
 */
#include "nt/create.h"

/* SC-17: within reach of every layout, below the shared page. */
#define BASES_BELOW UINT64_C(0x7FFD0000)
#define CACHES (SEC_NOCACHE | SEC_WRITECOMBINE)
#define TB (UINT64_C(1) << 40)
/* SC-9: above the one the list of its pages is too long to be kept, above the other any number is. */
#define MOST_BYTES (8 * TB)
#define MOST_COUNTABLE (128 * TB)

/* SC-4 and the table below SC-17. */
static bool is_combination(uint32_t allocation)
{
	if (allocation & SEC_IMAGE && allocation & (SEC_BASED | SEC_NO_CHANGE))
		return false;
	switch (allocation & ~(uint32_t)(SEC_BASED | SEC_NO_CHANGE)) {
	case SEC_COMMIT:
	case SEC_COMMIT | SEC_NOCACHE:
	case SEC_COMMIT | SEC_WRITECOMBINE:
	case SEC_COMMIT | SEC_LARGE_PAGES:
	case SEC_RESERVE:
	case SEC_RESERVE | SEC_NOCACHE:
	case SEC_RESERVE | SEC_WRITECOMBINE:
	case SEC_IMAGE:
	case SEC_IMAGE_NO_EXECUTE:
		return true;
	default:
		return false;
	}
}

/* SC-2. The cache attribute is the section's, and so that of its views (PR-9). */
static NTSTATUS check_protect(const struct era *era, uint32_t protect, struct create *create)
{
	switch (protect) {
	case PAGE_NOACCESS: /* W9-12 */
		if (!era->plain)
			return STATUS_INVALID_PAGE_PROTECTION;
		break;
	case PAGE_READONLY:
	case PAGE_READWRITE:
	case PAGE_WRITECOPY:
	case PAGE_EXECUTE_READ:
	case PAGE_EXECUTE_READWRITE:
	case PAGE_EXECUTE_WRITECOPY:
		break;
	default:
		return STATUS_INVALID_PAGE_PROTECTION;
	}
	era_prot(era, protect, &create->protect);
	if (create->allocation & SEC_IMAGE)
		return STATUS_SUCCESS;
	if (create->allocation & SEC_NOCACHE)
		create->protect |= PROT_NOCACHE;
	else if (create->allocation & SEC_WRITECOMBINE)
		create->protect |= PROT_WRITECOMBINE;
	return STATUS_SUCCESS;
}

static NTSTATUS check_name(const OBJECT_ATTRIBUTES *attributes, struct create *create)
{
	if (!attributes)
		return STATUS_SUCCESS;
	NTSTATUS status = probe_in(attributes, sizeof *attributes);
	if (status)
		return status;
	create->open_if = attributes->Attributes & OBJ_OPENIF;
	const UNICODE_STRING *name = attributes->ObjectName;
	status = name ? probe_in(name, sizeof *name) : STATUS_SUCCESS;
	if (status || !name || !name->Length)
		return status;
	status = probe_in(name->Buffer, name->Length);
	if (status)
		return status;
	create->name = (struct section_name){(const uint16_t *)name->Buffer, name->Length / 2u};
	return STATUS_SUCCESS;
}

/* SC-3, SC-9. */
static NTSTATUS check_size(struct create *create)
{
	if (!create->bytes || create->bytes > INT64_MAX)
		return STATUS_INVALID_PARAMETER_4;
	if (create->bytes >= MOST_COUNTABLE)
		return STATUS_SECTION_TOO_BIG;
	create->bytes = round_up(create->bytes, PAGE_BYTES); /* SC-6 */
	if (create->allocation & SEC_RESERVE && create->bytes >= MOST_BYTES)
		return STATUS_INSUFFICIENT_RESOURCES;
	return STATUS_SUCCESS;
}

static NTSTATUS check(const struct era *era, const OBJECT_ATTRIBUTES *attributes,
                      const uint64_t *size, uint32_t protect, struct create *create)
{
	if (!is_combination(create->allocation))
		return STATUS_INVALID_PARAMETER_6;
	NTSTATUS status = check_protect(era, protect, create);
	if (status)
		return status;
	status = size ? probe_in(size, sizeof *size) : STATUS_SUCCESS;
	if (status)
		return status;
	status = check_name(attributes, create);
	if (status)
		return status;
	if (create->file && create->allocation & SEC_LARGE_PAGES)
		return STATUS_INVALID_PARAMETER_6;
	create->bytes = size ? *size : 0;
	if (create->file)
		return create->bytes > INT64_MAX ? STATUS_INVALID_PARAMETER_4 : STATUS_SUCCESS;
	if (create->allocation & SEC_IMAGE)
		return STATUS_INVALID_FILE_FOR_SECTION; /* SC-12: there is no file */
	return check_size(create);
}

/* LP-11, as far as it goes: large pages of sections are not supported. */
static NTSTATUS check_large(const struct target *target, const struct create *create)
{
	if (!(create->allocation & SEC_LARGE_PAGES))
		return STATUS_SUCCESS;
	if (!may_lock_memory(target))
		return STATUS_PRIVILEGE_NOT_HELD;
	if (create->bytes % address_of(LARGE_PAGES))
		return STATUS_INVALID_PARAMETER_4;
	return STATUS_NOT_SUPPORTED;
}

/* SC-13. */
static uint32_t attributes_of(const struct create *create)
{
	uint32_t kept = create->allocation & (CACHES | SEC_BASED | SEC_NO_CHANGE);
	if (!create->file)
		return create->allocation;
	return SEC_FILE | kept | (create->allocation & SEC_IMAGE);
}

/* SC-8. */
static NTSTATUS make_section(struct process *process, struct create *create,
                             struct section **section)
{
	if (create->file)
		return section_of_file(process, create, section);
	struct section_wish wish = {.kind = SECTION_MEMORY,
	                            .pages = page_of(create->bytes),
	                            .reserve = create->allocation & SEC_RESERVE};
	return process->space->engine->section_create(process->space, &wish, section);
}

/* SC-10: what has the name already is opened, or in the way. */
static NTSTATUS open_existing(const struct create *create, uint32_t access,
                              struct section_object *object, HANDLE *handle)
{
	if (!create->open_if)
		return STATUS_OBJECT_NAME_COLLISION;
	NTSTATUS status = handle_open(&object->object, access, handle);
	return status ? status : STATUS_OBJECT_NAME_EXISTS;
}

static NTSTATUS make_object(struct process *process, struct create *create, uint32_t access,
                            HANDLE *handle)
{
	struct section_object *object;
	struct section_facts facts = {.protect = create->protect,
	                              .attributes = attributes_of(create)};
	bool existed;
	NTSTATUS status = make_section(process, create, &facts.section);
	if (status)
		return status;
	facts.bytes = create->bytes;
	if (create->allocation & SEC_BASED)
		facts.base_below = BASES_BELOW;
	status = section_object_create(process->domain, &facts, create->name, &object, &existed);
	if (status || existed)
		section_release(facts.section);
	if (status)
		return status;
	status = existed ? open_existing(create, access, object, handle)
	                 : handle_open(&object->object, access, handle);
	section_object_release(object);
	return status;
}

/* The one with the name, when there is one. STATUS_OBJECT_NAME_NOT_FOUND. */
static NTSTATUS try_existing(struct process *process, const struct create *create, uint32_t access,
                             HANDLE *handle)
{
	struct section_object *object;
	NTSTATUS status = section_object_find(process->domain, create->name, &object);
	if (status)
		return status;
	status = open_existing(create, access, object, handle);
	section_object_release(object);
	return status;
}

NTSTATUS NtCreateSection(HANDLE *section, uint32_t access, const OBJECT_ATTRIBUTES *attributes,
                         const uint64_t *size, uint32_t protect, uint32_t allocation, HANDLE file)
{
	struct target target;
	struct create create = {.allocation = allocation, .file = file};
	HANDLE handle;
	NTSTATUS status = probe_word(section);
	if (status)
		return status;
	target_open(&target, NtCurrentProcess(), 0);
	const struct era *era = era_of(target.layout);
	status = check(era, attributes, size, protect, &create);
	if (!status)
		status = target_alive(&target);
	if (!status)
		status = check_large(&target, &create);
	if (!status)
		status = try_existing(target.process, &create, access, &handle);
	if (status == STATUS_OBJECT_NAME_NOT_FOUND)
		status = era_status(era, make_object(target.process, &create, access, &handle));
	target_close(&target);
	if (status >= 0)
		*section = handle;
	return status;
}

NTSTATUS NtOpenSection(HANDLE *section, uint32_t access, const OBJECT_ATTRIBUTES *attributes)
{
	struct target target;
	struct create create = {.open_if = true};
	NTSTATUS status = probe_word(section);
	if (!status)
		status = attributes ? check_name(attributes, &create) : STATUS_ACCESS_VIOLATION;
	if (status)
		return status;
	create.open_if = true;
	target_open(&target, NtCurrentProcess(), 0);
	status = target_alive(&target);
	if (!status)
		status = try_existing(target.process, &create, access, section);
	target_close(&target);
	return status == STATUS_OBJECT_NAME_EXISTS ? STATUS_SUCCESS : status;
}
