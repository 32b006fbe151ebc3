/* SPDX-License-Identifier: MIT
 *
 * Emulated machines and their processes.
 *
 * What this is: a machine has RAM, page maps, a frame database, working sets and paging files;
 * its processes are HANDLEs that VirtualAllocEx, VirtualQueryEx, ReadProcessMemory ... take.
 *
 * Units: bytes unless the name says pages. Addresses are the process's own (uint64_t).
 * Errors: functions that return NTSTATUS return STATUS_SUCCESS (0) or the reason, and change
 * nothing when they fail; functions that return a HANDLE return NULL and set GetLastError().
 * ntmm_error_message() explains the last failure of the calling thread in words.
 * Threads: every function may be called from any host thread at any time, but a machine must not
 * be in use when it is destroyed. After fork() the child must not use machines made before it.
 */
#ifndef NTMM_MACHINE_H
#define NTMM_MACHINE_H

#include <ntmm/status.h>
#include <ntmm/types.h>

NTMM_BEGIN

typedef struct ntmm_machine ntmm_machine;

struct ntmm_transfer;
/* For tests: asked before each transfer of a paging file; see ntmm_transfer. */
typedef void (*ntmm_transfer_schedule)(void *context, struct ntmm_transfer *transfer);

#define NTMM_PAGING_FILES 16 /* a machine has at most (PG-62) */

/* A paging file. It begins with initial_bytes and grows, in steps, when commit would pass the limit
 * (CM-4, PG-63); it never shrinks. What it has is allocated on the disk before it is promised.
 * Zero in any member but maximum_bytes means the default. */
typedef struct ntmm_paging_file {
	/* Where it lies: a directory, default $TMPDIR or /tmp; or a path where no file is, which is
	 * made with mode 0600. The name is taken away at once, so that nothing is left behind
	 * whatever ends the host process. */
	const char *path;
	uint64_t initial_bytes; /* whole pages; may be 0 */
	uint64_t maximum_bytes; /* whole pages; at least initial_bytes, not 0, below 1 TB */
	uint32_t kind;          /* NTMM_PAGING_FILE_ */
	ntmm_transfer_schedule schedule; /* default: none */
	void *schedule_context;
} ntmm_paging_file;

enum {
	NTMM_PAGING_FILE_DISK,   /* a file of the host */
	NTMM_PAGING_FILE_MEMORY, /* for tests: the host's memory; `path` is ignored */
};

/* Zero in any member but size means the default. */
typedef struct ntmm_machine_config {
	uint32_t size;              /* sizeof (ntmm_machine_config) */
	uint32_t flags;             /* NTMM_MACHINE_ */
	uint64_t ram_bytes;         /* whole pages; 64 KB ... 16 TB; default 64 MB */
	/* One paging file that does not grow: whole pages; 0: none; below 1 TB. Its place as in
	 * ntmm_paging_file. */
	uint64_t paging_file_bytes;
	const char *paging_file_path;
	/* Others, after it; 16 with it at most. */
	const ntmm_paging_file *paging_files;
	uint32_t paging_file_count;
} ntmm_machine_config;

enum {
	NTMM_MACHINE_NO_NX = 1, /* the processor cannot tell run from read (PR-10, EX-2) */
	/* A hard fault reads its page alone; by default also up to 15 pages after it that lie behind
	 * it in the paging file, to standby (PG-43). */
	NTMM_MACHINE_NO_CLUSTERS = 2,
	/* Threads of the machine's own zero free frames, sample ages and trim, and write modified pages
	 * before anyone has to wait (PG-38, PG-50, PG-60); they sleep when there is nothing to do. Runs
	 * do not replay exactly then, and observers may be called by these threads. By default all this
	 * is done in steps, by whoever needs it. */
	NTMM_MACHINE_THREADS = 4,
	/* RAM is a memory file of the host's, so that ntmm_thread_run (thread.h) can show its frames
	 * where the program's pointers look for them. The host may not back it with huge pages then,
	 * and gives it memory by its rules for such files. */
	NTMM_MACHINE_SHARED_RAM = 8,
	/* A machine that runs Windows 98 or ME (rules W9); its processor is one without NX. All its
	 * processes have the layout NTMM_LAYOUT_WIN9X; each has 4 MB of commit from the beginning, the
	 * MS-DOS arena. What lies from 2 GB on is the same in every process: views and what is
	 * allocated for all, and from 3 GB on a part of the system, a sixteenth of RAM, 4 MB at most.
	 * Events of what happens to these pages by themselves have the number of the system, 4. */
	NTMM_MACHINE_WIN9X = 0x10,
	/* With the one above: Windows 95, which has no write watch (W9-5). */
	NTMM_MACHINE_WIN95 = 0x20,
};

