/* SPDX-License-Identifier: MIT
 *
 * What one reference does, and what is done about the exceptions it raises.
 */
#include "replay_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntmm/ntapi.h>
#include <ntmm/status.h>

#define WORD_BYTES UINT64_C(8)

/* ---- violations: granules are committed when they are first used ------------------------------ */

/* Fails with the file and line of the reference in front. */
__attribute__((cold, format(printf, 5, 6)))
static bool stop_at(const struct replay_process *process, const struct ref *ref, struct failure *failure,
                    enum exit_status status, const char *format, ...)
{
	char *reason = NULL;
	va_list values;
	va_start(values, format);
	if (vasprintf(&reason, format, values) < 0)
		reason = NULL;
	va_end(values);
	fail_with(failure, status, "%s:%ju: %s", trace_name(process->trace), (uintmax_t)ref->line,
	          reason ? reason : strerror(ENOMEM));
	free(reason);
	return false;
}

static bool commit_failed(const struct replay_process *process, const struct ref *ref, uint64_t granule,
                          DWORD error, struct failure *failure)
{
	const char *name = ntmm_error_name(error);
	if (error == ERROR_INVALID_ADDRESS || error == ERROR_INVALID_PARAMETER)
		return stop_at(process, ref, failure, EXIT_WRONG,
		               "the trace does not fit the layout: 0x%" PRIx64 " is taken by the system",
		               granule);
	if (error == ERROR_COMMITMENT_LIMIT)
		return stop_at(process, ref, failure, EXIT_FAILED,
		               "the commit limit is reached: RAM and paging file have no room for the 64 KB "
		               "at 0x%" PRIx64 " (see --ram and --paging-file)",
		               granule);
	return stop_at(process, ref, failure, EXIT_FAILED, "0x%" PRIx64 " cannot be committed: error %u %s",
	               granule, error, name ? name : "");
}

/* What to do about an exception: true when the access is to be tried again. */
static __attribute__((noinline)) bool resolve(struct replay_process *process, const struct ref *ref,
                                              struct failure *failure)
{
	if (ref->address < process->lowest || ref->address + (ref->bytes - 1) > process->highest)
		return stop_at(process, ref, failure, EXIT_WRONG,
		               "the trace does not fit the layout: %u bytes at 0x%" PRIx64
		               " are not in 0x%" PRIx64 " to 0x%" PRIx64,
		               ref->bytes, ref->address, process->lowest, process->highest);
	const EXCEPTION_RECORD *raised = ntmm_thread_exception(process->thread);
	if ((NTSTATUS)raised->ExceptionCode != STATUS_ACCESS_VIOLATION) {
		const char *name = ntmm_status_name((NTSTATUS)raised->ExceptionCode);
		return stop_at(process, ref, failure, EXIT_FAILED,
		               "the reference to 0x%" PRIx64 " raised 0x%08x %s", ref->address,
		               raised->ExceptionCode, name ? name : "");
	}
	uint64_t granule = raised->ExceptionInformation[1] & ~(REPLAY_GRANULE - 1);
	uint64_t size = REPLAY_GRANULE;
	NTSTATUS status = NtAllocateVirtualMemory(process->handle, &granule, 0, &size, MEM_RESERVE | MEM_COMMIT,
	                                          PAGE_EXECUTE_READWRITE);
	return status ? commit_failed(process, ref, granule, RtlNtStatusToDosError(status), failure) : true;
}

/* ---- references ------------------------------------------------------------------------------ */

bool replay_process_differs(const struct replay_process *process, uint64_t address,
                            const unsigned char *expected, const unsigned char *found,
                            struct failure *failure)
{
	while (*expected == *found) {
		address++;
		expected++;
		found++;
	}
	return fail_with(failure, EXIT_FAILED, "%s: process %u, 0x%" PRIx64 ": expected 0x%02x, found 0x%02x",
	                 trace_name(process->trace), GetProcessId(process->handle), address, *expected, *found);
}

static bool check_word(struct replay_process *process, uint64_t address, uint64_t found,
                       struct failure *failure)
{
	const unsigned char *expected = shadow_bytes(process->shadow, address);
	if (!expected)
		return fail_no_memory(failure);
	if (memcmp(expected, &found, sizeof found) == 0)
		return true;
	return replay_process_differs(process, address, expected, (unsigned char *)&found, failure);
}

