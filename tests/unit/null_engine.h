/* SPDX-License-Identifier: MIT
 *
 * A process with no pages beneath it: every operation of the engine is written down, and answers
 * what the test wants. So the native calls can be tested alone.
 *
 * Each test begins with null_setup (or that of another layout), which opens `process`, and ends
 * with null_teardown, which checks the space and that all commit charge comes back.
 */
#ifndef NULL_ENGINE_H
#define NULL_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#include "nt/nt.h"
#include "object/process.h"

enum null_op {
	OP_PROTECT,
	OP_DECOMMIT,
	OP_REARM,
	OP_RESET,
	OP_RESET_UNDO,
	OP_OFFER,
	OP_RECLAIM,
	OP_DISCARD,
	OP_LARGE_COMMIT,
	OP_PHYSICAL_ALLOCATE,
	OP_PHYSICAL_FREE,
	OP_PHYSICAL_MAP,
	OP_LOCK,
	OP_UNLOCK,
	OP_COPY,
	OP_PREFETCH,
	OP_EMPTY,
	OP_SET_LIMITS,
	OP_NOTE,
	OP_END,
};

struct null_call {
	enum null_op op;
	struct range range;
	uint64_t number; /* protection, priority, map type, copy way, note, bytes */
};

struct null_space {
	struct space space;
	struct null_call calls[256]; /* since null_forget */
	unsigned count;
	NTSTATUS answer;             /* of lock, unlock, copy, set_limits, physical_... */
	bool lossy;                  /* reset_undo and reclaim say that contents are lost */
	uint64_t copied;             /* bytes or frames that are done when `answer` is no success */
	struct residency residency;
	struct ws_limits limits;
};

extern HANDLE process;
extern struct null_space *null;
extern struct ledger null_ledger;

#define NULL_LIMIT UINT64_C(100000) /* pages that can be committed */
#define NULL_SOFT (QUOTA_LIMITS_HARDWS_MIN_DISABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE)

int null_setup(void **state);      /* NTMM_LAYOUT_NT64_128TB */
int null_setup_2gb(void **state);  /* NTMM_LAYOUT_NT32_2GB */
int null_setup_wow(void **state);  /* NTMM_LAYOUT_WOW64_4GB */
int null_teardown(void **state);

/* Forgets what was called. */
void null_forget(void);
/* The number-th call of `op` since; fails the test when there is none. */
const struct null_call *null_call(enum null_op op, unsigned number);
unsigned null_calls(enum null_op op);

/* The calls, on `process`, with addresses by value. */
NTSTATUS alloc(uint64_t base, uint64_t size, uint32_t type, uint32_t protect);
NTSTATUS release(uint64_t base, uint64_t size);
NTSTATUS decommit(uint64_t base, uint64_t size);
NTSTATUS protect(uint64_t base, uint64_t size, uint32_t prot);
MEMORY_BASIC_INFORMATION query(uint64_t address);

#define RC (MEM_RESERVE | MEM_COMMIT)
#define K64 UINT64_C(0x10000)
#define PLACE UINT64_C(0x10000000) /* free in every layout */

#define assert_status(call, status) assert_int_equal((uint32_t)(call), (uint32_t)(status))
#define assert_ok(call) assert_status(call, STATUS_SUCCESS)
/* State, protection and size of the region from `address` on. */
#define assert_region(address, state, prot, size) \
	do { \
		MEMORY_BASIC_INFORMATION region_ = query(address); \
		assert_int_equal(region_.State, state); \
		assert_int_equal(region_.Protect, prot); \
		assert_int_equal(region_.RegionSize, size); \
	} while (0)

#define NULL_TEST(f) cmocka_unit_test_setup_teardown(f, null_setup, null_teardown)
#define NULL_TEST_2GB(f) cmocka_unit_test_setup_teardown(f, null_setup_2gb, null_teardown)
#define NULL_TEST_WOW(f) cmocka_unit_test_setup_teardown(f, null_setup_wow, null_teardown)

#endif
