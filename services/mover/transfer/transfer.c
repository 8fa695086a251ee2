#include "transfer/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/base/sandbox.h"
#include "image/disk/disk.h"
#include "transfer/direct.h"
#include "transfer/parts.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { PAUSE_STEP_MS = 100 };

/* --- checks --- */

static int check_places(char *const *places, size_t n, const char *side,
			struct vrs_err *err)
{
	struct place p;

	if (n == 0)
		return vrs_fail(err, VRS_EINVAL, "the job names no %s", side);
	for (size_t i = 0; i < n; i++)
		if (place_parse(&p, places[i], err) < 0)
			return vrs_context(err, "%s", side);
	return 0;
}

static int check_disk(const Vrsas__V1__DiskCopy *d, struct vrs_err *err)
{
	int status;

	if ((status = sandbox_path_ok(d->source_path, err)) < 0 ||
	    (status = sandbox_path_ok(d->target_path, err)) < 0)
		return status;
	if (*d->base_path && (status = sandbox_path_ok(d->base_path, err)) < 0)
		return status;
	if (!disk_format_ok(d->source_format) || !disk_format_ok(d->target_format))
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"%s: format %.20s or %.20s is not supported; use raw, "
				"qcow2, vmdk or vhdx",
				d->source_path, d->source_format, d->target_format);
	return 0;
}

static int check_removal(const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	int status = 0;

	if (job->n_disk > 0 || job->n_remove_path > TRANSFER_MAX_DISKS)
		return vrs_fail(err, VRS_EINVAL,
				"a job either copies disks or removes at most %d images",
				TRANSFER_MAX_DISKS);
	for (size_t i = 0; i < job->n_remove_path && status == 0; i++)
		status = sandbox_path_ok(job->remove_path[i], err);
	return status < 0 ? status
			  : check_places((char *const *)job->target, job->n_target,
					 "target", err);
}

int transfer_check(const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	int status;

	if (!vrs_id_ok(job->job_id))
		return vrs_fail(err, VRS_EINVAL, "invalid job id");
	if (job->n_remove_path > 0)
		return check_removal(job, err);
	if (job->n_disk == 0 || job->n_disk > TRANSFER_MAX_DISKS)
		return vrs_fail(err, VRS_EINVAL,
				"a job has 1 to %d disks, but this one has %zu",
				TRANSFER_MAX_DISKS, job->n_disk);
	if ((status = check_places((char *const *)job->source, job->n_source, "source",
				   err)) < 0 ||
	    (status = check_places((char *const *)job->target, job->n_target, "target",
				   err)) < 0)
		return status;
	for (size_t i = 0; i < job->n_disk; i++)
		if ((status = check_disk(job->disk[i], err)) < 0)
			return status;
	return 0;
}

/* --- one attempt --- */

struct attempt {
	const struct transfer_env *env;
	const Vrsas__V1__TransferJob *job;
	struct copy_env copy_env;
	struct copy *copy[TRANSFER_MAX_DISKS];
};

static int copy_disks(struct attempt *a, struct vrs_err *err)
{
	for (size_t i = 0; i < a->job->n_disk; i++) {
		const Vrsas__V1__DiskCopy *d = a->job->disk[i];
		struct copy_disk disk = {
			.source_path = d->source_path,
			.source_format = d->source_format,
			.target_path = d->target_path,
			.target_format = d->target_format,
			.base_path = d->base_path,
			.base_hash = d->base_hash,
		};
		/* all are opened first, so that the total size is known from then on */
		int status =
			copy_open(&a->copy[i], &a->copy_env, &disk, (unsigned)i, err);

		if (status < 0)
			return status;
	}
	for (size_t i = 0; i < a->job->n_disk; i++) {
		atomic_store(&a->env->progress->verifying, 0);
		int status = copy_run(a->copy[i], err);

		if (status < 0)
			return status;
	}
	return copy_seal(a->copy, a->job->n_disk, err);
}

static bool is_permanent(int code)
{
	switch (code) {
	case VRS_EINVAL:
	case VRS_ENOENT:
	case VRS_EDENIED:
	case VRS_ECONFLICT:
	case VRS_ENOSPC:
	case VRS_EUNSUPPORTED:
		return true;
	default:
		return false;
	}
}

static void keep_results(struct attempt *a, struct transfer_result *ret)
{
	transfer_result_fini(ret);
	ret->disk = vrs_calloc(a->job->n_disk, sizeof(*ret->disk));
	ret->n_disks = a->job->n_disk;
	for (size_t i = 0; i < ret->n_disks; i++)
		ret->disk[i] = *copy_result(a->copy[i]);
}

