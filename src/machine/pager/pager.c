/* SPDX-License-Identifier: MIT */
#include "machine/pager/pager.h"

#include "base/os.h"
#include "machine/pager/grow.h"

static void release_parts(struct pager *pager)
{
	stores_close(&pager->stores);
	for (unsigned i = 0; i < WRITES; i++)
		os_free(pager->writes[i].pages);
	os_free(pager->read_cluster);
}

static bool make_buffers(struct pager *pager)
{
	bool made = true;
	for (unsigned i = 0; i < WRITES && made; i++) {
		pager->writes[i].pages = os_alloc(CLUSTER_PAGES * PAGE_BYTES);
		made = pager->writes[i].pages;
	}
	pager->read_cluster = os_alloc(CLUSTER_PAGES * PAGE_BYTES);
	return made && pager->read_cluster;
}

NTSTATUS pager_init(struct pager *pager, uint64_t frames, bool shared)
{
	*pager = (struct pager){.shared_page = NO_FRAME};
	pager->stores.commit = &pager->commit;
	pager->commit.grow = pager_grow;
	pager->commit.context = pager;
	if (!make_buffers(pager) || !phys_init(&pager->phys, frames, shared)) {
		release_parts(pager);
		return STATUS_NO_MEMORY;
	}
	lock_init(&pager->growth, RANK_GROWTH);
	lock_init(&pager->lock, RANK_PAGER);
	pthread_cond_init(&pager->transferred, NULL);
	pthread_cond_init(&pager->background.work, NULL);
	system_space_build(pager);
	atomic_store(&pager->commit.limit, frames - SYSTEM_FRAMES - RESERVE_PAGES);
	atomic_store(&pager->resident.limit, frames - SYSTEM_FRAMES - 2 * RESERVE_PAGES);
	return STATUS_SUCCESS;
}

void pager_destroy(struct pager *pager)
{
	release_parts(pager);
	phys_destroy(&pager->phys);
	pthread_cond_destroy(&pager->transferred);
	pthread_cond_destroy(&pager->background.work);
	lock_destroy(&pager->lock);
	lock_destroy(&pager->growth);
	os_free(pager->lost.tables);
	os_free(pager->queue.events);
	os_free(pager->maps);
}