/* STATUS_INVALID_PARAMETER: a member is out of range, or RAM is too small to run a process;
 * STATUS_TOO_MANY_PAGING_FILES; STATUS_DISK_FULL: no room for a paging file; STATUS_ACCESS_DENIED:
 * it cannot be created; STATUS_NO_MEMORY: the host has no memory; STATUS_INSUFFICIENT_RESOURCES: it has
 * no threads. */
NTMM_API NTSTATUS ntmm_machine_create(const ntmm_machine_config *config, ntmm_machine **machine);

/* Ends every process, frees everything; the paging file's contents are gone. NULL is ignored. Dirty pages
 * of files are written; what cannot be is lost, and ntmm_error_message() says how many pages are.
 * Handles to its processes stay valid to close, and answer STATUS_PROCESS_IS_TERMINATING. */
NTMM_API void ntmm_machine_destroy(ntmm_machine *machine);

/* Why the calling host thread's last failing ntmm_ call failed; "" when there is nothing to add. Also what
 * became of dirty pages of files that could not be written, after the machine has been destroyed, or the
 * last view or handle of a file's section has gone: these calls succeed all the same. */
NTMM_API const char *ntmm_error_message(void);

/* ---- processes ---------------------------------------------------------------------------- */

typedef enum ntmm_layout {
	NTMM_LAYOUT_NT32_2GB,   /* 32-bit, 2 GB user, 2 GB system (S6) */
	NTMM_LAYOUT_NT32_3GB,   /* 32-bit /3GB, large-address-aware (S7) */
	NTMM_LAYOUT_WOW64_4GB,  /* 32-bit on a 64-bit system, large-address-aware */
	NTMM_LAYOUT_NT64_8TB,   /* 64-bit before Windows 8.1 (S2) */
	NTMM_LAYOUT_NT64_128TB, /* 64-bit since Windows 8.1 */
	NTMM_LAYOUT_WIN9X,      /* Windows 95, 98 and ME (S8): of NTMM_MACHINE_WIN9X alone; all before are NT */
	NTMM_LAYOUTS
} ntmm_layout;

/* "nt32-2gb", ...; NULL for what is no layout. */
NTMM_API const char *ntmm_layout_name(ntmm_layout layout);

/* Returns a handle with all rights, to be closed with CloseHandle. The process lives until
 * TerminateProcess, until its last handle and thread are gone, or until the machine ends; its end
 * frees everything it had (S17). Errors: 87, also for a layout of another kind of machine; 1450 when
 * the RAM cannot hold another process; 1455 when the commit limit is reached; 8. */
NTMM_API HANDLE ntmm_process_create(ntmm_machine *machine, ntmm_layout layout);

/* A copy of a process: all its private memory and the views that are inherited, copy-on-write, in a
 * new process of the same machine with the same layout, privileges and protections; nothing is copied
 * until one of the two writes it. What the copy does not have: threads and their attachment, locks
 * (VirtualLock; the parent keeps its own), views mapped with ViewUnmap, the record of written pages,
 * working-set limits. Commit is charged in full: for the child what the parent has, and as much again for
 * the pages that both show, until neither does any more, or the one that is left is cloned again. Needs
 * PROCESS_CREATE_PROCESS. The parent's threads may go on meanwhile. Errors: 5, 6; 50: it has AWE windows,
 * large pages or held pages, or is one of Windows 9x; 8; 1450: 255 copies along one line of descent, all
 * of them alive, are the most; 1455. */
NTMM_API HANDLE ntmm_process_clone(HANDLE process);

/* What the processor's CR3 holds while the process runs: the physical address of its top table,
 * in the x86-64 four-level format for every layout. 0 and GetLastError() on failure. */
NTMM_API uint64_t ntmm_process_cr3(HANDLE process);

/* ---- looking at the machine ---------------------------------------------------------------- */

/* The machine's RAM: physical address 0 is the first byte. Reading it while the machine runs gives
 * whatever is there at the moment; writing to it is like a stray DMA. */
NTMM_API const void *ntmm_machine_ram(const ntmm_machine *machine, uint64_t *bytes);

