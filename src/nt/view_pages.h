/* SPDX-License-Identifier: MIT
 *
 * Committing and protecting pages of views (rules MV-40 to MV-43, VP-20 to VP-27).
 *
 * Each is a check, which may fail and leaves no trace then, and a change, which cannot. The space is
 * locked for writing; the range lies in the view's allocation.
 */
#ifndef NTMM_NT_VIEW_PAGES_H
#define NTMM_NT_VIEW_PAGES_H

#include "space/view.h"

struct view_change {
	struct range range;
	prot_t prot; /* asked for; parts of an image may get another (VP-23) */
	struct charge charge;
};

NTSTATUS view_commit_check(struct space *space, const struct vad *vad, struct view_change *change);
NTSTATUS view_protect_check(struct space *space, const struct vad *vad,
                            struct view_change *change);
void view_change_apply(struct space *space, const struct view_change *change);

#endif
