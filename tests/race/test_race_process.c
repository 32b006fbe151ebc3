/* SPDX-License-Identifier: MIT
 *
 * Processes begin and end on several host threads at once; handles are opened and closed; processes
 * are terminated while their threads use memory; observers come and go.
 */
#include "race.h"

#include <sched.h>

#define TESTS 5
#define FRAMES 100 /* so that processes are paged, and end while they are */
#define SLOTS 1000

static const ntmm_layout layouts[] = {
	NTMM_LAYOUT_NT32_2GB, NTMM_LAYOUT_NT32_3GB,   NTMM_LAYOUT_WOW64_4GB,
	NTMM_LAYOUT_NT64_8TB, NTMM_LAYOUT_NT64_128TB,
};

/* ---- life and death ------------------------------------------------------------------------- */

#define LIVES 3

/* What is new is zero, whoever had the frames before (G-7, PG-37); nobody else writes here. */
static void use_memory(HANDLE process, ntmm_thread *thread, uint64_t *chance)
{
	uint64_t pages = 1 + draw(chance) % 40, value;
	void *base = VirtualAllocEx(process, NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT,
	                            PAGE_READWRITE);
	MUST(base || GetLastError() == ERROR_COMMITMENT_LIMIT);
	for (uint64_t i = 0; base && i < pages; i++) {
		uint64_t address = (uintptr_t)base + i * PAGE + draw(chance) % 512 * 8;
		MUST(ntmm_load64(thread, address, &value) && value == 0);
		MUST(ntmm_store64(thread, address, ~i));
		MUST(ntmm_load64(thread, address, &value) && value == ~i);
	}
	if (draw(chance) % 2)
		MUST(EmptyWorkingSet(process));
}

/* On the stack, to the overflow. */
static void use_stack(HANDLE process)
{
	ntmm_thread_options options = {.size = sizeof options,
	                               .flags = NTMM_THREAD_STACK,
	                               .stack_reserve = 16 * PAGE,
	                               .stack_commit = 2 * PAGE};
	ntmm_thread_stack stack = {.size = sizeof stack};
	ntmm_thread *thread = ntmm_thread_create(process, &options);
	if (!thread) {
		MUST(GetLastError() == ERROR_COMMITMENT_LIMIT);
		return;
	}
	MUST(!ntmm_thread_get_stack(thread, &stack));
	for (uint64_t at = stack.base - 8; ntmm_store64(thread, at, at); at -= PAGE / 2)
		;
	MUST(ntmm_thread_exception(thread)->ExceptionCode == (DWORD)STATUS_STACK_OVERFLOW);
	ntmm_thread_destroy(thread);
}

static void live_and_die(void *context, unsigned number)
{
	ntmm_machine *machine = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		HANDLE process = ntmm_process_create(machine, layouts[draw(&chance) % 5]);
		if (!process) {
			MUST(GetLastError() == ERROR_NO_SYSTEM_RESOURCES ||
			     GetLastError() == ERROR_COMMITMENT_LIMIT);
			continue;
		}
		ntmm_thread *thread = race_thread(process);
		use_memory(process, thread, &chance);
		use_stack(process);
		if (draw(&chance) % 2)
			MUST(TerminateProcess(process, 1));
		bool handle_first =
			draw(&chance) % 2; /* the thread keeps the process, or the handle does */
		if (handle_first)
			MUST(CloseHandle(process));
		ntmm_thread_destroy(thread);
		if (!handle_first)
			MUST(CloseHandle(process));
	}
}

static void watch(void *context, unsigned number)
{
	ntmm_machine *machine = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		ntmm_machine_counters c = {.size = sizeof c};
		MUST(ntmm_machine_check(machine));
		MUST(!ntmm_machine_get_counters(machine, &c));
		MUST(c.ram == c.zeroed + c.free + c.standby + c.modified + c.active + c.transition +
		                      c.tables + c.fixed);
		MUST(c.commit_total <= c.commit_limit);
		ntmm_machine_balance(machine, draw(&chance) % FRAMES);
		race_pause(&chance);
	}
}

static void lives(void **state)
{
	ntmm_machine *machine = race_machine(2 * FRAMES, SLOTS);
	struct runner runners[LIVES + 1];
	(void)state;
	race_begin(TESTS);
	for (unsigned i = 0; i < LIVES; i++)
		race_start(&runners[i], live_and_die, machine, i);
	race_start(&runners[LIVES], watch, machine, LIVES);
	race_join(runners, LIVES + 1);
	race_machine_end(machine);
}

/* ---- the end of a process in use ------------------------------------------------------------ */

#define USERS 2
#define USED (FRAMES + 20) /* pages */

struct victim {
	HANDLE process;
	uint64_t base;
	_Atomic bool terminated;
};

