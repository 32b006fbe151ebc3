/* SPDX-License-Identifier: MIT
 *
 * The input is a little program of calls and accesses, run by two processes of a machine so small that
 * it pages all the time. What is loaded must be what was stored last; the machine check must hold.
 *
 * Each step is four bytes: what, where, how much, with what.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define PAGE UINT64_C(4096)
#define BASE UINT64_C(0x100000)
#define PAGES 128u
#define PROCESSES 2
#define CHECK_EVERY 32
#define MOST_STEPS 400

struct cell {
	uint8_t value; /* of the byte that the tests use of a page */
	bool or_zero;  /* or zero: the contents were given up */
};

struct actor {
	HANDLE process;
	ntmm_thread *thread;
	struct cell cells[PAGES];
};

struct step {
	uint8_t what, where, much, with;
};

static ntmm_machine *machine;

static void fail(const char *what, uint64_t address)
{
	fprintf(stderr, "%s at %#llx: %s\n", what, (unsigned long long)address, ntmm_error_message());
	abort();
}

static uint64_t address_of(struct step s)
{
	return BASE + s.where % PAGES * PAGE;
}

static uint64_t size_of(struct step s)
{
	return (1 + s.much % 24u) * PAGE - s.much / 128u * 7u;
}

static DWORD protection(uint8_t with)
{
	static const DWORD list[] = {PAGE_READWRITE, PAGE_READWRITE, PAGE_READONLY, PAGE_NOACCESS,
	                             PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_READ,
	                             PAGE_READWRITE | PAGE_GUARD, PAGE_READWRITE | PAGE_NOCACHE};
	return list[with % 8];
}

static void begin(struct actor *actor)
{
	memset(actor, 0, sizeof *actor);
	actor->process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB);
	actor->thread = actor->process ? ntmm_thread_create(actor->process, NULL) : NULL;
	if (!actor->thread)
		fail("no process", 0);
}

static void end(struct actor *actor)
{
	ntmm_thread_destroy(actor->thread);
	CloseHandle(actor->process);
}

/* The cells of pages in [address, address + size) that lie in the playground. */
static void give_up(struct actor *actor, uint64_t address, uint64_t size, bool gone)
{
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t page = BASE + i * PAGE;
		if (page + PAGE <= address || page >= address + size)
			continue;
		if (gone)
			actor->cells[i] = (struct cell){0, false};
		else
			actor->cells[i].or_zero = true;
	}
}

static void alloc(struct actor *actor, struct step s)
{
	static const DWORD types[] = {MEM_RESERVE,     MEM_COMMIT, MEM_RESERVE | MEM_COMMIT, MEM_COMMIT,
	                              MEM_RESET, MEM_RESET_UNDO, MEM_COMMIT,               MEM_TOP_DOWN};
	DWORD type = types[s.with / 8 % 8];
	void *at = (void *)(uintptr_t)address_of(s);
	void *got = VirtualAllocEx(actor->process, at, size_of(s), type, protection(s.with));
	if (got && type == MEM_RESET)
		give_up(actor, address_of(s), size_of(s), false);
}

static void free_some(struct actor *actor, struct step s)
{
	uint64_t base = address_of(s), size = s.with & 4 ? 0 : size_of(s);
	MEMORY_BASIC_INFORMATION info = {0};
	VirtualQueryEx(actor->process, (void *)(uintptr_t)base, &info, sizeof info);
	uint64_t allocation = (uintptr_t)info.AllocationBase;
	NTSTATUS status = NtFreeVirtualMemory(actor->process, &base, &size,
	                                      s.with & 1 ? MEM_RELEASE : MEM_DECOMMIT);
	if (status)
		return;
	if (size)
		give_up(actor, base, size, true);
	else if (allocation) /* a whole allocation was decommitted: what is free or reserved there is gone */
		for (unsigned i = 0; i < PAGES; i++) {
			uint64_t page = BASE + i * PAGE;
			VirtualQueryEx(actor->process, (void *)(uintptr_t)page, &info, sizeof info);
			if (info.State != MEM_COMMIT)
				give_up(actor, page, PAGE, true);
		}
}

static void protect(struct actor *actor, struct step s)
{
	DWORD old;
	VirtualProtectEx(actor->process, (void *)(uintptr_t)address_of(s), size_of(s), protection(s.with), &old);
}

static void store(struct actor *actor, struct step s)
{
	struct cell *cell = &actor->cells[s.where % PAGES];
	uint64_t expected = cell->value;
	bool swapped = true;
	if (s.much & 1 ? ntmm_store8(actor->thread, address_of(s) + 9, s.with)
	               : ntmm_compare_exchange(actor->thread, address_of(s) + 9, 1, &expected, s.with, &swapped)) {
		if (!swapped && !(cell->or_zero && expected == 0))
			fail("compare-exchange saw another value", address_of(s));
		*cell = (struct cell){swapped ? s.with : (uint8_t)expected, false};
	}
}

