/* SPDX-License-Identifier: MIT */
#include "native/slack.h"

#include "base/os_pages.h"
#include "base/units.h"

#define SLACK_PAGES 32

void slack_begin(struct slack *slack)
{
	slack->at = os_pages_reserve(SLACK_PAGES * PAGE_BYTES);
	slack_keep(slack);
}

void slack_give(struct slack *slack)
{
	atomic_store(&slack->given, true);
	if (slack->at)
		(void)os_pages_protect(slack->at, SLACK_PAGES * PAGE_BYTES, 0);
}

void slack_keep(struct slack *slack)
{
	char *page = slack->at;
	for (unsigned i = 0; page && i < SLACK_PAGES; i += 2)
		if (os_pages_protect(page + i * PAGE_BYTES, PAGE_BYTES, OS_PAGE_READ))
			return;
	atomic_store(&slack->given, false);
}
