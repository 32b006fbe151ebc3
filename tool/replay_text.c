/* SPDX-License-Identifier: MIT
 *
 * The results of a replay as two tables: a row for each process, and a row for each machine.
 */
#include "replay.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"

enum counts_column {
	REFERENCES,
	PAGES,
	DEMAND_ZERO,
	SOFT,
	HARD,
	PAGE_INS,
	PAGE_OUTS,
	PEAK,
	COMMIT,
	COUNTS_COLUMNS
};

static const char *const counts_headers[COUNTS_COLUMNS] = {
	[REFERENCES] = "REFERENCES", [PAGES] = "PAGES",       [DEMAND_ZERO] = "DEMAND-ZERO",
	[SOFT] = "SOFT",             [HARD] = "HARD",         [PAGE_INS] = "PAGE-INS",
	[PAGE_OUTS] = "PAGE-OUTS",   [PEAK] = "PEAK-WS",      [COMMIT] = "COMMIT",
};

static uint64_t counts_cell(const struct replay_counts *counts, enum counts_column column)
{
	switch (column) {
	case REFERENCES: return replay_count_references(counts);
	case PAGES: return counts->pages;
	case DEMAND_ZERO: return counts->demand_zero;
	case SOFT: return counts->soft;
	case HARD: return counts->hard;
	case PAGE_INS: return counts->page_ins;
	case PAGE_OUTS: return counts->page_outs;
	case PEAK: return counts->working_set_peak;
	default: return counts->commit;
	}
}

/* ---- a table: after the first thing that fails, nothing more is done --------------------------- */

struct table {
	struct libscols_table *rows;
	struct libscols_line *row;
	size_t column;
	bool failed;
};

static struct table table_begin(FILE *to)
{
	struct table table = {.rows = scols_new_table()};
	table.failed = !table.rows || scols_table_set_stream(table.rows, to);
	return table;
}

static void add_column(struct table *table, const char *header, int flags)
{
	table->failed = table->failed || !scols_table_new_column(table->rows, header, 0, flags);
}

static void add_counts_columns(struct table *table)
{
	for (int column = 0; column < COUNTS_COLUMNS; column++)
		add_column(table, counts_headers[column], SCOLS_FL_RIGHT);
}

static void add_row(struct table *table)
{
	table->row = table->failed ? NULL : scols_table_new_line(table->rows, NULL);
	table->failed = !table->row;
	table->column = 0;
}

__attribute__((format(printf, 2, 3)))
static void add_cell(struct table *table, const char *format, ...)
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

static void add_counts(struct table *table, const struct replay_counts *counts)
{
	for (int column = 0; column < COUNTS_COLUMNS; column++)
		add_cell(table, "%" PRIu64, counts_cell(counts, (enum counts_column)column));
}

static bool table_end(struct table *table)
{
	bool printed = !table->failed && scols_print_table(table->rows) == 0;
	scols_unref_table(table->rows);
	return printed;
}

/* ---- the two tables -------------------------------------------------------------------------- */

static const char *short_name(const struct trace_file *file)
{
	const char *slash = strrchr(file->name, '/');
	return slash ? slash + 1 : file->name;
}

static bool print_processes(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	add_column(&table, "RAM", SCOLS_FL_RIGHT);
	add_column(&table, "PROCESS", 0);
	add_counts_columns(&table);
	for (size_t run = 0; run < plan->machines; run++) {
		for (size_t i = 0; i < plan->traces_count; i++) {
			add_row(&table);
			add_cell(&table, "%s", size_text(runs[run].ram_bytes).text);
			add_cell(&table, "%s", short_name(&plan->traces[i]));
			add_counts(&table, &runs[run].processes[i]);
		}
	}
	return table_end(&table);
}

static bool print_machines(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	add_column(&table, "RAM", SCOLS_FL_RIGHT);
	add_counts_columns(&table);
	add_column(&table, "LIMIT", SCOLS_FL_RIGHT);
	add_column(&table, "SLOTS", SCOLS_FL_RIGHT);
	add_column(&table, "NS/REF", SCOLS_FL_RIGHT);
	for (size_t run = 0; run < plan->machines; run++) {
		const struct replay_counts *counts = &runs[run].machine;
		add_row(&table);
		add_cell(&table, "%s", size_text(runs[run].ram_bytes).text);
		add_counts(&table, counts);
		add_cell(&table, "%" PRIu64, runs[run].commit_limit);
		add_cell(&table, "%" PRIu64, runs[run].slots_used);
		add_cell(&table, "%.1f", runs[run].seconds * 1e9 / (double)replay_count_references(counts));
	}
	return table_end(&table);
}

bool replay_print_text(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	fprintf(to, "layout %s, paging file %s; PEAK-WS, COMMIT, LIMIT and SLOTS in pages of 4 KB\n\n",
	        ntmm_layout_name(plan->layout), size_text(plan->paging_file_bytes).text);
	if (!print_processes(plan, runs, to))
		return false;
	fputs("\nmachines, all processes together:\n\n", to);
	if (!print_machines(plan, runs, to))
		return false;
	if (plan->verify)
		fputs("\nverified: every load and all memory at the end are as stored\n", to);
	return true;
}
