/* SPDX-License-Identifier: MIT
 *
 * Loaded objects of this process, ELF.
 */
#include <link.h>

#include "base/os_maps.h"
#include "base/units.h"

struct search {
	uint64_t address;
	struct os_image *image;
};

static struct range segment_pages(const struct dl_phdr_info *object, const ElfW(Phdr) *segment)
{
	uint64_t start = object->dlpi_addr + segment->p_vaddr;
	return (struct range){page_of(start), pages_for(start + segment->p_memsz)};
}

static int look_at(struct dl_phdr_info *object, size_t bytes, void *context)
{
	struct search *search = context;
	struct os_image image = {.start = UINT64_MAX};
	uint64_t page = page_of(search->address);
	(void)bytes;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || !segment->p_memsz)
			continue;
		struct range pages = segment_pages(object, segment);
		image.start = min_u64(image.start, address_of(pages.start));
		image.end = max_u64(image.end, address_of(pages.end));
		image.is_segment |= range_has(pages, page);
	}
	if (search->address < image.start || search->address >= image.end)
		return 0;
	*search->image = image;
	return 1; /* enough */
}

bool os_image_find(uint64_t address, struct os_image *image)
{
	struct search search = {address, image};
	return dl_iterate_phdr(look_at, &search);
}
