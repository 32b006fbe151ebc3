/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <string.h>

#define PROCESS_MINIMUM 50 /* pages, of which 20 cannot be locked (VL-7) */
#define LOCKABLE (PROCESS_MINIMUM - 20)

static bool can_write(DWORD protect)
{
	return protect & (PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE |
	                  PAGE_EXECUTE_WRITECOPY);
}

/* What an access by a thread raises. A guard is gone then. */
static NTSTATUS judge(struct view *view, unsigned page, bool store)
{
	struct view_page *p = &view->page[page];
	if (!is_committed(view, page))
		return STATUS_ACCESS_VIOLATION; /* MV-47 */
	if (p->guard) {
		p->guard = false;
		return STATUS_GUARD_PAGE_VIOLATION;
	}
	if (p->prot == PAGE_NOACCESS || (store && !can_write(p->prot)))
		return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

/* By another process: guards refuse and stay (GP-9). */
static bool judge_foreign(const struct view *view, unsigned page, bool store)
{
	const struct view_page *p = &view->page[page];
	return is_committed(view, page) && !p->guard && p->prot != PAGE_NOACCESS &&
	       (!store || can_write(p->prot));
}

/* CW-2: the first store to a copy-on-write page. */
static void note_store(struct view *view, unsigned page)
{
	struct view_page *p = &view->page[page];
	if (!is_copy(p->prot) || p->copied)
		return;
	p->words = *words_of(view, page);
	p->copied = true;
}

static NTSTATUS raised(const struct actor *actor)
{
	return (NTSTATUS)ntmm_thread_exception(actor->thread)->ExceptionCode;
}

/* What was found is what should be; of a page whose contents were given up, or nothing. */
static void expect_words(struct view *view, unsigned page, const struct words *found)
{
	static const struct words nothing;
	struct view_page *p = &view->page[page];
	struct words *words = words_of(view, page);
	if (!memcmp(words, found, sizeof *found))
		return;
	if (!p->copied || !p->loose || memcmp(found, &nothing, sizeof nothing))
		share_failed("page %u of the view at %#" PRIx64 ", %s: %#" PRIx64 " %#" PRIx64
		             ", not %#" PRIx64 " %#" PRIx64,
		             page, view->base, p->copied ? "copied" : "shared", found->word[0],
		             found->word[1], words->word[0], words->word[1]);
	*words = nothing;
}

static void load_words(struct actor *actor, struct view *view, unsigned page, struct words *found)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (!ntmm_load64(actor->thread, offset_of_word(view, page, w), &found->word[w]))
			share_failed("load raised %#x", (unsigned)raised(actor));
}

void page_load(struct actor *actor, struct view *view, unsigned page)
{
	struct words found;
	uint64_t value;
	NTSTATUS expected = judge(view, page, false);
	if (expected) {
		MUST(!ntmm_load64(actor->thread, offset_of_word(view, page, 0), &value));
		MUST(raised(actor) == expected);
		return;
	}
	load_words(actor, view, page, &found);
	expect_words(view, page, &found);
}

/* The other word of a loose page may be gone: it is known once the page has been written. */
static void stored(struct view *view, unsigned page, unsigned word, uint64_t value,
                   const struct words *found)
{
	struct words *words = words_of(view, page);
	MUST(found->word[word] == value);
	if (view->page[page].copied && view->page[page].loose && !found->word[!word])
		words->word[!word] = 0;
	words->word[word] = value;
	view->page[page].loose = false;
	expect_words(view, page, found);
}

void page_store(struct actor *actor, struct view *view, unsigned page, unsigned word, uint64_t value)
{
	struct words found;
	NTSTATUS expected = judge(view, page, true);
	bool done = ntmm_store64(actor->thread, offset_of_word(view, page, word), value);
	MUST(done == !expected);
	if (expected) {
		MUST(raised(actor) == expected);
		return;
	}
	note_store(view, page);
	load_words(actor, view, page, &found);
	stored(view, page, word, value, &found);
}

static bool read_words(const struct actor *actor, const struct view *view, unsigned page,
                       struct words *found)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (!ReadProcessMemory(actor->process, pointer(offset_of_word(view, page, w)),
		                       &found->word[w], sizeof found->word[w], NULL))
			return false;
	return true;
}

void page_read(struct actor *actor, struct view *view, unsigned page)
{
	struct words found;
	bool expected = judge_foreign(view, page, false);
	MUST(read_words(actor, view, page, &found) == expected);
	if (expected)
		expect_words(view, page, &found);
}

void page_write(struct actor *actor, struct view *view, unsigned page, unsigned word, uint64_t value)
{
	struct words found;
	bool expected = judge_foreign(view, page, true);
	NTSTATUS status = NtWriteVirtualMemory(actor->process, offset_of_word(view, page, word),
	                                       &value, sizeof value, NULL);
	MUST(status == (expected ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION));
	if (!expected)
		return;
	note_store(view, page);
	MUST(read_words(actor, view, page, &found));
	stored(view, page, word, value, &found);
}

/* ---- committing and protecting --------------------------------------------------------------- */

static void note_protection(struct actor *actor, struct view *view, unsigned from, unsigned to,
                            DWORD protect)
{
	for (unsigned i = from; i < to; i++) {
		struct view_page *p = &view->page[i];
		p->prot = protect & 0xFF;
		p->guard = protect & PAGE_GUARD;
		p->charged |= is_copy(protect);
		if (p->locked && (p->guard || p->prot == PAGE_NOACCESS)) { /* VP-14 */
			p->locked = false;
			actor->locked--;
		}
	}
}

