/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 54321 /* a last error that no call sets */
#define SHARED_GRANULE UINT64_C(0x7FFE0000)

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

void world_create(struct world *w, const ntmm_machine_config *config)
{
	*w = (struct world){.nx = !(config->flags & NTMM_MACHINE_NO_NX)};
	if (ntmm_machine_create(config, &w->machine))
		fail_msg("no machine: %s", ntmm_error_message());
}

/* Reserves all of [from, to) but the shared page's granule, where nothing can be. */
static void wall(HANDLE process, uint64_t from, uint64_t to)
{
	if (from < SHARED_GRANULE && to > SHARED_GRANULE) {
		wall(process, from, SHARED_GRANULE);
		from = SHARED_GRANULE + GRANULE;
	}
	if (from < to && !VirtualAllocEx(process, pointer(from), to - from, MEM_RESERVE, PAGE_NOACCESS))
		fail_msg("no wall at %#" PRIx64 ": error %u", from, GetLastError());
}

static uint64_t highest_application_address(ntmm_thread *thread)
{
	SYSTEM_INFO info;
	assert_true(ntmm_thread_attach(thread));
	GetSystemInfo(&info);
	ntmm_thread_detach();
	return (uint64_t)(uintptr_t)info.lpMaximumApplicationAddress;
}

static bool is_narrow(ntmm_layout layout)
{
	return layout == NTMM_LAYOUT_NT32_2GB || layout == NTMM_LAYOUT_NT32_3GB;
}

void world_add(struct world *w, const struct site *site)
{
	struct inhabitant *i = &w->inhabitants[w->processes++];
	i->process = ntmm_process_create(w->machine, site->layout);
	assert_non_null(i->process);
	for (int t = 0; t < THREADS; t++) {
		i->threads[t] = ntmm_thread_create(i->process, NULL);
		assert_non_null(i->threads[t]);
	}
	model_create(&i->model, site->base, site->count);
	i->model.nx = w->nx;
	i->model.maximum = highest_application_address(i->threads[0]);
	i->model.highest = i->model.maximum - (is_narrow(site->layout) ? GRANULE : 0); /* AS-5 */
	wall(i->process, GRANULE, site->base);
	wall(i->process, site->base + site->count * PAGE, i->model.highest + 1);
}

void world_add_ballast(struct world *w, unsigned pages)
{
	struct ballast *b = &w->ballast;
	*b = (struct ballast){.process = ntmm_process_create(w->machine, NTMM_LAYOUT_NT64_128TB)};
	assert_non_null(b->process);
	b->thread = ntmm_thread_create(b->process, NULL);
	assert_non_null(b->thread);
	for (b->pages = pages; b->pages; b->pages--) {
		b->base = (uint64_t)(uintptr_t)VirtualAllocEx(b->process, NULL, b->pages * PAGE, MEM_RESERVE | MEM_COMMIT,
		                                              PAGE_READWRITE);
		if (b->base)
			break;
	}
	b->words = calloc(b->pages + 1, sizeof *b->words);
}

/* Its pages hold what was stored last. */
static void press(struct ballast *b, const struct call *c)
{
	for (uint64_t n = 0; b->pages && n < c->size; n++) {
		uint64_t page = (c->value + n) % b->pages, word = 0;
		assert_true(ntmm_load64(b->thread, b->base + page * PAGE + 8, &word));
		assert_int_equal(word, b->words[page]);
		b->words[page] = c->value ^ page;
		assert_true(ntmm_store64(b->thread, b->base + page * PAGE + 8, b->words[page]));
	}
}

static void ballast_destroy(struct ballast *b)
{
	if (!b->process)
		return;
	ntmm_thread_destroy(b->thread);
	CloseHandle(b->process);
	free(b->words);
}

