/* SPDX-License-Identifier: MIT
 *
 * object/handle.c, object/object.c: generations, rights, exhaustion, threads (G-3, G-4).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <ntmm/windows.h>

#include "base/os.h"
#include "object/handle.h"

#define MANY 100000
#define THREADS 8
#define ROUNDS 5000

static _Atomic bool no_memory;
static _Atomic int destroyed;

void *__real_os_alloc(size_t bytes);
void *__wrap_os_alloc(size_t bytes);
void *__wrap_os_alloc(size_t bytes)
{
	return no_memory ? NULL : __real_os_alloc(bytes);
}

static void count_destroyed(struct object *object)
{
	(void)object;
	destroyed++;
}

static struct object new_object(enum object_type type)
{
	struct object object;
	destroyed = 0;
	object_init(&object, type, count_destroyed);
	return object;
}

static HANDLE must_open(struct object *object, uint32_t access)
{
	HANDLE handle;
	assert_int_equal(handle_open(object, access, &handle), STATUS_SUCCESS);
	return handle;
}

static NTSTATUS try_reference(HANDLE handle, enum object_type type, uint32_t access)
{
	struct object *object = NULL;
	NTSTATUS status = handle_reference(handle, type, access, &object);
	if (status)
		assert_null(object);
	else
		object_release(object);
	return status;
}

static void test_value(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	HANDLE handle = must_open(&object, 0);
	assert_int_equal((uintptr_t)handle & 3, 0);
	assert_ptr_not_equal(handle, NULL);
	assert_ptr_not_equal(handle, INVALID_HANDLE_VALUE);
	assert_int_equal(handle_close(handle), STATUS_SUCCESS);
}

static void test_lives_as_long_as_a_handle_or_reference(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	struct object *found;
	HANDLE a = must_open(&object, 0), b = must_open(&object, 0);
	object_release(&object);
	assert_int_equal(handle_close(a), STATUS_SUCCESS);
	assert_int_equal(handle_reference(b, OBJECT_PROCESS, 0, &found), STATUS_SUCCESS);
	assert_ptr_equal(found, &object);
	assert_int_equal(handle_close(b), STATUS_SUCCESS);
	assert_int_equal(destroyed, 0);
	object_release(found);
	assert_int_equal(destroyed, 1);
}

static void test_dead_objects_cannot_be_retained(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	assert_true(object_retain_if_alive(&object));
	object_release(&object);
	object_release(&object);
	assert_int_equal(destroyed, 1);
	assert_false(object_retain_if_alive(&object));
	assert_int_equal(destroyed, 1);
}

/* An entry is used again at once, its handle's value never. */
static void test_stale(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	HANDLE old = must_open(&object, 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(handle_close(old), STATUS_SUCCESS);
		HANDLE new = must_open(&object, 0);
		assert_int_equal((uint32_t)(uintptr_t)new, (uint32_t)(uintptr_t)old);
		assert_ptr_not_equal(new, old);
		assert_int_equal(try_reference(old, OBJECT_PROCESS, 0), STATUS_INVALID_HANDLE);
		assert_int_equal(handle_close(old), STATUS_INVALID_HANDLE);
		old = new;
	}
	assert_int_equal(handle_close(old), STATUS_SUCCESS);
	assert_int_equal(handle_close(old), STATUS_INVALID_HANDLE);
}

static void test_values_that_are_no_handles(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	HANDLE handle = must_open(&object, 0);
	uintptr_t value = (uintptr_t)handle;
	const uintptr_t wrong[] = {
		0,
		1,
		4,
		(uintptr_t)-1,
		(uintptr_t)-2,
		(uintptr_t)-4,
		0xDEADBEEF,
		UINT64_C(0xFFFFFFFC),
		value + 1,
		value + 2,
		value + 3,
		value & UINT32_MAX,
		value + (UINT64_C(1) << 32),
		value | UINT64_C(0xFFFFFFFC),
		value ^ UINT64_C(1) << 63,
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(try_reference((HANDLE)wrong[i], OBJECT_PROCESS, 0),
		                 STATUS_INVALID_HANDLE);
		assert_int_equal(handle_close((HANDLE)wrong[i]), STATUS_INVALID_HANDLE);
	}
	assert_int_equal(handle_close(handle), STATUS_SUCCESS);
}

