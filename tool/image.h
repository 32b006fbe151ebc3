/* SPDX-License-Identifier: MIT
 *
 * ntmm image: PE files in several processes, and which frames of theirs are the same.
 *
 * Processes are numbered from 0 here, from 1 where they are printed. Units: pages, from the image's
 * first; bytes where the name says so. Threads: one.
 */
#ifndef TOOL_IMAGE_H
#define TOOL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "failure.h"

#define IMAGE_PAGE 4096
#define IMAGE_PROCESSES 16 /* at most */
#define NO_FRAME UINT64_MAX

struct image_page {
	DWORD state, protect;            /* in the first process */
	uint64_t frame[IMAGE_PROCESSES]; /* NO_FRAME: nothing there */
};

struct image {
	const char *path;
	HANDLE section;
	SECTION_IMAGE_INFORMATION info;
	uint64_t base[IMAGE_PROCESSES]; /* where it lies; 0: not mapped */
	uint64_t count;                 /* of pages */
	struct image_page *pages;
	bool has_data;
	uint64_t data; /* the first page that the first process may write */
};

struct images {
	uint64_t ram_bytes;
	unsigned processes;
	ntmm_machine *machine;
	HANDLE process[IMAGE_PROCESSES];
	ntmm_thread *thread[IMAGE_PROCESSES];
	struct image *list;
	size_t count;
};

/* Maps the files of the list, whose paths are set, into all the processes. images_end() frees what there
 * is, also after a failure. */
bool images_begin(struct images *images, struct failure *failure);
void images_end(struct images *images);

/* Every process loads from each page of the image; then the pages are looked at. */
bool image_look(struct images *images, struct image *image, struct failure *failure);
/* The first process changes one byte of its page `data`. */
bool image_write(struct images *images, struct image *image, struct failure *failure);

/* Pages in a row that are shared alike. */
struct image_row {
	uint64_t first, count, frames;
	DWORD state, protect;
	char shared[96]; /* "1+2+3", or "1 | 2+3": each bar begins another frame */
};
/* The row that begins with the page. */
struct image_row image_row_at(const struct images *images, const struct image *image, uint64_t page);

/* image_print_text() is called after each look, image_json_...() too: false: no memory. */
enum image_moment { IMAGE_MAPPED, IMAGE_WRITTEN };
bool image_print_text(const struct images *images, const struct image *image,
                      enum image_moment moment, FILE *to);

struct image_json; /* what has been looked at so far */
struct image_json *image_json_begin(const struct images *images);
bool image_json_add(struct image_json *json, const struct images *images,
                    const struct image *image, enum image_moment moment);
/* Prints it, and frees it. */
bool image_json_end(struct image_json *json, FILE *to);

#endif
