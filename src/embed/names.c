/* SPDX-License-Identifier: MIT
 *
 * Names of layouts and events.
 */
#include "space/layout.h"

static const char *const event_names[NTMM_EVENT_KINDS] = {
	[NTMM_EVENT_DEMAND_ZERO] = "demand-zero", [NTMM_EVENT_SOFT] = "soft",
	[NTMM_EVENT_HARD] = "hard",               [NTMM_EVENT_TRIM] = "trim",
	[NTMM_EVENT_PAGE_OUT] = "page-out",       [NTMM_EVENT_PAGE_IN] = "page-in",
	[NTMM_EVENT_REPURPOSE] = "repurpose",     [NTMM_EVENT_GUARD] = "guard",
	[NTMM_EVENT_VIOLATION] = "violation",     [NTMM_EVENT_ALLOC] = "alloc",
	[NTMM_EVENT_FREE] = "free",
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
