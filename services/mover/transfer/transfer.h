/* transfer.h - a whole job: all disks of a VM or none, between two hosts.
 *
 * Tries the hosts that can read and those that can write in the given order, copies and
 * verifies disk after disk, and then commits all of them. Safe to kill at any
 * instruction: the same job with the same or a higher token resumes. */
#ifndef MOVER_TRANSFER_TRANSFER_H
#define MOVER_TRANSFER_TRANSFER_H

#include "copy/copy.h"
#include "remote/remote.h"
#include "vrsas/v1/transfer.pb-c.h"

#define TRANSFER_STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

struct transfer_env {
	struct ssh_conf source_conf, target_conf;
	int tries; /* attempts if a failure may be temporary; 0: 1 */
	struct copy_progress *progress;
	/* as in copy_env */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	const _Atomic uint64_t *rate_bytes_per_s;
	enum auto_compress_mode pack;
	/* Is a copy between two other hosts done by a vrs-mover on the source host
	 * (direct.h)? AUTO: if that is possible, otherwise through this process. */
	enum transfer_way { TRANSFER_THROUGH, TRANSFER_DIRECT_AUTO, TRANSFER_DIRECT } way;
	const char *remote_mover; /* path of that vrs-mover; NULL or "": vrs-mover */
	/* Tokens of this job are issued here only: a further attempt may raise it. */
	bool own_token;
};

struct transfer_result {
	struct copy_result *disk; /* one a disk of the job, when done */
	size_t n_disks;
	bool permanent; /* when failed: another attempt on this target cannot succeed */
	bool direct;    /* the data did not pass through this process */
};

/* Blocks until done, failed or cancelled by tick. */
int transfer_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
		 struct transfer_result *ret, struct vrs_err *err);
/* Removes the partial copy at the target when the job will not be resumed. transfer_run
 * does so when it is cancelled or fails permanently. */
void transfer_abandon(const struct transfer_env *env, const Vrsas__V1__TransferJob *job);
void transfer_result_fini(struct transfer_result *r);

/* Where a displaced image of this disk was kept; the caller frees it. */
char *transfer_kept_path(const Vrsas__V1__TransferJob *job, size_t disk);
/* Fills the disks of a status; its strings are those of job and r. */
void transfer_put_results(Vrsas__V1__TransferStatus *s, const Vrsas__V1__TransferJob *job,
			  const struct transfer_result *r);
void transfer_free_results(Vrsas__V1__TransferStatus *s);

/* Checks the paths, formats, places and ids of a job. */
int transfer_check(const Vrsas__V1__TransferJob *job, struct vrs_err *err);

#endif
