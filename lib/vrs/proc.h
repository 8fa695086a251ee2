/* proc.h - runs other programs: fixed argv, no shell, no inherited descriptors except
 * those listed.
 *
 * vrs_proc_run is for programs that end by themselves: input, bounded output, and a
 * deadline after which the whole process group is killed. vrs_proc_start only starts a
 * program, for those that keep running (qemu-nbd, a ProxyCommand). Both return VRS_ENOENT
 * if the program cannot be executed. */
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

	/* vrs_proc_run: standard input and deadline */
	const void *in;
	size_t n_in;
	int64_t timeout_ms;

	/* vrs_proc_start */
	int fd[3];     /* stdin, stdout and stderr; -1: /dev/null */
	int listen_fd; /* 0: none; passed as systemd does (descriptor 3, LISTEN_FDS) */
	bool own_group;
	bool ends_with_us; /* SIGTERM when the thread that started it ends */
};

struct vrs_proc_result {
	int exit_code; /* -1: ended by a signal */
	int signal;
	struct vrs_text out, err; /* each cut at 1 MiB */
};

/* 0 whatever the exit code; VRS_ETIMEOUT if it was killed at the deadline. */
int vrs_proc_run(const struct vrs_proc *p, struct vrs_proc_result *ret,
		 struct vrs_err *err);
void vrs_proc_result_fini(struct vrs_proc_result *r);

int vrs_proc_start(pid_t *ret, const struct vrs_proc *p, struct vrs_err *err);
/* Reads what is available, once; at end of file closes *fd and sets it to -1. Bytes
 * beyond 1 MiB are discarded. */
void vrs_proc_read(int *fd, struct vrs_text *t);
/* Collects the exit status; false if the program still runs after wait_ms. */
bool vrs_proc_reap(pid_t pid, int64_t wait_ms, int *ret_status);

/* The last line that is not blank, with control characters replaced by spaces. */
void vrs_proc_last_line(const struct vrs_text *output, char *buf, size_t size);

#endif
