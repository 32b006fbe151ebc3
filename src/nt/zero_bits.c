/* SPDX-License-Identifier: MIT */
#include "nt/zero_bits.h"

#include "base/units.h"

#define MOST_ZERO_BITS 21 /* of those that count bits: more would be a mask, or nothing (VA-70) */
#define LEAST_ZERO_MASK 32

bool zero_bits_highest(const struct layout *layout, uint64_t zero_bits, uint64_t *highest)
{
	uint64_t most = UINT64_MAX;
	if (zero_bits >= LEAST_ZERO_MASK && layout->wide_system)
		most >>= __builtin_clzll(zero_bits); /* VA-71 */
	else if (zero_bits > MOST_ZERO_BITS)
		return false;
	else if (zero_bits)
		most = UINT32_MAX >> zero_bits;
	*highest = min_u64(most, layout->highest);
	return true;
}
