/* SPDX-License-Identifier: MIT */
#include "touched.h"

bool touched_add(struct touched *touched, uint64_t page)
{
	touched->recent[page % TOUCHED_RECENT] = page + 1;
	return page_index_at(&touched->pages, page);
}

void touched_end(struct touched *touched)
{
	page_index_end(&touched->pages);
}
