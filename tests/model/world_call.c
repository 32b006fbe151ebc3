/* SPDX-License-Identifier: MIT
 *
 * Calls, made on the machine and on the model; what they answer is compared.
 */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define UNTOUCHED 54321 /* a last error that no call sets */

static void expect(const struct call *call, const char *what, uint64_t actual, uint64_t expected)
{
	if (actual != expected)
		world_failed("%s: %s is %#" PRIx64 ", not %#" PRIx64, call_words(call), what,
		             actual, expected);
}

/* Success leaves the last error alone. */
static void expect_error(const struct call *call, bool failed, uint32_t expected)
{
	expect(call, "the error", failed ? GetLastError() : 0, expected);
	if (!failed)
		expect(call, "the last error after success", GetLastError(), UNTOUCHED);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* CM-4: how much the paging files can still grow. */
static uint64_t growth_left(ntmm_machine *machine)
{
	ntmm_paging_file_counters c = {.size = sizeof c};
	uint64_t sum = 0;
	for (uint32_t i = 0; !ntmm_machine_get_paging_file(machine, i, &c); i++)
		sum += c.maximum_pages - c.pages;
	return sum;
}

static uint64_t commit_left(ntmm_machine *machine)
{
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(!ntmm_machine_get_counters(machine, &c));
	uint64_t left = c.commit_limit > c.commit_total ? c.commit_limit - c.commit_total : 0;
	return left + growth_left(machine);
}

static void allocate(struct inhabitant *i, const struct call *c)
{
	i->model.commit_left = commit_left(i->world->machine);
	struct answer answer = model_allocate(&i->model, c->address, c->size, c->type, c->protect);
	void *base = VirtualAllocEx(i->process, pointer(c->address), c->size, c->type, c->protect);
	if (!base && answer.may_be_lost && GetLastError() == ERROR_INVALID_ADDRESS)
		answer.error = ERROR_INVALID_ADDRESS;
	expect_error(c, !base, answer.error);
	if (base)
		expect(c, "the base", (uintptr_t)base, answer.base);
	if (c->type == MEM_RESET_UNDO && (base || answer.size))
		model_undone(&i->model, c->address, c->size, answer.error);
}

static void allocate2(struct inhabitant *i, const struct call *c)
{
	i->model.commit_left = commit_left(i->world->machine);
	struct answer answer =
		model_allocate2(&i->model, c->address, c->size, c->type, c->protect);
	void *base = VirtualAlloc2(i->process, pointer(c->address), c->size, c->type, c->protect,
	                           NULL, 0);
	expect_error(c, !base, answer.error);
	if (base)
		expect(c, "the base", (uintptr_t)base, answer.base);
}

static void free_win32(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_free(&i->model, c->address, c->size, c->type, true);
	BOOL done = VirtualFreeEx(i->process, pointer(c->address), c->size, c->type);
	expect_error(c, !done, answer.error);
}

static void free_native(struct inhabitant *i, const struct call *c)
{
	uint64_t base = c->address, size = c->size;
	struct answer answer = model_free(&i->model, c->address, c->size, c->type, false);
	NTSTATUS status = NtFreeVirtualMemory(i->process, &base, &size, c->type);
	expect(c, "the error", RtlNtStatusToDosError(status), answer.error);
	expect(c, "the base", base, status ? c->address : answer.base);
	expect(c, "the size", size, status ? c->size : answer.size);
}

static void protect(struct inhabitant *i, const struct call *c)
{
	DWORD old = UNTOUCHED;
	struct answer answer = model_protect(&i->model, c->address, c->size, c->protect);
	BOOL done = VirtualProtectEx(i->process, pointer(c->address), c->size, c->protect, &old);
	expect_error(c, !done, answer.error);
	expect(c, "the old protection", old, done ? answer.old : UNTOUCHED);
}

static void expect_raised(const struct call *c, ntmm_thread *thread, bool done,
                          struct raised raised)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(thread);
	expect(c, "the exception", done ? 0 : record->ExceptionCode, raised.code);
	if (done)
		return;
	expect(c, "the number of parameters", record->NumberParameters, 2);
	expect(c, "the kind of access", record->ExceptionInformation[0], raised.kind);
	expect(c, "the address of the fault", record->ExceptionInformation[1], raised.address);
}

