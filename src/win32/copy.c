/* SPDX-License-Identifier: MIT
 *
 * ReadProcessMemory and WriteProcessMemory (rules PM).
 *
 * Windows' WriteProcessMemory makes the range EXECUTE_READWRITE, looks at what its first page was,
 * and acts on that (PM-9). Here the range is taken run by run, and only code is made writable,
 * while it is written: the answers are the same, but no page is open meanwhile that should not be,
 * and none ends up with the protection of the first.
 */
#include "nt/target.h"
#include "win32/error.h"

struct write {
	HANDLE process;
	const char *from;
	uint64_t at; /* address */
	uint64_t left;
	uint64_t done;
};

static NTSTATUS check_place(const struct layout *layout, const struct write *w)
{
	uint64_t last;
	if (!last_byte(w->at, w->left, &last) || last > layout->maximum)
		return STATUS_ACCESS_VIOLATION; /* PM-2 */
	if (!host_range_ok(w->from, w->left))
		return STATUS_ACCESS_VIOLATION; /* PM-7 */
	return STATUS_SUCCESS;
}

/* What a debugger may patch (PM-11): not through a guard (PM-14), nor what has been offered. Such
 * pages, and data that is read-only (PM-12), are left to a plain write to refuse. */
static bool is_closed_code(attr_t attr)
{
	prot_t prot = attr_prot(attr);
	return !(attr & ATTR_OFFERED) && !prot_is_guard(prot) && prot_can_execute(prot) &&
	       !prot_can_write(prot);
}

/* PM-13: what making all of it writable would say (VP-4, VP-5). */
static NTSTATUS check_pages(const struct space *space, const struct write *w)
{
	struct vad *vad;
	struct range range = pages_touched(w->at, w->at + w->left - 1);
	if (!space_one_vad(space, range, &vad))
		return STATUS_CONFLICTING_ADDRESSES;
	return space_all_committed(space, range) ? STATUS_SUCCESS : STATUS_NOT_COMMITTED;
}

static attr_t attr_of(const struct foreign *foreign)
{
	return (attr_t)((foreign->committed ? ATTR_COMMITTED : 0) | foreign->prot);
}

/* The same of what a host process has beside its allocations. */
static NTSTATUS check_foreign(struct space *space, const struct write *w)
{
	const struct engine *engine = space->engine;
	struct range range = pages_touched(w->at, w->at + w->left - 1);
	struct foreign foreign;
	for (uint64_t page = range.start; page < range.end; page = foreign.range.end) {
		if (!engine->foreign || !engine->foreign(space, page, &foreign) ||
		    foreign.kind == FOREIGN_NONE)
			return STATUS_CONFLICTING_ADDRESSES;
		if (!foreign.committed)
			return STATUS_NOT_COMMITTED;
		if (!prot_can_write(foreign.prot) && !is_closed_code(attr_of(&foreign)))
			return STATUS_ACCESS_VIOLATION;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS check(struct target *target, const struct write *w)
{
	NTSTATUS status = check_place(target->layout, w);
	if (!status)
		status = target_read(target);
	if (status)
		return status;
	status = check_pages(target->space, w);
	target_unlock(target);
	return status == STATUS_CONFLICTING_ADDRESSES ? check_foreign(target->space, w) : status;
}

static NTSTATUS write_piece(struct write *w, uint64_t bytes)
{
	uint64_t done;
	NTSTATUS status = NtWriteVirtualMemory(w->process, w->at, w->from, bytes, &done);
	w->from += done;
	w->at += done;
	w->left -= done;
	w->done += done;
	return status;
}

/* PM-11. */
static NTSTATUS write_code(struct write *w, uint64_t bytes)
{
	uint64_t base = w->at, size = bytes;
	uint32_t old;
	NTSTATUS status =
		NtProtectVirtualMemory(w->process, &base, &size, PAGE_EXECUTE_READWRITE, &old);
	if (status)
		return status;
	status = write_piece(w, bytes);
	NTSTATUS restored = NtProtectVirtualMemory(w->process, &base, &size, old, &old);
	return status ? status : restored;
}

/* Pages that are alike, from the first byte left on. */
static NTSTATUS look(struct target *target, const struct write *w, struct run *run)
{
	NTSTATUS status = target_read(target);
	if (status)
		return status;
	struct space *space = target->space;
	struct foreign foreign;
	*run = space_run(space, w->at);
	target_unlock(target);
	if (run->vad || !space->engine->foreign ||
	    !space->engine->foreign(space, page_of(w->at), &foreign))
		return STATUS_SUCCESS;
	run->end = foreign.range.end;
	run->attr = attr_of(&foreign);
	return STATUS_SUCCESS;
}

/* Writes what lies in the run of the first byte left. */
static NTSTATUS write_run(struct target *target, struct write *w)
{
	struct run run;
	NTSTATUS status = look(target, w, &run);
	if (status)
		return status;
	uint64_t bytes = min_u64(w->left, address_of(run.end) - w->at);
	return is_closed_code(run.attr) ? write_code(w, bytes) : write_piece(w, bytes);
}

static NTSTATUS write_all(struct write *w)
{
	struct target target;
	target_open(&target, w->process, PROCESS_VM_WRITE | PROCESS_VM_OPERATION);
	target_at(&target, w->at);
	NTSTATUS status = check(&target, w);
	while (!status && w->left)
		status = write_run(&target, w);
	target_close(&target);
	return status && w->done ? STATUS_PARTIAL_COPY : status;
}

BOOL ReadProcessMemory(HANDLE process, LPCVOID address, LPVOID buffer, SIZE_T size, SIZE_T *copied)
{
	return win32_ok(NtReadVirtualMemory(process, (uintptr_t)address, buffer, size, copied));
}

BOOL WriteProcessMemory(HANDLE process, LPVOID address, LPCVOID buffer, SIZE_T size, SIZE_T *copied)
{
	struct write w = {
		.process = process, .from = buffer, .at = (uintptr_t)address, .left = size};
	if (copied && !host_pointer_ok(copied))
		return win32_fail(ERROR_NOACCESS);
	NTSTATUS status = size ? write_all(&w) : STATUS_SUCCESS; /* PM-1 */
	if (w.done)
		NtFlushInstructionCache(process, (uintptr_t)address, w.done);
	if (copied)
		*copied = w.done; /* PM-15 */
	return win32_ok(status);
}
