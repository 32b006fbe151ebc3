/* SPDX-License-Identifier: MIT
 *
 * The order of locks, once: a thread that holds a lock takes only locks of a higher rank.
 *
 *      handles          the handle table, the list of processes (object/)
 *        └ space        what Windows can say about a process's pages; read by faults, written by calls
 *            └ section  which pages of a section are committed
 *                └ growth   the sizes of a machine's paging files
 *                    └ file     what is mapped of a file
 *                        └ pager    frames, lists, page maps, working sets, slots, TLBs of a machine
 *                            └ leaf last: takes none below it
 *
 * No lock but `space`, `section` and `growth` is held across I/O; none is held in an observer.
 * Debug builds (NTMM_DEBUG) check the order and abort on a breach.
 */
#ifndef NTMM_BASE_RANK_H
#define NTMM_BASE_RANK_H

enum rank {
	RANK_HANDLES,
	RANK_SPACE,
	RANK_SECTION,
	RANK_GROWTH,
	RANK_FILE,
	RANK_PAGER,
	RANK_LEAF,
	RANKS
};

#endif
