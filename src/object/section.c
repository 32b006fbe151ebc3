/* SPDX-License-Identifier: MIT */
#include "object/section.h"

#include <string.h>

#include "base/lock.h"
#include "base/os.h"

static struct lock lock = {PTHREAD_MUTEX_INITIALIZER, RANK_HANDLES};
static struct section_object *first; /* guarded by lock */

static struct section_object *section_object_of(struct object *object)
{
	return (struct section_object *)((char *)object - offsetof(struct section_object, object));
}

static void delist(struct section_object *object)
{
	lock_take(&lock);
	*(object->previous ? &object->previous->next : &first) = object->next;
	if (object->next)
		object->next->previous = object->previous;
	lock_drop(&lock);
}

static void section_object_destroy(struct object *o)
{
	struct section_object *object = section_object_of(o);
	delist(object);
	if (object->section)
		section_release(object->section);
	os_free((void *)(uintptr_t)object->name.text);
	os_free(object);
}

static bool is_named(const struct section_object *object, const void *domain,
                     struct section_name name)
{
	return object->domain == domain && object->name.units == name.units &&
	       !memcmp(object->name.text, name.text, name.units * sizeof *name.text);
}

/* With a reference. */
static struct section_object *find_locked(const void *domain, struct section_name name)
{
	for (struct section_object *o = first; o; o = o->next)
		if (is_named(o, domain, name) && object_retain_if_alive(&o->object))
			return o;
	return NULL;
}

static struct section_object *make(const void *domain, const struct section_facts *facts,
                                   struct section_name name)
{
	struct section_object *object = os_alloc(sizeof *object);
	uint16_t *text = name.units ? os_alloc(name.units * sizeof *text) : NULL;
	if (!object || (name.units && !text)) {
		os_free(text);
		os_free(object);
		return NULL;
	}
	if (text)
		memcpy(text, name.text, name.units * sizeof *text);
	*object = (struct section_object){.section = facts->section,
	                                  .domain = domain,
	                                  .bytes = facts->bytes,
	                                  .protect = facts->protect,
	                                  .attributes = facts->attributes,
	                                  .name = {text, name.units}};
	object_init(&object->object, OBJECT_SECTION, section_object_destroy);
	return object;
}

/* SC-17: below all others of the machine, in steps of 64 KB. False: there is no room. */
static bool choose_base_locked(struct section_object *object, uint64_t below)
{
	uint64_t bytes = round_up(object->bytes, GRANULE_BYTES);
	for (const struct section_object *o = first; o; o = o->next)
		if (o->base && o->domain == object->domain)
			below = min_u64(below, o->base);
	if (bytes >= below || below - bytes < GRANULE_BYTES)
		return false;
	object->base = below - bytes;
	return true;
}

static void link_locked(struct section_object *object)
{
	object->next = first;
	if (first)
		first->previous = object;
	first = object;
}

/* Enters the list, unless another has the name: that one, then, with a reference. */
static NTSTATUS enlist(struct section_object *object, uint64_t base_below,
                       struct section_object **other)
{
	NTSTATUS status = STATUS_SUCCESS;
	lock_take(&lock);
	*other = object->name.units ? find_locked(object->domain, object->name) : NULL;
	if (!*other && base_below && !choose_base_locked(object, base_below))
		status = STATUS_NO_MEMORY;
	if (!*other && !status)
		link_locked(object);
	lock_drop(&lock);
	return status;
}

static void discard(struct section_object *object)
{
	os_free((void *)(uintptr_t)object->name.text);
	os_free(object);
}

NTSTATUS section_object_create(const void *domain, const struct section_facts *facts,
                               struct section_name name, struct section_object **object,
                               bool *existed)
{
	struct section_object *made = make(domain, facts, name);
	if (!made)
		return STATUS_NO_MEMORY;
	struct section_object *other;
	NTSTATUS status = enlist(made, facts->base_below, &other);
	if (other || status)
		discard(made);
	if (status)
		return status;
	*existed = other;
	*object = other ? other : made;
	return STATUS_SUCCESS;
}

NTSTATUS section_object_find(const void *domain, struct section_name name,
                             struct section_object **object)
{
	lock_take(&lock);
	struct section_object *found = name.units ? find_locked(domain, name) : NULL;
	lock_drop(&lock);
	if (!found)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*object = found;
	return STATUS_SUCCESS;
}

NTSTATUS section_object_reference(HANDLE handle, uint32_t access, struct section_object **object,
                                  struct section **section)
{
	struct object *found;
	NTSTATUS status = handle_reference(handle, OBJECT_SECTION, access, &found);
	if (status)
		return status;
	*object = section_object_of(found);
	lock_take(&lock);
	*section = (*object)->section;
	if (*section)
		section_retain(*section);
	lock_drop(&lock);
	if (*section)
		return STATUS_SUCCESS;
	object_release(found);
	return STATUS_PROCESS_IS_TERMINATING;
}

void section_object_release(struct section_object *object)
{
	object_release(&object->object);
}

/* The section of one object of the domain, taken away from it. */
static struct section *take_one(const void *domain)
{
	struct section *section = NULL;
	lock_take(&lock);
	for (struct section_object *o = first; o && !section; o = o->next)
		if (o->domain == domain) {
			section = o->section;
			o->section = NULL;
			o->domain = NULL;
		}
	lock_drop(&lock);
	return section;
}

void section_objects_end(const void *domain)
{
	struct section *section;
	while ((section = take_one(domain)))
		section_release(section);
}

void section_objects_fork(enum fork_step step)
{
	lock_fork(&lock, step);
	for (struct section_object *o = first; o && step == FORK_IN_CHILD; o = o->next)
		if (o->section)
			section_forked(o->section);
}
