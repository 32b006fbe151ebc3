/* SPDX-License-Identifier: MIT
 *
 * A machine's paging files, as its configuration asks for them, or added while it runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/machine.h"
#include "machine/pager/grow.h"

static bool check(const ntmm_paging_file *file)
{
	if (file->initial_bytes % PAGE_BYTES || file->maximum_bytes % PAGE_BYTES)
		return complain("a paging file of %lu to %lu bytes is not whole pages",
		                file->initial_bytes, file->maximum_bytes);
	if (!file->maximum_bytes || file->initial_bytes > file->maximum_bytes)
		return complain("a paging file of %lu to %lu KB: the maximum is too small",
		                file->initial_bytes >> 10, file->maximum_bytes >> 10);
	if (page_of(file->maximum_bytes) >= SLOT_PAGES)
		return complain("a paging file of %lu GB is too large: below 1024 GB",
		                file->maximum_bytes >> 30);
	if (file->kind > NTMM_PAGING_FILE_MEMORY)
		return complain("a paging file of unknown kind %u", file->kind);
	return true;
}

static ntmm_paging_file simple_file(const ntmm_machine_config *config)
{
	return (ntmm_paging_file){.path = config->paging_file_path,
	                          .initial_bytes = config->paging_file_bytes,
	                          .maximum_bytes = config->paging_file_bytes};
}

static NTSTATUS too_many(void)
{
	complain("more than %d paging files", NTMM_PAGING_FILES);
	return STATUS_TOO_MANY_PAGING_FILES;
}

NTSTATUS machine_check_paging_files(const ntmm_machine_config *config)
{
	const ntmm_paging_file simple = simple_file(config);
	bool fine = !config->paging_file_bytes || check(&simple);
	if (config->paging_file_count && !config->paging_files)
		fine = complain("%u paging files, but nothing about them",
		                config->paging_file_count);
	if (config->paging_file_count > NTMM_PAGING_FILES - (config->paging_file_bytes != 0))
		return too_many();
	for (uint32_t i = 0; fine && i < config->paging_file_count; i++)
		fine = check(&config->paging_files[i]);
	return fine ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static const char *place_of(const ntmm_paging_file *file)
{
	const char *temporary = getenv("TMPDIR");
	if (file->path)
		return file->path;
	return temporary && *temporary ? temporary : "/tmp";
}

static NTSTATUS status_of_errno(int error)
{
	switch (error) {
	case ENOMEM:
		return STATUS_NO_MEMORY;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STATUS_DISK_FULL;
	default:
		return STATUS_ACCESS_DENIED;
	}
}

/* strerror may translate, and then allocates. */
static const char *words_of_errno(int error)
{
	const char *words = strerrordesc_np(error);
	return words ? words : "unknown error";
}

static struct store *open_store(const ntmm_paging_file *file, int *error)
{
	uint32_t initial = (uint32_t)page_of(file->initial_bytes);
	uint32_t maximum = (uint32_t)page_of(file->maximum_bytes);
	struct store *store = file->kind == NTMM_PAGING_FILE_MEMORY
	                              ? memory_store_open(initial, maximum, error)
	                              : paging_file_open(place_of(file), initial, maximum, error);
	if (!store)
		return NULL;
	store->schedule = file->schedule;
	store->context = file->schedule_context;
	return store;
}

static NTSTATUS add(struct ntmm_machine *machine, const ntmm_paging_file *file)
{
	int error = 0;
	struct store *store = open_store(file, &error);
	if (!store) {
		complain("paging file of %lu KB at %s: %s", file->initial_bytes >> 10, place_of(file),
		         words_of_errno(error));
		return status_of_errno(error);
	}
	if (pager_add_store(&machine->pager, store))
		return STATUS_SUCCESS;
	store->operations->close(store);
	return too_many();
}

NTSTATUS machine_add_paging_files(struct ntmm_machine *machine, const ntmm_machine_config *config)
{
	const ntmm_paging_file simple = simple_file(config);
	NTSTATUS status = config->paging_file_bytes ? add(machine, &simple) : STATUS_SUCCESS;
	for (uint32_t i = 0; !status && i < config->paging_file_count; i++)
		status = add(machine, &config->paging_files[i]);
	return status;
}

NTSTATUS machine_add_paging_file(struct ntmm_machine *machine, const ntmm_paging_file *file)
{
	return check(file) ? add(machine, file) : STATUS_INVALID_PARAMETER;
}
