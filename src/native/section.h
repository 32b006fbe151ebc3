/* SPDX-License-Identifier: MIT
 *
 * Sections of the host process: files in memory, or files; views are mappings of them.
 *
 * A page of a view is mapped private where its protection is copy-on-write, or all of the view's is:
 * then what is written is the process's own. Else it is mapped shared. An image is laid out in a file in
 * memory; its pages are mapped private but for the parts that are shared.
 *
 * Threads: engine.h says which locks are held.
 */
#ifndef NTMM_NATIVE_SECTION_H
#define NTMM_NATIVE_SECTION_H

#include "native/native.h"
#include "space/view.h"

struct native_section {
	struct section section; /* first */
	int fd;                 /* of its own; of a data file -1: the backing's is asked for */
};

static inline struct native_section *native_section_of(struct section *section)
{
	return (struct native_section *)(void *)section;
}

/* As engine.h says of them. */
NTSTATUS native_section_create(struct space *space, const struct section_wish *wish,
                               struct section **section);
void native_section_free(struct section *section);
NTSTATUS native_section_flush(struct section *section, struct range range);
NTSTATUS view_show(struct space *space, const struct view *view);
NTSTATUS view_hide(struct space *space, const struct view *view);
NTSTATUS view_patch(struct space *space, uint64_t page,
                    void (*change)(void *context, uint64_t page, void *bytes), void *context);
uint64_t view_copied(struct space *space, struct range range, bool *copied);

/* Pages of a view get `prot`. An errno value. */
int view_open(struct native *native, const struct view *view, struct range range, prot_t prot);

#endif
