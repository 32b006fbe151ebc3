/* SPDX-License-Identifier: MIT
 *
 * Reference counts.
 */
#include "object/object.h"

#include "base/check.h"

void object_init(struct object *object, enum object_type type, void (*destroy)(struct object *))
{
	object->type = type;
	object->destroy = destroy;
	object->eternal = false;
	atomic_init(&object->references, 1);
}

void object_retain(struct object *object)
{
	if (object->eternal)
		return;
	uint32_t before = atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
	CHECK(before && before < UINT32_MAX);
}

bool object_retain_if_alive(struct object *object)
{
	if (object->eternal)
		return true;
	uint32_t count = atomic_load_explicit(&object->references, memory_order_relaxed);
	while (count &&
	       !atomic_compare_exchange_weak_explicit(&object->references, &count, count + 1,
	                                              memory_order_relaxed, memory_order_relaxed))
		;
	return count;
}

void object_release(struct object *object)
{
	if (object->eternal)
		return;
	uint32_t before = atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel);
	CHECK(before);
	if (before == 1)
		object->destroy(object);
}
