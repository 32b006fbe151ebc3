/* SPDX-License-Identifier: MIT */
#include "space/layout.h"

#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)
#define NO_ACCESS UINT64_C(0x10000) /* the partitions at both ends of user space (AS-1) */
#define SHARED_PAGE_GRANULE UINT64_C(0x10000)

/* 32-bit systems keep the granule below the top partition for the shared page (AS-5). */
#define NARROW(name, user) \
	{ \
		name, NO_ACCESS, (user)-NO_ACCESS - 1, (user)-NO_ACCESS - SHARED_PAGE_GRANULE - 1, \
			4 * GB, false, false \
	}

static const struct layout layouts[NTMM_LAYOUTS] = {
	[NTMM_LAYOUT_NT32_2GB] = NARROW("nt32-2gb", 2 * GB),
	[NTMM_LAYOUT_NT32_3GB] = NARROW("nt32-3gb", 3 * GB),
	[NTMM_LAYOUT_WOW64_4GB] = {"wow64-4gb", NO_ACCESS, 4 * GB - NO_ACCESS - 1,
                                   4 * GB - NO_ACCESS - 1, 4 * GB, false, true},
	[NTMM_LAYOUT_NT64_8TB] = {"nt64-8tb", NO_ACCESS, 8 * TB - NO_ACCESS - 1,
                                  8 * TB - NO_ACCESS - 1, 0, true, true},
	[NTMM_LAYOUT_NT64_128TB] = {"nt64-128tb", NO_ACCESS, 128 * TB - NO_ACCESS - 1,
                                    128 * TB - NO_ACCESS - 1, 0, true, true},
};

const struct layout *layout_of(ntmm_layout layout)
{
	return (unsigned)layout < NTMM_LAYOUTS ? &layouts[layout] : NULL;
}

bool layout_is_canonical(const struct layout *layout, uint64_t address)
{
	if (layout->limit)
		return address < layout->limit;
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}