/* The page at 0x7FFE0000 of every process (rule AS-4), for an embedder that wants to fill it in. */
NTMM_API void *ntmm_machine_shared_page(ntmm_machine *machine);

/* All counters are pages, or numbers of events since the machine began. */
typedef struct ntmm_machine_counters {
	uint32_t size; /* set by the caller: sizeof (ntmm_machine_counters) */
	uint32_t processes;
	uint64_t ram;      /* the sum of the next ten, modified_no_write and bad */
	uint64_t zeroed;   /* known to be zero, or never touched */
	uint64_t free;     /* free with old contents */
	uint64_t standby;  /* clean, in no working set, still findable */
	uint64_t modified; /* dirty, in no working set, still findable */
	uint64_t active;   /* data pages in working sets */
	uint64_t transition; /* being read from or written to the paging file */
	uint64_t tables;   /* page tables of processes */
	uint64_t fixed;    /* the system's own: shared page and system tables */
	uint64_t large;    /* in large pages */
	uint64_t physical; /* given out by AllocateUserPhysicalPages, mapped or not */
	uint64_t commit_total, commit_limit, commit_peak;
	uint64_t slots, slots_used;   /* pages of the paging files: usable, holding a page */
	uint64_t resident_total,
		resident_limit; /* pages that may not be paged out (locks, tables) */
	uint64_t demand_zero, soft, hard;        /* faults resolved, by kind */
	uint64_t violations, guards;             /* accesses refused, guard pages hit */
	uint64_t page_ins, page_outs;            /* pages read and written */
	uint64_t read_errors, write_errors;      /* transfers of paging files and of files that failed */
	uint64_t trimmed;                        /* pages taken out of working sets */
	uint64_t lost_events;  /* events that could not be kept for an observer */
	uint64_t stray_writes; /* NTMM_EVENT_STRAY_WRITE */
	uint64_t modified_no_write; /* held, in no working set, still findable */
	uint64_t bad;          /* have failed: ntmm_machine_mark_bad */
	/* Pages of files that are dirty although they were to be written: it failed. They are tried again
	 * when there is nothing else to write, at the next flush, and by ntmm_machine_write_modified and
	 * ntmm_machine_balance; and sections of files that nobody uses and that are kept for such pages. */
	uint64_t unwritten, stranded;
} ntmm_machine_counters;

NTMM_API NTSTATUS ntmm_machine_get_counters(ntmm_machine *machine, ntmm_machine_counters *counters);

typedef struct ntmm_process_counters {
	uint32_t size; /* set by the caller: sizeof (ntmm_process_counters) */
	uint32_t pid;
	uint64_t commit, commit_peak;          /* private pages promised */
	uint64_t working_set, working_set_peak; /* pages resident */
	uint64_t tables;                       /* frames of its page map */
	uint64_t locked;                       /* pages locked by VirtualLock */
	uint64_t physical;                     /* frames of its own (rules AW) */
	uint64_t large;                        /* pages in large pages */
	uint64_t demand_zero, soft, hard, violations, guards, page_ins, page_outs, trimmed, stray_writes;
	uint64_t held;                         /* pages held: ntmm_process_hold_pages */
} ntmm_process_counters;

/* Needs PROCESS_QUERY_INFORMATION or PROCESS_QUERY_LIMITED_INFORMATION. */
NTMM_API NTSTATUS ntmm_process_get_counters(HANDLE process, ntmm_process_counters *counters);

/* Where a page is. Of a page of a view that the process does not show at the moment: where the section's
 * page is, with `entry` 0; it may be active elsewhere. */
typedef struct ntmm_page_info {
	uint32_t size; /* set by the caller: sizeof (ntmm_page_info) */
	uint32_t where; /* NTMM_PAGE_ */
	uint64_t entry; /* the page-map entry as it stands; 0 when there is no table for it */
	uint64_t
		frame; /* physical page number; meaningful for ACTIVE, STANDBY, MODIFIED, TRANSITION,
		 * PHYSICAL: then it is what AllocateUserPhysicalPages answered */
	uint64_t slot;  /* in a paging file, that holds a copy: NTMM_SLOT_; 0: none */
	uint32_t locked, dirty, accessed;
	/* Passes since it was last seen in use, about 32768 at most; ACTIVE and not locked only. */
	uint32_t age;
} ntmm_page_info;

