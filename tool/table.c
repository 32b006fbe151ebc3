/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>

struct table table_begin(FILE *to)
{
	struct table table = {.rows = scols_new_table()};
	table.failed = !table.rows || scols_table_set_stream(table.rows, to);
	return table;
}

void table_column(struct table *table, const char *header, enum table_align align)
{
	int flags = align == TABLE_RIGHT ? SCOLS_FL_RIGHT : 0;
	table->failed = table->failed || !scols_table_new_column(table->rows, header, 0, flags);
}

void table_row(struct table *table)
{
	table->row = table->failed ? NULL : scols_table_new_line(table->rows, NULL);
	table->failed = !table->row;
	table->column = 0;
}

void table_cell(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list values;
	va_start(values, format);
	if (vasprintf(&text, format, values) < 0)
		text = NULL;
	va_end(values);
	if (!table->failed && text && scols_line_refer_data(table->row, table->column++, text) == 0)
		return;
	table->failed = true;
	free(text);
}

bool table_end(struct table *table)
{
	bool printed = !table->failed && scols_print_table(table->rows) == 0;
	scols_unref_table(table->rows);
	return printed;
}