static void compare(const struct cell *cell, uint8_t value, uint64_t address)
{
	if (value != cell->value && !(cell->or_zero && value == 0))
		fail("another value", address);
}

static void load(struct actor *actor, struct step s)
{
	struct cell *cell = &actor->cells[s.where % PAGES];
	uint8_t value;
	if (s.much & 1 ? ntmm_fetch8(actor->thread, address_of(s) + 9, &value)
	               : ntmm_load8(actor->thread, address_of(s) + 9, &value))
		compare(cell, value, address_of(s));
}

/* Two pages from their byte 9 on, so that the cells of both are in it. */
static void copy(struct actor *actor, struct step s)
{
	uint8_t buffer[PAGE + 1];
	SIZE_T done = 0;
	uint64_t address = address_of(s) + 9;
	unsigned first = s.where % PAGES;
	if (s.much & 1) {
		ReadProcessMemory(actor->process, (void *)(uintptr_t)address, buffer, sizeof buffer, &done);
		if (done)
			compare(&actor->cells[first], buffer[0], address);
		if (done > PAGE && first + 1 < PAGES)
			compare(&actor->cells[first + 1], buffer[PAGE], address + PAGE);
		return;
	}
	memset(buffer, s.with, sizeof buffer);
	WriteProcessMemory(actor->process, (void *)(uintptr_t)address, buffer, sizeof buffer, &done);
	if (done)
		actor->cells[first] = (struct cell){s.with, false};
	if (done > PAGE && first + 1 < PAGES)
		actor->cells[first + 1] = (struct cell){s.with, false};
}

static void lock(struct actor *actor, struct step s)
{
	uint64_t base = address_of(s), size = size_of(s);
	if (s.with & 1)
		NtLockVirtualMemory(actor->process, &base, &size, MAP_PROCESS);
	else
		NtUnlockVirtualMemory(actor->process, &base, &size, MAP_PROCESS);
}

/* These three act on the attached process. */
static void hint(struct actor *actor, struct step s)
{
	void *at = (void *)(uintptr_t)address_of(s);
	uint64_t size = (size_of(s) + PAGE - 1) & ~(PAGE - 1);
	DWORD error = ERROR_INVALID_PARAMETER;
	ntmm_thread_attach(actor->thread);
	if (s.with % 3 == 0)
		error = OfferVirtualMemory(at, size, (OFFER_PRIORITY)(1 + s.with / 3 % 4));
	else if (s.with % 3 == 1)
		ReclaimVirtualMemory(at, size);
	else
		error = DiscardVirtualMemory(at, size);
	ntmm_thread_detach();
	if (!error)
		give_up(actor, address_of(s), size, false);
}

static void pressure(struct actor *actor, struct step s)
{
	WIN32_MEMORY_RANGE_ENTRY range = {(void *)(uintptr_t)address_of(s), size_of(s)};
	switch (s.with % 4) {
	case 0:
		EmptyWorkingSet(actor->process);
		break;
	case 1:
		ntmm_machine_write_modified(machine, s.much);
		break;
	case 2:
		ntmm_machine_balance(machine, s.much);
		break;
	default:
		PrefetchVirtualMemory(actor->process, 1, &range, 0);
	}
}

static void renew(struct actor *actor, struct step s)
{
	if (s.with & 1)
		TerminateProcess(actor->process, 1);
	end(actor);
	begin(actor);
}

static void run(struct actor *actor, struct step s)
{
	static void (*const steps[])(struct actor *, struct step) = {
		alloc, alloc, free_some, protect, store, store, load, load, copy, lock, hint, pressure, renew};
	steps[s.what / 2 % (sizeof steps / sizeof *steps)](actor, s);
}

static void check(void)
{
	if (!ntmm_machine_check(machine))
		fail("machine check", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = 80 * PAGE, .paging_file_bytes = 150 * PAGE};
	struct actor actors[PROCESSES];
	struct step s;
	if (ntmm_machine_create(&config, &machine))
		fail("no machine", 0);
	for (int i = 0; i < PROCESSES; i++)
		begin(&actors[i]);
	for (size_t n = 0; n < MOST_STEPS && size >= sizeof s; n++, data += sizeof s, size -= sizeof s) {
		memcpy(&s, data, sizeof s);
		run(&actors[s.what & 1], s);
		if (n % CHECK_EVERY == 0)
			check();
	}
	check();
	for (int i = 0; i < PROCESSES; i++)
		end(&actors[i]);
	ntmm_machine_destroy(machine);
	return 0;
}