enum {
	NTMM_PAGE_NONE,       /* never touched, or nothing there */
	NTMM_PAGE_ACTIVE,     /* in the working set */
	NTMM_PAGE_STANDBY,    /* clean, a soft fault away */
	NTMM_PAGE_MODIFIED,   /* dirty, a soft fault away */
	NTMM_PAGE_TRANSITION, /* being read or written */
	NTMM_PAGE_PAGED_OUT,  /* in the paging file only */
	NTMM_PAGE_MODIFIED_NO_WRITE, /* held, a soft fault away */
	NTMM_PAGE_LARGE,      /* part of a large page: entry is the one of all of it, at level 2 */
	NTMM_PAGE_PHYSICAL,   /* of a window: in a frame of the process's own (MapUserPhysicalPages) */
};

NTMM_API NTSTATUS ntmm_process_page_info(HANDLE process, uint64_t address, ntmm_page_info *info);

/* Verifies every count and every back pointer of the machine. Returns true when all agree; else
 * false, and ntmm_error_message() names the first that does not. Stops the machine while it runs. */
NTMM_API bool ntmm_machine_check(ntmm_machine *machine);

/* Does pending work now: samples accessed bits, trims, writes modified pages, until at least
 * `available` pages are zeroed, free or standby, or nothing more can be done. Returns the number
 * that are. Work is otherwise done in steps by whoever needs a page, so that runs replay exactly. */
NTMM_API uint64_t ntmm_machine_balance(ntmm_machine *machine, uint64_t available);

/* Writes up to `pages` modified pages to the paging file or their files; returns how many became clean.
 * First, and beyond that number, pages of files that could not be written before are tried again. */
NTMM_API uint64_t ntmm_machine_write_modified(ntmm_machine *machine, uint64_t pages);

/* ---- paging files -------------------------------------------------------------------------- */

/* One more, for a machine that runs: the commit limit rises by its initial size (CM-1). Errors as
 * those of ntmm_machine_create. */
NTMM_API NTSTATUS ntmm_machine_add_paging_file(ntmm_machine *machine, const ntmm_paging_file *file);

typedef struct ntmm_paging_file_counters {
	uint32_t size;   /* set by the caller: sizeof (ntmm_paging_file_counters) */
	uint32_t failed; /* not 0: given up, after many failed writes in a row; it is only read */
	uint64_t pages, maximum_pages; /* now; what it may grow to */
	uint64_t used, bad;            /* hold a page; could not take one: never tried again */
	uint64_t reads, writes;        /* transfers, each of one page or more */
	uint64_t read_errors, write_errors;
} ntmm_paging_file_counters;

/* Files are numbered from 0 in the order in which they came. STATUS_INVALID_PARAMETER: there is
 * none with that number; STATUS_INFO_LENGTH_MISMATCH. */
NTMM_API NTSTATUS ntmm_machine_get_paging_file(ntmm_machine *machine, uint32_t number,
                                               ntmm_paging_file_counters *counters);

/* Slots, in ntmm_page_info and events: the number of the paging file and the page in it, from 1. */
#define NTMM_SLOT_FILE(slot) ((uint32_t)(slot) >> 28)
#define NTMM_SLOT_PAGE(slot) ((uint32_t)(slot) & 0x0FFFFFFFu)

typedef enum ntmm_transfer_kind {
	NTMM_TRANSFER_READ,
	NTMM_TRANSFER_WRITE,
	NTMM_TRANSFER_GROW, /* no transfer: the file is to grow */
	NTMM_TRANSFER_KINDS
} ntmm_transfer_kind;

/* A transfer that is about to be made, for a schedule to judge. The schedule is called by the
 * thread that makes the transfer, by several at a time; it must not use the machine. */
typedef struct ntmm_transfer {
	ntmm_transfer_kind kind;
	uint32_t file;
	uint64_t number; /* among those of its kind and file, from 1 */
	uint64_t page;   /* of the file, from 1: the first of it */
	uint64_t pages;
	/* For the schedule to set; all 0 when it is called. */
	uint32_t delay;  /* microseconds, before anything else happens */
	int error;       /* an errno value with which it fails; 0: it is made */
	uint32_t done;   /* when it fails: pages that are transferred all the same */
} ntmm_transfer;

/* ---- frames that fail, pages that wait ---------------------------------------------------------- */

