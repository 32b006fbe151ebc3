/* SPDX-License-Identifier: MIT
 *
 * What the parts of the model share.
 */
#ifndef TESTS_MODEL_PARTS_H
#define TESTS_MODEL_PARTS_H

#include "model.h"

#define BASES 0xFFu

/* Page numbers, both inclusive (G-1). */
struct span {
	uint64_t first, last;
};

/* ---- pages: any, walls too ------------------------------------------------------------------ */

const struct page *look(const struct model *m, uint64_t number);
/* To change it: of the window only. */
struct page *at(struct model *m, uint64_t number);
bool in_window(const struct model *m, uint64_t number);
/* For VirtualQuery. */
bool looks_alike(const struct page *a, const struct page *b);
/* With zero as contents, neither locked nor protected. */
void to_state(struct model *m, uint64_t number, enum state state);

/* ---- ranges --------------------------------------------------------------------------------- */

/* False when the range is empty, goes around or ends above `highest`. */
bool span_of(uint64_t address, uint64_t size, uint64_t highest, struct span *span);
bool one_allocation(const struct model *m, struct span span);
bool all_in(const struct model *m, struct span span, enum state state);
/* The whole allocation of a page of the window. */
struct span allocation_of(const struct model *m, uint64_t number);
/* Whether they are all of one placeholder. */
bool one_placeholder(const struct model *m, struct span span);
struct answer refuse(uint32_t error);
struct answer did(struct span span);
/* Of `size` bytes from `address` on: those in its page. */
uint64_t rest_of_page(uint64_t address, uint64_t size);

/* ---- protections ---------------------------------------------------------------------------- */

bool executable(uint32_t protect);
bool writable(uint32_t protect);
bool is_copy(uint32_t protect);
/* PR-1 to PR-6; `targets`: where PAGE_TARGETS_INVALID is known. */
bool valid(uint32_t protect, bool targets);
/* What a page gets: the cache bits are the allocation's (PR-8), and go with no other modifier. */
uint32_t effective(const struct page *page, uint32_t protect);
/* The same, done; a page out of reach is not locked (VP-14). */
void set_protect(struct page *page, uint32_t protect);

/* ---- contents ------------------------------------------------------------------------------- */

/* VA-64: a write ends that the contents may vanish. WW-8: it marks. One that fails at the next page
 * does so, too. */
void note_write(struct model *m, uint64_t number);
/* Of one page. */
void store_in_page(struct model *m, uint64_t address, const uint8_t *from, uint64_t size);

#endif
