/* SPDX-License-Identifier: MIT
 *
 * A machine with processes that show sections, and a model beside it: of a section which pages
 * are committed and what is in them, of a view's page its protection and whether it has been
 * copied. Every call is made on both.
 *
 * Of each page two words are used, the rest is zero. Pages of a sparse section lie so far apart
 * that its tables are paged too.
 *
 * Threads: one host thread.
 */
#ifndef TESTS_SHARE_SHARE_H
#define TESTS_SHARE_SHARE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define PAGE UINT64_C(4096)
#define GRANULE UINT64_C(65536)
#define ACTORS 3
#define SECTIONS 3
#define VIEWS 4 /* of a process, at a time */
#define MOST_PAGES 48
#define SPARSE 48 /* pages from one page of a sparse section to the next: always SEC_RESERVE */
#define MOST_BALLAST 64
#define WORDS 2

/* The two differ: how the program ends. Its own to define. */
_Noreturn void share_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define MUST(condition) \
	((condition) ? (void)0 \
	             : share_failed("%s:%d: %s does not hold (last error %u)", __FILE__, __LINE__, \
	                            #condition, GetLastError()))

struct words {
	uint64_t word[WORDS];
};

struct section {
	HANDLE handle;       /* NULL: closed */
	unsigned references; /* the handle's and the views' */
	unsigned pages, stride;
	DWORD protect;
	bool reserve;
	bool committed[MOST_PAGES];
	struct words words[MOST_PAGES];
};

struct view_page {
	DWORD prot; /* as it was set, without PAGE_GUARD */
	bool guard;
	bool copied;
	bool charged;
	bool locked;
	bool loose;         /* copied, then MEM_RESET: both words may be zero instead */
	struct words words; /* once it has been copied */
};

struct view {
	struct section *section; /* NULL: there is none */
	unsigned first, pages;   /* of the section */
	uint64_t base;
	DWORD protect;
	struct view_page page[MOST_PAGES];
};

/* A process. Its ballast is memory of its own, that presses the rest out of RAM. */
struct actor {
	HANDLE process; /* NULL: it has ended */
	ntmm_thread *thread;
	struct view views[VIEWS];
	uint64_t ballast;
	unsigned ballast_pages;
	uint64_t ballast_words[MOST_BALLAST];
	unsigned locked;
};

struct share {
	ntmm_machine *machine;
	ntmm_layout layout;
	uint64_t limit; /* of commit */
	struct section *sections[SECTIONS];
	struct actor actors[ACTORS];
};

void share_create(struct share *s, const ntmm_machine_config *config, ntmm_layout layout);
/* Ends everything; nothing may be left. */
void share_destroy(struct share *s);

/* ---- share.c: beginnings and ends ------------------------------------------------------------ */

/* A process, with as much ballast as can be committed. */
void actor_begin(struct share *s, struct actor *actor, unsigned ballast);
void actor_end(struct actor *actor);
/* In place number `n`. */
void section_begin(struct share *s, unsigned n, unsigned pages, unsigned stride, DWORD protect,
                   bool reserve);
/* Closes the handle; views keep the section. */
void section_close(struct share *s, unsigned n);
/* All of the section from page `first`, a multiple of a granule, on. `at` 0: anywhere. */
void view_map(struct share *s, struct actor *actor, struct view *view, unsigned section,
              unsigned first, unsigned pages, uint64_t at, DWORD protect);
void view_unmap(struct actor *actor, struct view *view, unsigned page);

/* ---- share_call.c: calls and accesses -------------------------------------------------------- */

void page_load(struct actor *actor, struct view *view, unsigned page);
void page_store(struct actor *actor, struct view *view, unsigned page, unsigned word,
                uint64_t value);
/* ReadProcessMemory and NtWriteVirtualMemory. */
void page_read(struct actor *actor, struct view *view, unsigned page);
void page_write(struct actor *actor, struct view *view, unsigned page, unsigned word,
                uint64_t value);
/* VirtualAllocEx(MEM_COMMIT) and VirtualProtectEx of [from, to). */
void pages_commit(struct share *s, struct actor *actor, struct view *view, unsigned from,
                  unsigned to, DWORD protect);
void share_pages_protect(struct share *s, struct actor *actor, struct view *view, unsigned from,
                         unsigned to, DWORD protect);
void share_pages_lock(struct actor *actor, struct view *view, unsigned from, unsigned to);
void share_pages_unlock(struct actor *actor, struct view *view, unsigned from, unsigned to);
void share_pages_reset(struct actor *actor, struct view *view, unsigned from, unsigned to, bool undo);
void ballast_use(struct actor *actor, unsigned page, uint64_t value);

/* ---- share_model.c: what the model knows ----------------------------------------------------- */

struct words *words_of(struct view *view, unsigned page);
/* What VirtualQuery says is its protection; 0: it is not committed. */
DWORD protection_seen(const struct view *view, unsigned page);
bool is_committed(const struct view *view, unsigned page);
bool is_copy(DWORD protect);
/* VP-20. */
bool is_compatible(DWORD mapped, DWORD protect);
uint64_t address_of_page(const struct view *view, unsigned page);
uint64_t offset_of_word(const struct view *view, unsigned page, unsigned word);
/* Everything that is promised, to the page. */
uint64_t commit_of(const struct share *s);
/* The private pages of a process that are. */
uint64_t commit_of_actor(const struct actor *actor);
/* Those of a view that gets `protect` in [from, to). */
uint64_t copies_to_charge(const struct view *view, unsigned from, unsigned to, DWORD protect);

/* ---- share_compare.c ------------------------------------------------------------------------- */

/* Figures, and the machine check. */
void compare_figures(struct share *s);
/* Queries of every page of every view; nothing is touched. */
void compare_pages(struct share *s);
/* Reads whatever can be read. */
void compare_contents(struct share *s);

static inline void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

#endif
