/* SPDX-License-Identifier: MIT
 *
 * Images as tables.
 */
#include "image.h"

#include <inttypes.h>

#include "map.h"
#include "sizes.h"
#include "table.h"

static void print_head(const struct images *images, const struct image *image, FILE *to)
{
	fprintf(to, "%s in %u process%s, RAM %s: %" PRIu64 " pages of 4 KB\n", image->path,
	        images->processes, images->processes > 1 ? "es" : "", size_text(images->ram_bytes).text,
	        image->count);
	for (unsigned n = 0; n < images->processes; n++)
		fprintf(to, "process %u: at 0x%" PRIx64 "\n", n + 1, image->base[n]);
}

static void add_row(struct table *table, const struct image_row *row)
{
	table_row(table);
	table_cell(table, "0x%" PRIx64, row->first * IMAGE_PAGE);
	table_cell(table, "%" PRIu64, row->count);
	table_cell(table, "%s", row->state == MEM_COMMIT ? map_protection(row->protect).text : "a gap");
	if (row->state != MEM_COMMIT)
		return;
	table_cell(table, "%" PRIu64, row->frames);
	table_cell(table, "%s", row->shared);
}

static bool print_rows(const struct images *images, const struct image *image, FILE *to)
{
	struct table table = table_begin(to);
	uint64_t frames = 0;
	table_column(&table, "OFFSET", TABLE_RIGHT);
	table_column(&table, "PAGES", TABLE_RIGHT);
	table_column(&table, "PROTECTION", TABLE_LEFT);
	table_column(&table, "FRAMES", TABLE_RIGHT);
	table_column(&table, "PROCESSES", TABLE_LEFT);
	for (uint64_t page = 0; page < image->count;) {
		struct image_row row = image_row_at(images, image, page);
		add_row(&table, &row);
		frames += row.frames;
		page += row.count;
	}
	table_row(&table);
	table_cell(&table, "total");
	table_cell(&table, "%" PRIu64, image->count);
	table_cell(&table, "%s", "");
	table_cell(&table, "%" PRIu64, frames);
	return table_end(&table);
}

bool image_print_text(const struct images *images, const struct image *image,
                      enum image_moment moment, FILE *to)
{
	if (moment == IMAGE_MAPPED) {
		if (image != images->list)
			fputc('\n', to);
		print_head(images, image, to);
	} else {
		fprintf(to, "\nafter process 1 has written to the page at 0x%" PRIx64 "\n",
		        image->data * IMAGE_PAGE);
	}
	return print_rows(images, image, to);
}
