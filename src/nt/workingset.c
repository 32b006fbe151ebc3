/* SPDX-License-Identifier: MIT
 *
 * Working-set limits, and emptying a working set (rules WS-3 to WS-8).
 */
#include "nt/target.h"

#include "object/token.h"

#define LEAST_MINIMUM 20 /* pages: less is raised to it */
#define LEAST_MAXIMUM 13 /* pages: less is refused */
#define EMPTY UINT64_MAX

#define MINIMUM_FLAGS (QUOTA_LIMITS_HARDWS_MIN_ENABLE | QUOTA_LIMITS_HARDWS_MIN_DISABLE)
#define MAXIMUM_FLAGS (QUOTA_LIMITS_HARDWS_MAX_ENABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE)

/* WS-6. */
static NTSTATUS check_flags(uint32_t flags)
{
	if (flags & ~(uint32_t)(MINIMUM_FLAGS | MAXIMUM_FLAGS))
		return STATUS_INVALID_PARAMETER;
	if ((flags & MINIMUM_FLAGS) == MINIMUM_FLAGS || (flags & MAXIMUM_FLAGS) == MAXIMUM_FLAGS)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

/* WS-4: bytes to pages. */
static NTSTATUS check_limits(uint64_t minimum, uint64_t maximum, struct ws_limits *limits)
{
	if (!minimum || minimum > maximum || maximum < address_of(LEAST_MAXIMUM))
		return STATUS_BAD_WORKING_SET_LIMIT;
	limits->minimum = max_u64(pages_for(minimum), LEAST_MINIMUM);
	limits->maximum = max_u64(pages_for(maximum), limits->minimum);
	return STATUS_SUCCESS;
}

/* What is not mentioned stays. */
static uint32_t merge_flags(uint32_t old, uint32_t new)
{
	if (!(new & MINIMUM_FLAGS))
		new |= old & MINIMUM_FLAGS;
	if (!(new & MAXIMUM_FLAGS))
		new |= old & MAXIMUM_FLAGS;
	return new;
}

static NTSTATUS set_limits(struct target *target, struct ws_limits *limits)
{
	struct ws_limits old;
	const struct engine *engine = target->space->engine;
	engine->get_limits(target->space, &old);
	bool raises = limits->minimum > old.minimum || limits->maximum > old.maximum;
	if (raises && !privilege_held(target->process, PRIVILEGE_INCREASE_WORKING_SET))
		return STATUS_PRIVILEGE_NOT_HELD; /* WS-5 */
	limits->flags = merge_flags(old.flags, limits->flags);
	return engine->set_limits(target->space, limits);
}

static NTSTATUS empty(struct target *target)
{
	NTSTATUS status = target_alive(target);
	if (!status)
		target->space->engine->empty(target->space);
	return status;
}

/* WS-8 */
NTSTATUS nt_empty_working_set(HANDLE process)
{
	struct target target;
	target_open(&target, process, PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SET_QUOTA);
	NTSTATUS status = empty(&target);
	target_close(&target);
	return status;
}

NTSTATUS nt_set_working_set_limits(HANDLE process, uint64_t minimum, uint64_t maximum,
                                   uint32_t flags)
{
	struct target target;
	struct ws_limits limits = {.flags = flags};
	bool empties = minimum == EMPTY && maximum == EMPTY; /* WS-3 */
	NTSTATUS status = check_flags(flags);
	if (!status && !empties)
		status = check_limits(minimum, maximum, &limits);
	if (status)
		return status;
	target_open(&target, process, PROCESS_SET_QUOTA);
	if (empties)
		status = empty(&target);
	else if (!(status = target_alive(&target)))
		status = set_limits(&target, &limits);
	target_close(&target);
	return status;
}

NTSTATUS nt_get_working_set_limits(HANDLE process, uint64_t *minimum, uint64_t *maximum,
                                   uint32_t *flags)
{
	struct target target;
	struct ws_limits limits;
	if (!host_pointer_ok(minimum) || !host_pointer_ok(maximum) || !host_pointer_ok(flags))
		return STATUS_ACCESS_VIOLATION;
	target_open(&target, process, PROCESS_QUERY_LIMITED_INFORMATION);
	NTSTATUS status = target_alive(&target);
	if (!status)
		target.space->engine->get_limits(target.space, &limits);
	target_close(&target);
	if (status)
		return status;
	*minimum = address_of(limits.minimum);
	*maximum = address_of(limits.maximum);
	*flags = limits.flags;
	return STATUS_SUCCESS;
}
