/* SPDX-License-Identifier: MIT
 *
 * NtFlushVirtualMemory (rules FV).
 */
#include "nt/target.h"
#include "space/view.h"

struct flush_call {
	uint64_t base, bytes; /* bytes 0: to the end of the view */
	struct section *section; /* with a reference */
	struct range pages;      /* of the section */
	struct range range;      /* of the view */
};

/* FV-1, FV-3. */
static NTSTATUS find_pages(const struct space *space, struct flush_call *call)
{
	uint64_t last;
	const struct vad *vad = runs_at(&space->runs, page_of(call->base)).vad;
	if (!vad)
		return STATUS_NOT_MAPPED_VIEW;
	call->range = (struct range){page_of(call->base), vad->range.end};
	if (call->bytes && !last_byte(call->base, call->bytes, &last))
		return STATUS_INVALID_PARAMETER_2;
	if (call->bytes)
		call->range = pages_touched(call->base, last);
	if (call->range.end > vad->range.end)
		return STATUS_INVALID_PARAMETER_2;
	if (!vad_view(vad) || vad_view(vad)->section->kind != SECTION_FILE)
		return STATUS_NOT_MAPPED_DATA; /* FV-2 */
	call->pages = (struct range){view_page(vad_view(vad), call->range.start),
	                             view_page(vad_view(vad), call->range.end)};
	call->section = vad_view(vad)->section;
	section_retain(call->section);
	return STATUS_SUCCESS;
}

static NTSTATUS flush(struct target *target, struct flush_call *call)
{
	NTSTATUS status = target_read(target);
	if (status)
		return status;
	status = find_pages(target->space, call);
	target_unlock(target);
	if (status)
		return status;
	status = target->space->engine->section_flush(call->section, call->pages);
	section_release(call->section);
	return status;
}

NTSTATUS NtFlushVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, IO_STATUS_BLOCK *io)
{
	struct target target;
	NTSTATUS status = probe_words(base, size);
	if (!status)
		status = probe_word(io);
	if (status)
		return status;
	struct flush_call call = {.base = *base, .bytes = *size};
	target_open(&target, process, PROCESS_VM_OPERATION);
	target_at(&target, call.base);
	status = STATUS_INVALID_PARAMETER_2;
	if (call.base <= target.layout->maximum)
		status = flush(&target, &call);
	target_close(&target);
	if (status)
		return status;
	*base = address_of(call.range.start);
	*size = address_of(range_pages(call.range));
	*io = (IO_STATUS_BLOCK){.Status = STATUS_SUCCESS, .Information = *size};
	return STATUS_SUCCESS;
}