void world_destroy(struct world *w)
{
	ballast_destroy(&w->ballast);
	for (unsigned n = 0; n < w->processes; n++) {
		struct inhabitant *i = &w->inhabitants[n];
		for (int t = 0; t < THREADS; t++)
			ntmm_thread_destroy(i->threads[t]);
		CloseHandle(i->process);
		model_destroy(&i->model);
	}
	ntmm_machine_counters counters = {.size = sizeof counters};
	assert_int_equal(ntmm_machine_get_counters(w->machine, &counters), STATUS_SUCCESS);
	assert_int_equal(counters.commit_total, 0); /* S17 */
	assert_int_equal(counters.slots_used, 0);
	assert_int_equal(counters.active + counters.tables + counters.standby + counters.modified, 0);
	ntmm_machine_destroy(w->machine);
}

/* ---- words ---------------------------------------------------------------------------------- */

static const char *const kind_names[CALL_KINDS] = {
	"VirtualAllocEx", "VirtualFreeEx",      "NtFreeVirtualMemory",  "VirtualProtectEx", "load",
	"store",          "fetch",              "compare-exchange",     "ReadProcessMemory", "WriteProcessMemory",
	"NtWriteVirtualMemory", "copy in",      "copy out",             "VirtualLock",      "VirtualUnlock",
	"EmptyWorkingSet", "balance",           "write modified",       "prefetch",          "press",
};

const char *call_words(const struct call *call)
{
	static char words[200];
	snprintf(words, sizeof words,
	         "%s(%#" PRIx64 ", size %#" PRIx64 ", type %#x, protect %#x, value %#" PRIx64 ", thread %u)",
	         kind_names[call->kind], call->address, call->size, call->type, call->protect, call->value, call->thread);
	return words;
}

static void expect(const struct call *call, const char *what, uint64_t actual, uint64_t expected)
{
	if (actual != expected)
		fail_msg("%s: %s is %#" PRIx64 ", not %#" PRIx64, call_words(call), what, actual, expected);
}

/* Success leaves the last error alone. */
static void expect_error(const struct call *call, bool failed, uint32_t expected)
{
	expect(call, "the error", failed ? GetLastError() : 0, expected);
	if (!failed)
		expect(call, "the last error after success", GetLastError(), UNTOUCHED);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static uint64_t commit_left(ntmm_machine *machine)
{
	ntmm_machine_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_counters(machine, &c), STATUS_SUCCESS);
	return c.commit_limit > c.commit_total ? c.commit_limit - c.commit_total : 0;
}

static void allocate(struct world *w, struct inhabitant *i, const struct call *c)
{
	i->model.commit_left = commit_left(w->machine);
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

static void expect_raised(const struct call *c, ntmm_thread *thread, bool done, struct raised raised)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(thread);
	expect(c, "the exception", done ? 0 : record->ExceptionCode, raised.code);
	if (done)
		return;
	expect(c, "the number of parameters", record->NumberParameters, 2);
	expect(c, "the kind of access", record->ExceptionInformation[0], raised.kind);
	expect(c, "the address of the fault", record->ExceptionInformation[1], raised.address);
}

static void expect_seen(struct inhabitant *i, const struct call *c, const void *actual, uint64_t size)
{
	if (!model_seen(&i->model, c->address, actual, size))
		fail_msg("%s: wrong contents, %#x ...", call_words(c), *(const uint8_t *)actual);
}

static bool access_sized(ntmm_thread *thread, ntmm_access kind, uint64_t address, void *value, unsigned size)
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
		assert_false(ntmm_compare_exchange(thread, c->address, (unsigned)c->size, &expected, c->value, &swapped));
		expect(c, "the exception", ntmm_thread_exception(thread)->ExceptionCode, (uint32_t)STATUS_DATATYPE_MISALIGNMENT);
		return;
	}
	struct raised raised = model_access(&i->model, NTMM_STORE, c->address, c->size);
	uint64_t guess = model_value(&i->model, c->address, c->size), old;
	if (!c->type)
		guess = low_bytes(guess + 1, c->size);
	old = guess;
	bool done = ntmm_compare_exchange(thread, c->address, (unsigned)c->size, &old, c->value, &swapped);
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
	assert_true(ntmm_thread_attach(i->threads[c->thread]));
	BOOL done = VirtualLock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	ntmm_thread_detach();
}

