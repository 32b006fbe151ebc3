/* SPDX-License-Identifier: MIT
 *
 * What stands between the rules and the pages: one table of operations per engine.
 *
 * space/ knows what Windows can say about a page; the engine holds the page. A space points to the
 * table of its engine, which finds its own structure around the space. Ranges are not empty.
 *
 * (W) The space is locked for writing; the operation neither fails nor blocks for long; when it
 *     returns no thread reaches a page in a way that the new state forbids.
 * (R) The same, but the space is about to be changed, and this is the last step that can fail: nothing
 *     has changed then. An engine that need not be asked has NULL: space/ready.h.
 * (0) The caller holds no lock. These may block on I/O.
 */
#ifndef NTMM_ENGINE_H
#define NTMM_ENGINE_H

#include <ntmm/status.h>
#include <ntmm/types.h>

#include "base/units.h"
#include "space/prot.h"

struct page_set;
struct section;
struct section_wish;
struct space;
struct view;

enum copy_way { COPY_READ, COPY_WRITE };

/* What QueryWorkingSetEx tells. `sharers`: entries that refer to a section's page. */
struct residency {
	bool valid, locked, shared, large;
	uint32_t sharers;
	prot_t prot;
};

/* Pages. What GetProcessMemoryInfo tells. */
struct usage {
	uint64_t faults;
	uint64_t working_set, working_set_peak;
};

/* Pages. What GlobalMemoryStatusEx tells. */
struct memory_status {
	uint64_t physical, available;
	uint64_t commit_limit, commit_total;
};

/* Pages; flags are QUOTA_LIMITS_HARDWS_... of the face: MIN_ENABLE or MIN_DISABLE, and of MAX. */
struct ws_limits {
	uint64_t minimum, maximum;
	uint32_t flags;
};

/* Pages in a row that were stored to. Addresses, as the host tells of its own. */
struct marked {
	uint64_t start, end;
	uint64_t kind; /* the host's word */
};

/* Which pages of a write-watched range were stored to. `room` and `most` are not 0. */
struct marks {
	bool reset;           /* what is told of is forgotten: its next store is noticed */
	struct marked *found; /* ascending; NULL: nothing is to be told, all is meant */
	size_t room, count;   /* of `found` */
	uint64_t most;        /* pages to be told of */
	uint64_t end;         /* a page: all before it has been told of */
};

/* A page of a window, and the number of the frame that it is to have; or PHYSICAL_NONE. */
#define PHYSICAL_NONE UINT64_MAX
struct physical_mapping {
	uint64_t page, frame;
};

/* A place for `pages` pages, free ones, at a multiple of `align` pages, whole within `bounds`. */
struct place_wish {
	struct range bounds;
	uint64_t pages, align;
	bool top_down;
};

/* What a process has where its space knows of no allocation. */
enum foreign_kind { FOREIGN_NONE, FOREIGN_PRIVATE, FOREIGN_MAPPED, FOREIGN_IMAGE };
struct foreign {
	enum foreign_kind kind;
	struct range range; /* pages that are alike, from the one asked about on */
	struct range whole; /* the allocation; of nothing: as `range` */
	prot_t prot, whole_prot;
	bool committed;
};

enum note { NOTE_ALLOC, NOTE_FREE };

struct engine {
	/* (R) STATUS_NO_MEMORY: there is none. */
	NTSTATUS (*place)(struct space *space, const struct place_wish *wish, uint64_t *start);
	/* (R) Free pages that are about to be an allocation's. STATUS_CONFLICTING_ADDRESSES: something is
	 * there that the space does not know; STATUS_INSUFFICIENT_RESOURCES. */
	NTSTATUS (*claim)(struct space *space, struct range range);
	/* (W) Pages that were claimed are free: they are not needed after all, or have been closed and
	 * released. */
	void (*drop)(struct space *space, struct range range);
	/* (R) Pages of one allocation, or claimed ones, that are about to be committed with `prot`, or to be
	 * protected so; in a view as view_piece says. `watch`: of a write-watched allocation.
	 * STATUS_INSUFFICIENT_RESOURCES. */
	NTSTATUS (*open)(struct space *space, struct range range, prot_t prot,
	                 struct page_set *watch);
	/* (R) Pages of one allocation that are about to be committed no more. The same. */
	NTSTATUS (*close)(struct space *space, struct range range);
	/* (R) Committed pages of one run that are about to be offered: out of every reach, but
	 * nothing is lost yet. The same. NULL: as `open` with no access. */
	NTSTATUS (*withdraw)(struct space *space, struct range range);
	/* (R) A view that is about to be mapped over claimed pages; one that is about to be unmapped. The
	 * same. */
	NTSTATUS (*show)(struct space *space, const struct view *view);
	NTSTATUS (*hide)(struct space *space, const struct view *view);

