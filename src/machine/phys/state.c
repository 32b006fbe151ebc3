/* SPDX-License-Identifier: MIT
 *
 * Lists of frames, and the one table of legal changes of state.
 */
#include "machine/phys/phys.h"

#include <stddef.h>

#include "base/check.h"

static const char *const names[FRAME_STATES] = {
	"free",    "zeroed",   "active",  "table",   "idle",
	"standby", "modified", "reading", "writing", "fixed", "modified-no-write", "bad", "physical",
	"zeroing", "large",
};

#define TO(state) (1u << FRAME_##state)

/*  1 a frame is taken: for a page, a table, a read, the system
 *  2 a page is trimmed, clean or dirty; comes back (soft fault); is dropped
 *  3 a table gains or loses its last resident entry; an idle one is trimmed like a page
 *  4 a write begins; ends well (standby), badly (modified); is not waited for by a soft fault, after
 *    which the page leaves its working set again or is dropped
 *  5 a read ends: the page is on standby until the fault that wanted it runs again
 *  6 MEM_RESET makes a modified page clean; a slot taken back makes a clean one dirty
 *  7 a held page is trimmed; comes back; is released, dirty or clean; is dropped
 *  8 a frame is bad: its page has moved to another, which was free
 *  9 AllocateUserPhysicalPages, FreeUserPhysicalPages
 * 10 a free frame is filled with zeros
 * 11 a block of frames becomes a large page
 */
static const uint16_t legal[FRAME_STATES] = {
	[FRAME_FREE] = TO(ACTIVE) | TO(TABLE) | TO(READING) | TO(FIXED) | TO(ZEROING) |
	               TO(MODIFIED) | TO(NO_WRITE) | TO(BAD) | TO(PHYSICAL) | TO(LARGE),
	[FRAME_ZEROED] = TO(ACTIVE) | TO(TABLE) | TO(READING) | TO(FIXED) | TO(MODIFIED) |
	                 TO(NO_WRITE) | TO(BAD) | TO(PHYSICAL) | TO(LARGE),
	[FRAME_ACTIVE] = TO(STANDBY) | TO(MODIFIED) | TO(NO_WRITE) | TO(FREE) | TO(WRITING),
	[FRAME_TABLE] = TO(IDLE) | TO(FREE) | TO(WRITING),
	[FRAME_IDLE] = TO(TABLE) | TO(MODIFIED) | TO(FREE) | TO(WRITING),
	[FRAME_STANDBY] = TO(ACTIVE) | TO(IDLE) | TO(FREE) | TO(MODIFIED),
	[FRAME_MODIFIED] = TO(ACTIVE) | TO(IDLE) | TO(FREE) | TO(WRITING) | TO(STANDBY),
	[FRAME_READING] = TO(STANDBY) | TO(FREE),
	[FRAME_WRITING] = TO(STANDBY) | TO(MODIFIED) | TO(NO_WRITE) | TO(FREE) | TO(ACTIVE) | TO(IDLE),
	[FRAME_FIXED] = TO(FREE),
	[FRAME_NO_WRITE] = TO(ACTIVE) | TO(MODIFIED) | TO(STANDBY) | TO(FREE),
	[FRAME_PHYSICAL] = TO(FREE),
	[FRAME_ZEROING] = TO(ZEROED),
	[FRAME_LARGE] = TO(FREE),
};

const char *frame_state_name(enum frame_state state)
{
	return state < FRAME_STATES ? names[state] : "?";
}

void frame_list_init(struct frame_list *list)
{
	*list = (struct frame_list){NO_FRAME, NO_FRAME, NO_FRAME, 0};
}

static void link_between(struct phys *phys, struct frame_list *list, frame_t frame, frame_t before,
                         frame_t after)
{
	frame_at(phys, frame)->previous = before;
	frame_at(phys, frame)->next = after;
	*(before == NO_FRAME ? &list->first : &frame_at(phys, before)->next) = frame;
	*(after == NO_FRAME ? &list->last : &frame_at(phys, after)->previous) = frame;
	list->count++;
}

void frame_list_append(struct phys *phys, struct frame_list *list, frame_t frame)
{
	link_between(phys, list, frame, list->last, NO_FRAME);
}

void frame_list_prepend(struct phys *phys, struct frame_list *list, frame_t frame)
{
	link_between(phys, list, frame, NO_FRAME, list->first);
}

void frame_list_remove(struct phys *phys, struct frame_list *list, frame_t frame)
{
	struct frame *record = frame_at(phys, frame);
	if (list->hand == frame)
		list->hand = record->next;
	*(record->previous == NO_FRAME ? &list->first : &frame_at(phys, record->previous)->next) = record->next;
	*(record->next == NO_FRAME ? &list->last : &frame_at(phys, record->next)->previous) = record->previous;
	record->next = record->previous = NO_FRAME;
	list->count--;
}

