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

/* Enters the list, unless another has the name: that one, then, with a reference. */
static struct section_object *enlist(struct section_object *object)
{
	lock_take(&lock);
	struct section_object *other =
		object->name.units ? find_locked(object->domain, object->name) : NULL;
	if (!other) {
		object->next = first;
		if (first)
			first->previous = object;
		first = object;
	}
	lock_drop(&lock);
	return other;
}

NTSTATUS section_object_create(const void *domain, const struct section_facts *facts,
                               struct section_name name, struct section_object **object,
                               bool *existed)
{
	struct section_object *made = make(domain, facts, name);
	if (!made)
		return STATUS_NO_MEMORY;
	struct section_object *other = enlist(made);
	*existed = other;
	*object = other ? other : made;
	if (other) {
		os_free((void *)(uintptr_t)made->name.text);
		os_free(made);
	}
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