	/* (W) The pages are committed with `prot`; some were before, others are new and read as zero. */
	void (*protect)(struct space *space, struct range range, prot_t prot);
	/* (W) The pages are committed no more: contents, locks and storage go. Frames of the process's own
	 * are unmapped alone. */
	void (*decommit)(struct space *space, struct range range);
	/* (W) The next store to each marked page of `range`, of one write-watched allocation, will be
	 * noticed, and mark it: its marks may be cleared now (WW-12). */
	void (*rearm)(struct space *space, struct range range);
	/* (W), but the space may be locked for reading when nothing is reset. Fills in count and end; marks
	 * that are told of and their reset are one step (WW-12). NULL: the set of the allocation knows
	 * all, marks_take. */
	void (*marks)(struct space *space, struct range range, struct marks *marks);
	/* (W) The contents are of no interest until written again (VA-64, VA-65). */
	void (*reset)(struct space *space, struct range range);
	/* (W) The contents matter again; false when some are lost and read as zero (VA-69). */
	bool (*reset_undo)(struct space *space, struct range range);
	/* (W) OfferVirtualMemory: out of every reach, unlocked, disposable, 1 first to 4 last (OF-3). */
	void (*offer)(struct space *space, struct range range, unsigned priority);
	/* (W) ReclaimVirtualMemory; false when some contents are lost (OF-4). */
	bool (*reclaim)(struct space *space, struct range range);
	/* (W) DiscardVirtualMemory: the frames and slots go at once (OF-5). */
	void (*discard)(struct space *space, struct range range);

	/* (W) but may block on I/O. Large pages, zeroed, over free pages that are about to be committed with
	 * `prot`; whole ones. STATUS_INSUFFICIENT_RESOURCES when there is no room: then nothing changed.
	 * They go with decommit, all of an allocation at once. */
	NTSTATUS (*large_commit)(struct space *space, struct range range, prot_t prot);
	/* Frames of the process's own (rules AW). In *count: how many are asked for, then how many it was. */
	/* (0) Zeroed; charged to commit. STATUS_INSUFFICIENT_RESOURCES when it is none. */
	NTSTATUS (*physical_allocate)(struct space *space, uint64_t *frames, uint64_t *count);
	/* (W) Unmaps them first. STATUS_CONFLICTING_ADDRESSES at the first that is not the process's. */
	NTSTATUS (*physical_free)(struct space *space, const uint64_t *frames, uint64_t *count);
	/* (W) but may block on I/O. In order; all or nothing. The pages are in windows, whose `mapped`
	 * is kept. STATUS_INVALID_PARAMETER_3: a frame is not the process's, is mapped at another
	 * page, or comes twice. STATUS_INSUFFICIENT_RESOURCES: no room for tables. */
	NTSTATUS (*physical_map)(struct space *space, const struct physical_mapping *mappings,
	                         uint64_t count);

