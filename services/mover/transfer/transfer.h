/* transfer.h - a whole job: all disks of a VM or none, between two machines.
 *
 * Tries the machines that can read and those that can write in the given order, copies
 * and proves disk after disk, and only then gives all of them their names. Safe to kill
 * at any instruction: the same job with the same or a higher token goes on. */
#ifndef MOVER_TRANSFER_TRANSFER_H
#define MOVER_TRANSFER_TRANSFER_H

#include "copy/copy.h"
#include "remote/remote.h"
#include "vrsas/v1/transfer.pb-c.h"

struct transfer_env {
	struct ssh_conf source_conf, target_conf;
	int tries; /* reconnects after failures that may pass; 0: 1 try */
	struct copy_progress *progress;
	/* as copy_env's */
	int (*tick)(void *arg, struct vrs_err *err);
	void *arg;
	const _Atomic uint64_t *rate_bytes_per_s;
	enum auto_compress_mode pack;
	/* Between two other machines: by a vrs-mover at the source (direct.h)? AUTO goes
	 * through here where that cannot be. */
	enum transfer_way { TRANSFER_THROUGH, TRANSFER_DIRECT_AUTO, TRANSFER_DIRECT } way;
	const char *remote_mover; /* its path there; NULL or "": vrs-mover */
	/* Nobody else mints tokens for this job: a further try may take a higher one. */
	bool own_token;
};

struct transfer_result {
	struct copy_result *disk; /* one a disk of the job, when done */
	size_t n_disks;
	bool permanent; /* when failed: another try on this target is of no use */
	bool direct;    /* it did not go through here */
};

/* Blocks until done, failed or cancelled by tick. */
int transfer_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
		 struct transfer_result *ret, struct vrs_err *err);
/* Takes away what tries of this job left at the target: nobody will go on with it.
 * transfer_run does it by itself when it is cancelled or fails for good. */
void transfer_abandon(const struct transfer_env *env, const Vrsas__V1__TransferJob *job);
void transfer_result_fini(struct transfer_result *r);

/* Is it a job at all? Paths, formats, places, ids. */
int transfer_check(const Vrsas__V1__TransferJob *job, struct vrs_err *err);

#endif
