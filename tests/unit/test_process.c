/* SPDX-License-Identifier: MIT
 *
 * object/process.c, token.c, privilege.c over an engine that does nothing: identifiers, finding,
 * ending, privileges (G-3, G-5).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <ntmm/windows.h>

#include "object/token.h"

static _Atomic int ended, freed;
static const char domain[2];

static void end_space(struct space *space)
{
	(void)space;
	ended++;
}

static void free_space(struct space *space)
{
	space_destroy(space);
	free(space);
	freed++;
}

static const struct engine engine = {.end = end_space, .free = free_space};
static struct ledger ledger = {.limit = UINT64_MAX};

static struct process *new_process(const void *of)
{
	struct process *process;
	struct space *space = calloc(1, sizeof *space);
	const struct layout *layout = layout_of(NTMM_LAYOUT_NT32_2GB);
	assert_int_equal(space_init(space, &engine, layout, &ledger, true), STATUS_SUCCESS);
	assert_int_equal(process_create(space, of, &process), STATUS_SUCCESS);
	return process;
}

static int reset(void **state)
{
	(void)state;
	ended = freed = 0;
	return 0;
}

static void test_identifiers(void **state)
{
	(void)state;
	struct process *a = new_process(domain), *b = new_process(domain);
	assert_true(a->pid && a->pid % 4 == 0);
	assert_true(b->pid && b->pid % 4 == 0);
	assert_int_not_equal(a->pid, b->pid);
	uint32_t last = b->pid;
	process_release(a);
	process_release(b);
	a = new_process(domain);
	assert_true(a->pid > last); /* not used again */
	process_release(a);
	assert_int_equal(freed, 3);
}

static void test_find(void **state)
{
	(void)state;
	struct process *p = new_process(&domain[0]), *found;
	uint32_t pid = p->pid;
	assert_int_equal(process_find(pid, &domain[0], &found), STATUS_SUCCESS);
	assert_ptr_equal(found, p);
	process_release(found);
	assert_int_equal(process_find(pid, NULL, &found), STATUS_SUCCESS);
	process_release(found);
	assert_int_equal(process_find(pid, &domain[1], &found), STATUS_INVALID_CID);
	assert_int_equal(process_find(pid + 4, NULL, &found), STATUS_INVALID_CID);
	assert_int_equal(process_find(0, NULL, &found), STATUS_INVALID_CID);
	process_release(p);
	assert_int_equal(process_find(pid, NULL, &found), STATUS_INVALID_CID);
}

static void test_end(void **state)
{
	(void)state;
	struct process *p = new_process(domain);
	process_end(p, 7);
	assert_int_equal(ended, 1);
	assert_true(p->space->ended);
	process_end(p, 8);
	assert_int_equal(ended, 1);
	assert_int_equal(p->exit_status, 7);
	assert_int_equal(freed, 0);
	process_release(p);
	assert_int_equal(ended, 1);
	assert_int_equal(freed, 1);
	assert_int_equal(ledger.total, 0);
}

static void test_last_reference_ends(void **state)
{
	(void)state;
	struct process *p = new_process(domain);
	HANDLE handle;
	assert_int_equal(handle_open(&p->object, PROCESS_ALL_ACCESS, &handle), STATUS_SUCCESS);
	process_release(p);
	assert_int_equal(ended, 0);
	assert_int_equal(process_reference(handle, PROCESS_VM_READ, &p), STATUS_SUCCESS);
	handle_close(handle);
	assert_int_equal(ended, 0);
	process_release(p);
	assert_int_equal(ended, 1);
	assert_int_equal(freed, 1);
}

static void test_current(void **state)
{
	(void)state;
	struct process *p = new_process(domain), *found;
	assert_null(process_current());
	process_set_current(p);
	assert_ptr_equal(process_current(), p);
	assert_int_equal(process_reference(INVALID_HANDLE_VALUE, PROCESS_ALL_ACCESS, &found),
	                 STATUS_SUCCESS);
	assert_ptr_equal(found, p);
	process_release(found);
	process_set_current(NULL);
	assert_int_equal(process_reference(INVALID_HANDLE_VALUE, 0, &found), STATUS_SUCCESS);
	assert_ptr_not_equal(found, p); /* the host process */
	process_release(found);
	process_release(p);
}

static void note_visit(struct process *process, void *context)
{
	struct process ***next = context;
	*(*next)++ = process;
}

static void visit_and_free(struct process *process, void *context)
{
	HANDLE *handle = context;
	process_end(process, 0);
	if (*handle)
		handle_close(*handle); /* of this process, or of the next: both are to be borne */
	*handle = NULL;
}

