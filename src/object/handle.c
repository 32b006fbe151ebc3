/* SPDX-License-Identifier: MIT
 *
 * The handle table.
 *
 * Entries never move: they lie in chunks, each twice as long as the one before, made as they are
 * needed and kept. Free entries form a list, the one freed last at its head.
 */
#include "object/handle.h"

#include <ntmm/windows.h>

#include "base/check.h"
#include "base/lock.h"
#include "base/os.h"

#define FIRST_SHIFT 6 /* the first chunk holds 64 entries */
#define INDEX_BITS 30 /* of a handle's low half; its two lowest are 0 */
#define CHUNKS (INDEX_BITS - FIRST_SHIFT)
#define INDEX_END ((1u << INDEX_BITS) - (1u << FIRST_SHIFT)) /* all chunks full */

_Static_assert(sizeof(HANDLE) == 8, "a handle holds an index and a generation");

struct entry {
	struct object *object; /* NULL: free */
	uint32_t access;
	uint32_t generation;
	uint32_t next; /* index of the next free entry; 0: none */
};

static struct lock lock = {PTHREAD_MUTEX_INITIALIZER, RANK_HANDLES};
static struct entry *chunks[CHUNKS]; /* guarded by lock, as all below */
static uint32_t used = 1;            /* indexes below this have had a handle; 0 never gets one */
static uint32_t first_free;

/* Counted from 64, the highest bit of an index names its chunk and the rest its place there. */
static struct entry *entry_at(uint32_t index)
{
	uint32_t position = index + (1u << FIRST_SHIFT);
	unsigned top = 31 - (unsigned)__builtin_clz(position);
	struct entry *chunk = chunks[top - FIRST_SHIFT];
	return chunk ? &chunk[position - (1u << top)] : NULL;
}

/* Called only while used < INDEX_END: there is one to add. */
static bool add_chunk_locked(void)
{
	unsigned next = 0;
	while (chunks[next])
		next++;
	chunks[next] = os_alloc(sizeof(struct entry) << (FIRST_SHIFT + next));
	return chunks[next];
}

/* The index of an entry that is free; 0: there is no memory. */
static uint32_t take_free_locked(void)
{
	uint32_t index = first_free;
	if (index) {
		first_free = entry_at(index)->next;
		return index;
	}
	if (used == INDEX_END || (!entry_at(used) && !add_chunk_locked()))
		return 0;
	return used++;
}

static HANDLE handle_of(uint32_t index, uint32_t generation)
{
	return (HANDLE)((uintptr_t)generation << 32 | (uintptr_t)index << 2);
}

static struct entry *find_locked(HANDLE handle, uint32_t *index)
{
	uintptr_t value = (uintptr_t)handle;
	*index = (uint32_t)value >> 2;
	if (value & 3 || !*index || *index >= used)
		return NULL;
	struct entry *entry = entry_at(*index);
	return entry->object && entry->generation == value >> 32 ? entry : NULL;
}

static uint32_t granted(enum object_type type, uint32_t access)
{
	bool implies = type == OBJECT_PROCESS && access & PROCESS_QUERY_INFORMATION;
	return implies ? access | PROCESS_QUERY_LIMITED_INFORMATION : access;
}

NTSTATUS handle_open(struct object *object, uint32_t access, HANDLE *handle)
{
	lock_take(&lock);
	uint32_t index = take_free_locked();
	if (!index) {
		lock_drop(&lock);
		return STATUS_NO_MEMORY;
	}
	object_retain(object);
	struct entry *entry = entry_at(index);
	entry->object = object;
	entry->access = granted(object->type, access);
	entry->generation += entry->generation == UINT32_MAX ? 2 : 1;
	*handle = handle_of(index, entry->generation);
	lock_drop(&lock);
	return STATUS_SUCCESS;
}

NTSTATUS handle_close(HANDLE handle)
{
	uint32_t index;
	lock_take(&lock);
	struct entry *entry = find_locked(handle, &index);
	if (!entry) {
		lock_drop(&lock);
		return STATUS_INVALID_HANDLE;
	}
	struct object *object = entry->object;
	entry->object = NULL;
	entry->next = first_free;
	first_free = index;
	lock_drop(&lock);
	object_release(object);
	return STATUS_SUCCESS;
}

static NTSTATUS check_entry(const struct entry *entry, enum object_type type, uint32_t access)
{
	if (!entry)
		return STATUS_INVALID_HANDLE;
	if (entry->object->type != type)
		return STATUS_OBJECT_TYPE_MISMATCH;
	return access & ~entry->access ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

NTSTATUS handle_reference(HANDLE handle, enum object_type type, uint32_t access,
                          struct object **object)
{
	uint32_t index;
	lock_take(&lock);
	struct entry *entry = find_locked(handle, &index);
	NTSTATUS status = check_entry(entry, type, access);
	if (!status) {
		*object = entry->object;
		object_retain(*object);
	}
	lock_drop(&lock);
	return status;
}

void handles_fork(enum fork_step step)
{
	lock_fork(&lock, step);
}

void handles_visit(enum object_type type, void (*visit)(struct object *object))
{
	for (uint32_t index = 1; index < used; index++) {
		struct object *object = entry_at(index)->object;
		if (object && object->type == type)
			visit(object);
	}
}
