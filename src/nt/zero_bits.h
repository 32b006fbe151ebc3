/* SPDX-License-Identifier: MIT
 *
 * ZeroBits: how low an address the system has to choose (rules VA-70 to VA-72, MV-14).
 */
#ifndef NTMM_NT_ZERO_BITS_H
#define NTMM_NT_ZERO_BITS_H

#include "space/layout.h"

/* The highest address that may be chosen in a process of `layout`. False: the value is none. */
bool zero_bits_highest(const struct layout *layout, uint64_t zero_bits, uint64_t *highest);

#endif