static void unlock_pages(struct inhabitant *i, const struct call *c)
{
	struct answer answer = model_unlock(&i->model, c->address, c->size);
	assert_true(ntmm_thread_attach(i->threads[c->thread]));
	BOOL done = VirtualUnlock(pointer(c->address), c->size);
	expect_error(c, !done, answer.error);
	ntmm_thread_detach();
}

/* PF-3: nothing that can be seen. */
static void prefetch(struct inhabitant *i, const struct call *c)
{
	WIN32_MEMORY_RANGE_ENTRY entry = {pointer(c->address), c->size};
	BOOL done = PrefetchVirtualMemory(i->process, 1, &entry, 0);
	expect_error(c, !done, c->size ? 0 : ERROR_INVALID_PARAMETER);
}

static void perform(struct world *w, struct inhabitant *i, const struct call *c)
{
	switch (c->kind) {
	case ALLOCATE:
		allocate(w, i, c);
		break;
	case FREE_WIN32:
		free_win32(i, c);
		break;
	case FREE_NATIVE:
		free_native(i, c);
		break;
	case PROTECT:
		protect(i, c);
		break;
	case LOAD:
		access_by(i, c, NTMM_LOAD);
		break;
	case STORE:
		access_by(i, c, NTMM_STORE);
		break;
	case FETCH:
		access_by(i, c, NTMM_FETCH);
		break;
	case EXCHANGE:
		exchange(i, c);
		break;
	case READ:
		read_memory(i, c);
		break;
	case WRITE:
		write_memory(i, c);
		break;
	case WRITE_NATIVE:
		write_native(i, c);
		break;
	case COPY_IN:
		copy_in(i, c);
		break;
	case COPY_OUT:
		copy_out(i, c);
		break;
	case LOCK:
		lock_pages(i, c);
		break;
	case UNLOCK:
		unlock_pages(i, c);
		break;
	case EMPTY:
		assert_true(EmptyWorkingSet(i->process));
		break;
	case BALANCE:
		ntmm_machine_balance(w->machine, c->size);
		break;
	case WRITE_MODIFIED:
		ntmm_machine_write_modified(w->machine, c->size);
		break;
	case PREFETCH:
		prefetch(i, c);
		break;
	case PRESS:
		press(&w->ballast, c);
		break;
	case CALL_KINDS:
		break;
	}
}

/* ---- comparing ------------------------------------------------------------------------------ */

#define SAME(field) \
	do { \
		if (actual.field != expected.field) \
			fail_msg("page at %#" PRIx64 ": " #field " is %#" PRIx64 ", not %#" PRIx64, address, \
			         (uint64_t)(uintptr_t)actual.field, (uint64_t)(uintptr_t)expected.field); \
	} while (0)

static void compare_query(const struct inhabitant *i, uint64_t address)
{
	MEMORY_BASIC_INFORMATION actual, expected = model_query(&i->model, address);
	assert_int_equal(VirtualQueryEx(i->process, pointer(address), &actual, sizeof actual), sizeof actual);
	SAME(BaseAddress);
	SAME(AllocationBase);
	SAME(AllocationProtect);
	SAME(RegionSize);
	SAME(State);
	SAME(Protect);
	SAME(Type);
}

/* WS-10. */
static void compare_working_set(const struct inhabitant *i, const struct page *page, uint64_t address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = pointer(address)};
	assert_true(QueryWorkingSetEx(i->process, &entry, sizeof entry));
	bool reachable = page->state == COMMITTED && !(page->protect & (PAGE_GUARD | PAGE_NOACCESS));
	if (!entry.VirtualAttributes.Valid && page->locked)
		fail_msg("page at %#" PRIx64 " is locked, but not resident", address);
	if (!entry.VirtualAttributes.Valid)
		return;
	if (!reachable || entry.VirtualAttributes.Win32Protection != page->protect ||
	    entry.VirtualAttributes.Locked != page->locked)
		fail_msg("page at %#" PRIx64 ": the working set says protection %#x, locked %u", address,
		         (unsigned)entry.VirtualAttributes.Win32Protection, (unsigned)entry.VirtualAttributes.Locked);
}