static void test_each(void **state)
{
	(void)state;
	struct process *mine[3], *other, *seen[4], **next = seen;
	HANDLE handle;
	mine[0] = new_process(&domain[0]);
	other = new_process(&domain[1]);
	mine[1] = new_process(&domain[0]);
	mine[2] = new_process(&domain[0]);
	process_each(&domain[0], note_visit, &next);
	assert_int_equal(next - seen, 3);
	assert_memory_equal(seen, mine, sizeof mine);

	assert_int_equal(handle_open(&mine[1]->object, 0, &handle), STATUS_SUCCESS);
	process_release(mine[1]);
	process_each(&domain[0], visit_and_free, &handle); /* frees mine[1] while at mine[0] */
	assert_int_equal(freed, 1);
	assert_int_equal(ended, 3);
	process_release(mine[0]);
	process_release(mine[2]);
	process_release(other);
	assert_int_equal(freed, 4);
}

/* A process that is found while its last reference goes is either alive or not found. */
static void *find_often(void *argument)
{
	uint32_t pid = *(uint32_t *)argument;
	struct process *found;
	while (!process_find(pid, NULL, &found)) {
		if (found->pid != pid)
			return "another was found";
		process_release(found);
	}
	return NULL;
}

static void test_find_races_with_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		pthread_t threads[3];
		void *wrong;
		struct process *p = new_process(domain);
		uint32_t pid = p->pid;
		for (int t = 0; t < 3; t++)
			assert_int_equal(pthread_create(&threads[t], NULL, find_often, &pid), 0);
		process_release(p);
		for (int t = 0; t < 3; t++) {
			pthread_join(threads[t], &wrong);
			assert_null(wrong);
		}
		assert_int_equal(freed, i + 1);
	}
}

static void test_privileges(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t luid;
		enum privilege privilege;
	} rows[PRIVILEGES] = {
		{"SeLockMemoryPrivilege", 4, PRIVILEGE_LOCK_MEMORY},
		{"SeDebugPrivilege", 20, PRIVILEGE_DEBUG},
		{"SeIncreaseWorkingSetPrivilege", 33, PRIVILEGE_INCREASE_WORKING_SET},
	};
	struct process *p = new_process(domain);
	uint32_t luid = 0;
	for (int i = 0; i < PRIVILEGES; i++) {
		assert_int_equal(privilege_find(rows[i].name, &luid), rows[i].privilege);
		assert_int_equal(luid, rows[i].luid);
		assert_int_equal(privilege_luid(rows[i].privilege), rows[i].luid);
		assert_int_equal(privilege_of_luid(rows[i].luid), rows[i].privilege);
		assert_true(privilege_held(p, rows[i].privilege));
		assert_false(privilege_enabled(p, rows[i].privilege));
	}
	assert_int_equal(privilege_find("sedebugPRIVILEGE", &luid), PRIVILEGE_DEBUG);
	assert_int_equal(privilege_find("SeDebugPrivileg", &luid), -1);
	assert_int_equal(privilege_find("SeDebugPrivileges", &luid), -1);
	assert_int_equal(privilege_find("", &luid), -1);
	assert_int_equal(privilege_of_luid(0), -1);
	assert_int_equal(privilege_of_luid(19), -1);
	process_release(p);
}

static void test_token(void **state)
{
	(void)state;
	struct process *p = new_process(domain), *found;
	HANDLE token;
	assert_int_equal(token_open(p, TOKEN_QUERY, &token), STATUS_SUCCESS);
	assert_int_equal(token_reference(token, TOKEN_ADJUST_PRIVILEGES, &found),
	                 STATUS_ACCESS_DENIED);
	assert_int_equal(process_reference(token, 0, &found), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(token_reference(token, TOKEN_QUERY, &found), STATUS_SUCCESS);
	assert_ptr_equal(found, p);
	process_release(found);
	process_release(p);
	assert_int_equal(freed, 0);
	assert_int_equal(handle_close(token), STATUS_SUCCESS);
	assert_int_equal(freed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identifiers, reset),
		cmocka_unit_test_setup(test_find, reset),
		cmocka_unit_test_setup(test_end, reset),
		cmocka_unit_test_setup(test_last_reference_ends, reset),
		cmocka_unit_test_setup(test_current, reset),
		cmocka_unit_test_setup(test_each, reset),
		cmocka_unit_test_setup(test_find_races_with_the_end, reset),
		cmocka_unit_test_setup(test_privileges, reset),
		cmocka_unit_test_setup(test_token, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
