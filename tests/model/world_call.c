/* SPDX-License-Identifier: MIT
 *
 * Calls, made in the world and on the model; what they answer is compared.
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

static void allocate(struct inhabitant *i, const struct call *c)
{
	i->model.commit_left = i->world->ground->commit_left(i->world);
	struct answer answer = model_allocate(&i->model, c->address, c->size, c->type, c->protect);
	void *base = i->world->ground->allocate(i, c);
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
	i->model.commit_left = i->world->ground->commit_left(i->world);
	struct answer answer =
		model_allocate2(&i->model, c->address, c->size, c->type, c->protect);
	void *base = i->world->ground->allocate2(i, c);
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

static void expect_raised(const struct call *c, const EXCEPTION_RECORD *record,
                          struct raised raised)
{
	expect(c, "the exception", record ? record->ExceptionCode : 0, raised.code);
	if (!record)
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

static void access_by(struct inhabitant *i, const struct call *c, ntmm_access kind)
{
	uint64_t value = c->value;
	struct raised raised = model_access(&i->model, kind, c->address, c->size);
	const EXCEPTION_RECORD *record = i->world->ground->access(i, c, kind, &value);
	expect_raised(c, record, raised);
	if (record)
		return;
	if (kind == NTMM_STORE)
		model_store(&i->model, c->address, &c->value, c->size);
	else if (kind == NTMM_LOAD || !i->world->ground->executes)
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

/* Where code is run, it has to be some that comes back. */
static void put_return(struct inhabitant *i, uint64_t address)
{
	static const uint8_t return_near = 0xC3;
	MEMORY_BASIC_INFORMATION info = model_query(&i->model, address);
	if (info.State != MEM_COMMIT || info.Protect & PAGE_GUARD || !(info.Protect & 0xF0))
		return;
	struct answer answer = model_write(&i->model, address, &return_near, 1, false);
	MUST(!answer.error);
	MUST(WriteProcessMemory(i->process, pointer(address), &return_near, 1, NULL));
}

static void fetch(struct inhabitant *i, const struct call *c)
{
	struct call one = *c;
	if (i->world->ground->executes) {
		one.size = 1;
		put_return(i, one.address);
	}
	access_by(i, &one, NTMM_FETCH);
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

static void exchange_split(struct inhabitant *i, const struct call *c)
{
	uint64_t expected = 0;
	bool swapped;
	const EXCEPTION_RECORD *record = i->world->ground->exchange(i, c, &expected, &swapped);
	expect(c, "the exception", record ? record->ExceptionCode : 0,
	       (uint32_t)STATUS_DATATYPE_MISALIGNMENT);
}

static void exchange(struct inhabitant *i, const struct call *c)
{
	bool swapped = false;
	if (c->address % c->size) {
		if (i->world->ground->splits)
			exchange_split(i, c);
		return;
	}
	struct raised raised = model_access(&i->model, NTMM_STORE, c->address, c->size);
	uint64_t guess = model_value(&i->model, c->address, c->size), old;
	if (!c->type)
		guess = low_bytes(guess + 1, c->size);
	old = guess;
	const EXCEPTION_RECORD *record = i->world->ground->exchange(i, c, &old, &swapped);
	expect_raised(c, record, raised);
	if (record)
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
	NTSTATUS status = i->world->ground->copy_in(i, c, buffer, &done);
	expect(c, "the status", (uint32_t)status, answer.error);
	expect(c, "the number of bytes", done, answer.done);
	expect_seen(i, c, buffer, done);
}

static void copy_out(struct inhabitant *i, const struct call *c)
{
	uint64_t done = UNTOUCHED;
	fill_buffer(c);
	struct answer answer = model_service(&i->model, NTMM_STORE, c->address, c->size);
	NTSTATUS status = i->world->ground->copy_out(i, c, buffer, &done);
	expect(c, "the status", (uint32_t)status, answer.error);
	expect(c, "the number of bytes", done, answer.done);
	model_store(&i->model, c->address, buffer, done);
}

static void lock_pages(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_lock(&i->model, c->address, c->size);
	i->world->ground->enter(i, c->thread);
	BOOL done = VirtualLock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	i->world->ground->leave(i);
}

static void unlock_pages(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_unlock(&i->model, c->address, c->size);
	i->world->ground->enter(i, c->thread);
	BOOL done = VirtualUnlock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	i->world->ground->leave(i);
}

static void get_watch(struct inhabitant *i, const struct call *c)
{
	uint64_t expected[MOST_PAGES];
	PVOID addresses[MOST_PAGES];
	ULONG_PTR count = c->value;
	DWORD granularity = 0;
	struct answer answer = model_get_watch(&i->model, c->address, c->size, c->type, c->value,
	                                       expected);
	i->world->ground->enter(i, c->thread);
	UINT failed = GetWriteWatch(c->type, pointer(c->address), c->size, addresses, &count,
	                            &granularity);
	expect_error(c, failed, answer.error);
	i->world->ground->leave(i);
	expect(c, "the count", count, failed ? c->value : answer.done);
	expect(c, "the granularity", granularity, failed ? 0 : PAGE);
	for (uint64_t n = 0; n < answer.done; n++)
		expect(c, "an address", (uintptr_t)addresses[n], expected[n]);
}

static void reset_watch(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_reset_watch(&i->model, c->address, c->size);
	i->world->ground->enter(i, c->thread);
	expect_error(c, ResetWriteWatch(pointer(c->address), c->size), answer.error);
	i->world->ground->leave(i);
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

static void work(struct inhabitant *i, const struct call *c)
{
	i->world->ground->work(i->world, c);
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
	[BALANCE] = {"balance", work},
	[WRITE_MODIFIED] = {"write modified", work},
	[PREFETCH] = {"prefetch", prefetch},
	[PRESS] = {"press", work},
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
