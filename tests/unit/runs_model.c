/* SPDX-License-Identifier: MIT */
#include "runs_model.h"

#include <stdlib.h>
#include <string.h>

const struct range model_whole = {MODEL_FIRST, MODEL_END};
uint64_t model_seed, model_step;

static struct cell {
	struct vad *vad;
	attr_t attr;
} cells[MODEL_END];
static uint64_t taken_before[MODEL_END + 1]; /* pages that are not free */
static uint64_t committed_before[MODEL_END + 1];
static uint64_t state;

/* splitmix64 */
uint64_t model_draw(uint64_t below)
{
	state += UINT64_C(0x9E3779B97F4A7C15);
	uint64_t z = state;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (z ^ z >> 31) % below;
}

int model_start(void **unused)
{
	const char *text = getenv("NTMM_SEED");

	(void)unused;
	model_seed = text ? strtoull(text, NULL, 0) : 1;
	model_step = 0;
	state = model_seed;
	memset(cells, 0, sizeof cells);
	complain_nothing();
	return 0;
}

struct range model_draw_range(uint64_t most_pages)
{
	uint64_t start = MODEL_FIRST + model_draw(range_pages(model_whole));

	return (struct range){start, min_u64(start + 1 + model_draw(most_pages), MODEL_END)};
}

struct vad *model_vad(uint64_t number)
{
	static char allocations[4]; /* the tree never looks inside */

	return number ? (struct vad *)&allocations[number] : NULL;
}

void model_set(struct runs *runs, struct range r, struct vad *vad, attr_t attr)
{
	runs_set(runs, r, vad, attr);
	for (uint64_t page = r.start; page < r.end; page++)
		cells[page] = (struct cell){vad, attr};
}

void model_set_drawn(struct runs *runs, struct range r)
{
	struct vad *vad = model_vad(model_draw(4));
	bool is_committed = vad && model_draw(2);

	model_set(runs, r, vad,
	          is_committed ? ATTR_COMMITTED | (1 + model_draw(2)) : ATTR_RESERVED);
	if (model_draw(2))
		runs_seek(runs, MODEL_FIRST + model_draw(range_pages(model_whole)));
}

void model_fragment(struct runs *runs)
{
	for (uint64_t page = MODEL_FIRST; page < MODEL_END; page += 1 + model_draw(2)) {
		REQUIRE(runs_prepare(runs, 1));
		model_set(runs, (struct range){page, page + 1}, model_vad(1 + page % 3),
		          ATTR_COMMITTED | PROT_READWRITE);
	}
}

static bool has_run(struct run run)
{
	for (uint64_t page = run.start; page < run.end; page++)
		if (cells[page].vad != run.vad || cells[page].attr != run.attr)
			return false;
	return true;
}

static void compare_pages(const struct runs *runs)
{
	uint64_t count = 0;

	for (uint64_t page = MODEL_FIRST; page < MODEL_END; count++) {
		struct run run = runs_at(runs, page);
		REQUIRE(run.start == page && run.end > page && run.end <= MODEL_END);
		REQUIRE(has_run(run));
		uint64_t inside = page + model_draw(run.end - page);
		REQUIRE(runs_at(runs, inside).start == page &&
		        runs_at(runs, inside).end == run.end);
		page = run.end;
	}
	REQUIRE(count == runs->count);
}

static void sum_up(void)
{
	for (uint64_t page = MODEL_FIRST; page < MODEL_END; page++) {
		taken_before[page + 1] = taken_before[page] + (cells[page].vad != NULL);
		committed_before[page + 1] =
			committed_before[page] + attr_is_committed(cells[page].attr);
	}
}

static void compare_committed(const struct runs *runs)
{
	struct range r = model_draw_range(range_pages(model_whole));

	REQUIRE(runs_committed(runs, r) == committed_before[r.end] - committed_before[r.start]);
	REQUIRE(runs_committed(runs, model_whole) == committed_before[MODEL_END]);
}

static bool is_committed(uint64_t page)
{
	return attr_is_committed(cells[page].attr);
}

static void compare_committed_run(const struct runs *runs, uint64_t page)
{
	struct range found;
	uint64_t low = page, high = page;

	while (low < MODEL_END && !is_committed(low))
		low++;
	while (high > MODEL_FIRST && !is_committed(high))
		high--;
	REQUIRE(runs_committed_from(runs, page, &found) == (low < MODEL_END));
	if (low < MODEL_END)
		REQUIRE(found.start == runs_at(runs, low).start &&
		        found.end == runs_at(runs, low).end);
	REQUIRE(runs_committed_back(runs, page, &found) == is_committed(high));
	if (is_committed(high))
		REQUIRE(found.start == runs_at(runs, high).start &&
		        found.end == runs_at(runs, high).end);
}

static bool is_place(uint64_t start, struct range bounds, uint64_t pages)
{
	return start >= max_u64(bounds.start, MODEL_FIRST) &&
	       start + pages <= min_u64(bounds.end, MODEL_END) &&
	       taken_before[start] == taken_before[start + pages];
}

static bool find_place(struct range bounds, uint64_t pages, uint64_t align, bool low,
                       uint64_t *start)
{
	uint64_t last = MODEL_END / align;

	for (uint64_t i = 0; i <= last; i++) {
		uint64_t page = (low ? i : last - i) * align;
		if (is_place(page, bounds, pages)) {
			*start = page;
			return true;
		}
	}
	return false;
}

static void compare_place(const struct runs *runs, struct range bounds, uint64_t pages,
                          uint64_t align)
{
	uint64_t place = 7, expected = 7; /* both stay where there is none */
	bool is_there = find_place(bounds, pages, align, true, &expected);

	REQUIRE(runs_find_low(runs, bounds, pages, align, &place) == is_there);
	REQUIRE(place == expected);
	is_there = find_place(bounds, pages, align, false, &expected);
	REQUIRE(runs_find_high(runs, bounds, pages, align, &place) == is_there);
	REQUIRE(place == expected);
}

void model_compare(const struct runs *runs)
{
	static const uint64_t aligns[] = {16, 16, 32, 48, 256, 1024};
	struct range bounds = model_draw_range(range_pages(model_whole));

	if (!model_draw(4))
		bounds = (struct range){0, UINT64_MAX};
	REQUIRE(runs_check(runs));
	compare_pages(runs);
	sum_up();
	compare_committed(runs);
	compare_committed_run(runs, MODEL_FIRST + model_draw(range_pages(model_whole)));
	compare_place(runs, bounds, 1 + model_draw(40), aligns[model_draw(6)]);
	compare_place(runs, bounds, 1 + model_draw(range_pages(model_whole)), 16);
}
