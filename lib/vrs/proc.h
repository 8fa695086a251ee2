/* proc.h - running another program: fixed argv, bytes in, bounded bytes out, a deadline.
 *
 * No shell. The child gets its own process group and is killed with
 * it at the deadline. */
#ifndef VRS_PROC_H
#define VRS_PROC_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"

struct vrs_proc_result {
	int exit_code; /* -1: ended by a signal */
	int signal;
	struct vrs_text out, err; /* each cut at 1 MiB */
};

/* VRS_ENOENT when the program cannot be started, VRS_ETIMEOUT when it was killed at the
 * deadline; otherwise 0, whatever its exit code. */
int vrs_proc_run(const char *const *argv, const void *in, size_t n_in, int64_t timeout_ms,
		 struct vrs_proc_result *ret, struct vrs_err *err);
void vrs_proc_result_fini(struct vrs_proc_result *r);

/* The last line with something on it, for people: control characters become spaces. */
void vrs_proc_last_line(const struct vrs_text *said, char *buf, size_t size);

#endif
