/* SPDX-License-Identifier: MIT
 *
 * A file of the host, one node however many handles and sections there are of it: so that all data
 * sections of it in a machine are one (SC-14), and what is mapped is known when somebody wants to
 * cut or overwrite it (SC-15, IM-8).
 *
 * The node has the descriptors. The first handle that may read brings the one for reading, the
 * first that may write the one for writing; both stay until the node goes, so that a view can be
 * read and written back after its handles have been closed.
 *
 * Threads: any. (l) guarded by the lock of the list of nodes (rank handles), (n) by the node's own
 * lock (rank file: it may be taken while a space's is held, and the pager's while it is held; not
 * held across I/O). Reading, writing, sizes and flushing may block.
 */
#ifndef NTMM_OBJECT_FILE_NODE_H
#define NTMM_OBJECT_FILE_NODE_H

#include <stdatomic.h>

#include <ntmm/status.h>

#include "base/lock.h"
#include "image/image.h"

/* What a machine keeps of a file for its sections: one for data and one for the image at most
 * (PG-4). The owner embeds it and keeps a reference to the node meanwhile. */
enum file_area_kind { FILE_DATA, FILE_IMAGE };

struct file_area {
	struct file_area *next;  /* (n) */
	const void *domain;      /* the machine */
	enum file_area_kind kind;
	/* Called with the node's lock held when the file has been cut to `bytes`: what lies beyond
	 * is void. May be NULL. */
	void (*cut)(struct file_area *area, uint64_t bytes);
};

/* Who has it open, and what they let others do, as FILE_SHARE_ of CreateFile has it. */
struct file_shares {
	uint32_t open, readers, writers, deleters;
	uint32_t share_read, share_write, share_delete;
};

struct file_node {
	uint64_t device, inode;
	_Atomic int read_fd, write_fd; /* set once; -1: nobody has brought one */
	uint32_t references;           /* (l) */
	struct file_shares shares;     /* (l) */
	struct file_node *next;        /* (l) */
	struct lock lock;
	struct file_area *areas; /* (n) */
	uint32_t views;          /* (n) of data, in any process of any machine */
	uint64_t mapped_end;     /* (n) the file may not be cut below it while there are views */
};

/* `access` and `share` are specific FILE_ bits. Takes over `fd` on success: whether the node keeps
 * it or closes it is its own business. One reference. STATUS_ACCESS_DENIED: a directory, or the
 * descriptor does not let one do that; STATUS_NOT_SUPPORTED: neither file nor directory;
 * STATUS_SHARING_VIOLATION: another handle does not share, or the file is to be written and is
 * mapped as an image (IM-8); STATUS_INSUFFICIENT_RESOURCES; STATUS_INVALID_HANDLE. */
NTSTATUS file_node_open(int fd, uint32_t access, uint32_t share, struct file_node **node);
/* The handle that opened it with these goes, and its reference. */
void file_node_close(struct file_node *node, uint32_t access, uint32_t share);

void file_node_retain(struct file_node *node);
void file_node_release(struct file_node *node);

/* All of it, or an errno value; EBADF when nobody brought a descriptor for it. */
int file_node_read(struct file_node *node, void *to, uint32_t bytes, uint64_t offset);
int file_node_write(struct file_node *node, const void *from, uint32_t bytes, uint64_t offset);
/* The descriptor to map it by: it can read, and write if `writes`. -1: nobody brought one. */
int file_node_descriptor(struct file_node *node, bool writes);
NTSTATUS file_node_size(struct file_node *node, uint64_t *bytes);
/* STATUS_USER_MAPPED_FILE: it would be cut below what is mapped, or at all while it is mapped as an
 * image (SC-15); STATUS_DISK_FULL ... A view that is made meanwhile may find the file cut. */
NTSTATUS file_node_set_size(struct file_node *node, uint64_t bytes);
NTSTATUS file_node_flush(struct file_node *node);

/* For image_open: the file as it is now. It must stay open while the source is used. */
NTSTATUS file_node_source(struct file_node *node, struct image_source *source);

/* A view of data whose last byte in the file is `end` - 1, and its end. */
void file_node_add_view(struct file_node *node, uint64_t end);
void file_node_remove_view(struct file_node *node);

/* With the node's lock held. `find` returns NULL when there is none. */
bool file_node_is_image_locked(const struct file_node *node); /* in any machine */
struct file_area *file_node_find_area_locked(struct file_node *node, const void *domain,
                                             enum file_area_kind kind);
void file_node_add_area_locked(struct file_node *node, struct file_area *area);
void file_node_remove_area_locked(struct file_node *node, struct file_area *area);

/* The status of an errno value from base/os_file.h. */
NTSTATUS file_status(int error);

/* Around fork: the list; then, their locks being of a higher rank, each node in it. */
void file_list_fork(enum fork_step step);
void file_nodes_fork(enum fork_step step);
/* In a forked child, where nobody else is. */
void file_nodes_visit(void (*visit)(struct file_node *node));

#endif
