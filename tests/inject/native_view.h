/* SPDX-License-Identifier: MIT
 *
 * Sections, and views of them in a place (native.h); each is also shown by another view, read-write.
 */
#ifndef TESTS_INJECT_NATIVE_VIEW_H
#define TESTS_INJECT_NATIVE_VIEW_H

#include "native.h"

#define BYTES (PLACE_PAGES * PAGE)

/* They fail the test. */
void with_section(struct stage *s);
void with_growing(struct stage *s); /* SEC_RESERVE */
void with_file(struct stage *s);    /* "file" is in page 5 */
void close_section(struct stage *s);
void close_file(struct stage *s);

/* False: the last error says why. */
bool create(struct stage *s, uint32_t protect);
bool show(struct stage *s, uint32_t access);

/* Of a section, every page with something in it. */
void mapped(struct stage *s);
/* The same, for copying. Some pages have been copied, and some are not copy-on-write any more. */
void copied(struct stage *s);
/* Of a section whose pages are committed by and by: some are. */
void growing(struct stage *s);
void of_file(struct stage *s);

#endif
