/* A trace file, in either of its formats. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "readers/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct trace *t = NULL;
	int fd = memfd_create("trace", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trace_load(&t, path, NULL) == 0) {
		for (size_t i = 0; i < t->n_entities; i++)
			for (int64_t at = t->from_ms; at <= t->to_ms;
			     at += (t->to_ms - t->from_ms) / 16 + 1)
				(void)trace_at(&t->entity[i], at);
		trace_free(t);
	}
	(void)close(fd);
	return 0;
}
