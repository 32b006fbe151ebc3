/* SPDX-License-Identifier: MIT
 *
 * The results of a replay as tables: a row for each process, a row for each machine, and a row for each
 * machine beside other policies.
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

/* ---- the tables ------------------------------------------------------------------------------- */

static const char *short_name(const struct trace_file *file)
{
	const char *slash = strrchr(file->name, '/');
	return slash ? slash + 1 : file->name;
}

/* What tells machines apart: their RAM, and with comparisons whether they have clusters. */
static void add_machine_columns(struct table *table, const struct replay_plan *plan)
{
	table_column(table, "RAM", TABLE_RIGHT);
	if (plan->compare)
		table_column(table, "CLUSTERS", TABLE_LEFT);
}

static void add_machine(struct table *table, const struct replay_plan *plan, const struct replay_run *run)
{
	table_row(table);
	table_cell(table, "%s", size_text(run->plan.ram_bytes).text);
	if (plan->compare)
		table_cell(table, "%s", run->plan.clusters ? "on" : "off");
}

static bool print_processes(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	add_machine_columns(&table, plan);
	table_column(&table, "PROCESS", TABLE_LEFT);
	add_counts_columns(&table);
	for (size_t run = 0; run < plan->machines; run++) {
		for (size_t i = 0; i < plan->traces_count; i++) {
			add_machine(&table, plan, &runs[run]);
			table_cell(&table, "%s", short_name(&plan->traces[i]));
			add_counts(&table, &runs[run].processes[i]);
		}
	}
	return table_end(&table);
}

static bool print_machines(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	add_machine_columns(&table, plan);
	add_counts_columns(&table);
	table_column(&table, "LIMIT", TABLE_RIGHT);
	table_column(&table, "SLOTS", TABLE_RIGHT);
	table_column(&table, "NS/REF", TABLE_RIGHT);
	for (size_t run = 0; run < plan->machines; run++) {
		const struct replay_counts *counts = &runs[run].machine;
		add_machine(&table, plan, &runs[run]);
		add_counts(&table, counts);
		table_cell(&table, "%" PRIu64, runs[run].commit_limit);
		table_cell(&table, "%" PRIu64, runs[run].slots_used);
		table_cell(&table, "%.1f", runs[run].seconds * 1e9 / (double)replay_count_references(counts));
	}
	return table_end(&table);
}

static const char *const compared_headers[] = {"FRAMES", "HARD", "PAGE-INS", "LRU", "OPT", "HARD/LRU", "IN/LRU"};

static void add_ratio(struct table *table, uint64_t of, uint64_t by)
{
	if (by)
		table_cell(table, "%.2f", (double)of / (double)by);
	else
		table_cell(table, "-");
}

static bool print_compared(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct table table = table_begin(to);
	add_machine_columns(&table, plan);
	for (size_t i = 0; i < sizeof compared_headers / sizeof *compared_headers; i++)
		table_column(&table, compared_headers[i], TABLE_RIGHT);
	for (const struct replay_run *run = runs; run < runs + plan->machines; run++) {
		add_machine(&table, plan, run);
		table_cell(&table, "%" PRIu64, run->data_frames);
		table_cell(&table, "%" PRIu64, run->machine.hard);
		table_cell(&table, "%" PRIu64, run->machine.page_ins);
		table_cell(&table, "%" PRIu64, run->lru_page_ins);
		table_cell(&table, "%" PRIu64, run->opt_page_ins);
		add_ratio(&table, run->machine.hard, run->lru_page_ins);
		add_ratio(&table, run->machine.page_ins, run->lru_page_ins);
	}
	return table_end(&table);
}

bool replay_print_text(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	fprintf(to, "layout %s, paging file %s; PEAK-WS, COMMIT, LIMIT and SLOTS in pages of 4 KB\n\n",
	        ntmm_layout_name(plan->layout), paging_files_text(&plan->paging_files).text);
	if (!print_processes(plan, runs, to))
		return false;
	fputs("\nmachines, all processes together:\n\n", to);
	if (!print_machines(plan, runs, to))
		return false;
	if (plan->compare) {
		fputs("\nbeside exact LRU and the optimum with as many frames for data:\n\n", to);
		if (!print_compared(plan, runs, to))
			return false;
	}
	if (plan->verify)
		fputs("\nverified: every load and all memory at the end are as stored\n", to);
	return true;
}
