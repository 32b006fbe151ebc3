/* SPDX-License-Identifier: MIT
 *
 * What handles refer to: counted objects.
 *
 * Threads: any. A reference keeps the object's memory; object_release of the last one calls the
 * type's `destroy`, with no lock held.
 */
#ifndef NTMM_OBJECT_OBJECT_H
#define NTMM_OBJECT_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum object_type { OBJECT_PROCESS, OBJECT_TOKEN, OBJECT_SECTION, OBJECT_FILE };

struct object {
	enum object_type type;
	bool eternal; /* never goes, and is not counted: threads would fight for the count */
	_Atomic uint32_t references;
	void (*destroy)(struct object *object);
};

/* With one reference, the caller's. */
void object_init(struct object *object, enum object_type type, void (*destroy)(struct object *));
void object_retain(struct object *object);
/* For lists that hold no reference of their own: false when the last one has been dropped. */
bool object_retain_if_alive(struct object *object);
void object_release(struct object *object);

#endif
