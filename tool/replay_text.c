/* SPDX-License-Identifier: MIT
 *
 * The results of a replay as two tables: a row for each process, and a row for each machine.
 */
#include "replay.h"

#include <inttypes.h>
#include <string.h>

#include "sizes.h"
#include "table.h"

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

static void add_counts_columns(struct table *table)
{
	for (int column = 0; column < COUNTS_COLUMNS; column++)
		table_column(table, counts_headers[column], TABLE_RIGHT);
}

static void add_counts(struct table *table, const struct replay_counts *counts)
{
	for (int column = 0; column < COUNTS_COLUMNS; column++)
		table_cell(table, "%" PRIu64, counts_cell(counts, (enum counts_column)column));
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
	table_column(&table, "RAM", TABLE_RIGHT);
	table_column(&table, "PROCESS", TABLE_LEFT);
	add_counts_columns(&table);
	for (size_t run = 0; run < plan->machines; run++) {
		for (size_t i = 0; i < plan->traces_count; i++) {
			table_row(&table);
			table_cell(&table, "%s", size_text(runs[run].ram_bytes).text);
			table_cell(&table, "%s", short_name(&plan->traces[i]));
			add_counts(&table, &runs[run].processes[i]);
		}
	}
	return table_end(&table);
}

static void add_compared_columns(struct table *table)
{
	table_column(table, "FRAMES", TABLE_RIGHT);
	table_column(table, "LRU", TABLE_RIGHT);
	table_column(table, "OPT", TABLE_RIGHT);
	table_column(table, "IN/LRU", TABLE_RIGHT);
}

static void add_compared(struct table *table, const struct replay_run *run)
{
	table_cell(table, "%" PRIu64, run->data_frames);
	table_cell(table, "%" PRIu64, run->lru_page_ins);
	table_cell(table, "%" PRIu64, run->opt_page_ins);
	if (run->lru_page_ins)
		table_cell(table, "%.2f", (double)run->machine.page_ins / (double)run->lru_page_ins);
	else
		table_cell(table, "-");
}

static bool print_machines(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	table_column(&table, "RAM", TABLE_RIGHT);
	add_counts_columns(&table);
	table_column(&table, "LIMIT", TABLE_RIGHT);
	table_column(&table, "SLOTS", TABLE_RIGHT);
	table_column(&table, "NS/REF", TABLE_RIGHT);
	if (plan->compare)
		add_compared_columns(&table);
	for (size_t run = 0; run < plan->machines; run++) {
		const struct replay_counts *counts = &runs[run].machine;
		table_row(&table);
		table_cell(&table, "%s", size_text(runs[run].ram_bytes).text);
		add_counts(&table, counts);
		table_cell(&table, "%" PRIu64, runs[run].commit_limit);
		table_cell(&table, "%" PRIu64, runs[run].slots_used);
		table_cell(&table, "%.1f", runs[run].seconds * 1e9 / (double)replay_count_references(counts));
		if (plan->compare)
			add_compared(&table, &runs[run]);
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
