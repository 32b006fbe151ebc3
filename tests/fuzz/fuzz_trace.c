/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a trace: they are read to the end or refused, and every reference keeps its promises.
 */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define MOST_REFERENCES (1 << 20) /* a few compressed bytes can stand for very long texts */
#define BATCH 777

static void check(const struct ref *ref, uint64_t *line)
{
	if (ref->bytes < 1 || ref->bytes > REF_MOST_BYTES || ref->address > UINT64_MAX - (ref->bytes - 1))
		abort();
	if (ref->line <= *line)
		abort();
	*line = ref->line;
}

static void check_error(const struct trace *trace)
{
	if (strncmp(trace_error(trace), "fuzz:", 5) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ref refs[BATCH];
	uint64_t line = 0;
	ssize_t count = 1;
	struct input *input = input_of_memory(data, size);
	struct trace *trace = input ? trace_open(input, "fuzz") : NULL;
	if (!trace)
		abort();
	for (size_t total = 0; count > 0 && total < MOST_REFERENCES; total += (size_t)count) {
		count = trace_read(trace, refs, BATCH);
		if (count < 0) {
			check_error(trace);
			break;
		}
		for (ssize_t i = 0; i < count; i++)
			check(&refs[i], &line);
	}
	trace_close(trace);
	return 0;
}
