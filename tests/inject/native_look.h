/* SPDX-License-Identifier: MIT
 *
 * What is at a place of the test's own process (native.h), and whether that is as it should be.
 */
#ifndef TESTS_INJECT_NATIVE_LOOK_H
#define TESTS_INJECT_NATIVE_LOOK_H

#include "native.h"

struct view_of_page {
	MEMORY_BASIC_INFORMATION info;
	bool locked, marked, known;
	bool shared; /* it shows what is stored through `other` */
	uint8_t bytes[PAGE];
};

struct snapshot {
	struct view_of_page pages[PLACE_PAGES];
	uint64_t charged;
	struct holdings holdings;
};

/* Touches nothing. */
void look(const struct stage *s, struct snapshot *snapshot);
uint64_t charged(void);

/* These fail the test. */
void expect_unchanged(const struct stage *s, const struct snapshot *before, unsigned even_so);
/* By touches. */
void expect_accessible(const struct stage *s);
/* By stores: they are seen in `other` where they are to be. */
void expect_sharing(const struct stage *s, const struct snapshot *before);
/* The host's pages are as the space says; so many may be less accessible. */
void check(uint64_t most_lagging);

#endif
