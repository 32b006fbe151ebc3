/* SPDX-License-Identifier: MIT
 *
 * What is read from and written to the file of a node, and what the host says to it.
 */
#include <errno.h>

#include "base/os.h"
#include "base/os_file.h"
#include "object/file_node.h"

NTSTATUS file_status(int error)
{
	switch (error) {
	case 0:
		return STATUS_SUCCESS;
	case ENOENT:
		return STATUS_OBJECT_NAME_NOT_FOUND;
	case ENOTDIR:
	case ELOOP:
		return STATUS_OBJECT_PATH_NOT_FOUND;
	case EEXIST:
		return STATUS_OBJECT_NAME_COLLISION;
	case EACCES:
	case EPERM:
	case EROFS:
	case EISDIR:
		return STATUS_ACCESS_DENIED;
	case ETXTBSY:
		return STATUS_SHARING_VIOLATION;
	case EBADF:
		return STATUS_INVALID_HANDLE;
	case EMFILE:
	case ENFILE:
		return STATUS_TOO_MANY_OPENED_FILES;
	case ENAMETOOLONG:
	case EINVAL:
		return STATUS_OBJECT_NAME_INVALID;
	case ENXIO: /* a pipe or device without another end */
		return STATUS_NOT_SUPPORTED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STATUS_DISK_FULL;
	case ENOMEM:
		return STATUS_INSUFFICIENT_RESOURCES;
	default:
		return STATUS_IO_DEVICE_ERROR;
	}
}

/* Either will do for what concerns the file as a whole. */
static int any_fd(struct file_node *node)
{
	int fd = node->write_fd;
	return fd >= 0 ? fd : node->read_fd;
}

int file_node_read(struct file_node *node, void *to, uint32_t bytes, uint64_t offset)
{
	int fd = node->read_fd;
	return fd < 0 ? EBADF : os_file_read(fd, to, bytes, offset);
}

int file_node_write(struct file_node *node, const void *from, uint32_t bytes, uint64_t offset)
{
	int fd = node->write_fd;
	return fd < 0 ? EBADF : os_file_write(fd, from, bytes, offset);
}

int file_node_descriptor(struct file_node *node, bool writes)
{
	struct os_file_facts facts;
	int fd = node->write_fd;
	if (fd < 0 || os_file_get_facts(fd, &facts) || !facts.can_read)
		return writes ? -1 : node->read_fd;
	return fd;
}

NTSTATUS file_node_size(struct file_node *node, uint64_t *bytes)
{
	struct os_file_facts facts;
	int error = os_file_get_facts(any_fd(node), &facts);
	if (!error)
		*bytes = facts.bytes;
	return file_status(error);
}

/* SC-15. Growing is never in anybody's way. */
static bool may_cut(struct file_node *node, uint64_t bytes)
{
	lock_take(&node->lock);
	bool is_mapped = (node->views && bytes < node->mapped_end) ||
	                 file_node_is_image_locked(node);
	lock_drop(&node->lock);
	return !is_mapped;
}

static void tell_cut(struct file_node *node, uint64_t bytes)
{
	lock_take(&node->lock);
	for (struct file_area *area = node->areas; area; area = area->next)
		if (area->cut)
			area->cut(area, bytes);
	lock_drop(&node->lock);
}

NTSTATUS file_node_set_size(struct file_node *node, uint64_t bytes)
{
	uint64_t now;
	int fd = node->write_fd;
	if (fd < 0)
		return STATUS_ACCESS_DENIED;
	NTSTATUS status = file_node_size(node, &now);
	if (status)
		return status;
	if (bytes < now && !may_cut(node, bytes))
		return STATUS_USER_MAPPED_FILE;
	status = file_status(os_file_set_size(fd, bytes));
	if (!status && bytes < now)
		tell_cut(node, bytes);
	return status;
}

NTSTATUS file_node_flush(struct file_node *node)
{
	return file_status(os_file_sync(any_fd(node)));
}

static int read_source(void *context, uint64_t offset, void *to, uint32_t bytes)
{
	return file_node_read(context, to, bytes, offset);
}

NTSTATUS file_node_source(struct file_node *node, struct image_source *source)
{
	uint64_t bytes;
	NTSTATUS status = file_node_size(node, &bytes);
	if (!status)
		*source = (struct image_source){read_source, node, bytes};
	return status;
}
