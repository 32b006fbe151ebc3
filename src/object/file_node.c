/* SPDX-License-Identifier: MIT
 *
 * Nodes of files: their list, their descriptors, what is mapped of them.
 */
#include "object/file_node.h"

#include <ntmm/windows.h>

#include "base/check.h"
#include "base/os.h"
#include "base/os_file.h"

#define READS (FILE_READ_DATA | FILE_EXECUTE)
#define WRITES (FILE_WRITE_DATA | FILE_APPEND_DATA)

static struct lock list_lock = {PTHREAD_MUTEX_INITIALIZER, RANK_HANDLES};
static struct file_node *nodes; /* guarded by list_lock */

/* ---- sharing -------------------------------------------------------------------------------- */

static bool shares_allow(const struct file_shares *s, uint32_t access, uint32_t share)
{
	if (access & READS && s->share_read < s->open)
		return false;
	if (access & WRITES && s->share_write < s->open)
		return false;
	if (access & DELETE && s->share_delete < s->open)
		return false;
	return (!s->readers || share & FILE_SHARE_READ) &&
	       (!s->writers || share & FILE_SHARE_WRITE) &&
	       (!s->deleters || share & FILE_SHARE_DELETE);
}

/* `by` is 1 or -1. Who neither reads nor writes nor deletes is in nobody's way. */
static void shares_count(struct file_shares *s, uint32_t access, uint32_t share, int by)
{
	if (!(access & (READS | WRITES | DELETE)))
		return;
	s->open += by;
	s->readers += access & READS ? by : 0;
	s->writers += access & WRITES ? by : 0;
	s->deleters += access & DELETE ? by : 0;
	s->share_read += share & FILE_SHARE_READ ? by : 0;
	s->share_write += share & FILE_SHARE_WRITE ? by : 0;
	s->share_delete += share & FILE_SHARE_DELETE ? by : 0;
}

/* ---- areas and views ------------------------------------------------------------------------ */

struct file_area *file_node_find_area_locked(struct file_node *node, const void *domain,
                                             enum file_area_kind kind)
{
	struct file_area *area = node->areas;
	while (area && (area->domain != domain || area->kind != kind))
		area = area->next;
	return area;
}

void file_node_add_area_locked(struct file_node *node, struct file_area *area)
{
	CHECK(!file_node_find_area_locked(node, area->domain, area->kind));
	area->next = node->areas;
	node->areas = area;
}

void file_node_remove_area_locked(struct file_node *node, struct file_area *area)
{
	struct file_area **at = &node->areas;
	while (*at != area)
		at = &(*at)->next;
	*at = area->next;
}

bool file_node_is_image_locked(const struct file_node *node)
{
	const struct file_area *area = node->areas;
	while (area && area->kind != FILE_IMAGE)
		area = area->next;
	return area;
}

static bool is_image(struct file_node *node)
{
	lock_take(&node->lock);
	bool is = file_node_is_image_locked(node);
	lock_drop(&node->lock);
	return is;
}

void file_node_add_view(struct file_node *node, uint64_t end)
{
	lock_take(&node->lock);
	node->views++;
	if (end > node->mapped_end)
		node->mapped_end = end;
	lock_drop(&node->lock);
}

void file_node_remove_view(struct file_node *node)
{
	lock_take(&node->lock);
	CHECK(node->views);
	if (!--node->views)
		node->mapped_end = 0;
	lock_drop(&node->lock);
}

/* ---- the list ------------------------------------------------------------------------------- */

static struct file_node *find_locked(const struct os_file_facts *facts)
{
	struct file_node *node = nodes;
	while (node && (node->device != facts->device || node->inode != facts->inode))
		node = node->next;
	return node;
}

static struct file_node *make_node(const struct os_file_facts *facts)
{
	struct file_node *node = os_alloc(sizeof *node);
	if (!node)
		return NULL;
	node->device = facts->device;
	node->inode = facts->inode;
	atomic_init(&node->read_fd, -1);
	atomic_init(&node->write_fd, -1);
	lock_init(&node->lock, RANK_FILE);
	return node;
}