/* A memory error has shown in a frame of RAM (its physical address / 4096): it is never used
 * again (PG-31, PG-39). What it holds is kept: a page leaves its working set; if it is dirty or
 * held it moves to another frame, else it is in the paging file or its file as well, or zero. The
 * commit limit and the limit of what may be resident for good fall by one. Success, too, when the
 * frame is bad already. May block on I/O. Nothing changes on failure, but pages may have left
 * working sets: STATUS_INVALID_PARAMETER: there is no such frame; STATUS_NOT_SUPPORTED: it is the
 * system's own, or holds a page table in use or a locked page; STATUS_COMMITMENT_LIMIT,
 * STATUS_INSUFFICIENT_RESOURCES: all that the machine has is promised; another status: there is
 * no frame to move to, since writing fails. */
NTMM_API NTSTATUS ntmm_machine_mark_bad(ntmm_machine *machine, uint64_t frame);

/* Holds back the pages that have a byte in a range, or releases them (PG-39: as a file system's
 * metadata until the log is written). To hold brings each into memory, as a load by a system
 * service does. From then on it stays in RAM, and no write of it begins: trimmed from the working
 * set, it stands on modified-no-write, clean or dirty, and comes back by a soft fault. The pages
 * and their page tables are charged to what may be resident for good. All or nothing, but a guard
 * that was hit is consumed; pages that are held already count as done. A hold also ends when the
 * page is decommitted or discarded, or the process ends. To release does nothing for pages that
 * are not held; dirty ones can be written again. Needs PROCESS_VM_OPERATION. Errors:
 * STATUS_INVALID_PARAMETER: no bytes, or the range is not in user space; STATUS_ACCESS_VIOLATION:
 * a page is not committed, or may not be read; STATUS_GUARD_PAGE_VIOLATION; STATUS_NOT_SUPPORTED:
 * a page is a section's or the system's; STATUS_INSUFFICIENT_RESOURCES: not so much can stay in
 * RAM; STATUS_IN_PAGE_ERROR. */
NTMM_API NTSTATUS ntmm_process_hold_pages(HANDLE process, uint64_t address, uint64_t bytes,
                                          bool hold);

/* ---- observers ----------------------------------------------------------------------------- */

typedef enum ntmm_event_kind {
	NTMM_EVENT_DEMAND_ZERO, /* a page was touched for the first time */
	NTMM_EVENT_SOFT,        /* a page came back without I/O */
	NTMM_EVENT_HARD,        /* a page came back from the paging file */
	NTMM_EVENT_TRIM,        /* a page left a working set */
	NTMM_EVENT_PAGE_OUT,    /* a page was written to the paging file */
	NTMM_EVENT_PAGE_IN,     /* a page was read from it */
	NTMM_EVENT_REPURPOSE,   /* a standby page's frame was given to another */
	NTMM_EVENT_GUARD,       /* a guard page was hit */
	NTMM_EVENT_VIOLATION,   /* an access was refused */
	NTMM_EVENT_ALLOC,       /* a range was reserved or committed: address, pages */
	NTMM_EVENT_FREE,        /* a range was decommitted or released: address, pages */
	NTMM_EVENT_WRITE_ERROR, /* a page of a file could not be written to it; address: in the file */
	/* Windows 9x: a store to the system's memory at 3 to 4 GB (S8e), made all the same; address: its first
	 * byte there. A copy by a system service is one for each piece, of at most 16 pages. */
	NTMM_EVENT_STRAY_WRITE,
	NTMM_EVENT_KINDS
} ntmm_event_kind;

typedef struct ntmm_event {
	ntmm_event_kind kind;
	uint32_t pid;
	uint64_t sequence; /* counts up by one per event of the machine */
	uint64_t address;  /* of the page, or of the range */
	uint64_t pages;    /* 1, or those of the range */
	uint64_t frame;    /* UINT64_MAX when none is meant */
	uint64_t slot;     /* NTMM_SLOT_; UINT64_MAX when none is meant */
} ntmm_event;

typedef void (*ntmm_observer)(void *context, const ntmm_event *event);

NTMM_API const char *ntmm_event_name(ntmm_event_kind kind);

/* Calls `observer` for each event from now on, soon after it happened, from the thread that caused
 * it or another, with no lock held: it may call the library. One observer a machine; NULL ends it,
 * and no call of the old one begins after this returns. An unobserved machine does no work for it.
 * STATUS_NO_MEMORY when there is no room for the queue. */
NTMM_API NTSTATUS ntmm_machine_observe(ntmm_machine *machine, ntmm_observer observer, void *context);

NTMM_END
#endif
