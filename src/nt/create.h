/* SPDX-License-Identifier: MIT
 *
 * What a call that makes a section works with.
 */
#ifndef NTMM_NT_CREATE_H
#define NTMM_NT_CREATE_H

#include "nt/target.h"
#include "object/section.h"

struct create {
	uint32_t allocation; /* SEC_ */
	prot_t protect;
	uint64_t bytes; /* asked for; then, that it has */
	HANDLE file;    /* NULL: the paging file */
	struct section_name name;
	bool open_if;
};

/* section_file.c: of a data file or an image, with a reference (SC-5, SC-7, SC-12, SC-14). */
NTSTATUS section_of_file(struct process *process, struct create *create, struct section **section);

#endif