static void use_until_the_end(void *context, unsigned number)
{
	struct victim *v = context;
	ntmm_thread *thread = ntmm_thread_create(v->process, NULL);
	uint64_t chance = number, address, value;
	if (!thread) {
		MUST(GetLastError() == ERROR_ACCESS_DENIED); /* too late (G-5) */
		return;
	}
	do {
		address = v->base + draw(&chance) % USED * PAGE + number * 8;
	} while (draw(&chance) % 2 ? ntmm_store64(thread, address, 1)
	                           : ntmm_load64(thread, address, &value));
	MUST(ntmm_thread_exception(thread)->ExceptionCode == (DWORD)STATUS_ACCESS_VIOLATION);
	if (number == 0) { /* the other may be destroyed while its process ends */
		while (!v->terminated)
			sched_yield();
		for (unsigned i = 0; i < USED; i++)
			MUST(!ntmm_load64(thread, v->base + i * PAGE, &value));
	}
	ntmm_thread_destroy(thread);
}

/* G-5. Calls that come too late; until then they do what they should. */
static void call_until_the_end(void *context, unsigned number)
{
	struct victim *v = context;
	DWORD error = 0, old;
	uint64_t word;
	for (unsigned i = number; !error; i++) {
		bool done = true;
		switch (i % 6) {
		case 0:
			done = VirtualAllocEx(v->process, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE);
			break;
		case 1:
			done = VirtualProtectEx(v->process, pointer(v->base), PAGE, PAGE_READWRITE,
			                        &old);
			break;
		case 2:
			done = EmptyWorkingSet(v->process);
			break;
		case 3:
			done = SetProcessWorkingSetSize(v->process, 50 * PAGE, 100 * PAGE);
			break;
		case 4:
			done = VirtualAllocEx(v->process, pointer(v->base), PAGE, MEM_RESET,
			                      PAGE_READWRITE);
			break;
		default: /* a copy finds no page any more */
			done = ReadProcessMemory(v->process, pointer(v->base), &word, sizeof word,
			                         NULL) ||
			       GetLastError() == ERROR_PARTIAL_COPY;
		}
		error = done ? 0 : GetLastError();
	}
	MUST(error == ERROR_ACCESS_DENIED);
}

static void terminate_in_use(void **state)
{
	ntmm_machine *machine = race_machine(FRAMES, SLOTS);
	uint64_t chance = 1;
	(void)state;
	race_begin(TESTS);
	while (race_goes_on()) {
		struct victim v = {
			.process = ntmm_process_create(machine, layouts[draw(&chance) % 5])};
		struct runner users[USERS + 1];
		MUST(v.process);
		v.base = race_commit(v.process, USED);
		for (unsigned i = 0; i < USERS; i++)
			race_start(&users[i], use_until_the_end, &v, i);
		race_start(&users[USERS], call_until_the_end, &v, 0);
		race_pause(&chance);
		race_pause(&chance);
		MUST(TerminateProcess(v.process, 3));
		v.terminated = true;
		race_join(users, USERS + 1);
		MUST(CloseHandle(v.process));
	}
	race_machine_end(machine);
}

/* ---- handles -------------------------------------------------------------------------------- */

#define SHARED 4
#define OPENERS 3

struct handles {
	ntmm_machine *machine;
	_Atomic(HANDLE) handle[SHARED]; /* may be closed by anybody at any time */
	_Atomic uint32_t pid[SHARED];
};

static bool is_good_or_stale(bool done)
{
	return done || GetLastError() == ERROR_INVALID_HANDLE ||
	       GetLastError() == ERROR_ACCESS_DENIED;
}

static void open_and_close(void *context, unsigned number)
{
	struct handles *h = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		unsigned i = (unsigned)(draw(&chance) % SHARED);
		ntmm_process_counters c = {.size = sizeof c};
		HANDLE own = OpenProcess(PROCESS_ALL_ACCESS, FALSE, h->pid[i]), old;
		if (own) {
			NTSTATUS status = ntmm_process_get_counters(own, &c);
			MUST(status == STATUS_SUCCESS || status == STATUS_PROCESS_IS_TERMINATING);
			MUST(is_good_or_stale(VirtualAllocEx(own, NULL, PAGE, MEM_RESERVE,
			                                     PAGE_READWRITE) != NULL));
			MUST(CloseHandle(own));
		} else {
			MUST(GetLastError() ==
			     ERROR_INVALID_PARAMETER); /* no such process any more */
		}
		MUST(is_good_or_stale(EmptyWorkingSet(h->handle[i])));
		switch (draw(&chance) % 8) {
		case 0:
			MUST(is_good_or_stale(TerminateProcess(h->handle[i], 5)));
			break;
		case 1:
			own = ntmm_process_create(h->machine, NTMM_LAYOUT_NT64_128TB);
			if (!own)
				break;
			h->pid[i] = GetProcessId(own);
			old = atomic_exchange(&h->handle[i], own);
			MUST(CloseHandle(old));
			MUST(!CloseHandle(old) &&
			     GetLastError() == ERROR_INVALID_HANDLE); /* generations */
			break;
		default:
			break;
		}
	}
}