/* Of a sparse section one page alone is meant. */
static uint64_t bytes_of(const struct view *view, unsigned from, unsigned to)
{
	return (view->section->stride == 1 ? to - from : 1) * PAGE;
}

static unsigned end_of(const struct view *view, unsigned from, unsigned to)
{
	return view->section->stride == 1 ? to : from + 1;
}

void pages_commit(struct share *s, struct actor *actor, struct view *view, unsigned from,
                  unsigned to, DWORD protect)
{
	struct section before = *view->section;
	to = end_of(view, from, to);
	uint64_t copies = copies_to_charge(view, from, to, protect);
	for (unsigned i = from; i < to; i++)
		view->section->committed[view->first + i] = true;
	DWORD expected = !is_compatible(view->protect, protect) ? ERROR_INVALID_PARAMETER
	                 : commit_of(s) + copies > s->limit     ? ERROR_COMMITMENT_LIMIT
	                                                        : 0;
	if (expected)
		*view->section = before;
	void *done = VirtualAllocEx(actor->process, pointer(address_of_page(view, from)),
	                            bytes_of(view, from, to), MEM_COMMIT, protect);
	MUST(!done == !!expected);
	MUST(!expected || GetLastError() == expected);
	if (!expected)
		note_protection(actor, view, from, to, protect);
}

static bool all_committed(const struct view *view, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (!is_committed(view, i))
			return false;
	return true;
}

void share_pages_protect(struct share *s, struct actor *actor, struct view *view, unsigned from,
                         unsigned to, DWORD protect)
{
	DWORD old, was = protection_seen(view, from);
	to = end_of(view, from, to);
	uint64_t total = commit_of(s) + copies_to_charge(view, from, to, protect);
	DWORD expected = !is_compatible(view->protect, protect) ? ERROR_INVALID_PARAMETER
	                 : !all_committed(view, from, to)       ? ERROR_INVALID_ADDRESS
	                 : total > s->limit                     ? ERROR_COMMITMENT_LIMIT
	                                                        : 0;
	BOOL done = VirtualProtectEx(actor->process, pointer(address_of_page(view, from)),
	                             bytes_of(view, from, to), protect, &old);
	MUST(!done == !!expected);
	MUST(!expected || GetLastError() == expected);
	if (expected)
		return;
	MUST(old == was);
	note_protection(actor, view, from, to, protect);
}

/* ---- locks, resets, ballast ------------------------------------------------------------------ */

static NTSTATUS judge_lock(struct view *view, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		NTSTATUS status = judge(view, i, false);
		if (status)
			return status;
	}
	return STATUS_SUCCESS;
}

void share_pages_lock(struct actor *actor, struct view *view, unsigned from, unsigned to)
{
	uint64_t base = address_of_page(view, from);
	struct view before = *view;
	to = end_of(view, from, to);
	uint64_t size = bytes_of(view, from, to);
	NTSTATUS expected = judge_lock(view, from, to);
	NTSTATUS status = NtLockVirtualMemory(actor->process, &base, &size, MAP_PROCESS);
	if (status == STATUS_WORKING_SET_QUOTA) { /* how much may not leave RAM is not modelled */
		*view = before;
		return;
	}
	MUST((status == STATUS_WAS_LOCKED ? STATUS_SUCCESS : status) == expected);
	if (expected)
		return;
	for (unsigned i = from; i < to; i++) {
		actor->locked += !view->page[i].locked;
		view->page[i].locked = true;
	}
	MUST(actor->locked <= LOCKABLE);
}

void share_pages_unlock(struct actor *actor, struct view *view, unsigned from, unsigned to)
{
	uint64_t base = address_of_page(view, from);
	bool all = true;
	to = end_of(view, from, to);
	uint64_t size = bytes_of(view, from, to);
	for (unsigned i = from; i < to; i++)
		all &= view->page[i].locked;
	NTSTATUS status = NtUnlockVirtualMemory(actor->process, &base, &size, MAP_PROCESS);
	MUST(status == (all ? STATUS_SUCCESS : STATUS_NOT_LOCKED));
	for (unsigned i = from; i < to && all; i++) {
		view->page[i].locked = false;
		actor->locked--;
	}
}

void share_pages_reset(struct actor *actor, struct view *view, unsigned from, unsigned to, bool undo)
{
	to = end_of(view, from, to);
	void *done = VirtualAllocEx(actor->process, pointer(address_of_page(view, from)),
	                            bytes_of(view, from, to), undo ? MEM_RESET_UNDO : MEM_RESET,
	                            PAGE_READWRITE);
	bool loose = false;
	for (unsigned i = from; i < to; i++) {
		struct view_page *p = &view->page[i];
		loose |= p->copied && p->loose;
		p->loose |= p->copied && is_committed(view, i) && !undo;
	}
	MUST(done || (undo && loose && GetLastError() == ERROR_INVALID_ADDRESS)); /* VA-69 */
}

void ballast_use(struct actor *actor, unsigned page, uint64_t value)
{
	if (!actor->ballast_pages)
		return;
	page %= actor->ballast_pages;
	uint64_t found, at = actor->ballast + page * PAGE + page * 8;
	MUST(ntmm_load64(actor->thread, at, &found));
	MUST(found == actor->ballast_words[page]);
	MUST(ntmm_store64(actor->thread, at, value));
	actor->ballast_words[page] = value;
}
