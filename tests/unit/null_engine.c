/* SPDX-License-Identifier: MIT */
#include "null_engine.h"

#include <stdlib.h>

#include "base/check.h"

HANDLE process;
struct null_space *null;
struct ledger null_ledger;

static struct null_space *of(struct space *space)
{
	return (struct null_space *)space;
}

static void record(struct space *space, enum null_op op, struct range range, uint64_t number)
{
	struct null_space *n = of(space);
	if (op != OP_EMPTY && op != OP_SET_LIMITS && op != OP_END)
		assert_true(range.start < range.end);
	if (n->count < sizeof n->calls / sizeof n->calls[0])
		n->calls[n->count++] = (struct null_call){op, range, number};
}

static void null_protect(struct space *space, struct range range, prot_t prot)
{
	assert_true(space_all_committed(space, range));
	record(space, OP_PROTECT, range, prot);
}

static void null_decommit(struct space *space, struct range range)
{
	record(space, OP_DECOMMIT, range, 0);
}

static void null_rearm(struct space *space, struct range range)
{
	record(space, OP_REARM, range, 0);
}

static void null_reset(struct space *space, struct range range)
{
	assert_true(space_all_committed(space, range));
	record(space, OP_RESET, range, 0);
}

static bool null_reset_undo(struct space *space, struct range range)
{
	record(space, OP_RESET_UNDO, range, 0);
	return !of(space)->lossy;
}

static void null_offer(struct space *space, struct range range, unsigned priority)
{
	record(space, OP_OFFER, range, priority);
}

static bool null_reclaim(struct space *space, struct range range)
{
	record(space, OP_RECLAIM, range, 0);
	return !of(space)->lossy;
}

static void null_discard(struct space *space, struct range range)
{
	record(space, OP_DISCARD, range, 0);
}

static NTSTATUS null_large_commit(struct space *space, struct range range, prot_t prot)
{
	record(space, OP_LARGE_COMMIT, range, prot);
	return of(space)->answer;
}

static NTSTATUS null_physical_allocate(struct space *space, uint64_t *frames, uint64_t *count)
{
	record(space, OP_PHYSICAL_ALLOCATE, (struct range){0, *count}, 0);
	for (uint64_t i = 0; i < *count; i++)
		frames[i] = i + 1;
	return of(space)->answer;
}

static NTSTATUS null_physical_free(struct space *space, const uint64_t *frames, uint64_t *count)
{
	record(space, OP_PHYSICAL_FREE, (struct range){0, *count}, frames[0]);
	*count = of(space)->answer ? of(space)->copied : *count;
	return of(space)->answer;
}

/* One record a page. */
static NTSTATUS null_physical_map(struct space *space, const struct physical_mapping *mappings,
                                  uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		record(space, OP_PHYSICAL_MAP,
		       (struct range){mappings[i].page, mappings[i].page + 1}, mappings[i].frame);
	return of(space)->answer;
}

static NTSTATUS null_lock(struct space *space, struct range range, unsigned how)
{
	record(space, OP_LOCK, range, how);
	return of(space)->answer;
}

static NTSTATUS null_unlock(struct space *space, struct range range, unsigned how)
{
	record(space, OP_UNLOCK, range, how);
	return of(space)->answer;
}

static NTSTATUS null_copy(struct space *space, uint64_t address, void *host, uint64_t bytes,
                          enum copy_way way, uint64_t *done)
{
	(void)host;
	record(space, OP_COPY, (struct range){address, address + bytes}, way);
	*done = of(space)->answer ? of(space)->copied : bytes;
	return of(space)->answer;
}

static void null_prefetch(struct space *space, struct range range)
{
	record(space, OP_PREFETCH, range, 0);
}

static void null_empty(struct space *space)
{
	record(space, OP_EMPTY, (struct range){0, 0}, 0);
}

static void null_residency(struct space *space, uint64_t page, struct residency *residency)
{
	(void)page;
	*residency = of(space)->residency;
}

static void null_usage(struct space *space, struct usage *usage)
{
	(void)space;
	*usage = (struct usage){0};
}

static void null_memory(struct space *space, struct memory_status *status)
{
	(void)space;
	*status = (struct memory_status){0};
}

static void null_get_limits(struct space *space, struct ws_limits *limits)
{
	*limits = of(space)->limits;
}