static void expect_seen(struct inhabitant *i, const struct call *c, const void *actual,
                        uint64_t size)
{
	if (!model_seen(&i->model, c->address, actual, size))
		world_failed("%s: wrong contents, %#x ...", call_words(c),
		             *(const uint8_t *)actual);
}

static bool access_sized(ntmm_thread *thread, ntmm_access kind, uint64_t address, void *value,
                         unsigned size)
{
	uint64_t *word = value;
	if (size == 8 && kind == NTMM_LOAD)
		return ntmm_load64(thread, address, word);
	if (size == 8 && kind == NTMM_STORE)
		return ntmm_store64(thread, address, *word);
	if (size == 8 && kind == NTMM_FETCH)
		return ntmm_fetch64(thread, address, word);
	if (size == 1 && kind == NTMM_LOAD)
		return ntmm_load8(thread, address, value);
	if (size == 1 && kind == NTMM_STORE)
		return ntmm_store8(thread, address, *(uint8_t *)value);
	return ntmm_thread_access(thread, kind, address, value, size);
}

static void access_by(struct inhabitant *i, const struct call *c, ntmm_access kind)
{
	uint64_t value = c->value;
	ntmm_thread *thread = i->threads[c->thread];
	struct raised raised = model_access(&i->model, kind, c->address, c->size);
	bool done = access_sized(thread, kind, c->address, &value, (unsigned)c->size);
	expect_raised(c, thread, done, raised);
	if (!done)
		return;
	if (kind == NTMM_STORE)
		model_store(&i->model, c->address, &c->value, c->size);
	else
		expect_seen(i, c, &value, c->size);
}

static void load(struct inhabitant *i, const struct call *c)
{
	access_by(i, c, NTMM_LOAD);
}

static void store(struct inhabitant *i, const struct call *c)
{
	access_by(i, c, NTMM_STORE);
}

static void fetch(struct inhabitant *i, const struct call *c)
{
	access_by(i, c, NTMM_FETCH);
}

static uint64_t low_bytes(uint64_t value, uint64_t size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << size * 8) - 1);
}

static uint64_t model_value(const struct model *m, uint64_t address, uint64_t size)
{
	uint64_t value = 0;
	uint64_t index = address / PAGE - m->first;
	if (index < m->count)
		memcpy(&value, &m->bytes[index][address % PAGE], size);
	return value;
}

static void exchange(struct inhabitant *i, const struct call *c)
{
	ntmm_thread *thread = i->threads[c->thread];
	bool swapped = false;
	if (c->address % c->size) {
		uint64_t expected = 0;
		MUST(!ntmm_compare_exchange(thread, c->address, (unsigned)c->size, &expected,
		                            c->value, &swapped));
		expect(c, "the exception", ntmm_thread_exception(thread)->ExceptionCode,
		       (uint32_t)STATUS_DATATYPE_MISALIGNMENT);
		return;
	}
	struct raised raised = model_access(&i->model, NTMM_STORE, c->address, c->size);
	uint64_t guess = model_value(&i->model, c->address, c->size), old;
	if (!c->type)
		guess = low_bytes(guess + 1, c->size);
	old = guess;
	bool done = ntmm_compare_exchange(thread, c->address, (unsigned)c->size, &old, c->value,
	                                  &swapped);
	expect_raised(c, thread, done, raised);
	if (!done)
		return;
	expect_seen(i, c, &old, c->size);
	expect(c, "swapped", swapped, low_bytes(old, c->size) == guess);
	model_store(&i->model, c->address, swapped ? &c->value : &old, c->size);
}

static uint8_t buffer[MOST_PAGES * PAGE];

static uint64_t within_buffer(const struct call *c)
{
	return c->size < sizeof buffer ? c->size : sizeof buffer;
}

