/* SPDX-License-Identifier: MIT
 *
 * Images as one JSON object.
 */
#include "image.h"

#include <jansson.h>
#include <stdlib.h>

#include "map.h"

struct image_json {
	json_t *whole, *images, *last;
};

static json_t *count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

struct image_json *image_json_begin(const struct images *images)
{
	struct image_json *json = calloc(1, sizeof *json);
	if (!json)
		return NULL;
	json->images = json_array();
	json->whole = json_pack("{s:s, s:o, s:o, s:O}", "ntmm", NTMM_VERSION, "ram_bytes",
	                        count(images->ram_bytes), "processes", count(images->processes),
	                        "images", json->images);
	if (json->whole)
		return json;
	json_decref(json->images);
	free(json);
	return NULL;
}

static json_t *bases_array(const struct images *images, const struct image *image)
{
	json_t *array = json_array();
	for (unsigned n = 0; n < images->processes; n++)
		json_array_append_new(array, json_sprintf("0x%jx", (uintmax_t)image->base[n]));
	return array;
}

/* The number of a frame for each process; null where it has none. */
static json_t *page_object(const struct images *images, const struct image *image, uint64_t page)
{
	const struct image_page *p = &image->pages[page];
	json_t *frames = json_array();
	for (unsigned n = 0; n < images->processes; n++)
		json_array_append_new(frames, p->frame[n] == NO_FRAME ? json_null() : count(p->frame[n]));
	return json_pack("{s:o, s:s, s:s, s:o}", "offset", count(page * IMAGE_PAGE), "state",
	                 map_state_name(p->state), "protection", map_protection(p->protect).text, "frames",
	                 frames);
}

static json_t *pages_array(const struct images *images, const struct image *image)
{
	json_t *array = json_array();
	for (uint64_t page = 0; page < image->count; page++) {
		if (json_array_append_new(array, page_object(images, image, page))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static bool add_image(struct image_json *json, const struct images *images, const struct image *image)
{
	json_t *name = json_string(image->path); /* NULL: the name is not UTF-8 */
	json->last = json_pack("{s:o, s:o, s:o}", "file", name ? name : json_null(), "bases",
	                       bases_array(images, image), "before", pages_array(images, image));
	return json->last && !json_array_append_new(json->images, json->last);
}

bool image_json_add(struct image_json *json, const struct images *images,
                    const struct image *image, enum image_moment moment)
{
	if (moment == IMAGE_MAPPED)
		return add_image(json, images, image);
	return !json_object_set_new(json->last, "written_offset", count(image->data * IMAGE_PAGE)) &&
	       !json_object_set_new(json->last, "after", pages_array(images, image));
}

bool image_json_end(struct image_json *json, FILE *to)
{
	bool printed = to && json_dumpf(json->whole, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF;
	json_decref(json->images);
	json_decref(json->whole);
	free(json);
	return printed;
}
