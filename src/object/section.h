/* SPDX-License-Identifier: MIT
 *
 * Section objects: what handles of sections refer to. Their names are those of one machine.
 *
 * The pages are a struct section's, which views keep after the last handle is gone (MV-11); the name
 * goes with the object (SC-10).
 *
 * Threads: any. (s) guarded by the list's lock (rank handles).
 */
#ifndef NTMM_OBJECT_SECTION_H
#define NTMM_OBJECT_SECTION_H

#include "object/handle.h"
#include "space/section.h"

struct section_name {
	const uint16_t *text; /* UTF-16, compared as it is */
	uint32_t units;       /* 0: no name */
};

struct section_object {
	struct object object;
	struct section *section; /* (s) with a reference; NULL once its machine has gone */
	const void *domain;      /* (s) the machine */
	_Atomic uint64_t bytes;  /* SC-6; of a data file it may grow */
	prot_t protect;          /* what views may have at most */
	uint32_t attributes;     /* SEC_ */
	struct section_name name;
	uint64_t base;           /* SEC_BASED: the address of all its views; 0: it has none */
	struct section_object *next, *previous; /* (s) */
};

/* What is made; all but `section` and `name` is copied, and `section` taken over. */
struct section_facts {
	struct section *section;
	uint64_t bytes;
	prot_t protect;
	uint32_t attributes;
	uint64_t base_below; /* SEC_BASED: the base lies below this address, and below the other bases */
};

/* An object with a reference for the caller, its name copied. When the name is taken, the one that
 * has it, *existed, and `facts` stay the caller's, as on failure. STATUS_NO_MEMORY: also when there is
 * no place for a base. */
NTSTATUS section_object_create(const void *domain, const struct section_facts *facts,
                               struct section_name name, struct section_object **object,
                               bool *existed);
/* STATUS_OBJECT_NAME_NOT_FOUND. With a reference. */
NTSTATUS section_object_find(const void *domain, struct section_name name,
                             struct section_object **object);
/* The object of a handle, and its section, with a reference each. As handle_reference;
 * STATUS_PROCESS_IS_TERMINATING when its machine has gone. */
NTSTATUS section_object_reference(HANDLE handle, uint32_t access, struct section_object **object,
                                  struct section **section);
void section_object_release(struct section_object *object);

/* The machine goes: its objects stay, without their sections. */
void section_objects_end(const void *domain);

/* Around fork: the list, and in the child the sections that are in it. */
void section_objects_fork(enum fork_step step);

#endif
