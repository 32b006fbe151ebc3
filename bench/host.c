/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

double host_first_touch(uint64_t bytes)
{
	char *memory = host_map(bytes);
	must(!madvise(memory, bytes, MADV_NOHUGEPAGE), "madvise");
	double start = now();
	for (uint64_t at = 0; at < bytes; at += PAGE)
		*(volatile uint64_t *)(void *)(memory + at) = at;
	double time = now() - start;
	host_unmap(memory, bytes);
	return time / (double)(bytes / PAGE);
}

int host_cached_file(uint64_t bytes)
{
	const char *temporary = getenv("TMPDIR");
	const char *directory = temporary && *temporary ? temporary : "/tmp";
	char page[PAGE];
	int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0)
		die("%s: %s", directory, strerror(errno));
	memset(page, 0x5A, sizeof page);
	for (uint64_t at = 0; at < bytes; at += PAGE)
		must(pwrite(file, page, PAGE, (off_t)at) == (ssize_t)PAGE, "pwrite");
	return file;
}

void host_barrier(void)
{
	must(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), "membarrier");
}
