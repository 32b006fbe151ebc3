/* SPDX-License-Identifier: MIT
 *
 * ntmm image: the command line, and what is shown when.
 */
#include "image.h"

#include <argp.h>
#include <stdlib.h>

#include "machines.h"
#include "sizes.h"

struct options {
	struct images images;
	bool json;
};

/* ---- arguments ------------------------------------------------------------------------------- */

enum { OPTION_JSON = 0x100 };

static const struct argp_option options[] = {
	{"processes", 'n', "N", 0, "map them into so many processes, 1 to 16 (2)", 0},
	{"ram", 'r', "SIZE", 0, "RAM of the machine (" DEFAULT_RAM ")", 0},
	{"json", OPTION_JSON, NULL, 0, "print one JSON object instead of tables", 0},
	{0},
};

static unsigned parse_processes(const char *text, struct argp_state *state)
{
	char *rest;
	unsigned long number = strtoul(text, &rest, 10);
	if (*rest || !number || number > IMAGE_PROCESSES)
		argp_error(state, "--processes: '%s' is not a number from 1 to %d", text,
		           IMAGE_PROCESSES);
	return (unsigned)number;
}

static void add_path(struct images *images, const char *path, struct argp_state *state)
{
	struct image *list = realloc(images->list, (images->count + 1) * sizeof *list);
	if (!list)
		argp_failure(state, EXIT_FAILED, 0, "no memory");
	list[images->count++] = (struct image){.path = path};
	images->list = list;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *chosen = state->input;
	switch (key) {
	case 'n':
		chosen->images.processes = parse_processes(argument, state);
		return 0;
	case 'r':
		if (!size_parse(argument, &chosen->images.ram_bytes) || !chosen->images.ram_bytes)
			argp_error(state, "--ram: '%s' is not a size", argument);
		return 0;
	case OPTION_JSON:
		chosen->json = true;
		return 0;
	case ARGP_KEY_ARG:
		add_path(&chosen->images, argument, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a file is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp arguments = {
	.options = options,
	.parser = parse_option,
	.args_doc = "FILE...",
	.doc = "Map PE files, programs or DLLs, into several processes of one machine, let every process "
	       "load from each of their pages, and show which processes have which pages in the same "
	       "frames; then let the first process write to a page of data, and show it again.\v"
	       "A SIZE is what 'ntmm help replay' says.\n\n"
	       "Exit status: 0 when all went well, 1 when it could not be done, 2 for wrong usage and "
	       "files that are no images.",
};

/* ---- running --------------------------------------------------------------------------------- */

static bool show(struct images *images, struct image *image, enum image_moment moment,
                 struct image_json *json, struct failure *failure)
{
	if (!image_look(images, image, failure))
		return false;
	bool shown = json ? image_json_add(json, images, image, moment)
	                  : image_print_text(images, image, moment, stdout);
	return shown || fail_no_memory(failure);
}

static bool show_all(struct options *chosen, struct image_json *json, struct failure *failure)
{
	struct images *images = &chosen->images;
	for (size_t i = 0; i < images->count; i++) {
		struct image *image = &images->list[i];
		if (!show(images, image, IMAGE_MAPPED, json, failure))
			return false;
		if (!image->has_data)
			continue;
		if (!image_write(images, image, failure) ||
		    !show(images, image, IMAGE_WRITTEN, json, failure))
			return false;
	}
	return true;
}

static void run(struct options *chosen, struct failure *failure)
{
	struct image_json *json = NULL;
	if (chosen->json && !(json = image_json_begin(&chosen->images))) {
		fail_no_memory(failure);
		return;
	}
	bool shown = images_begin(&chosen->images, failure) && show_all(chosen, json, failure);
	if (json && !image_json_end(json, shown ? stdout : NULL) && shown)
		fail_no_memory(failure);
	images_end(&chosen->images);
}

int image_main(int argc, char **argv)
{
	struct options chosen = {.images = {.processes = 2}};
	struct failure failure = {0};
	size_parse(DEFAULT_RAM, &chosen.images.ram_bytes);
	if (argp_parse(&arguments, argc, argv, 0, NULL, &chosen))
		return EXIT_WRONG;
	run(&chosen, &failure);
	free(chosen.images.list);
	return failure_say(&failure);
}
