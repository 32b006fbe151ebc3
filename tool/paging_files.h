/* SPDX-License-Identifier: MIT
 *
 * Paging files on the command line: one for each option.
 *
 *   64M            one of that size; 0: none
 *   1M:64M         one that begins with the first size and grows to the second
 *   64M@/mnt/fast  there: a directory, or a path where no file is
 */
#ifndef TOOL_PAGING_FILES_H
#define TOOL_PAGING_FILES_H

#include <stdbool.h>

#include <ntmm/machine.h>

struct paging_files {
	ntmm_paging_file each[NTMM_PAGING_FILES];
	uint32_t count;
	bool chosen; /* not the default any more */
};

/* One of DEFAULT_PAGING_FILE, until another is added. */
struct paging_files paging_files_default(void);
/* The path in the text must stay. False: it is no such text, or there are too many. */
bool paging_files_add(struct paging_files *files, const char *text);

/* What all begin with, and what they may grow to. */
uint64_t paging_files_initial(const struct paging_files *files);
uint64_t paging_files_maximum(const struct paging_files *files);

/* "256M"; "1M:64M, 16M". */
struct paging_files_text {
	char text[1024];
};
struct paging_files_text paging_files_text(const struct paging_files *files);

#endif
