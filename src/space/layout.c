/* SPDX-License-Identifier: MIT */
#include "space/layout.h"

#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)
#define NO_ACCESS UINT64_C(0x10000) /* the partitions at both ends of user space (AS-1) */
#define SHARED_PAGE_GRANULE UINT64_C(0x10000)

#define MS_DOS_END UINT64_C(0x400000)
/* Windows 9x has no partition at the top of user space (W9-1). */
#define NINES(kind) \
	{ \
		.name = "win9x", .windows = kind, .minimum = MS_DOS_END, .maximum = 2 * GB - 1, \
		.highest = 2 * GB - 1, .limit = 4 * GB, .system_start = NO_ACCESS, \
		.system_end = MS_DOS_END \
	}

/* 32-bit systems keep the granule below the top partition for the shared page (AS-5). */
#define NARROW(name_, user) \
	{ \
		.name = name_, .minimum = NO_ACCESS, .maximum = (user)-NO_ACCESS - 1, \
		.highest = (user)-NO_ACCESS - SHARED_PAGE_GRANULE - 1, .limit = 4 * GB \
	}
/* 64-bit ones do not. */
#define WIDE(name_, user, is_wide, end) \
	{ \
		.name = name_, .minimum = NO_ACCESS, .maximum = (user)-NO_ACCESS - 1, \
		.highest = (user)-NO_ACCESS - 1, .limit = (end), .wide = (is_wide), \
		.wide_system = true \
	}

static const struct layout layouts[NTMM_LAYOUTS] = {
	[NTMM_LAYOUT_NT32_2GB] = NARROW("nt32-2gb", 2 * GB),
	[NTMM_LAYOUT_NT32_3GB] = NARROW("nt32-3gb", 3 * GB),
	[NTMM_LAYOUT_WOW64_4GB] = WIDE("wow64-4gb", 4 * GB, false, 4 * GB),
	[NTMM_LAYOUT_NT64_8TB] = WIDE("nt64-8tb", 8 * TB, true, 0),
	[NTMM_LAYOUT_NT64_128TB] = WIDE("nt64-128tb", 128 * TB, true, 0),
	[NTMM_LAYOUT_WIN9X] = NINES(WINDOWS_98),
};

static const struct layout windows_95 = NINES(WINDOWS_95);

static const struct layout arena = {.name = "win9x-shared",
                                    .windows = WINDOWS_98,
                                    .minimum = 2 * GB,
                                    .maximum = 4 * GB - 1,
                                    .highest = 3 * GB - 1,
                                    .limit = 4 * GB};

const struct layout *layout_of_arena(void)
{
	return &arena;
}

const struct layout *layout_of_95(void)
{
	return &windows_95;
}

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
