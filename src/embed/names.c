/* SPDX-License-Identifier: MIT
 *
 * Names of layouts, events, statuses and errors.
 */
#include <ntmm/status.h>

#include "space/layout.h"

#define CASE(name, ...) \
	case name: \
		return #name;

static const char *const event_names[NTMM_EVENT_KINDS] = {
	[NTMM_EVENT_DEMAND_ZERO] = "demand-zero", [NTMM_EVENT_SOFT] = "soft",
	[NTMM_EVENT_HARD] = "hard",               [NTMM_EVENT_TRIM] = "trim",
	[NTMM_EVENT_PAGE_OUT] = "page-out",       [NTMM_EVENT_PAGE_IN] = "page-in",
	[NTMM_EVENT_REPURPOSE] = "repurpose",     [NTMM_EVENT_GUARD] = "guard",
	[NTMM_EVENT_VIOLATION] = "violation",     [NTMM_EVENT_ALLOC] = "alloc",
	[NTMM_EVENT_FREE] = "free",
	[NTMM_EVENT_WRITE_ERROR] = "write-error",
	[NTMM_EVENT_STRAY_WRITE] = "stray-write",
};

const char *ntmm_event_name(ntmm_event_kind kind)
{
	return (unsigned)kind < NTMM_EVENT_KINDS ? event_names[kind] : NULL;
}

const char *ntmm_layout_name(ntmm_layout layout)
{
	const struct layout *known = layout_of(layout);
	return known ? known->name : NULL;
}

const char *ntmm_status_name(NTSTATUS status)
{
	switch (status) {
		NTMM_STATUS_MAP(CASE)
	default:
		return NULL;
	}
}

const char *ntmm_error_name(DWORD error)
{
	if (error == ERROR_GUARD_PAGE_VIOLATION)
		return "ERROR_GUARD_PAGE_VIOLATION";
	switch ((int)error) {
		NTMM_ERROR_MAP(CASE)
	default:
		return NULL;
	}
}
