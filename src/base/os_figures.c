/* SPDX-License-Identifier: MIT
 *
 * What the host tells of its memory, and of this process's. Read without the C library's buffers: nothing
 * here allocates.
 */
#include "base/os_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* The beginning of a small file as text. False: it cannot be read. */
static bool read_text(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, text, bytes - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return got > 0;
}

int os_pages_map(uint64_t page, uint64_t *words, size_t count)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	size_t bytes = count * sizeof *words;
	ssize_t got = pread(fd, words, bytes, (off_t)(page * sizeof *words));
	int error = got < 0 ? errno : (size_t)got < bytes ? EIO : 0;
	close(fd);
	return error;
}

static uint64_t available(const struct sysinfo *info)
{
	char text[512];
	const char *line =
		read_text("/proc/meminfo", text, sizeof text) ? strstr(text, "MemAvailable:") : NULL;
	return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) << 10
	            : (uint64_t)info->freeram * info->mem_unit;
}

/* Of the control group, as far as it can be seen from inside; it says "max" when there is none. */
static uint64_t group_limit(void)
{
	static const char *const paths[] = {"/sys/fs/cgroup/memory.max",
	                                    "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
	char text[64];
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		uint64_t limit =
			read_text(paths[i], text, sizeof text) ? strtoull(text, NULL, 10) : 0;
		if (limit)
			return limit;
	}
	return UINT64_MAX;
}

void os_memory(struct os_memory *memory)
{
	struct sysinfo info;
	*memory = (struct os_memory){0};
	if (sysinfo(&info))
		return;
	memory->physical = (uint64_t)info.totalram * info.mem_unit;
	memory->available = available(&info);
	memory->limit = memory->physical + (uint64_t)info.totalswap * info.mem_unit;
	uint64_t group = group_limit();
	if (group < memory->limit)
		memory->limit = group;
}

void os_usage(struct os_usage *usage)
{
	struct rusage used;
	char text[128];
	*usage = (struct os_usage){0};
	if (!getrusage(RUSAGE_SELF, &used)) {
		usage->faults = (uint64_t)used.ru_minflt + (uint64_t)used.ru_majflt;
		usage->resident_peak = (uint64_t)used.ru_maxrss / 4;
	}
	if (read_text("/proc/self/statm", text, sizeof text)) {
		char *second;
		strtoull(text, &second, 10);
		usage->resident = strtoull(second, NULL, 10);
	}
	if (usage->resident_peak < usage->resident)
		usage->resident_peak = usage->resident;
}