static void handles(void **state)
{
	struct handles h = {.machine = race_machine(FRAMES, SLOTS)};
	struct runner openers[OPENERS];
	(void)state;
	for (unsigned i = 0; i < SHARED; i++) {
		HANDLE process = ntmm_process_create(h.machine, NTMM_LAYOUT_NT32_2GB);
		h.pid[i] = GetProcessId(process);
		h.handle[i] = process;
	}
	race_begin(TESTS);
	for (unsigned i = 0; i < OPENERS; i++)
		race_start(&openers[i], open_and_close, &h, i);
	race_join(openers, OPENERS);
	for (unsigned i = 0; i < SHARED; i++)
		MUST(CloseHandle(h.handle[i]));
	race_machine_end(h.machine);
}

/* ---- observers ------------------------------------------------------------------------------ */

#define MAKERS 2

struct observation {
	ntmm_machine *machine;
	HANDLE process;
	uint64_t base;
	_Atomic bool current; /* this one is the observer, or may be */
	_Atomic uint64_t seen;
};

static void see(void *context, const ntmm_event *event)
{
	struct observation *o = context;
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(o->current);
	MUST(event->kind < NTMM_EVENT_KINDS && ntmm_event_name(event->kind));
	if (o->seen++ % 16 == 0)
		MUST(!ntmm_machine_get_counters(o->machine, &c)); /* it may call the library */
}

static void make_events(void *context, unsigned number)
{
	struct observation *o = context;
	ntmm_thread *thread = race_thread(o->process);
	uint64_t chance = number;
	while (race_goes_on()) {
		MUST(ntmm_store64(thread, o->base + (draw(&chance) % 64 * MAKERS + number) * PAGE,
		                  1));
		if (draw(&chance) % 32 == 0)
			MUST(EmptyWorkingSet(o->process));
	}
	ntmm_thread_destroy(thread);
}

/* No call of the old observer begins after ntmm_machine_observe has returned. */
static void observers(void **state)
{
	enum { MOST = 4 };
	static struct observation all[MOST];
	ntmm_machine *machine = race_machine(FRAMES, SLOTS);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB);
	struct runner makers[MAKERS];
	uint64_t chance = 1, base = race_commit(process, 64 * MAKERS), seen = 0;
	(void)state;
	for (unsigned i = 0; i < MOST; i++)
		all[i] = (struct observation){.machine = machine, .process = process, .base = base};
	race_begin(TESTS);
	for (unsigned i = 0; i < MAKERS; i++)
		race_start(&makers[i], make_events, &all[0], i);
	for (unsigned i = 0; race_goes_on(); i = (i + 1) % MOST) {
		all[i].current = true;
		MUST(!ntmm_machine_observe(machine, see, &all[i]));
		race_pause(&chance);
		if (draw(&chance) % 2) {
			MUST(!ntmm_machine_observe(machine, NULL, NULL));
			all[i].current = false;
			race_pause(&chance);
		} else {
			unsigned next = (i + 1) % MOST;
			all[next].current = true;
			MUST(!ntmm_machine_observe(machine, see, &all[next]));
			all[i].current = false;
		}
	}
	race_join(makers, MAKERS);
	MUST(!ntmm_machine_observe(machine, NULL, NULL));
	for (unsigned i = 0; i < MOST; i++)
		seen += all[i].seen;
	MUST(seen > 0);
	CloseHandle(process);
	race_machine_end(machine);
}

/* ---- machines ------------------------------------------------------------------------------- */

static void make_machines(void *context, unsigned number)
{
	uint64_t chance = number;
	(void)context;
	while (race_goes_on()) {
		ntmm_machine *machine = race_machine(64 + draw(&chance) % 64, draw(&chance) % 100);
		HANDLE process = ntmm_process_create(machine, layouts[draw(&chance) % 5]);
		MUST(process);
		ntmm_thread *thread = race_thread(process);
		uint64_t base = race_commit(process, 10), value;
		for (unsigned i = 0; i < 10; i++)
			MUST(ntmm_store64(thread, base + i * PAGE, i));
		if (draw(&chance) % 2) { /* the machine ends its process */
			ntmm_machine_destroy(machine);
			MUST(!ntmm_load64(thread, base, &value));
			MUST(!EmptyWorkingSet(process) && GetLastError() == ERROR_ACCESS_DENIED);
			ntmm_thread_destroy(thread);
			MUST(CloseHandle(process));
		} else {
			ntmm_thread_destroy(thread);
			MUST(CloseHandle(process));
			race_machine_end(machine);
		}
	}
}

static void machines(void **state)
{
	struct runner runners[3];
	(void)state;
	race_begin(TESTS);
	for (unsigned i = 0; i < 3; i++)
		race_start(&runners[i], make_machines, NULL, i);
	race_join(runners, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),    cmocka_unit_test(terminate_in_use),
		cmocka_unit_test(handles),  cmocka_unit_test(observers), cmocka_unit_test(machines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
