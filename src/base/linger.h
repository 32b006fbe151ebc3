/* SPDX-License-Identifier: MIT
 *
 * Where another thread's step between two of ours matters: a place to linger, so that tests meet it.
 *
 * In debug builds, if NTMM_LINGER is in the environment when the first thread comes by, now and then the
 * processor is given to another thread. Otherwise nothing. May be called with locks held.
 */
#ifndef NTMM_BASE_LINGER_H
#define NTMM_BASE_LINGER_H

#ifdef NTMM_DEBUG
void linger(void);
#else
static inline void linger(void)
{
}
#endif

#endif
