/* SPDX-License-Identifier: MIT
 *
 * Threads of the process itself that store to pages of a view while others change whether these are shared:
 * whatever the host maps anew, no store is lost (CW-2, CW-6).
 */
#include "race.h"

#include <ntmm/native.h>

#include "native/check.h"
#include "support/touch.h"

#define STORERS 3u
#define PAGES 24u
#define TESTS 2u

struct access {
	char *at;
	uint8_t value;
};

static void do_store(void *context)
{
	const struct access *access = context;
	poke(access->at, access->value);
}

static void do_load(void *context)
{
	struct access *access = context;
	access->value = peek(access->at);
}

/* Whether it was allowed. */
static bool try(void (*what)(void *context), struct access *access)
{
	EXCEPTION_RECORD record;
	if (ntmm_try(what, access, &record))
		return true;
	MUST(record.ExceptionCode == (DWORD)STATUS_ACCESS_VIOLATION);
	return false;
}

/* Each thread its byte of every page. */
static void run_stores(void *context, unsigned number)
{
	uint8_t stored[PAGES] = {0}, value = 0;
	uint64_t chance = number + 1;
	while (race_goes_on()) {
		unsigned n = (unsigned)(draw(&chance) % PAGES);
		struct access access = {(char *)context + n * PAGE + number, ++value};
		if (try(do_store, &access))
			stored[n] = value;
		if (try(do_load, &access))
			MUST(access.value == stored[n]);
	}
}

/* Views begin anew: what has been copied goes with them. */
static void run_changes(void *context, const uint32_t *protections, unsigned count)
{
	uint64_t chance = 99;
	while (race_goes_on()) {
		uint64_t first = draw(&chance) % PAGES, pages = 1 + draw(&chance) % (PAGES - first);
		DWORD old;
		MUST(VirtualProtect((char *)context + first * PAGE, pages * PAGE,
		                    protections[draw(&chance) % count], &old));
	}
}

static void run_sharing(void *context, unsigned number)
{
	static const uint32_t protections[] = {PAGE_READWRITE, PAGE_WRITECOPY};
	(void)number;
	run_changes(context, protections, 2);
}

static void run_all_kinds(void *context, unsigned number)
{
	static const uint32_t protections[] = {PAGE_READWRITE, PAGE_WRITECOPY, PAGE_READONLY,
	                                       PAGE_NOACCESS, PAGE_WRITECOPY};
	(void)number;
	run_changes(context, protections, 5);
}

#define ROUNDS 200u

static void round_of(HANDLE section, void (*change)(void *context, unsigned number))
{
	struct runner runners[STORERS + 1];
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	MUST(view);
	for (unsigned i = 0; i < PAGES * STORERS; i++)
		poke(view + i / STORERS * PAGE + i % STORERS, 0);
	race_begin(TESTS * ROUNDS);
	for (unsigned i = 0; i < STORERS; i++)
		race_start(&runners[i], run_stores, view, i);
	race_start(&runners[STORERS], change, view, STORERS);
	race_join(runners, STORERS + 1);
	uint64_t lagging;
	MUST(native_check(native_now(), &lagging));
	MUST(UnmapViewOfFile(view));
}

/* Many, for in the end all has been copied. */
static void run_rounds(void (*change)(void *context, unsigned number))
{
	MUST(ntmm_native_take_signals());
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    PAGES * PAGE, NULL);
	MUST(section);
	for (unsigned i = 0; i < ROUNDS; i++)
		round_of(section, change);
	MUST(CloseHandle(section));
}

static void sharing(void **state)
{
	(void)state;
	run_rounds(run_sharing);
}

static void all_kinds(void **state)
{
	(void)state;
	run_rounds(run_all_kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sharing),
		cmocka_unit_test(all_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