	/* (0) Makes the pages resident, touching each for reading as a system service does, and locks
	 * them with the bits of `how` (MAP_PROCESS, MAP_SYSTEM). All or nothing, but a guard that was
	 * hit is consumed. STATUS_WAS_LOCKED when all were. (VL-4 to VL-10) */
	NTSTATUS (*lock)(struct space *space, struct range range, unsigned how);
	/* (0) STATUS_NOT_LOCKED when some page is not: then none is unlocked, and those that are not
	 * leave the working set (VL-22, VL-23). */
	NTSTATUS (*unlock)(struct space *space, struct range range, unsigned how);
	/* (0) Copies between the space and a host buffer as another process would (GP-9): stops at the
	 * first page that may not be read or written. *done bytes were copied. STATUS_SUCCESS,
	 * STATUS_ACCESS_VIOLATION or STATUS_IN_PAGE_ERROR. */
	NTSTATUS (*copy)(struct space *space, uint64_t address, void *host, uint64_t bytes,
	                 enum copy_way way, uint64_t *done);
	/* (0) Brings what is in the paging file into memory, not into the working set (PF-1). */
	void (*prefetch)(struct space *space, struct range range);
	/* (0) Takes every page that is not locked out of the working set (WS-8). */
	void (*empty)(struct space *space);
	/* (0) */
	void (*residency)(struct space *space, uint64_t page, struct residency *residency);
	void (*usage)(struct space *space, struct usage *usage);
	void (*memory)(struct space *space, struct memory_status *status);
	void (*get_limits)(struct space *space, struct ws_limits *limits);
	/* (0) Values are valid by WS-4 and WS-6. STATUS_INSUFFICIENT_RESOURCES when the machine cannot
	 * promise the minimum. */
	NTSTATUS (*set_limits)(struct space *space, const struct ws_limits *limits);

	/* (0) A section of the space's machine, with one reference. STATUS_COMMITMENT_LIMIT,
	 * STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY. */
	NTSTATUS (*section_create)(struct space *space, const struct section_wish *wish,
	                           struct section **section);
	/* (0) The last reference is gone, no view is left. May block on I/O. */
	void (*section_free)(struct section *section);
	/* Whether the two are of one machine. */
	bool (*section_fits)(struct space *space, const struct section *section);
	/* (0) Writes what is dirty in pages of `range` of the section to its file, now. The first error,
	 * after all has been tried. */
	NTSTATUS (*section_flush)(struct section *section, struct range range);
	/* (0), but the lock of its file may be held. The file has been cut to `bytes`, and no view shows
	 * what lay beyond: its pages go, what is left of the last becomes zero there. */
	void (*section_cut)(struct section *section, uint64_t bytes);
	/* (0) Changes a page of an image for the process alone, whatever its protection, which has been
	 * charged: `change` is called with its bytes. */
	NTSTATUS (*patch)(struct space *space, uint64_t page,
	                  void (*change)(void *context, uint64_t page, void *bytes), void *context);
	/* (W) A view has been mapped; its pages can be touched from now on. */
	void (*map)(struct space *space, struct view *view);
	/* (W) Its pages go, what was copied too; the view is still in the space. */
	void (*unmap)(struct space *space, struct view *view);
	/* The space is locked. From the first page of `range`, of one view, on: how many pages are alike
	 * in whether they have been copied for this process (CW-4); *copied: whether they have. */
	uint64_t (*copied)(struct space *space, struct range range, bool *copied);

	/* (0) What lies at a page of no allocation. False: it is in one now. NULL: nothing can lie there. */
	bool (*foreign)(struct space *space, uint64_t page, struct foreign *foreign);
	/* (0) Pages that begin with such a one get `prot`: VirtualProtect (VP-4, VP-5, VP-8, VP-20, VP-23).
	 * *old is that of the first. A failure changes nothing. NULL with the one above. */
	NTSTATUS (*foreign_protect)(struct space *space, struct range range, prot_t prot, prot_t *old);

	/* (0) The process of the space is to end now. NULL: nothing runs by it that would have to. */
	void (*exit)(uint32_t status);

	/* (0) A call has reserved or committed, decommitted or released `range`: for observers. */
	void (*note)(struct space *space, enum note note, struct range range);

	/* (0) Gives back everything the engine holds for the space; nothing but free() is called after.
	 * Threads of the process find no page any more when it returns. Called once. */
	void (*end)(struct space *space);
	/* (0) Frees the space's memory. It has ended. */
	void (*free)(struct space *space);
};

#endif
