/* SPDX-License-Identifier: MIT
 *
 * The table of fixups as it is kept: sorted by address, without overlap.
 */
#ifndef NTMM_IMAGE_FIXUPS_TABLE_H
#define NTMM_IMAGE_FIXUPS_TABLE_H

#include "image/fixups.h"

#define FIXUP_BYTES_MOST 8

enum {
	FIXUP_ABSOLUTE = 0, /* fills up a block */
	FIXUP_HIGH = 1,
	FIXUP_LOW = 2,
	FIXUP_HIGHLOW = 3,
	FIXUP_HIGHADJ = 4, /* takes two entries */
	FIXUP_DIR64 = 10,
};

struct fixup {
	uint32_t rva;
	uint16_t parameter; /* of HIGHADJ */
	uint8_t kind, width;
};

struct crossing {
	uint32_t fixup; /* its number */
	uint8_t original[FIXUP_BYTES_MOST];
};

struct image_fixups {
	uint32_t count, crossings;
	struct fixup *fixup;       /* by address */
	struct crossing *crossing; /* by address */
};

#endif
