/* SPDX-License-Identifier: MIT
 *
 * Events wait in a queue until the thread that caused them holds no lock.
 */
#include <string.h>

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/events.h"

#define FIRST_CAPACITY 256

static bool grow(struct event_queue *queue)
{
	uint32_t capacity = queue->capacity ? queue->capacity * 2 : FIRST_CAPACITY;
	ntmm_event *events = os_alloc(capacity * sizeof *events);
	if (!events)
		return false;
	if (queue->count)
		memcpy(events, queue->events, queue->count * sizeof *events);
	os_free(queue->events);
	queue->events = events;
	queue->capacity = capacity;
	return true;
}

void event_queue_push(struct pager *pager, ntmm_event event)
{
	struct event_queue *queue = &pager->queue;
	event.sequence = queue->sequence++;
	if (queue->count == queue->capacity && !grow(queue)) {
		queue->lost++;
		return;
	}
	queue->events[queue->count++] = event;
}

/* The queued events become the caller's; their observer is marked as running. */
static struct event_queue take_events(struct pager *pager)
{
	lock_take(&pager->lock);
	struct event_queue *queue = &pager->queue;
	struct event_queue taken = *queue;
	if (taken.count) {
		queue->events = NULL;
		queue->count = queue->capacity = 0;
		queue->delivering++;
	}
	lock_drop(&pager->lock);
	return taken;
}

static void end_delivery(struct pager *pager)
{
	lock_take(&pager->lock);
	if (--pager->queue.delivering == 0)
		pthread_cond_broadcast(&pager->transferred);
	lock_drop(&pager->lock);
}

/* An observer that calls the library is not called from within that call. */
static _Thread_local __attribute__((tls_model("initial-exec"))) bool delivering_here;

static bool deliver_once(struct pager *pager)
{
	struct event_queue taken = take_events(pager);
	for (uint32_t i = 0; i < taken.count; i++)
		taken.observer(taken.context, &taken.events[i]);
	if (!taken.count)
		return false;
	os_free(taken.events);
	end_delivery(pager);
	return true;
}

void pager_deliver(struct pager *pager)
{
	if (delivering_here || !__atomic_load_n(&pager->queue.observer, __ATOMIC_RELAXED))
		return;
	delivering_here = true;
	while (deliver_once(pager))
		;
	delivering_here = false;
}

static void replace(struct event_queue *queue, ntmm_observer observer, void *context)
{
	queue->count = 0;
	queue->context = context;
	__atomic_store_n(&queue->observer, observer, __ATOMIC_RELAXED);
}

NTSTATUS pager_observe(struct pager *pager, ntmm_observer observer, void *context)
{
	pager_deliver(pager);
	lock_take(&pager->lock);
	struct event_queue *queue = &pager->queue;
	bool possible = !observer || queue->capacity || grow(queue);
	if (possible)
		replace(queue, observer, context);
	while (possible && queue->delivering &&
	       !delivering_here) /* calls of the old one end first */
		lock_wait(&pager->lock, &pager->transferred);
	lock_drop(&pager->lock);
	return possible ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
