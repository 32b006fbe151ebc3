/* SPDX-License-Identifier: MIT */
#include "host_maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* <linux/fs.h> of Linux 6.11 */
struct query {
	uint64_t size, flags, address;
	uint64_t start, end, mapping_flags, page_size, offset, inode;
	uint32_t device_major, device_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define QUERY _IOWR('f', 17, struct query)

uint64_t host_mappings(void)
{
	uint64_t lines = 0;
	int c;
	FILE *maps = fopen("/proc/self/maps", "r");
	must(maps != NULL, "/proc/self/maps");
	while ((c = getc_unlocked(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

uint64_t host_private_bytes(void)
{
	unsigned long kilobytes = 0;
	char line[128];
	FILE *file = fopen("/proc/self/status", "r");
	must(file != NULL, "/proc/self/status");
	while (fgets(line, sizeof line, file) && sscanf(line, "RssAnon: %lu kB", &kilobytes) != 1)
		continue;
	fclose(file);
	return kilobytes * KB;
}

int host_maps_open(void)
{
	int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct query query = {.size = sizeof query, .address = (uintptr_t)host_maps_open};
	must(file >= 0, "/proc/self/maps");
	if (!ioctl(file, QUERY, &query))
		return file;
	close(file);
	return -1;
}

uint64_t host_maps_query(int file, uint64_t address)
{
	struct query query = {.size = sizeof query, .address = address};
	return ioctl(file, QUERY, &query) ? 0 : query.start;
}

char *host_scatter(uint64_t mappings)
{
	char *memory = mmap(NULL, mappings * PAGE, PROT_NONE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	for (uint64_t page = 0; page < mappings; page += 2)
		must(!mprotect(memory + page * PAGE, PAGE, PROT_READ), "mprotect");
	return memory;
}