/* What is in RAM is there to see, without touching it. False: it is in the paging file. */
static bool peek(const struct world *w, const struct inhabitant *i, uint64_t address, const uint8_t **bytes)
{
	static const uint8_t zeros[PAGE];
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(i->process, address, &info), STATUS_SUCCESS);
	*bytes = zeros;
	if (info.where == NTMM_PAGE_NONE)
		return true;
	*bytes = (const uint8_t *)ntmm_machine_ram(w->machine, NULL) + info.frame * PAGE;
	return info.where != NTMM_PAGE_PAGED_OUT;
}

static void compare_contents(struct world *w, struct inhabitant *i, const struct page *page, uint64_t address)
{
	const uint8_t *bytes;
	if (!peek(w, i, address, &bytes)) {
		if (page->contents != EITHER)
			return;
		if (!ReadProcessMemory(i->process, pointer(address), buffer, PAGE, NULL))
			fail_msg("page at %#" PRIx64 " cannot be read: error %u", address, GetLastError());
		bytes = buffer;
	}
	if (!model_seen(&i->model, address, bytes, PAGE))
		fail_msg("page at %#" PRIx64 ": wrong contents, %#x %#x ...", address, bytes[0], bytes[1]);
}

/* Of a page whose table is in the paging file nothing is known. */
static void compare_absent(const struct inhabitant *i, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(i->process, address, &info), STATUS_SUCCESS);
	bool no_table = info.where == NTMM_PAGE_PAGED_OUT && !info.slot;
	if (info.where != NTMM_PAGE_NONE && !no_table)
		fail_msg("page at %#" PRIx64 " is not committed, but somewhere", address);
}

static void compare_page(struct world *w, struct inhabitant *i, unsigned index)
{
	const struct page *page = model_page(&i->model, index);
	uint64_t address = model_address(&i->model, index);
	compare_query(i, address);
	compare_working_set(i, page, address);
	if (page->state == COMMITTED)
		compare_contents(w, i, page, address);
	else
		compare_absent(i, address);
}

void world_compare(struct world *w, unsigned who)
{
	world_compare_pages(w, who, w->inhabitants[who].model.count);
}

void world_compare_pages(struct world *w, unsigned who, unsigned pages)
{
	struct inhabitant *i = &w->inhabitants[who];
	ntmm_process_counters counters = {.size = sizeof counters};
	for (unsigned n = 0; n < pages; n++)
		compare_page(w, i, n);
	assert_int_equal(ntmm_process_get_counters(i->process, &counters), STATUS_SUCCESS);
	assert_int_equal(counters.commit, model_committed(&i->model));
	assert_int_equal(counters.locked, model_locked(&i->model));
}

void world_read_all(struct world *w, unsigned who)
{
	struct model *m = &w->inhabitants[who].model;
	for (unsigned n = 0; n < m->count; n++)
		world_call(w, who, &(struct call){.kind = READ, .address = model_address(m, n), .size = PAGE});
}

void world_check(struct world *w)
{
	if (!ntmm_machine_check(w->machine))
		fail_msg("machine check: %s", ntmm_error_message());
}

/* Pages that a write may have left either way are looked at before anything else happens. */
static void settle(struct world *w, struct inhabitant *i)
{
	for (unsigned n = 0; n < i->model.count; n++)
		if (model_page(&i->model, n)->contents == EITHER)
			compare_contents(w, i, model_page(&i->model, n), model_address(&i->model, n));
}

void world_call(struct world *w, unsigned who, const struct call *call)
{
	SetLastError(UNTOUCHED);
	perform(w, &w->inhabitants[who], call);
	settle(w, &w->inhabitants[who]);
}