static void fill_buffer(const struct call *c)
{
	for (uint64_t n = 0; n < within_buffer(c); n++)
		buffer[n] = (uint8_t)(c->value + n * 5 + n / PAGE);
}

static void read_memory(struct inhabitant *i, const struct call *c)
{
	SIZE_T copied = UNTOUCHED;
	struct answer answer = model_read(&i->model, c->address, c->size);
	BOOL done = ReadProcessMemory(i->process, pointer(c->address), buffer, c->size, &copied);
	expect_error(c, !done, answer.error);
	expect(c, "the number of bytes", copied, answer.done);
	expect_seen(i, c, buffer, copied);
}

static void write_memory(struct inhabitant *i, const struct call *c)
{
	SIZE_T copied = UNTOUCHED;
	fill_buffer(c);
	struct answer answer = model_write(&i->model, c->address, buffer, c->size, false);
	BOOL done = WriteProcessMemory(i->process, pointer(c->address), buffer, c->size, &copied);
	expect_error(c, !done, answer.error);
	expect(c, "the number of bytes", copied, answer.done);
}

static void write_native(struct inhabitant *i, const struct call *c)
{
	uint64_t copied = UNTOUCHED;
	fill_buffer(c);
	struct answer answer = model_write(&i->model, c->address, buffer, c->size, true);
	NTSTATUS status = NtWriteVirtualMemory(i->process, c->address, buffer, c->size, &copied);
	expect(c, "the error", RtlNtStatusToDosError(status), answer.error);
	expect(c, "the number of bytes", copied, answer.done);
}

static void copy_in(struct inhabitant *i, const struct call *c)
{
	uint64_t done = UNTOUCHED;
	struct answer answer = model_service(&i->model, NTMM_LOAD, c->address, c->size);
	NTSTATUS status = ntmm_copy_in(i->threads[c->thread], buffer, c->address, c->size, &done);
	expect(c, "the status", (uint32_t)status, answer.error);
	expect(c, "the number of bytes", done, answer.done);
	expect_seen(i, c, buffer, done);
}

static void copy_out(struct inhabitant *i, const struct call *c)
{
	uint64_t done = UNTOUCHED;
	fill_buffer(c);
	struct answer answer = model_service(&i->model, NTMM_STORE, c->address, c->size);
	NTSTATUS status = ntmm_copy_out(i->threads[c->thread], c->address, buffer, c->size, &done);
	expect(c, "the status", (uint32_t)status, answer.error);
	expect(c, "the number of bytes", done, answer.done);
	model_store(&i->model, c->address, buffer, done);
}

static void lock_pages(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_lock(&i->model, c->address, c->size);
	MUST(ntmm_thread_attach(i->threads[c->thread]));
	BOOL done = VirtualLock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	ntmm_thread_detach();
}

static void unlock_pages(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_unlock(&i->model, c->address, c->size);
	MUST(ntmm_thread_attach(i->threads[c->thread]));
	BOOL done = VirtualUnlock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	ntmm_thread_detach();
}

static void get_watch(struct inhabitant *i, const struct call *c)
{
	uint64_t expected[MOST_PAGES];
	PVOID addresses[MOST_PAGES];
	ULONG_PTR count = c->value;
	DWORD granularity = 0;
	struct answer answer = model_get_watch(&i->model, c->address, c->size, c->type, c->value,
	                                       expected);
	MUST(ntmm_thread_attach(i->threads[c->thread]));
	UINT failed = GetWriteWatch(c->type, pointer(c->address), c->size, addresses, &count,
	                            &granularity);
	expect_error(c, failed, answer.error);
	ntmm_thread_detach();
	expect(c, "the count", count, failed ? c->value : answer.done);
	expect(c, "the granularity", granularity, failed ? 0 : PAGE);
	for (uint64_t n = 0; n < answer.done; n++)
		expect(c, "an address", (uintptr_t)addresses[n], expected[n]);
}

