/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("ntmm-bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

void *bench_alloc(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);
	must(memory != NULL, "calloc");
	return memory;
}

void *host_map(uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap of %lu MB: %s", (unsigned long)(bytes / MB), strerror(errno));
	return memory;
}

void host_unmap(void *memory, uint64_t bytes)
{
	must(!munmap(memory, bytes), "munmap");
}

uint64_t host_available(void)
{
	char line[128];
	unsigned long kilobytes = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "MemAvailable: %lu", &kilobytes) == 1)
			break;
	if (file)
		fclose(file);
	return kilobytes * KB;
}

uint32_t *random_stream(uint64_t count, uint32_t below)
{
	uint32_t *stream = bench_alloc(count, sizeof *stream);
	uint64_t seed = below;
	for (uint64_t i = 0; i < count; i++)
		stream[i] = (uint32_t)(random_next(&seed) % below);
	return stream;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double median(const double *samples, uint64_t count)
{
	double *sorted = bench_alloc(count, sizeof *sorted);
	memcpy(sorted, samples, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare);
	double middle = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
	free(sorted);
	return middle;
}