static int try_through(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
		       struct transfer_result *ret, struct vrs_err *err)
{
	struct attempt a = {.env = env, .job = job};
	int status;

	atomic_store(&env->progress->total_bytes, 0);
	atomic_store(&env->progress->done_bytes, 0);
	a.copy_env = (struct copy_env){
		.job = job->job_id,
		.token = job->token,
		.progress = env->progress,
		.tick = env->tick,
		.arg = env->arg,
		.rate_bytes_per_s = env->rate_bytes_per_s,
		.pack = env->pack,
	};
	status = transfer_connect_target(&a.copy_env.target, env, job, err);
	if (status == 0)
		status = transfer_connect_source(&a.copy_env.source, env, job, err);
	atomic_store(&env->progress->connected, status == 0);
	if (status == 0)
		status = copy_disks(&a, err);
	if (status == 0)
		keep_results(&a, ret);
	ret->permanent = is_permanent(status);
	/* after a conflict the part may belong to another transfer */
	if (a.copy_env.target && (ret->permanent || status == VRS_ECANCELLED) &&
	    status != VRS_ECONFLICT)
		transfer_discard_all(a.copy_env.target, job);
	remote_close(a.copy_env.source);
	remote_close(a.copy_env.target);
	for (size_t i = 0; i < job->n_disk; i++)
		copy_free(a.copy[i]);
	return status;
}

/* *ret_may_run: a vrs-mover may still be copying with this token. */
static int try_once(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
		    struct transfer_result *ret, bool *ret_may_run, struct vrs_err *err)
{
	struct vrs_err why = {0};
	enum direct_end end;

	*ret_may_run = false;
	if (env->way == TRANSFER_THROUGH || !direct_fits(job))
		return try_through(env, job, ret, err);
	ret->permanent = false;
	int status = direct_run(env, job, ret, &end, &why);
	if (end == DIRECT_IMPOSSIBLE && env->way == TRANSFER_DIRECT_AUTO) {
		log_warn("%s; copying through this host instead", why.text);
		return try_through(env, job, ret, err);
	}
	*ret_may_run = end == DIRECT_UNKNOWN;
	ret->permanent =
		ret->permanent || (end != DIRECT_UNKNOWN && is_permanent(status));
	if (status < 0 && err)
		*err = why;
	return status;
}

static int remove_images(const struct transfer_env *env,
			 const Vrsas__V1__TransferJob *job, struct transfer_result *ret,
			 struct vrs_err *err)
{
	struct remote *target = NULL;
	int status = transfer_connect_target(&target, env, job, err);

	for (size_t i = 0; i < job->n_remove_path && status == 0; i++) {
		struct wire_head head = {.type = WIRE_REMOVE, .b = job->token};
		const char *texts[] = {job->remove_path[i], job->job_id, NULL};
		struct remote_reply reply;

		/* has the job been taken over or cancelled? */
		if (env->tick && (status = env->tick(env->arg, err)) < 0)
			break;
		if ((status = remote_call(target, &head, texts, &reply, err)) < 0)
			break;
		log_notice("%s path=%s vm=%s",
			   reply.head.a ? "image removed" : "image already removed",
			   job->remove_path[i], job->vm_name);
		free(reply.payload);
	}
	ret->permanent = is_permanent(status);
	remote_close(target);
	return status;
}

/* Waits, calling tick meanwhile. */
static int pause_for(const struct transfer_env *env, int64_t ms, struct vrs_err *err)
{
	for (int64_t t = 0; t < ms; t += PAUSE_STEP_MS) {
		struct timespec step = {0, PAUSE_STEP_MS * 1000000};
		int status = env->tick ? env->tick(env->arg, err) : 0;

		if (status < 0)
			return status;
		(void)nanosleep(&step, NULL);
	}
	return 0;
}

int transfer_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
		 struct transfer_result *ret, struct vrs_err *err)
{
	struct vrs_err why = {0};
	Vrsas__V1__TransferJob mine = *job;
	int status = transfer_check(job, &why);

	ret->permanent = status < 0;
	for (int i = 0; status == 0; i++) {
		bool may_run = false;

		status = job->n_remove_path > 0
				 ? remove_images(env, job, ret, &why)
				 : try_once(env, &mine, ret, &may_run, &why);
		if (status == 0 || ret->permanent || status == VRS_ECANCELLED ||
		    i + 1 >= env->tries || (may_run && !env->own_token))
			break;
		mine.token += may_run;
		int64_t ms = i < 5 ? 250 << i : 8000;
		log_warn("transfer interrupted, next attempt in %lld ms job=%s: %s",
			 (long long)ms, job->job_id, why.text);
		status = pause_for(env, ms, &why);
	}
	if (status < 0 && err)
		*err = why;
	return status;
}