static struct frame_list *list_of(struct phys *phys, frame_t frame, enum frame_state state)
{
	switch (state) {
	case FRAME_FREE:
		return &phys->free;
	case FRAME_ZEROED:
		return &phys->zeroed;
	case FRAME_STANDBY:
		return &phys->standby[frame_at(phys, frame)->priority];
	case FRAME_MODIFIED:
		return &phys->modified;
	case FRAME_NO_WRITE:
		return &phys->no_write;
	case FRAME_BAD:
		return &phys->bad;
	default:
		return NULL;
	}
}

void frame_set_state(struct phys *phys, frame_t frame, enum frame_state state)
{
	struct frame *record = frame_at(phys, frame);
	enum frame_state old = record->state;
	CHECK(legal[old] & (1u << state));
	if (old == FRAME_STANDBY || old == FRAME_MODIFIED ||
	    old == FRAME_NO_WRITE) /* free ones left their list when taken */
		frame_list_remove(phys, list_of(phys, frame, old), frame);
	record->state = (uint8_t)state;
	phys->in_state[old]--;
	phys->in_state[state]++;
	struct frame_list *list = list_of(phys, frame, state);
	if (list)
		frame_list_append(phys, list, frame);
}

void frame_set_priority(struct phys *phys, frame_t frame, unsigned priority)
{
	struct frame *record = frame_at(phys, frame);
	bool listed = record->state == FRAME_STANDBY;
	if (listed)
		frame_list_remove(phys, &phys->standby[record->priority], frame);
	record->priority = priority & (PRIORITIES - 1);
	if (listed)
		frame_list_append(phys, &phys->standby[record->priority], frame);
}

frame_t phys_first_standby(const struct phys *phys)
{
	for (unsigned priority = 0; priority < PRIORITIES; priority++)
		if (phys->standby[priority].count)
			return phys->standby[priority].first;
	return NO_FRAME;
}

static bool check_list(const struct phys *phys, const struct frame_list *list,
                       enum frame_state state)
{
	uint64_t count = 0;
	frame_t previous = NO_FRAME;
	for (frame_t f = list->first; f != NO_FRAME; previous = f, f = frame_at(phys, f)->next) {
		if (++count > list->count)
			return complain("list of %s frames is longer than counted", names[state]);
		if (frame_at(phys, f)->state != state)
			return complain("frame %u on the %s list is %s", f, names[state],
			                names[frame_at(phys, f)->state]);
		if (frame_at(phys, f)->previous != previous)
			return complain("frame %u of the %s list has a wrong back link", f,
			                names[state]);
	}
	if (list->last != previous || list->count != count)
		return complain("list of %s frames ends wrong", names[state]);
	return true;
}

/* Bad frames among those that were never used. */
static uint64_t bad_never_used(const struct phys *phys)
{
	uint64_t count = 0;
	for (frame_t f = phys->bad.first; f != NO_FRAME; f = frame_at(phys, f)->next)
		count += f >= phys->low && f < phys->high;
	return count;
}

bool phys_check(const struct phys *phys)
{
	if (!check_list(phys, &phys->bad, FRAME_BAD))
		return false;
	uint64_t bad = bad_never_used(phys);
	uint64_t seen[FRAME_STATES] = {[FRAME_ZEROED] = phys->high - phys->low - bad, [FRAME_BAD] = bad};
	for (frame_t f = 0; f < phys->count; f++) {
		if (f == phys->low)
			f = phys->high;
		if (f < phys->count)
			seen[frame_at(phys, f)->state]++;
	}
	for (unsigned state = 0; state < FRAME_STATES; state++)
		if (seen[state] != phys->in_state[state])
			return complain("%lu %s frames, %lu counted", seen[state], names[state],
			                phys->in_state[state]);
	uint64_t standby = 0;
	for (unsigned priority = 0; priority < PRIORITIES; priority++) {
		standby += phys->standby[priority].count;
		if (!check_list(phys, &phys->standby[priority], FRAME_STANDBY))
			return false;
	}
	if (standby != phys->in_state[FRAME_STANDBY])
		return complain("%lu frames on standby lists, %lu counted", standby,
		                phys->in_state[FRAME_STANDBY]);
	return check_list(phys, &phys->free, FRAME_FREE) &&
	       check_list(phys, &phys->zeroed, FRAME_ZEROED) &&
	       check_list(phys, &phys->modified, FRAME_MODIFIED) &&
	       check_list(phys, &phys->no_write, FRAME_NO_WRITE);
}