static void test_type_and_rights(void **state)
{
	(void)state;
	struct object object = new_object(OBJECT_PROCESS);
	HANDLE handle = must_open(&object, PROCESS_VM_READ | PROCESS_VM_WRITE);
	assert_int_equal(try_reference(handle, OBJECT_PROCESS, 0), STATUS_SUCCESS);
	assert_int_equal(try_reference(handle, OBJECT_PROCESS, PROCESS_VM_READ), STATUS_SUCCESS);
	assert_int_equal(try_reference(handle, OBJECT_PROCESS, PROCESS_VM_READ | PROCESS_VM_WRITE),
	                 STATUS_SUCCESS);
	assert_int_equal(try_reference(handle, OBJECT_PROCESS, PROCESS_VM_OPERATION),
	                 STATUS_ACCESS_DENIED);
	assert_int_equal(
		try_reference(handle, OBJECT_PROCESS, PROCESS_VM_READ | PROCESS_VM_OPERATION),
		STATUS_ACCESS_DENIED);
	assert_int_equal(try_reference(handle, OBJECT_TOKEN, 0), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(try_reference(handle, OBJECT_TOKEN, PROCESS_VM_OPERATION),
	                 STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(handle_close(handle), STATUS_SUCCESS);
}

static void test_the_weaker_query_right_comes_with_the_stronger(void **state)
{
	(void)state;
	struct object process = new_object(OBJECT_PROCESS), token = new_object(OBJECT_TOKEN);
	HANDLE strong = must_open(&process, PROCESS_QUERY_INFORMATION);
	HANDLE weak = must_open(&process, PROCESS_QUERY_LIMITED_INFORMATION);
	HANDLE other = must_open(&token, PROCESS_QUERY_INFORMATION);
	assert_int_equal(try_reference(strong, OBJECT_PROCESS, PROCESS_QUERY_LIMITED_INFORMATION),
	                 STATUS_SUCCESS);
	assert_int_equal(try_reference(weak, OBJECT_PROCESS, PROCESS_QUERY_INFORMATION),
	                 STATUS_ACCESS_DENIED);
	assert_int_equal(try_reference(other, OBJECT_TOKEN, PROCESS_QUERY_LIMITED_INFORMATION),
	                 STATUS_ACCESS_DENIED);
	handle_close(strong);
	handle_close(weak);
	handle_close(other);
}

static void test_many(void **state)
{
	(void)state;
	static HANDLE handles[MANY];
	struct object objects[2] = {new_object(OBJECT_PROCESS), new_object(OBJECT_TOKEN)};
	struct object *found;
	for (int i = 0; i < MANY; i++)
		handles[i] = must_open(&objects[i % 2], (uint32_t)i);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(
			handle_reference(handles[i], objects[i % 2].type, (uint32_t)i, &found),
			STATUS_SUCCESS);
		assert_ptr_equal(found, &objects[i % 2]);
		object_release(found);
	}
	for (int i = 0; i < MANY; i += 3)
		assert_int_equal(handle_close(handles[i]), STATUS_SUCCESS);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(handle_close(handles[i]),
		                 i % 3 ? STATUS_SUCCESS : STATUS_INVALID_HANDLE);
	assert_int_equal(destroyed, 0);
	for (int i = 0; i < 2; i++)
		object_release(&objects[i]);
	assert_int_equal(destroyed, 2);
}

/* Opens until there is no memory for more. */
static int open_all(struct object *object, HANDLE handles[], int most)
{
	int count = 0;
	NTSTATUS status = STATUS_SUCCESS;
	while (count < most && !(status = handle_open(object, 0, &handles[count])))
		count++;
	assert_int_equal(status, STATUS_NO_MEMORY);
	assert_null(handles[count]);
	return count;
}

static void test_no_memory(void **state)
{
	(void)state;
	static HANDLE handles[4 * MANY];
	struct object object = new_object(OBJECT_PROCESS);
	no_memory = true;
	int count = open_all(&object, handles, 4 * MANY);
	assert_true(count > 0);
	assert_int_equal(object.references, count + 1);
	assert_int_equal(try_reference(handles[count - 1], OBJECT_PROCESS, 0), STATUS_SUCCESS);

	/* What is closed can be opened again without any. */
	assert_int_equal(handle_close(handles[0]), STATUS_SUCCESS);
	handles[0] = must_open(&object, 0);
	no_memory = false;
	handles[count++] = must_open(&object, 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(handle_close(handles[i]), STATUS_SUCCESS);
	assert_int_equal(object.references, 1);
}

static void *open_and_close(void *argument)
{
	HANDLE mine[4];
	for (int i = 0; i < ROUNDS; i++) {
		HANDLE *handle = &mine[i % 4];
		if (i >= 4 && handle_close(*handle))
			return "a handle of its own was lost";
		if (handle_open(argument, 1, handle))
			return "no handle";
		if (try_reference(*handle, OBJECT_PROCESS, 1))
			return "a handle of its own was refused";
	}
	for (int i = 0; i < 4; i++)
		if (handle_close(mine[i]))
			return "a handle of its own was lost";
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	struct object object = new_object(OBJECT_PROCESS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &object), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(object.references, 1);
}

/* Many use and close the same handle: one of the closes wins, and the object goes once. */
struct race {
	HANDLE handle;
	pthread_barrier_t start;
	_Atomic int closed;
};

static void *use_and_close(void *argument)
{
	struct race *race = argument;
	pthread_barrier_wait(&race->start);
	while (!try_reference(race->handle, OBJECT_PROCESS, 0))
		if (!handle_close(race->handle))
			race->closed++;
	return NULL;
}

static void test_close_race(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		pthread_t threads[4];
		struct race race = {.closed = 0};
		struct object object = new_object(OBJECT_PROCESS);
		race.handle = must_open(&object, 0);
		object_release(&object);
		pthread_barrier_init(&race.start, NULL, 4);
		for (int i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, use_and_close, &race),
			                 0);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&race.start);
		assert_int_equal(race.closed, 1);
		assert_int_equal(destroyed, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_lives_as_long_as_a_handle_or_reference),
		cmocka_unit_test(test_dead_objects_cannot_be_retained),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_values_that_are_no_handles),
		cmocka_unit_test(test_type_and_rights),
		cmocka_unit_test(test_the_weaker_query_right_comes_with_the_stronger),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_close_race),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