static NTSTATUS null_set_limits(struct space *space, const struct ws_limits *limits)
{
	record(space, OP_SET_LIMITS, (struct range){limits->minimum, limits->maximum},
	       limits->flags);
	if (!of(space)->answer)
		of(space)->limits = *limits;
	return of(space)->answer;
}

static void null_note(struct space *space, enum note note, struct range range)
{
	record(space, OP_NOTE, range, note);
}

static void null_end(struct space *space)
{
	record(space, OP_END, (struct range){0, 0}, 0);
}

static void null_free(struct space *space)
{
	space_destroy(space);
	free(space);
}

static const struct engine engine = {
	.protect = null_protect,
	.decommit = null_decommit,
	.rearm = null_rearm,
	.reset = null_reset,
	.reset_undo = null_reset_undo,
	.offer = null_offer,
	.reclaim = null_reclaim,
	.discard = null_discard,
	.large_commit = null_large_commit,
	.physical_allocate = null_physical_allocate,
	.physical_free = null_physical_free,
	.physical_map = null_physical_map,
	.lock = null_lock,
	.unlock = null_unlock,
	.copy = null_copy,
	.prefetch = null_prefetch,
	.empty = null_empty,
	.residency = null_residency,
	.usage = null_usage,
	.memory = null_memory,
	.get_limits = null_get_limits,
	.set_limits = null_set_limits,
	.note = null_note,
	.end = null_end,
	.free = null_free,
};

static int setup(ntmm_layout layout)
{
	struct process *p;
	null_ledger = (struct ledger){.limit = NULL_LIMIT};
	null = calloc(1, sizeof *null);
	null->limits = (struct ws_limits){50, 345, NULL_SOFT};
	if (space_init(&null->space, &engine, layout_of(layout), &null_ledger, true))
		return -1;
	if (process_create(&null->space, &null_ledger, &p))
		return -1;
	int failed = handle_open(&p->object, PROCESS_ALL_ACCESS, &process);
	process_release(p);
	return failed;
}

int null_setup(void **state)
{
	(void)state;
	return setup(NTMM_LAYOUT_NT64_128TB);
}

int null_setup_2gb(void **state)
{
	(void)state;
	return setup(NTMM_LAYOUT_NT32_2GB);
}

int null_setup_wow(void **state)
{
	(void)state;
	return setup(NTMM_LAYOUT_WOW64_4GB);
}

int null_teardown(void **state)
{
	(void)state;
	if (!space_check(&null->space)) {
		print_error("%s\n", complaint());
		return -1;
	}
	if (NtClose(process))
		return -1;
	return null_ledger.total != 0;
}

void null_forget(void)
{
	null->count = 0;
}

unsigned null_calls(enum null_op op)
{
	unsigned calls = 0;
	for (unsigned i = 0; i < null->count; i++)
		calls += null->calls[i].op == op;
	return calls;
}

const struct null_call *null_call(enum null_op op, unsigned number)
{
	for (unsigned i = 0; i < null->count; i++) {
		if (null->calls[i].op == op && !number--)
			return &null->calls[i];
	}
	fail_msg("operation %d was not called often enough", op);
	return NULL;
}

NTSTATUS alloc(uint64_t base, uint64_t size, uint32_t type, uint32_t prot)
{
	return NtAllocateVirtualMemory(process, &base, 0, &size, type, prot);
}

NTSTATUS release(uint64_t base, uint64_t size)
{
	return NtFreeVirtualMemory(process, &base, &size, MEM_RELEASE);
}

NTSTATUS decommit(uint64_t base, uint64_t size)
{
	return NtFreeVirtualMemory(process, &base, &size, MEM_DECOMMIT);
}

NTSTATUS protect(uint64_t base, uint64_t size, uint32_t prot)
{
	uint32_t old;
	return NtProtectVirtualMemory(process, &base, &size, prot, &old);
}

MEMORY_BASIC_INFORMATION query(uint64_t address)
{
	MEMORY_BASIC_INFORMATION info;
	uint64_t returned;
	NTSTATUS status =
		NtQueryVirtualMemory(process, address, MemoryBasicInformation, &info, sizeof info,
		                     &returned);
	assert_status(status, STATUS_SUCCESS);
	assert_int_equal(returned, sizeof info);
	return info;
}
