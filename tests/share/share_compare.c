/* SPDX-License-Identifier: MIT */
#include "share.h"

void compare_figures(struct share *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	if (!ntmm_machine_check(s->machine))
		share_failed("%s", ntmm_error_message());
	MUST(!ntmm_machine_get_counters(s->machine, &c));
	if (c.commit_total != commit_of(s))
		share_failed("%" PRIu64 " pages promised, not %" PRIu64, c.commit_total, commit_of(s));
	for (unsigned a = 0; a < ACTORS; a++) {
		const struct actor *actor = &s->actors[a];
		ntmm_process_counters p = {.size = sizeof p};
		if (!actor->process)
			continue;
		MUST(!ntmm_process_get_counters(actor->process, &p));
		if (p.commit != commit_of_actor(actor) || p.locked != actor->locked)
			share_failed("process %u: %" PRIu64 " pages promised, not %" PRIu64
			             "; %" PRIu64 " locked, not %u",
			             a, p.commit, commit_of_actor(actor), p.locked, actor->locked);
	}
}

/* Pages from `page` on that Windows cannot tell apart (VQ-7). */
static uint64_t run_from(const struct view *view, unsigned page)
{
	DWORD seen = protection_seen(view, page);
	uint64_t pages = 1;
	if (view->section->stride > 1)
		return 1;
	while (page + pages < view->pages && protection_seen(view, page + (unsigned)pages) == seen)
		pages++;
	return pages;
}

static void compare_query(const struct actor *actor, const struct view *view, unsigned page)
{
	MEMORY_BASIC_INFORMATION info;
	DWORD seen = protection_seen(view, page);
	uint64_t address = address_of_page(view, page);
	MUST(VirtualQueryEx(actor->process, pointer(address), &info, sizeof info));
	bool same = info.BaseAddress == pointer(address) &&
	            info.AllocationBase == pointer(view->base) &&
	            info.AllocationProtect == view->protect && info.Type == MEM_MAPPED &&
	            info.State == (seen ? MEM_COMMIT : MEM_RESERVE) && info.Protect == seen;
	if (view->section->stride == 1 || seen)
		same = same && info.RegionSize == run_from(view, page) * PAGE;
	if (!same)
		share_failed("page %u of the view at %#" PRIx64 ": state %#x, protection %#x (%#x), "
		             "%" PRIu64 " pages, not %#x, %" PRIu64 " pages",
		             page, view->base, info.State, info.Protect, info.AllocationProtect,
		             (uint64_t)info.RegionSize / PAGE, seen, run_from(view, page));
}

/* WS-10. */
static void compare_residency(const struct actor *actor, const struct view *view, unsigned page)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry;
	const struct view_page *p = &view->page[page];
	entry.VirtualAddress = pointer(address_of_page(view, page));
	MUST(QueryWorkingSetEx(actor->process, &entry, sizeof entry));
	PSAPI_WORKING_SET_EX_BLOCK block = entry.VirtualAttributes;
	MUST(block.Valid || !p->locked); /* VL-8 */
	if (!block.Valid)                /* whether it is shared its table says, which may be elsewhere */
		return;
	MUST(block.Locked == p->locked);
	MUST(block.Shared == !p->copied);
	MUST(block.Win32Protection == protection_seen(view, page) ||
	     (!p->copied && block.Win32Protection == p->prot));
	MUST(p->copied ? block.ShareCount == 0 : block.ShareCount >= 1);
}

void compare_pages(struct share *s)
{
	for (unsigned a = 0; a < ACTORS; a++)
		for (unsigned v = 0; v < VIEWS; v++) {
			const struct view *view = &s->actors[a].views[v];
			for (unsigned i = 0; view->section && i < view->pages; i++) {
				compare_query(&s->actors[a], view, i);
				compare_residency(&s->actors[a], view, i);
			}
		}
}

void compare_contents(struct share *s)
{
	for (unsigned a = 0; a < ACTORS; a++)
		for (unsigned v = 0; v < VIEWS; v++) {
			struct view *view = &s->actors[a].views[v];
			for (unsigned i = 0; view->section && i < view->pages; i++)
				page_read(&s->actors[a], view, i);
		}
}
