/* CSV files, plain or gzip, that people train and test with. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/traces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct traces t = {0};
	struct vrs_err err = {0};
	char path[64];
	int fd = memfd_create("traces", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (traces_read(&t, path, &err) == 0)
		for (size_t i = 0; i < t.n; i++)
			for (size_t k = 1; k < t.trace[i].n; k++)
				if (t.trace[i].at_ms[k] <= t.trace[i].at_ms[k - 1])
					abort();
	traces_free(&t);
	(void)close(fd);
	return 0;
}
