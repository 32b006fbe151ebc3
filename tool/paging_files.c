/* SPDX-License-Identifier: MIT */
#include "paging_files.h"

#include <stdio.h>
#include <string.h>

#include "machines.h"
#include "sizes.h"

struct paging_files paging_files_default(void)
{
	struct paging_files files = {.count = 0};
	paging_files_add(&files, DEFAULT_PAGING_FILE);
	files.chosen = false;
	return files;
}

/* False: the text is something else. No file: both sizes are 0. */
static bool parse(const char *text, ntmm_paging_file *file)
{
	*file = (ntmm_paging_file){0};
	if (!size_read(text, &file->initial_bytes, &text))
		return false;
	file->maximum_bytes = file->initial_bytes;
	if (*text == ':' && !size_read(text + 1, &file->maximum_bytes, &text))
		return false;
	if (*text == '@' && text[1]) {
		file->path = text + 1;
		return true;
	}
	return !*text;
}

bool paging_files_add(struct paging_files *files, const char *text)
{
	ntmm_paging_file file;
	if (!parse(text, &file))
		return false;
	if (!files->chosen)
		files->count = 0;
	files->chosen = true;
	if (!file.initial_bytes && !file.maximum_bytes)
		return true;
	if (files->count == NTMM_PAGING_FILES)
		return false;
	files->each[files->count++] = file;
	return true;
}

uint64_t paging_files_initial(const struct paging_files *files)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < files->count; i++)
		sum += files->each[i].initial_bytes;
	return sum;
}

uint64_t paging_files_maximum(const struct paging_files *files)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < files->count; i++)
		sum += files->each[i].maximum_bytes;
	return sum;
}

struct paging_files_text paging_files_text(const struct paging_files *files)
{
	struct paging_files_text text = {"0"};
	size_t used = 0;
	for (uint32_t i = 0; i < files->count; i++) {
		const ntmm_paging_file *file = &files->each[i];
		used += (size_t)snprintf(text.text + used, sizeof text.text - used, "%s%s",
		                         i ? ", " : "", size_text(file->initial_bytes).text);
		if (file->maximum_bytes != file->initial_bytes)
			used += (size_t)snprintf(text.text + used, sizeof text.text - used, ":%s",
			                         size_text(file->maximum_bytes).text);
	}
	return text;
}
