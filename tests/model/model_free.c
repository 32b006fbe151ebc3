/* SPDX-License-Identifier: MIT
 *
 * VirtualFree, and what it does to placeholders.
 */
#include "parts.h"

#define PRESERVE (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)
#define COALESCE (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS)

bool one_placeholder(const struct model *m, struct span span)
{
	if (!look(m, span.first)->placeholder)
		return false;
	struct span all = allocation_of(m, span.first);
	return all.first == span.first && all.last == span.last;
}

/* VF-33: what lies above the hole is an allocation of its own. */
static void split_above(struct model *m, uint64_t last)
{
	unsigned allocation = at(m, last)->allocation;
	m->last_allocation++;
	for (uint64_t n = last + 1; look(m, n)->allocation == allocation; n++)
		at(m, n)->allocation = m->last_allocation;
}

static bool free_type_ok(uint32_t type)
{
	return type == MEM_DECOMMIT || type == MEM_RELEASE || type == PRESERVE || type == COALESCE;
}

/* PH-2: each is an allocation of its own. */
static void split(struct model *m, struct span span)
{
	split_above(m, span.last);
	if (look(m, span.first - 1)->allocation == look(m, span.first)->allocation)
		split_above(m, span.first - 1);
}

/* PH-2, PH-3, PH-7; `all` is the whole allocation. */
static struct answer preserve(struct model *m, struct span span, struct span all)
{
	bool whole = span.first == all.first && span.last == all.last;
	const struct page *page = look(m, span.first);
	if (page->placeholder ? whole : !page->replaced || !whole)
		return refuse(ERROR_INVALID_ADDRESS);
	if (page->placeholder)
		split(m, span);
	for (uint64_t n = span.first; n <= span.last; n++) {
		to_state(m, n, RESERVED);
		at(m, n)->allocation_protect = PAGE_NOACCESS;
		at(m, n)->placeholder = true;
		at(m, n)->replaced = at(m, n)->watched = at(m, n)->marked = false;
	}
	return did(span);
}

static bool begins(const struct model *m, uint64_t number)
{
	return look(m, number)->allocation != look(m, number - 1)->allocation;
}

/* PH-4. */
static struct answer coalesce(struct model *m, struct span span)
{
	unsigned pieces = 0;
	for (uint64_t n = span.first; n <= span.last; n++) {
		if (!look(m, n)->placeholder)
			return refuse(ERROR_INVALID_ADDRESS);
		pieces += begins(m, n);
	}
	if (pieces < 2 || !begins(m, span.first) || !begins(m, span.last + 1))
		return refuse(ERROR_INVALID_ADDRESS);
	m->last_allocation++;
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->allocation = m->last_allocation;
	return did(span);
}

struct answer model_free(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                         bool win32)
{
	struct span span, all;
	if (win32 && type == MEM_RELEASE && size)
		return refuse(ERROR_INVALID_PARAMETER); /* VF-1 */
	if (!free_type_ok(type) || (!size && (type == PRESERVE || type == COALESCE)))
		return refuse(ERROR_INVALID_PARAMETER); /* VF-2, PH-3, PH-4 */
	if (!span_of(address, size ? size : 1, m->maximum, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VF-3 */
	if (type == COALESCE)
		return coalesce(m, span);
	if (!look(m, span.first)->allocation)
		return refuse(ERROR_INVALID_ADDRESS); /* VF-4 */
	all = allocation_of(m, span.first);
	if (!size && span.first != all.first)
		return refuse(ERROR_INVALID_ADDRESS); /* VF-11, VF-30 */
	if (!size)
		span = all;
	if (span.last > all.last)
		return refuse(ERROR_INVALID_PARAMETER); /* VF-5 */
	if (look(m, span.first)->window &&
	    (type == MEM_DECOMMIT || span.first != all.first || span.last != all.last))
		return refuse(ERROR_INVALID_ADDRESS); /* VF-14, VF-35 */
	if (type == PRESERVE)
		return preserve(m, span, all);
	if (type == MEM_RELEASE)
		split_above(m, span.last);
	for (uint64_t n = span.first; n <= span.last; n++)
		to_state(m, n, type == MEM_RELEASE ? FREE : RESERVED);
	struct answer answer = did(span);
	if (!size && type == MEM_DECOMMIT)
		answer.size = 0; /* VF-20 */
	return answer;
}
