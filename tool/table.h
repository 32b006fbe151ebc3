/* SPDX-License-Identifier: MIT
 *
 * A table of text: columns, then rows, then cells from left to right.
 *
 * Errors: after the first thing that fails nothing more is done, and table_end() says so.
 */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table {
	struct libscols_table *rows;
	struct libscols_line *row;
	size_t column;
	bool failed;
};

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table table_begin(FILE *to);
void table_column(struct table *table, const char *header, enum table_align align);
void table_row(struct table *table);

__attribute__((format(printf, 2, 3)))
void table_cell(struct table *table, const char *format, ...);

/* Prints it, and frees it. False: something has failed. */
bool table_end(struct table *table);

#endif
