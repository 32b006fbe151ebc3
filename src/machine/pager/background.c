/* SPDX-License-Identifier: MIT */
#include "machine/pager/background.h"

#include <string.h>

#include "base/os.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/shoot.h"
#include "machine/pager/write.h"

/* ---- zeroing --------------------------------------------------------------------------------- */

#define ZERO_FROM 8 /* free frames that are worth it (PG-38) */
#define ZERO_ONCE 8

static bool zero_is_due(const struct pager *pager)
{
	return pager->phys.free.count >= ZERO_FROM;
}

static bool zero(struct pager *pager)
{
	struct phys *phys = &pager->phys;
	frame_t frames[ZERO_ONCE];
	unsigned count = 0;
	lock_take(&pager->lock);
	shoot_walkers(pager);
	while (count < ZERO_ONCE && phys_begin_zeroing(phys, &frames[count]))
		count++;
	lock_drop(&pager->lock);
	for (unsigned i = 0; i < count; i++)
		memset(frame_bytes(phys, frames[i]), 0, PAGE_BYTES);
	lock_take(&pager->lock);
	for (unsigned i = 0; i < count; i++)
		frame_set_state(phys, frames[i], FRAME_ZEROED);
	pthread_cond_broadcast(&pager->transferred); /* retire.c may wait for one */
	lock_drop(&pager->lock);
	return count != 0;
}

/* ---- balance and writing ---------------------------------------------------------------------- */

static bool write_some(struct pager *pager)
{
	NTSTATUS status;
	return write_cluster(pager, &status);
}

/* ---- the threads ------------------------------------------------------------------------------ */

static const struct {
	bool (*is_due)(const struct pager *pager); /* the lock is held */
	bool (*work)(struct pager *pager);         /* (0) false: nothing could be done */
} jobs[BACKGROUND_THREADS] = {
	{zero_is_due, zero},
	{pager_trim_is_due, pager_trim_step},
	{pager_write_is_due, write_some},
};

/* The lock is held. */
static void do_job(struct pager *pager, unsigned job)
{
	bool done = true;
	while (!pager->background.stopping) {
		if (!done || !jobs[job].is_due(pager)) {
			lock_wait(&pager->lock, &pager->background.work);
			done = true;
			continue;
		}
		lock_drop(&pager->lock);
		done = jobs[job].work(pager);
		pager_deliver(pager);
		lock_take(&pager->lock);
	}
}

static void *run(void *context)
{
	const struct background_thread *thread = context;
	lock_take(&thread->pager->lock);
	do_job(thread->pager, thread->job);
	lock_drop(&thread->pager->lock);
	return NULL;
}

NTSTATUS background_start(struct pager *pager)
{
	struct background *background = &pager->background;
	for (unsigned job = 0; job < BACKGROUND_THREADS; job++) {
		struct background_thread *thread = &background->threads[job];
		thread->pager = pager;
		thread->job = job;
		if (os_thread_start(&thread->host, run, thread)) {
			background_stop(pager);
			return STATUS_INSUFFICIENT_RESOURCES;
		}
		lock_take(&pager->lock);
		background->running++;
		lock_drop(&pager->lock);
	}
	return STATUS_SUCCESS;
}

void background_stop(struct pager *pager)
{
	struct background *background = &pager->background;
	lock_take(&pager->lock);
	unsigned running = background->running;
	background->stopping = true;
	pthread_cond_broadcast(&background->work);
	lock_drop(&pager->lock);
	for (unsigned i = 0; i < running; i++)
		os_thread_join(background->threads[i].host);
	background->running = 0;
}

void background_nudge(struct pager *pager)
{
	if (!pager->background.running)
		return;
	for (unsigned job = 0; job < BACKGROUND_THREADS; job++)
		if (jobs[job].is_due(pager)) {
			pthread_cond_broadcast(&pager->background.work);
			return;
		}
}
