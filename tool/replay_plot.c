/* SPDX-License-Identifier: MIT
 *
 * Page-ins over RAM as curves: a script for gnuplot.
 */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gnuplot.h"

#define MB 1048576.0
#define LOG_SPAN 30 /* the largest value to the smallest that is not 0: more is drawn to a log scale */

/* Where 0 is drawn on a log scale, which has none; 0 on a linear one. */
struct scale {
	bool log;
	double zero;
};

struct bounds {
	uint64_t least, most; /* values that are not 0 */
	bool zero;
};

static void widen(struct bounds *bounds, uint64_t value)
{
	if (!value) {
		bounds->zero = true;
		return;
	}
	if (!bounds->least || value < bounds->least)
		bounds->least = value;
	if (value > bounds->most)
		bounds->most = value;
}

static struct bounds find_bounds(const struct replay_plan *plan, const struct replay_run *runs)
{
	struct bounds bounds = {0};
	for (const struct replay_run *run = runs; run < runs + plan->machines; run++) {
		widen(&bounds, run->machine.hard);
		widen(&bounds, run->machine.page_ins);
		widen(&bounds, run->lru_page_ins);
		widen(&bounds, run->opt_page_ins);
	}
	return bounds;
}

/* A log scale ends at a power of 10 below all values; 0 is a step below that. */
static struct scale choose_scale(struct bounds bounds)
{
	double floor = 1;
	if (bounds.most <= bounds.least * LOG_SPAN)
		return (struct scale){0};
	while (floor * 10 <= (double)bounds.least)
		floor *= 10;
	return (struct scale){true, floor / 2};
}

static void write_scale(struct scale scale, struct bounds bounds, FILE *to)
{
	fputs("set xlabel 'RAM of the machine (MB)'\nset format x '%g'\n", to);
	if (!scale.log) {
		fputs("set ylabel 'page-ins (pages), hard faults'\nset format y '%.0f'\n", to);
		fputs(bounds.most ? "set yrange [0:*]\n" : "set yrange [0:1]\n", to);
		return;
	}
	fputs("set ylabel 'page-ins (pages), hard faults; log scale'\nset logscale y\nset format y '%.0s%c'\n", to);
	if (bounds.zero)
		fprintf(to, "set yrange [%g:*]\nset ytics add ('0' %g)\n", scale.zero, scale.zero);
	else
		fprintf(to, "set yrange [%g:*]\n", scale.zero * 2);
}

/* RAM up to less than eight times as much is drawn as it is, more to a log scale of base 2. */
static void write_ram(const struct replay_plan *plan, FILE *to)
{
	uint64_t least = plan->plans[0].ram_bytes, most = least;
	for (size_t i = 1; i < plan->machines; i++) {
		uint64_t ram_bytes = plan->plans[i].ram_bytes;
		least = ram_bytes < least ? ram_bytes : least;
		most = ram_bytes > most ? ram_bytes : most;
	}
	if (most / least >= 8)
		fputs("set logscale x 2\n", to);
	double margin = most == least ? (double)least / 4 : 0;
	fprintf(to, "set xrange [%g:%g]\n", ((double)least - margin) / MB, ((double)most + margin) / MB);
}

static void write_title(const struct replay_plan *plan, FILE *to)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return;
	for (size_t i = 0; i < plan->traces_count && i < 8; i++) {
		const char *name = plan->traces[i].name, *slash = strrchr(name, '/');
		fprintf(stream, "%s%s", i ? ", " : "", slash ? slash + 1 : name);
	}
	if (plan->traces_count > 8)
		fprintf(stream, " and %zu more", plan->traces_count - 8);
	if (fclose(stream) == 0) {
		fputs("set title ", to);
		gnuplot_quote(to, text);
		fputc('\n', to);
	}
	free(text);
}

static double drawn(struct scale scale, uint64_t value)
{
	return value ? (double)value : scale.zero;
}

/* RAM, hard faults, page-ins, LRU, optimum; sorted by gnuplot. Whether there is any such machine. */
static bool write_data(const struct replay_plan *plan, const struct replay_run *runs, bool clusters,
                       struct scale scale, FILE *to)
{
	size_t rows = 0;
	fprintf(to, "$%s << EOD\n", clusters ? "clusters" : "alone");
	for (const struct replay_run *run = runs; run < runs + plan->machines; run++) {
		if (run->plan.clusters != clusters)
			continue;
		rows++;
		fprintf(to, "%.17g %.17g %.17g %.17g %.17g\n", (double)run->plan.ram_bytes / MB,
		        drawn(scale, run->machine.hard), drawn(scale, run->machine.page_ins),
		        drawn(scale, run->lru_page_ins), drawn(scale, run->opt_page_ins));
	}
	fputs("EOD\n", to);
	return rows;
}

/* Those that may hide others come first. */
static void write_curves(bool clusters, FILE *to)
{
	fputs("plot $alone using 1:5 smooth unique with lines lw 2 dt 2 lc '#888888' title 'optimum', \\\n"
	      "$alone using 1:4 smooth unique with lines lw 2 lc '#000000' title 'exact LRU', \\\n",
	      to);
	if (clusters)
		fputs("$clusters using 1:3 smooth unique with linespoints lw 3 pt 5 ps 0.8 lc '#E69F00' "
		      "title 'page-ins, clusters on', \\\n"
		      "$clusters using 1:2 smooth unique with linespoints lw 3 pt 9 ps 1.2 lc '#009E73' "
		      "title 'hard faults, clusters on', \\\n",
		      to);
	fputs("$alone using 1:3 smooth unique with linespoints lw 1.5 pt 7 ps 0.6 lc '#0072B2' "
	      "title 'page-ins, clusters off'\n",
	      to);
}

static void write_script(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	struct bounds bounds = find_bounds(plan, runs);
	struct scale scale = choose_scale(bounds);
	fputs("set encoding utf8\nset border 3\nset tics nomirror out\nset grid lc '#dddddd' lt 1\n"
	      "set key top right Left reverse opaque noinvert\n",
	      to);
	write_title(plan, to);
	write_ram(plan, to);
	write_scale(scale, bounds, to);
	bool clusters = write_data(plan, runs, true, scale, to);
	write_data(plan, runs, false, scale, to);
	write_curves(clusters, to);
}

bool replay_plot(const struct replay_plan *plan, const struct replay_run *runs, const char *path,
                 struct failure *failure)
{
	FILE *script = tmpfile();
	if (!script)
		return fail_with(failure, EXIT_FAILED, "temporary file: %s", strerror(errno));
	write_script(plan, runs, script);
	bool drawn = ferror(script) ? fail_with(failure, EXIT_FAILED, "temporary file: %s", strerror(errno))
	                            : gnuplot_draw(script, path, failure);
	fclose(script);
	return drawn;
}
