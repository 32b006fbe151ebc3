/* SPDX-License-Identifier: MIT
 *
 * Processes: their list, their identifiers, their end.
 *
 * The list holds no references. A process leaves it when its last reference is dropped; between the
 * two it is still seen there, but cannot be retained any more.
 */
#include "object/process.h"

#include "base/check.h"
#include "base/os.h"
#include "object/token.h"

#define FIRST_PID 8 /* 0 and 4 are Windows' own: the idle process and the system */

static struct lock lock = {PTHREAD_MUTEX_INITIALIZER, RANK_HANDLES};
static struct process *first, *last; /* guarded by lock, as the two below */
static uint32_t next_pid = FIRST_PID;
static bool wrapped; /* identifiers have gone round: the next may be in use */

static struct process *_Atomic host;

static _Thread_local struct process *current __attribute__((tls_model("initial-exec")));

static struct process *process_of(struct object *object)
{
	return (struct process *)((char *)object - offsetof(struct process, object));
}

static struct process *with_pid_locked(uint32_t pid)
{
	struct process *p = first;
	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static uint32_t take_pid_locked(void)
{
	uint32_t pid;
	do {
		pid = next_pid;
		next_pid += 4;
		if (!next_pid) {
			next_pid = FIRST_PID;
			wrapped = true;
		}
	} while (wrapped && with_pid_locked(pid));
	return pid;
}

static void enlist(struct process *process)
{
	lock_take(&lock);
	process->pid = take_pid_locked();
	process->previous = last;
	*(last ? &last->next : &first) = process;
	last = process;
	lock_drop(&lock);
}

static void delist(struct process *process)
{
	lock_take(&lock);
	*(process->previous ? &process->previous->next : &first) = process->next;
	*(process->next ? &process->next->previous : &last) = process->previous;
	lock_drop(&lock);
}

static void process_destroy(struct object *object)
{
	struct process *process = process_of(object);
	delist(process);
	process_end(process, 0);
	process->space->engine->free(process->space);
	os_free(process);
}

NTSTATUS process_create(struct space *space, const void *domain, struct process **process)
{
	struct process *p = os_alloc(sizeof *p);
	if (!p)
		return STATUS_NO_MEMORY;
	object_init(&p->object, OBJECT_PROCESS, process_destroy);
	p->space = space;
	atomic_init(&p->domain, domain);
	atomic_init(&p->privileges, PRIVILEGES_ALL_HELD);
	enlist(p);
	*process = p;
	return STATUS_SUCCESS;
}

static NTSTATUS reference_current(struct process **process)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct process *p = current ? current : atomic_load_explicit(&host, memory_order_acquire);
	if (!p)
		status = process_make_host(&p);
	if (status)
		return status;
	object_retain(&p->object);
	*process = p;
	return STATUS_SUCCESS;
}

void process_set_host(struct process *process)
{
	process->object.eternal = true;
	atomic_store_explicit(&host, process, memory_order_release);
}

NTSTATUS process_reference(HANDLE handle, uint32_t access, struct process **process)
{
	struct object *object;
	if ((intptr_t)handle == -1)
		return reference_current(process);
	NTSTATUS status = handle_reference(handle, OBJECT_PROCESS, access, &object);
	if (!status)
		*process = process_of(object);
	return status;
}

void process_release(struct process *process)
{
	object_release(&process->object);
}

NTSTATUS process_find(uint32_t pid, const void *domain, struct process **process)
{
	lock_take(&lock);
	struct process *p = with_pid_locked(pid);
	bool found = p && (!domain || p->domain == domain) && object_retain_if_alive(&p->object);
	lock_drop(&lock);
	if (!found)
		return STATUS_INVALID_CID;
	*process = p;
	return STATUS_SUCCESS;
}

void process_end(struct process *process, uint32_t exit_status)
{
	lock_take(&lock);
	if (!process->ended)
		process->exit_status = exit_status;
	process->ended = true;
	lock_drop(&lock);
	space_end(process->space);
}

struct process *process_current(void)
{
	return current;
}

void process_set_current(struct process *process)
{
	current = process;
}

/* The next of `domain` after `process`, or the first, with a reference. */
static struct process *next_of(const void *domain, struct process *process)
{
	lock_take(&lock);
	struct process *p = process ? process->next : first;
	while (p && (p->domain != domain || !object_retain_if_alive(&p->object)))
		p = p->next;
	lock_drop(&lock);
	return p;
}

void process_each(const void *domain, void (*visit)(struct process *process, void *context),
                  void *context)
{
	for (struct process *p = next_of(domain, NULL), *next; p; p = next) {
		visit(p, context);
		next = next_of(domain, p);
		process_release(p);
	}
}

void processes_fork(enum fork_step step)
{
	lock_fork(&lock, step);
}
