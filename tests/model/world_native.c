/* SPDX-License-Identifier: MIT
 *
 * The world that is the process which the test is: accesses are the processor's own, and what they raise
 * comes back by ntmm_try.
 *
 *      | 64 KB | window | as much as a call can reach |
 *        wall             wall
 *
 * The place is taken from the library's arena, where nothing else of the process can be; or it is one
 * that is named, where the library has to take it from the host.
 */
#include "world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ntmm/native.h>

#include "base/user.h"
#include "native/check.h"
#include "support/touch.h"

#define REACHED ((MOST_PAGES + 16) * PAGE) /* bytes above the window */

static struct native *here(void)
{
	return native_now();
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void begin_native(struct world *w, uint64_t commit)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	/* of pages that came into being with others, zeroes cannot be told from a loss
	 * (lazy_free.h) */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	MUST(ntmm_native_take_signals()); /* a test before this one may have put others in front */
	MUST(GlobalMemoryStatusEx(&status)); /* from now on there is one */
	struct ledger *ledger = &here()->ledger;
	w->limit = atomic_load(&ledger->limit);
	w->resting = atomic_load(&ledger->total);
	if (commit < w->limit - w->resting)
		atomic_store(&ledger->limit, w->resting + commit);
}

static uint64_t find_place(const struct site *site)
{
	uint64_t bytes = GRANULE + site->count * PAGE + REACHED;
	void *found = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
	MUST(found);
	MUST(VirtualFree(found, 0, MEM_RELEASE));
	return (uintptr_t)found + GRANULE;
}

static void put_wall(uint64_t from, uint64_t bytes)
{
	if (VirtualAlloc(pointer(from), bytes, MEM_RESERVE, PAGE_NOACCESS) != pointer(from))
		world_failed("no wall at %#" PRIx64 ": error %u", from, GetLastError());
}

static void add_window(struct inhabitant *i, const struct site *site)
{
	SYSTEM_INFO info;
	i->process = GetCurrentProcess();
	uint64_t base = site->base ? site->base : find_place(site);
	GetSystemInfo(&info);
	model_create(&i->model, base, site->count);
	i->model.nx = true;
	i->model.maximum = i->model.highest = (uintptr_t)info.lpMaximumApplicationAddress;
	put_wall(base - GRANULE, GRANULE);
	put_wall(base + site->count * PAGE, REACHED);
}

static void empty_window(const struct inhabitant *i)
{
	const struct model *m = &i->model;
	MEMORY_BASIC_INFORMATION info;
	for (uint64_t at = model_address(m, 0); at < model_address(m, m->count);
	     at += info.RegionSize) {
		MUST(VirtualQuery(pointer(at), &info, sizeof info) == sizeof info);
		if (info.State != MEM_FREE)
			MUST(VirtualFree(info.AllocationBase, 0, MEM_RELEASE));
	}
}

