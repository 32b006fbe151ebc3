/* SPDX-License-Identifier: MIT
 *
 * The input is a little program of calls and accesses by two processes of a machine that pages all
 * the time, or, in fuzz_model_native.c, by the process itself. After each step what was answered,
 * what Windows says of every page, and what is in those pages is what the model of tests/model says.
 *
 *      byte 0     the machine: frames, slots, whether it can tell run from read; or the place
 *      then 8 bytes a step: kind and process, page, offset, size, type, protection, value, more
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* This program is one source: the model is taken in. */
#include "model/model.c"
#include "model/model_free.c"
#include "model/model_range.c"
#include "model/model_touch.c"
#include "model/world.c"
#include "model/world_call.c"
#include "model/world_machine.c"
#include "model/world_native.c"

#ifndef NATIVE
#define NATIVE 0
#endif

#define WINDOW 32u /* pages */
#define STEP_BYTES 8
#define MOST_STEPS 200
#define CHECK_EVERY 16

_Noreturn void world_failed(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

#define PICK(list, byte) ((list)[(byte) % (sizeof(list) / sizeof *(list))])

static uint32_t protection_from(uint8_t byte)
{
	static const uint32_t list[] = {
		PAGE_READWRITE, PAGE_READWRITE, PAGE_READONLY, PAGE_NOACCESS, PAGE_EXECUTE,
		PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_READWRITE | PAGE_GUARD,
		PAGE_READONLY | PAGE_GUARD, PAGE_READWRITE | PAGE_NOCACHE,
		PAGE_READONLY | PAGE_WRITECOMBINE, PAGE_WRITECOPY, PAGE_GUARD,
		PAGE_NOACCESS | PAGE_GUARD, PAGE_EXECUTE_READ | PAGE_TARGETS_INVALID,
		0x800 | PAGE_READWRITE,
	};
	return PICK(list, byte);
}

static uint32_t type_from(enum call_kind kind, uint8_t byte)
{
	static const uint32_t alloc[] = {
		MEM_RESERVE, MEM_COMMIT, MEM_RESERVE | MEM_COMMIT, MEM_RESET, MEM_RESET_UNDO,
		MEM_RESERVE | MEM_TOP_DOWN, MEM_COMMIT | MEM_TOP_DOWN, MEM_RESET | MEM_COMMIT,
		MEM_TOP_DOWN, 0, MEM_WRITE_WATCH | MEM_RESERVE, MEM_PHYSICAL | MEM_RESERVE,
		MEM_LARGE_PAGES | MEM_COMMIT,
	};
	static const uint32_t alloc2[] = {
		MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, MEM_RESERVE | MEM_REPLACE_PLACEHOLDER,
		MEM_RESERVE | MEM_COMMIT | MEM_REPLACE_PLACEHOLDER,
		MEM_COMMIT | MEM_REPLACE_PLACEHOLDER,
		MEM_RESERVE | MEM_RESERVE_PLACEHOLDER | MEM_TOP_DOWN,
	};
	static const uint32_t free[] = {MEM_DECOMMIT, MEM_RELEASE, MEM_DECOMMIT | MEM_RELEASE,
	                                MEM_FREE, MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS,
	                                MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER};
	if (kind == ALLOCATE)
		return PICK(alloc, byte);
	if (kind == ALLOCATE2)
		return PICK(alloc2, byte);
	if (kind == FREE_WIN32 || kind == FREE_NATIVE)
		return PICK(free, byte);
	return byte & 1;
}

static uint64_t size_from(enum call_kind kind, uint8_t byte, uint8_t more)
{
	static const unsigned accesses[] = {1, 2, 4, 8, 3, 5, 6, 7};
	if (kind == EXCHANGE)
		return 1u << byte % 4;
	if (kind == LOAD || kind == STORE || kind == FETCH)
		return accesses[byte % (NATIVE ? 4 : 8)]; /* no instruction has odd sizes */
	if (kind == BALANCE || kind == WRITE_MODIFIED || kind == PRESS)
		return byte % 128;
	return byte % (WINDOW + 4) * PAGE + PICK(((const uint64_t[]){0, 0, 1, 0xFFF}), more);
}

static struct call step_from(const struct model *m, const uint8_t *b)
{
	static const unsigned offsets[] = {0, 0, 0, 1, 8, 0x800, 0xFF8, 0xFFC, 0xFFF};
	enum call_kind kind = (enum call_kind)((b[0] >> 1) % CALL_KINDS);
	struct call call = {.kind = kind,
	                    .address = model_address(m, b[1] % WINDOW) + PICK(offsets, b[2]),
	                    .size = size_from(kind, b[3], b[7]),
	                    .type = type_from(kind, b[4]),
	                    .protect = protection_from(b[5]),
	                    .value = b[6] * UINT64_C(0x0101010101010101),
	                    .thread = b[2] / 128};
	if (kind == GET_WATCH)
		call.value = b[6] % MOST_PAGES;
	if (kind == ALLOCATE && b[2] > 240)
		call.address = 0;
	return call;
}

/* Locks are promises of RAM: a machine so small may refuse what the model allows. */
static bool is_possible(const struct world *w, const struct call *call)
{
	ntmm_machine_counters c = {.size = sizeof c};
	if (call->kind != LOCK || NATIVE)
		return true;
	MUST(!ntmm_machine_get_counters(w->machine, &c));
	return c.resident_limit - c.resident_total > WINDOW + 8;
}

static void start_native(struct world *w, uint8_t how)
{
	struct site site = {.base = how & 1 ? UINT64_C(0x40000000) : 0, .count = WINDOW};
	world_create_native(w, how & 2 ? how / 4u : UINT64_MAX);
	world_add(w, &site);
}

static void start(struct world *w, uint8_t how)
{
	if (NATIVE) {
		start_native(w, how);
		return;
	}
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = how & 1 ? NTMM_MACHINE_NO_NX : 0,
	                              .ram_bytes = (96 + how % 4 * 16) * PAGE,
	                              .paging_file_bytes = (how & 16 ? 40 : 300) * PAGE};
	const struct site sites[PROCESSES] = {
		{NTMM_LAYOUT_NT32_2GB, GRANULE, WINDOW},
		/* over the border of two tables */
		{NTMM_LAYOUT_NT64_128TB, UINT64_C(0x200000) - GRANULE, WINDOW},
	};
	world_create(w, &config);
	for (unsigned i = 0; i < PROCESSES; i++)
		world_add(w, &sites[i]);
	world_add_ballast(w, how & 32 ? 40 : 120);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	if (!size)
		return 0;
	start(&w, *data++);
	size--;
	for (unsigned n = 0; n < MOST_STEPS && size >= STEP_BYTES;
	     n++, data += STEP_BYTES, size -= STEP_BYTES) {
		unsigned who = data[0] % w.processes;
		struct call call = step_from(&w.inhabitants[who].model, data);
		if (!is_possible(&w, &call))
			continue;
		world_call(&w, who, &call);
		world_compare(&w, who);
		if (n % CHECK_EVERY == 0)
			world_check(&w);
	}
	for (unsigned who = 0; who < w.processes; who++)
		world_read_all(&w, who);
	world_check(&w);
	world_destroy(&w);
	return 0;
}
