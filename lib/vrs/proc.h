/* proc.h - runs other programs: fixed argv, no shell, no inherited descriptor that is not
 * named.
 *
 * vrs_proc_run is for programs that end by themselves: bytes in, bounded bytes out, and a
 * deadline at which the whole process group is killed. vrs_proc_start is its first half,
 * for programs that stay (qemu-nbd, a ProxyCommand). Both report a program that cannot be
 * executed as VRS_ENOENT. */
#ifndef VRS_PROC_H
#define VRS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vrs/err.h"
#include "vrs/mem.h"

struct vrs_proc {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const int *keep_fd;      /* inherited under the same numbers; each >= 10 */
	size_t n_keep;

	/* vrs_proc_run: standard input, and when to give up */
	const void *in;
	size_t n_in;
	int64_t timeout_ms;

	/* vrs_proc_start */
	int fd[3];     /* becomes stdin, stdout and stderr; -1: /dev/null */
	int listen_fd; /* 0: none; passed as systemd does (descriptor 3, LISTEN_FDS) */
	bool own_group;
	bool ends_with_us; /* SIGTERM when the thread that started it ends */
};

struct vrs_proc_result {
	int exit_code; /* -1: ended by a signal */
	int signal;
	struct vrs_text out, err; /* each cut at 1 MiB */
};

/* VRS_ETIMEOUT when it was killed at the deadline; otherwise 0, whatever the exit code.
 */
int vrs_proc_run(const struct vrs_proc *p, struct vrs_proc_result *ret,
		 struct vrs_err *err);
void vrs_proc_result_fini(struct vrs_proc_result *r);

int vrs_proc_start(pid_t *ret, const struct vrs_proc *p, struct vrs_err *err);
/* Reads once what is available; closes *fd and sets it to -1 at its end. Bytes beyond 1
 * MiB are read and dropped. */
void vrs_proc_read(int *fd, struct vrs_text *t);
/* Collects the exit status; false when the program still runs after wait_ms. */
bool vrs_proc_reap(pid_t pid, int64_t wait_ms, int *ret_status);

/* The last line that is not blank, with control characters replaced by spaces. */
void vrs_proc_last_line(const struct vrs_text *output, char *buf, size_t size);

#endif
