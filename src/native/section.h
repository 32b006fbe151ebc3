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

/* Pages of a view are about to get `prot` (view_piece says which). An errno value: whatever else the host
 * refuses then, no page is accessible in a way, or shows anything, that the space does not say. */
int view_open(struct native *native, const struct vad *vad, struct range range, prot_t prot);
/* The host may have refused to show the page as the space says: it is inaccessible then. */
static inline bool view_is_settled(const struct view *view, uint64_t page)
{
	return !range_has(view->unsettled, page);
}
/* Such a page, committed, is as the space says. An errno value. The space is locked for writing. */
int view_settle(struct native *native, const struct vad *vad, uint64_t page);

/* ---- among themselves ------------------------------------------------------------------------- */

/* Whether pages from `page` on are mapped private when they have the protection, but for copies. */
bool view_is_private(const struct view *view, uint64_t page, prot_t prot);
/* What has been copied there goes. An errno value. */
int view_show_pages(const struct view *view, struct range range, unsigned how, bool private);
/* As engine.copied, *pages. An errno value: the host does not tell. */
int view_find_copies(struct range range, uint64_t *pages, bool *copied);

#endif
