/* SPDX-License-Identifier: MIT
 *
 * Tokens: a handle to a process's privileges.
 */
#include "object/token.h"

#include "base/os.h"

struct token {
	struct object object;
	struct process *process;
};

static struct token *token_of(struct object *object)
{
	return (struct token *)((char *)object - offsetof(struct token, object));
}

static void token_destroy(struct object *object)
{
	struct token *token = token_of(object);
	process_release(token->process);
	os_free(token);
}

NTSTATUS token_open(struct process *process, uint32_t access, HANDLE *handle)
{
	struct token *token = os_alloc(sizeof *token);
	if (!token)
		return STATUS_NO_MEMORY;
	object_retain(&process->object);
	token->process = process;
	object_init(&token->object, OBJECT_TOKEN, token_destroy);
	NTSTATUS status = handle_open(&token->object, access, handle);
	object_release(&token->object);
	return status;
}

NTSTATUS token_reference(HANDLE handle, uint32_t access, struct process **process)
{
	struct object *object;
	NTSTATUS status = handle_reference(handle, OBJECT_TOKEN, access, &object);
	if (status)
		return status;
	*process = token_of(object)->process;
	object_retain(&(*process)->object);
	object_release(object);
	return STATUS_SUCCESS;
}
