/* SPDX-License-Identifier: MIT */
#include "support/schedule.h"

#include <stdbool.h>

static uint64_t draw(const struct schedule *schedule, const ntmm_transfer *transfer)
{
	uint64_t z = schedule->seed + transfer->number * UINT64_C(0x9E3779B97F4A7C15) +
	             ((uint64_t)transfer->kind << 32) + transfer->file;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static bool fits(const struct schedule_rule *rule, const ntmm_transfer *transfer, uint64_t chance)
{
	uint64_t last = rule->last ? rule->last : rule->first;
	bool has_page = rule->page >= transfer->page &&
	                rule->page < transfer->page + transfer->pages;
	return rule->kinds >> transfer->kind & 1 && transfer->number >= rule->first &&
	       transfer->number <= last && (!rule->page || has_page) &&
	       (!rule->percent || chance % 100 < rule->percent);
}

void schedule_judge(void *context, ntmm_transfer *transfer)
{
	struct schedule *schedule = context;
	uint64_t chance = draw(schedule, transfer);
	schedule->met[transfer->kind]++;
	for (int i = 0; i < SCHEDULE_RULES; i++) {
		const struct schedule_rule *rule = &schedule->rules[i];
		if (!fits(rule, transfer, chance))
			continue;
		transfer->error = rule->error;
		transfer->done = rule->done;
		transfer->delay = schedule->seed && rule->delay
		                          ? (uint32_t)(chance >> 32) % rule->delay
		                          : rule->delay;
		schedule->failed[transfer->kind] += rule->error != 0;
		return;
	}
}
