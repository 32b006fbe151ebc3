/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- table ----------------------------------------------------------------------------------- */

enum column {
	ROW,
	OPERATION,
	NTMM,
	REFERENCE,
	AGAINST,
	RATIO,
	GOAL,
	RESULT,
	COLUMNS
};

static const struct {
	const char *header;
	int flags;
} columns[COLUMNS] = {
	[ROW] = {"ROW", 0},
	[OPERATION] = {"OPERATION", 0},
	[NTMM] = {"NTMM", SCOLS_FL_RIGHT},
	[REFERENCE] = {"REFERENCE", SCOLS_FL_RIGHT},
	[AGAINST] = {"OF", 0},
	[RATIO] = {"RATIO", SCOLS_FL_RIGHT},
	[GOAL] = {"TARGET", SCOLS_FL_RIGHT},
	[RESULT] = {"RESULT", 0},
};

struct text {
	char bytes[64];
};

static struct text time_text(double ns)
{
	struct text text;
	const char *units[] = {"ns", "us", "ms", "s"};
	unsigned unit = 0;
	for (; ns >= 10000 && unit < 3; unit++)
		ns /= 1000;
	snprintf(text.bytes, sizeof text.bytes, ns < 100 ? "%.2f %s" : "%.0f %s", ns, units[unit]);
	return text;
}

static struct text value_text(const struct row *row, double value)
{
	struct text text;
	if (!row->unit)
		return time_text(value);
	snprintf(text.bytes, sizeof text.bytes, "%.1f %s", value, row->unit);
	return text;
}

static struct text target_text(const struct row *row)
{
	struct text text;
	struct target target = row->target;
	if (target.kind == TARGET_NONE)
		text.bytes[0] = 0;
	else if (target.kind == TARGET_TIME)
		snprintf(text.bytes, sizeof text.bytes, "<= %.40s", value_text(row, target.value).bytes);
	else if (target.kind == TARGET_RATE)
		snprintf(text.bytes, sizeof text.bytes, "<= %.2f x", 1 / target.value);
	else
		snprintf(text.bytes, sizeof text.bytes, "<= %.2f x", target.value);
	return text;
}

static struct text ratio_text(double ratio)
{
	struct text text;
	snprintf(text.bytes, sizeof text.bytes, ratio < 0.1 ? "%.3f x" : "%.2f x", ratio);
	return text;
}

static void put(struct libscols_line *line, enum column column, const char *text)
{
	must(!scols_line_set_data(line, column, text), "scols_line_set_data");
}

static const char *verdict(const struct result *result)
{
	if (result->row->target.kind == TARGET_NONE)
		return NULL;
	return result_is_met(result) ? "met" : "missed";
}

static void put_measured(struct libscols_line *line, const struct result *result)
{
	put(line, NTMM, value_text(result->row, result->ours.median).bytes);
	put(line, RESULT, verdict(result));
	if (!result_has_reference(result))
		return;
	put(line, REFERENCE, value_text(result->row, result->theirs.median).bytes);
	put(line, AGAINST, result->row->against);
	put(line, RATIO, ratio_text(result->ratio).bytes);
}

static void put_row(struct libscols_table *table, const struct result *result)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	must(line != NULL, "scols_table_new_line");
	put(line, ROW, result->row->name);
	put(line, OPERATION, result->row->operation);
	put(line, GOAL, target_text(result->row).bytes);
	if (result->skipped)
		put(line, RESULT, "skipped");
	else
		put_measured(line, result);
}

void report_table(const struct result *results, size_t count)
{
	struct libscols_table *table = scols_new_table();
	must(table != NULL, "scols_new_table");
	for (unsigned i = 0; i < COLUMNS; i++)
		must(scols_table_new_column(table, columns[i].header, 0, columns[i].flags) != NULL,
		     "scols_table_new_column");
	for (size_t i = 0; i < count; i++)
		put_row(table, &results[i]);
	must(!scols_print_table(table), "scols_print_table");
	scols_unref_table(table);
	for (size_t i = 0; i < count; i++)
		if (results[i].skipped)
			printf("%s skipped: %s\n", results[i].row->name, results[i].skipped);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *side_json(const struct row *row, const struct side *side, unsigned count)
{
	json_t *samples = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(samples, json_real(side->samples[i]));
	if (row->unit)
		return json_pack("{s:s, s:f, s:o}", "unit", row->unit, "median", side->median, "samples",
		                 samples);
	return json_pack("{s:f, s:o}", "median_ns", side->median, "samples_ns", samples);
}

static json_t *target_json(struct target target)
{
	static const char *const kinds[] = {[TARGET_RATIO] = "ratio_at_most",
	                                    [TARGET_RATE] = "rate_at_least",
	                                    [TARGET_TIME] = "ns_at_most"};
	return target.kind == TARGET_NONE ? json_null()
	                                  : json_pack("{s:f}", kinds[target.kind], target.value);
}

static json_t *result_json(const struct result *result)
{
	const struct row *row = result->row;
	json_t *object = json_pack("{s:s, s:s, s:o}", "name", row->name, "operation",
	                           row->operation, "target", target_json(row->target));
	if (result->skipped) {
		json_object_set_new(object, "skipped", json_string(result->skipped));
		return object;
	}
	json_object_set_new(object, "ntmm", side_json(row, &result->ours, result->count));
	if (result_has_reference(result)) {
		json_t *reference = side_json(row, &result->theirs, result->count);
		json_object_set_new(reference, "operation", json_string(row->against));
		json_object_set_new(object, "reference", reference);
		json_object_set_new(object, "ratio", json_real(result->ratio));
	}
	if (row->target.kind != TARGET_NONE)
		json_object_set_new(object, "met", json_boolean(result_is_met(result)));
	return object;
}

static json_t *host_json(void)
{
	struct utsname name;
	must(!uname(&name), "uname");
	return json_pack("{s:s, s:s, s:s, s:I}", "system", name.sysname, "release", name.release,
	                 "machine", name.machine, "processors",
	                 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
}

void report_json(const struct bench *bench, const struct result *results, size_t count,
                 const char *path)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, result_json(&results[i]));
	json_t *whole = json_pack("{s:s, s:o, s:i, s:b, s:o}", "ntmm", BENCH_VERSION, "host",
	                          host_json(), "repetitions", (int)bench->repetitions, "quick",
	                          bench->quick, "rows", rows);
	must(whole != NULL, "json_pack");
	if (json_dump_file(whole, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		die("%s: cannot be written", path);
	json_decref(whole);
}