static inline bool read_words(struct replay_process *process, const struct ref *ref, bool fetch,
                              struct failure *failure)
{
	uint64_t word = ref->address & ~(WORD_BYTES - 1), value = 0;
	uint64_t last = (ref->address + ref->bytes - 1) & ~(WORD_BYTES - 1);
	for (;; word += WORD_BYTES) {
		while (fetch ? !ntmm_fetch64(process->thread, word, &value)
		             : !ntmm_load64(process->thread, word, &value))
			if (!resolve(process, ref, failure))
				return false;
		if (!touched_note(&process->touched, word / NTMM_PAGE_BYTES))
			return fail_no_memory(failure);
		if (process->shadow && !check_word(process, word, value, failure))
			return false;
		if (word == last)
			return true;
	}
}

static inline bool store_piece(ntmm_thread *thread, uint64_t address, unsigned bytes, uint64_t value)
{
	switch (bytes) {
	case 8: return ntmm_store64(thread, address, value);
	case 4: return ntmm_store32(thread, address, (uint32_t)value);
	case 2: return ntmm_store16(thread, address, (uint16_t)value);
	default: return ntmm_store8(thread, address, (uint8_t)value);
	}
}

/* The largest piece at the address that is aligned to its size and not above `bytes`. */
static inline unsigned piece_at(uint64_t address, uint64_t bytes)
{
	unsigned piece = WORD_BYTES;
	while (piece > bytes || address % piece)
		piece /= 2;
	return piece;
}

static bool note_store(struct replay_process *process, uint64_t address, unsigned bytes, uint64_t value,
                       struct failure *failure)
{
	unsigned char *expected = shadow_bytes(process->shadow, address);
	if (!expected)
		return fail_no_memory(failure);
	for (unsigned i = 0; i < bytes; i++) /* the processes are little-endian, as their page tables */
		expected[i] = (unsigned char)(value >> 8 * i);
	return true;
}

static inline bool write_pieces(struct replay_process *process, const struct ref *ref, struct failure *failure)
{
	uint64_t address = ref->address, left = ref->bytes;
	while (left) {
		unsigned piece = piece_at(address, left);
		uint64_t value = ++process->stored * UINT64_C(0x9E3779B97F4A7C15);
		while (!store_piece(process->thread, address, piece, value))
			if (!resolve(process, ref, failure))
				return false;
		if (!touched_note(&process->touched, address / NTMM_PAGE_BYTES))
			return fail_no_memory(failure);
		if (process->shadow && !note_store(process, address, piece, value, failure))
			return false;
		address += piece;
		left -= piece;
	}
	return true;
}

static inline bool make_reference(struct replay_process *process, const struct ref *ref,
                                  struct failure *failure)
{
	switch (ref->kind) {
	case REF_FETCH: return read_words(process, ref, true, failure);
	case REF_LOAD: return read_words(process, ref, false, failure);
	case REF_STORE: return write_pieces(process, ref, failure);
	default: return read_words(process, ref, false, failure) && write_pieces(process, ref, failure);
	}
}

static bool keep_touches(struct replay_process *process, const struct ref *ref, struct failure *failure)
{
	uint64_t page = ref->address / NTMM_PAGE_BYTES;
	uint64_t last = (ref->address + (ref->bytes - 1)) / NTMM_PAGE_BYTES;
	bool stores = ref->kind == REF_STORE || ref->kind == REF_MODIFY;
	for (; page <= last; page++)
		if (!reference_string_add(process->touches, process->number, page, stores))
			return stop_at(process, ref, failure, EXIT_FAILED,
			               "no memory to compare so many references");
	return true;
}

bool replay_process_refer(struct replay_process *process, const struct ref *refs, size_t count,
                          struct failure *failure)
{
	for (size_t i = 0; i < count; i++) {
		if (!make_reference(process, &refs[i], failure))
			return false;
		process->references[refs[i].kind]++;
		if (process->touches && !keep_touches(process, &refs[i], failure))
			return false;
	}
	return true;
}