static void destroy_windows(struct world *w)
{
	for (unsigned n = 0; n < w->processes; n++) {
		const struct inhabitant *i = &w->inhabitants[n];
		empty_window(i);
		MUST(VirtualFree(pointer(model_address(&i->model, 0) - GRANULE), 0, MEM_RELEASE));
		MUST(VirtualFree(pointer(model_address(&i->model, i->model.count)), 0,
		                 MEM_RELEASE));
	}
	MUST(atomic_load(&here()->ledger.total) == w->resting); /* S17 */
	atomic_store(&here()->ledger.limit, w->limit);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static uint64_t native_commit_left(struct world *w)
{
	const struct ledger *ledger = &here()->ledger;
	uint64_t limit = atomic_load(&ledger->limit), total = atomic_load(&ledger->total);
	(void)w;
	return limit > total ? limit - total : 0;
}

/* Where the system chooses, it is told to do so in the window: the model's is all the space there is. */
static void *allocate_in_window(struct inhabitant *i, const struct call *c)
{
	const struct model *m = &i->model;
	MEM_ADDRESS_REQUIREMENTS where = {
		.LowestStartingAddress = pointer(model_address(m, 0)),
		.HighestEndingAddress = pointer(model_address(m, m->count) - 1)};
	MEM_EXTENDED_PARAMETER parameter = {.Type = MemExtendedParameterAddressRequirements,
	                                    .Pointer = &where};
	uint32_t type = c->type;
	if ((type & ~(uint32_t)MEM_TOP_DOWN) == MEM_COMMIT)
		type |= MEM_RESERVE; /* VA-20; V2-4 wants it said */
	bool chooses = type & MEM_RESERVE && !(type & MEM_REPLACE_PLACEHOLDER);
	return VirtualAlloc2(i->process, NULL, c->size, type, c->protect, &parameter, chooses);
}

static void *native_allocate(struct inhabitant *i, const struct call *c)
{
	if (!c->address && !(c->type & (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER)))
		return allocate_in_window(i, c);
	return VirtualAllocEx(i->process, pointer(c->address), c->size, c->type, c->protect);
}

static void *native_allocate2(struct inhabitant *i, const struct call *c)
{
	if (!c->address)
		return allocate_in_window(i, c);
	return VirtualAlloc2(i->process, pointer(c->address), c->size, c->type, c->protect, NULL,
	                     0);
}

static void enter_nothing(struct inhabitant *i, unsigned thread)
{
	(void)i, (void)thread;
}

static void leave_nothing(struct inhabitant *i)
{
	(void)i;
}

/* ---- accesses ------------------------------------------------------------------------------- */

struct touch {
	uint64_t address, value, expected;
	ntmm_access kind;
	unsigned size; /* a power of two */
	bool swapped;
};

#define LOAD_BY(suffix, constraint, type) \
	do { \
		type loaded; \
		__asm__ volatile("mov" suffix " (%1), %0" \
		                 : constraint(loaded) \
		                 : "r"(t->address) \
		                 : "memory"); \
		t->value = loaded; \
	} while (0)
#define STORE_BY(suffix, constraint, type) \
	__asm__ volatile("mov" suffix " %1, (%0)" \
	                 : \
	                 : "r"(t->address), constraint((type)t->value) \
	                 : "memory")
#define EXCHANGE_BY(suffix, constraint, type) \
	do { \
		type was = (type)t->expected; \
		__asm__ volatile("lock cmpxchg" suffix " %3, (%2)" \
		                 : "+a"(was), "=@ccz"(t->swapped) \
		                 : "r"(t->address), constraint((type)t->value) \
		                 : "memory"); \
		t->expected = was; \
	} while (0)
#define BY_SIZE(what, out) \
	do { \
		if (t->size == 1) \
			what("b", out "q", uint8_t); \
		else if (t->size == 2) \
			what("w", out "r", uint16_t); \
		else if (t->size == 4) \
			what("l", out "r", uint32_t); \
		else \
			what("q", out "r", uint64_t); \
	} while (0)

static void do_access(void *context)
{
	struct touch *t = context;
	if (t->kind == NTMM_FETCH)
		run_code(pointer(t->address));
	else if (t->kind == NTMM_LOAD)
		BY_SIZE(LOAD_BY, "=");
	else
		BY_SIZE(STORE_BY, "");
}

static void do_exchange(void *context)
{
	struct touch *t = context;
	BY_SIZE(EXCHANGE_BY, "");
}

static const EXCEPTION_RECORD *native_access(struct inhabitant *i, const struct call *c,
                                             ntmm_access kind, uint64_t *value)
{
	static EXCEPTION_RECORD record;
	struct touch touch = {
		.address = c->address, .value = *value, .kind = kind, .size = (unsigned)c->size};
	(void)i;
	if (!ntmm_try(do_access, &touch, &record))
		return &record;
	*value = touch.value;
	return NULL;
}

static const EXCEPTION_RECORD *native_exchange(struct inhabitant *i, const struct call *c,
                                               uint64_t *old, bool *swapped)
{
	static EXCEPTION_RECORD record;
	struct touch touch = {.address = c->address,
	                      .value = c->value,
	                      .expected = *old,
	                      .size = (unsigned)c->size};
	(void)i;
	if (!ntmm_try(do_exchange, &touch, &record))
		return &record;
	*old = touch.expected;
	*swapped = touch.swapped;
	return NULL;
}

static NTSTATUS native_copy_in(struct inhabitant *i, const struct call *c, void *to, uint64_t *done)
{
	struct user_end end;
	(void)i;
	NTSTATUS status = user_copy(to, pointer(c->address), c->size, USER_SERVICE, &end);
	*done = c->size - end.left;
	return status;
}

static NTSTATUS native_copy_out(struct inhabitant *i, const struct call *c, const void *from,
                                uint64_t *done)
{
	struct user_end end;
	(void)i;
	NTSTATUS status = user_copy(pointer(c->address), from, c->size, USER_SERVICE, &end);
	*done = c->size - end.left;
	return status;
}

/* ---- what can be seen ----------------------------------------------------------------------- */

/* By the file of the process's memory, which protections do not keep away; where the host does not allow
 * that, nothing is known. */
static bool peek_in_memory(const struct inhabitant *i, uint64_t address, const uint8_t **bytes)
{
	static uint8_t copy[PAGE];
	static int fd = -1;
	(void)i;
	if (fd < 0)
		fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	*bytes = copy;
	return fd >= 0 && pread(fd, copy, PAGE, (off_t)address) == (ssize_t)PAGE;
}

/* native_check looks at all of them. */
static void expect_nothing(const struct inhabitant *i, uint64_t address)
{
	(void)i, (void)address;
}

static void native_figures(const struct inhabitant *i, uint64_t *committed, uint64_t *locked)
{
	const struct native *native = here();
	(void)i;
	*committed = native->space.commit;
	*locked = runs_committed(&native->locked.runs, native->space.runs.whole);
}

static void no_work(struct world *w, const struct call *c)
{
	(void)w, (void)c;
}

static bool check_native(struct world *w)
{
	uint64_t lagging;
	(void)w;
	if (!native_check(here(), &lagging))
		return false;
	if (lagging)
		world_failed("%" PRIu64 " pages are less accessible than protected", lagging);
	return true;
}

const struct ground native_ground = {
	.create = begin_native,
	.add = add_window,
	.destroy = destroy_windows,
	.commit_left = native_commit_left,
	.allocate = native_allocate,
	.allocate2 = native_allocate2,
	.enter = enter_nothing,
	.leave = leave_nothing,
	.access = native_access,
	.exchange = native_exchange,
	.copy_in = native_copy_in,
	.copy_out = native_copy_out,
	.peek = peek_in_memory,
	.expect_absent = expect_nothing,
	.figures = native_figures,
	.work = no_work,
	.check = check_native,
	.executes = true,
};