static void free_node(struct file_node *node)
{
	CHECK(!node->areas && !node->views);
	if (node->read_fd >= 0)
		os_file_close(node->read_fd);
	if (node->write_fd >= 0 && node->write_fd != node->read_fd)
		os_file_close(node->write_fd);
	lock_destroy(&node->lock);
	os_free(node);
}

/* Whether the node keeps it. */
static bool adopt_locked(struct file_node *node, int fd, const struct os_file_facts *facts)
{
	bool reads = facts->can_read && node->read_fd < 0;
	bool writes = facts->can_write && node->write_fd < 0;
	if (reads)
		node->read_fd = fd;
	if (writes)
		node->write_fd = fd;
	return reads || writes;
}

static NTSTATUS check_facts(const struct os_file_facts *facts, uint32_t access)
{
	if (facts->is_directory)
		return STATUS_ACCESS_DENIED;
	if (!facts->is_regular)
		return STATUS_NOT_SUPPORTED;
	if ((access & READS && !facts->can_read) || (access & WRITES && !facts->can_write))
		return STATUS_ACCESS_DENIED;
	return facts->can_read || facts->can_write ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/* Joins the node that is there, or else becomes it: *spare is NULL then. */
static NTSTATUS join_locked(struct file_node **spare, const struct os_file_facts *facts,
                            uint32_t access, uint32_t share, struct file_node **node)
{
	struct file_node *found = find_locked(facts);
	if (found && access & WRITES && is_image(found))
		return STATUS_SHARING_VIOLATION;
	if (found && access & (READS | WRITES | DELETE) &&
	    !shares_allow(&found->shares, access, share))
		return STATUS_SHARING_VIOLATION;
	if (!found) {
		found = *spare;
		*spare = NULL;
		found->next = nodes;
		nodes = found;
	}
	found->references++;
	shares_count(&found->shares, access, share, 1);
	*node = found;
	return STATUS_SUCCESS;
}

NTSTATUS file_node_open(int fd, uint32_t access, uint32_t share, struct file_node **node)
{
	struct os_file_facts facts;
	bool is_kept = false;
	NTSTATUS status = file_status(os_file_get_facts(fd, &facts));
	if (!status)
		status = check_facts(&facts, access);
	if (status)
		return status;
	struct file_node *spare = make_node(&facts);
	if (!spare)
		return STATUS_INSUFFICIENT_RESOURCES;
	lock_take(&list_lock);
	status = join_locked(&spare, &facts, access, share, node);
	if (!status)
		is_kept = adopt_locked(*node, fd, &facts);
	lock_drop(&list_lock);
	if (spare)
		free_node(spare);
	if (!status && !is_kept)
		os_file_close(fd);
	return status;
}

/* Whether that was the last: it is in the list no more. */
static bool drop_locked(struct file_node *node)
{
	CHECK(node->references);
	if (--node->references)
		return false;
	struct file_node **at = &nodes;
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	return true;
}

void file_node_close(struct file_node *node, uint32_t access, uint32_t share)
{
	lock_take(&list_lock);
	shares_count(&node->shares, access, share, -1);
	bool is_last = drop_locked(node);
	lock_drop(&list_lock);
	if (is_last)
		free_node(node);
}

void file_node_retain(struct file_node *node)
{
	lock_take(&list_lock);
	node->references++;
	lock_drop(&list_lock);
}

void file_node_release(struct file_node *node)
{
	file_node_close(node, 0, 0);
}

/* ---- fork ----------------------------------------------------------------------------------- */

void file_list_fork(enum fork_step step)
{
	lock_fork(&list_lock, step);
}

void file_nodes_fork(enum fork_step step)
{
	for (struct file_node *node = nodes; node; node = node->next)
		lock_fork(&node->lock, step);
}

void file_nodes_visit(void (*visit)(struct file_node *node))
{
	for (struct file_node *node = nodes; node; node = node->next)
		visit(node);
}
