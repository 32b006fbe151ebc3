/* SPDX-License-Identifier: MIT
 *
 * Whether the host's pages are what the space says they are.
 *
 * Nothing may be accessible beyond what the rules allow: that is a breach. A page may be less accessible for a
 * while, since a fault makes up for it (fault.h): that is a lag, and counted.
 *
 * Threads: no lock is held; no other thread calls the library or touches its memory meanwhile.
 */
#ifndef NTMM_NATIVE_CHECK_H
#define NTMM_NATIVE_CHECK_H

#include "native/native.h"

/* Pages that the rules would let the program access in more ways than the host does now go to *lagging,
 * which may be NULL. False: there is a breach; complains. Touches readable private pages. */
bool native_check(struct native *native, uint64_t *lagging);

#endif
