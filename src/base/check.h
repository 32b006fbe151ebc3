/* SPDX-License-Identifier: MIT
 *
 * Assertions in three levels. CHECK: always, O(1), cheap. DEBUG_CHECK: in debug builds (NTMM_DEBUG),
 * O(1). Whole-structure checks are functions named ..._check that return false and say why.
 */
#ifndef NTMM_BASE_CHECK_H
#define NTMM_BASE_CHECK_H

#include <stdbool.h>

_Noreturn void check_failed(const char *what, const char *file, int line);

#define CHECK(condition) \
	((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#ifdef NTMM_DEBUG
#define DEBUG_CHECK(condition) CHECK(condition)
#else
#define DEBUG_CHECK(condition) ((void)sizeof(!(condition)))
#endif

/* The words behind ntmm_error_message(): of the calling host thread. Always returns false. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *complaint(void);
void complain_nothing(void);

#endif
