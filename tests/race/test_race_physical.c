/* SPDX-License-Identifier: MIT
 *
 * AWE while threads use a window: an access finds one of the frames that were mapped, or none; after a
 * call has returned, the one that it mapped (AW-4, AW-10, AW-11).
 */
#include "race.h"

#include <sched.h>

#define FRAMES 256
#define SLOTS 256
#define OWN 16    /* frames, each marked with its index */
#define PLACES 4  /* pages of the window */
#define USERS 2
#define TIMES 2

struct remapping {
	ntmm_machine *machine;
	HANDLE process;
	uint64_t window;
	ULONG_PTR frames[OWN];
	_Atomic bool over;
};

static void enable_privilege(void)
{
	HANDLE token;
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	MUST(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid));
	MUST(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token));
	MUST(AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL) && CloseHandle(token));
}

static void *page(const struct remapping *r, uint64_t n)
{
	return pointer(r->window + n * PAGE);
}

/* Word 0 says which frame it is; the others are for the users to write to. */
static void mark_frames(struct remapping *r)
{
	for (uint64_t i = 0; i < OWN; i++) {
		uint64_t done;
		MUST(MapUserPhysicalPages(page(r, 0), 1, &r->frames[i]));
		MUST(!NtWriteVirtualMemory(r->process, r->window, &i, sizeof i, &done));
	}
	MUST(MapUserPhysicalPages(page(r, 0), 1, NULL));
}

static void use_window(void *context, unsigned number)
{
	struct remapping *r = context;
	ntmm_thread *thread = race_thread(r->process);
	uint64_t chance = number, value;
	while (!r->over) {
		uint64_t at = r->window + draw(&chance) % PLACES * PAGE;
		if (ntmm_load64(thread, at, &value))
			MUST(value < OWN);
		else
			MUST(ntmm_thread_exception(thread)->ExceptionCode ==
			     (DWORD)STATUS_ACCESS_VIOLATION);
		(void)ntmm_store64(thread, at + 8 * (1 + number), at);
	}
	ntmm_thread_destroy(thread);
}

/* Each place has frames of its own, so that none is asked for twice. */
static void map_one(struct remapping *r, ntmm_thread *thread, uint64_t *chance)
{
	uint64_t place = draw(chance) % PLACES, frame = place + draw(chance) % 4 * PLACES, value;
	if (draw(chance) % 4 == 0) {
		MUST(MapUserPhysicalPages(page(r, place), 1, NULL));
		MUST(!ntmm_load64(thread, r->window + place * PAGE, &value));
		return;
	}
	MUST(MapUserPhysicalPages(page(r, place), 1, &r->frames[frame]));
	MUST(ntmm_load64(thread, r->window + place * PAGE, &value) && value == frame);
}

static void map_all(struct remapping *r, ntmm_thread *thread, uint64_t *chance)
{
	uint64_t first = draw(chance) % 4 * PLACES, value;
	MUST(MapUserPhysicalPages(page(r, 0), PLACES, r->frames + first));
	for (uint64_t i = 0; i < PLACES; i++)
		MUST(ntmm_load64(thread, r->window + i * PAGE, &value) && value == first + i);
}

static struct remapping *begin(void)
{
	static struct remapping r;
	r = (struct remapping){.machine = race_machine(FRAMES, SLOTS)};
	r.process = ntmm_process_create(r.machine, NTMM_LAYOUT_NT32_2GB);
	MUST(r.process);
	return &r;
}

static void remapping_is_seen_at_once(void **state)
{
	struct remapping *r = begin();
	struct runner users[USERS];
	ULONG_PTR count = OWN;
	uint64_t chance = 1;
	(void)state;
	ntmm_thread *thread = race_thread(r->process);
	MUST(ntmm_thread_attach(thread));
	enable_privilege();
	MUST(AllocateUserPhysicalPages(r->process, &count, r->frames) && count == OWN);
	r->window = (uintptr_t)VirtualAlloc(NULL, PLACES * PAGE, MEM_RESERVE | MEM_PHYSICAL,
	                                    PAGE_READWRITE);
	MUST(r->window);
	mark_frames(r);
	race_begin(TIMES);
	for (unsigned i = 0; i < USERS; i++)
		race_start(&users[i], use_window, r, i);
	while (race_goes_on()) {
		if (draw(&chance) % 2)
			map_one(r, thread, &chance);
		else
			map_all(r, thread, &chance);
	}
	r->over = true;
	race_join(users, USERS);
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
	CloseHandle(r->process);
	race_machine_end(r->machine);
}

/* Frames that are given back and taken by others are never seen, nor written by, who had them. */
static void give_and_take(void *context, unsigned number)
{
	struct remapping *r = context;
	ntmm_thread *thread = race_thread(r->process);
	MUST(ntmm_thread_attach(thread));
	uint64_t chance = number, value;
	while (!r->over) {
		ULONG_PTR frames[2], count = 2;
		uint64_t base = (uintptr_t)VirtualAlloc(NULL, 2 * PAGE, MEM_RESERVE | MEM_PHYSICAL,
		                                        PAGE_READWRITE);
		MUST(base);
		MUST(AllocateUserPhysicalPages(r->process, &count, frames) && count == 2);
		MUST(MapUserPhysicalPages(pointer(base), 2, frames));
		MUST(ntmm_load64(thread, base + 8, &value) && value == 0); /* AW-3 */
		MUST(ntmm_store64(thread, base + 8, number + 1));
		race_pause(&chance);
		MUST(ntmm_load64(thread, base + 8, &value) && value == number + 1);
		bool window_first = draw(&chance) % 2; /* the address is another's then (VF-36) */
		if (window_first)
			MUST(VirtualFree(pointer(base), 0, MEM_RELEASE));
		MUST(FreeUserPhysicalPages(r->process, &count, frames) && count == 2);
		if (window_first)
			continue;
		MUST(!ntmm_store64(thread, base, 1)); /* AW-7 */
		MUST(VirtualFree(pointer(base), 0, MEM_RELEASE));
	}
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
}

static void frames_change_hands(void **state)
{
	struct remapping *r = begin();
	struct runner users[USERS + 1];
	(void)state;
	ntmm_thread *thread = race_thread(r->process);
	MUST(ntmm_thread_attach(thread));
	enable_privilege();
	race_begin(TIMES);
	for (unsigned i = 0; i <= USERS; i++)
		race_start(&users[i], give_and_take, r, i);
	while (race_goes_on())
		sched_yield();
	r->over = true;
	race_join(users, USERS + 1);
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
	CloseHandle(r->process);
	race_machine_end(r->machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remapping_is_seen_at_once),
		cmocka_unit_test(frames_change_hands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
