/* SPDX-License-Identifier: MIT
 *
 * Sections of files: what the file must allow, and how large they are.
 */
#include "nt/create.h"
#include "object/backing.h"

/* SC-7. */
static uint32_t access_to_file(prot_t protect)
{
	uint32_t access = FILE_READ_DATA;
	if (prot_can_write(protect) && !prot_is_copy(protect))
		access |= FILE_WRITE_DATA;
	if (prot_can_execute(protect))
		access |= FILE_EXECUTE;
	return access;
}

static bool may_extend(const struct create *create)
{
	return prot_can_write(create->protect) && !prot_is_copy(create->protect);
}

/* SC-5. */
static NTSTATUS fit_size(struct file_node *node, struct create *create)
{
	uint64_t size;
	NTSTATUS status = file_node_size(node, &size);
	if (status)
		return status;
	if (!create->bytes && !size)
		return STATUS_MAPPED_FILE_SIZE_ZERO;
	if (!create->bytes)
		create->bytes = size;
	if (create->bytes <= size)
		return STATUS_SUCCESS;
	if (!may_extend(create) || pages_for(create->bytes) > SECTION_FILE_PAGES)
		return STATUS_SECTION_TOO_BIG;
	return file_node_set_size(node, create->bytes);
}

static NTSTATUS data_section(struct process *process, struct file_node *node,
                             struct create *create, struct section **section)
{
	NTSTATUS status = backing_section(process, node, FILE_DATA, section);
	if (status)
		return status;
	status = fit_size(node, create);
	if (status)
		section_release(*section);
	return status;
}

static NTSTATUS image_section(struct process *process, struct file_node *node,
                              struct create *create, struct section **section)
{
	NTSTATUS status = backing_section(process, node, FILE_IMAGE, section);
	if (!status)
		create->bytes = address_of((*section)->pages);
	return status;
}

NTSTATUS section_of_file(struct process *process, struct create *create, struct section **section)
{
	struct file *file;
	NTSTATUS status = file_reference(create->file, access_to_file(create->protect), &file);
	if (status)
		return status;
	status = (create->allocation & SEC_IMAGE ? image_section : data_section)(
		process, file->node, create, section);
	file_release(file);
	return status;
}
