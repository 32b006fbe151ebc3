/* SPDX-License-Identifier: MIT
 *
 * Threads walk the page map while pages and tables leave it, and their frames are given to another
 * process, which fills them with what looks like entries of a page table that lead to its secret, or out
 * of RAM. Nobody may ever get there, nor change what the other has (S3, G-7).
 */
#include "race.h"

#include <sched.h>

#define TESTS 4
#define FRAMES 128
#define SLOTS 2000
#define WALKERS 2

/* Pages of the walkers that share a line of the TLB, each in a table of its own: every access walks. */
#define SPREAD (UINT64_C(2048) * PAGE)
#define SPOTS 8

#define MARK UINT64_C(0x1111111111111111)
#define SECRET UINT64_C(0x5EC2E7)
#define FORGED_PAGES 60

/* Present, writable, for user mode, accessed, dirty. */
#define FORGED_BITS UINT64_C(0x67)
#define OUT_OF_RAM (UINT64_C(1) << 46)

struct scene {
	ntmm_machine *machine;
	HANDLE process, other;
	uint64_t base;           /* of the walkers' memory */
	uint64_t forged, secret; /* the other's */
	uint64_t entry;          /* leads to the secret */
	ntmm_thread *owner;      /* of the other process */
	_Atomic uint64_t walked;
};

static void walk(void *context, unsigned number)
{
	struct scene *s = context;
	ntmm_thread *thread = race_thread(s->process);
	uint64_t chance = number, value;
	while (race_goes_on()) {
		uint64_t address = s->base + draw(&chance) % SPOTS * SPREAD + draw(&chance) % 512 * 8;
		if (draw(&chance) % 2) {
			(void)ntmm_store64(thread, address, MARK);
		} else if (ntmm_load64(thread, address, &value)) {
			MUST(value == 0 || value == MARK);
			s->walked++;
		}
	}
	ntmm_thread_destroy(thread);
}

static uint64_t forged_word(const struct scene *s, uint64_t word)
{
	return word % 2 ? s->entry : OUT_OF_RAM | FORGED_BITS;
}

/* The other process takes frames, fills them, looks whether they stay so, and lets them go. */
static void forge(struct scene *s, uint64_t *chance)
{
	uint64_t value;
	for (uint64_t page = 0; page < FORGED_PAGES; page++)
		for (uint64_t word = 0; word < 512; word++)
			MUST(ntmm_store64(s->owner, s->forged + page * PAGE + word * 8, forged_word(s, word)));
	race_pause(chance);
	for (uint64_t page = 0; page < FORGED_PAGES; page++)
		for (uint64_t word = 0; word < 512; word++)
			MUST(ntmm_load64(s->owner, s->forged + page * PAGE + word * 8, &value) &&
			     value == forged_word(s, word));
	MUST(ntmm_load64(s->owner, s->secret, &value) && value == SECRET);
	MUST(VirtualFreeEx(s->other, pointer(s->forged), FORGED_PAGES * PAGE, MEM_DECOMMIT));
	MUST(VirtualAllocEx(s->other, pointer(s->forged), FORGED_PAGES * PAGE, MEM_COMMIT, PAGE_READWRITE));
}

static void commit_spots(struct scene *s)
{
	for (uint64_t spot = 0; spot < SPOTS; spot++)
		MUST(VirtualAllocEx(s->process, pointer(s->base + spot * SPREAD), PAGE, MEM_COMMIT, PAGE_READWRITE));
}

static void begin(struct scene *s)
{
	ntmm_page_info info = {.size = sizeof info};
	*s = (struct scene){.machine = race_machine(FRAMES, SLOTS)};
	s->process = ntmm_process_create(s->machine, NTMM_LAYOUT_NT64_128TB);
	s->other = ntmm_process_create(s->machine, NTMM_LAYOUT_NT64_128TB);
	MUST(s->process && s->other);
	void *base = VirtualAllocEx(s->process, NULL, SPOTS * SPREAD, MEM_RESERVE, PAGE_READWRITE);
	MUST(base);
	s->base = (uintptr_t)base;
	commit_spots(s);
	s->owner = race_thread(s->other);
	s->forged = race_commit(s->other, FORGED_PAGES);
	s->secret = race_commit(s->other, 1);
	MUST(ntmm_store64(s->owner, s->secret, SECRET));
	MUST(!ntmm_process_page_info(s->other, s->secret, &info) && info.where == NTMM_PAGE_ACTIVE);
	s->entry = info.frame * PAGE | FORGED_BITS;
}

static void end(struct scene *s)
{
	ntmm_thread_destroy(s->owner);
	CloseHandle(s->process);
	CloseHandle(s->other);
	race_machine_end(s->machine);
}

static void scene(void (*take)(struct scene *s, uint64_t *chance))
{
	struct scene s;
	struct runner runners[WALKERS];
	begin(&s);
	race_begin(TESTS);
	for (unsigned i = 0; i < WALKERS; i++)
		race_start(&runners[i], walk, &s, i);
	for (uint64_t chance = 1; race_goes_on();) {
		uint64_t before = s.walked;
		while (s.walked == before && race_goes_on())
			sched_yield();
		take(&s, &chance);
	}
	race_join(runners, WALKERS);
	MUST(s.walked > 0);
	end(&s);
}

/* Pages and their tables are freed; the reservation stays. */
static void decommit(struct scene *s, uint64_t *chance)
{
	MUST(VirtualFreeEx(s->process, pointer(s->base), 0, MEM_DECOMMIT));
	forge(s, chance);
	commit_spots(s);
}

static void after_decommit(void **state)
{
	(void)state;
	scene(decommit);
}

static void release(struct scene *s, uint64_t *chance)
{
	MUST(VirtualFreeEx(s->process, pointer(s->base), 0, MEM_RELEASE));
	forge(s, chance);
	MUST(VirtualAllocEx(s->process, pointer(s->base), SPOTS * SPREAD, MEM_RESERVE, PAGE_READWRITE));
	commit_spots(s);
}

static void after_release(void **state)
{
	(void)state;
	scene(release);
}

/* Pages and tables go to the paging file, and come back: S13. */
static void trim(struct scene *s, uint64_t *chance)
{
	MUST(EmptyWorkingSet(s->process));
	ntmm_machine_write_modified(s->machine, FRAMES);
	forge(s, chance);
}

static void after_trim(void **state)
{
	(void)state;
	scene(trim);
}

static void discard(struct scene *s, uint64_t *chance)
{
	for (uint64_t spot = 0; spot < SPOTS; spot++) {
		void *page = pointer(s->base + spot * SPREAD);
		MUST(VirtualAllocEx(s->process, page, PAGE, MEM_RESET, PAGE_READWRITE));
	}
	MUST(EmptyWorkingSet(s->process));
	forge(s, chance);
}

static void after_reset(void **state)
{
	(void)state;
	scene(discard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_decommit),
		cmocka_unit_test(after_release),
		cmocka_unit_test(after_trim),
		cmocka_unit_test(after_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