static void reset_watch(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_reset_watch(&i->model, c->address, c->size);
	MUST(ntmm_thread_attach(i->threads[c->thread]));
	expect_error(c, ResetWriteWatch(pointer(c->address), c->size), answer.error);
	ntmm_thread_detach();
}

/* PF-3: nothing that can be seen. */
static void prefetch(struct inhabitant *i, const struct call *c)
{
	WIN32_MEMORY_RANGE_ENTRY entry = {pointer(c->address), c->size};
	BOOL done = PrefetchVirtualMemory(i->process, 1, &entry, 0);
	expect_error(c, !done, c->size ? 0 : ERROR_INVALID_PARAMETER);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void empty(struct inhabitant *i, const struct call *c)
{
	(void)c;
	MUST(EmptyWorkingSet(i->process));
}

static void balance(struct inhabitant *i, const struct call *c)
{
	ntmm_machine_balance(i->world->machine, c->size);
}

static void write_modified(struct inhabitant *i, const struct call *c)
{
	ntmm_machine_write_modified(i->world->machine, c->size);
}

/* Its pages hold what was stored last. */
static void press(struct inhabitant *i, const struct call *c)
{
	struct ballast *b = &i->world->ballast;
	for (uint64_t n = 0; b->pages && n < c->size; n++) {
		uint64_t page = (c->value + n) % b->pages, word = 0;
		MUST(ntmm_load64(b->thread, b->base + page * PAGE + 8, &word));
		MUST(word == b->words[page]);
		b->words[page] = c->value ^ page;
		MUST(ntmm_store64(b->thread, b->base + page * PAGE + 8, b->words[page]));
	}
}

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*make)(struct inhabitant *i, const struct call *c);
} kinds[CALL_KINDS] = {
	[ALLOCATE] = {"VirtualAllocEx", allocate},
	[ALLOCATE2] = {"VirtualAlloc2", allocate2},
	[FREE_WIN32] = {"VirtualFreeEx", free_win32},
	[FREE_NATIVE] = {"NtFreeVirtualMemory", free_native},
	[PROTECT] = {"VirtualProtectEx", protect},
	[LOAD] = {"load", load},
	[STORE] = {"store", store},
	[FETCH] = {"fetch", fetch},
	[EXCHANGE] = {"compare-exchange", exchange},
	[READ] = {"ReadProcessMemory", read_memory},
	[WRITE] = {"WriteProcessMemory", write_memory},
	[WRITE_NATIVE] = {"NtWriteVirtualMemory", write_native},
	[COPY_IN] = {"copy in", copy_in},
	[COPY_OUT] = {"copy out", copy_out},
	[LOCK] = {"VirtualLock", lock_pages},
	[UNLOCK] = {"VirtualUnlock", unlock_pages},
	[GET_WATCH] = {"GetWriteWatch", get_watch},
	[RESET_WATCH] = {"ResetWriteWatch", reset_watch},
	[EMPTY] = {"EmptyWorkingSet", empty},
	[BALANCE] = {"balance", balance},
	[WRITE_MODIFIED] = {"write modified", write_modified},
	[PREFETCH] = {"prefetch", prefetch},
	[PRESS] = {"press", press},
};

const char *call_words(const struct call *call)
{
	static char words[200];
	snprintf(words, sizeof words,
	         "%s(%#" PRIx64 ", size %#" PRIx64 ", type %#x, protect %#x, value %#" PRIx64
	         ", thread %u)",
	         kinds[call->kind].name, call->address, call->size, call->type, call->protect,
	         call->value, call->thread);
	return words;
}

void world_call(struct world *w, unsigned who, const struct call *call)
{
	SetLastError(UNTOUCHED);
	kinds[call->kind].make(&w->inhabitants[who], call);
	world_settle(w, who);
}

void world_read_all(struct world *w, unsigned who)
{
	struct model *m = &w->inhabitants[who].model;
	for (unsigned n = 0; n < m->count; n++)
		world_call(
			w, who,
			&(struct call){.kind = READ, .address = model_address(m, n), .size = PAGE});
}
