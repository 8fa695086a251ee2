/* Reaching the two ends of a job, and removing what it left behind. */
#include <stdlib.h>
#include <string.h>

#include "transfer/parts.h"
#include "vrs/log.h"
#include "vrs/mem.h"

void transfer_add_root(struct transfer_roots *r, const char *path)
{
	if (!*path)
		return;
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? vrs_strdup("/")
				  : vrs_asprintf("%.*s", (int)(slash - path), path);
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->dir[i], dir) == 0) {
			free(dir);
			return;
		}
	r->dir[r->n++] = dir;
}

void transfer_roots_fini(struct transfer_roots *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->dir[i]);
	r->n = 0;
}

void transfer_target_roots(const Vrsas__V1__TransferJob *job, struct transfer_roots *ret)
{
	for (size_t i = 0; i < job->n_disk; i++) {
		transfer_add_root(ret, job->disk[i]->target_path);
		transfer_add_root(ret, job->disk[i]->base_path);
	}
}

/* The first that answers. The error is that of the first that did not. */
int transfer_connect(struct remote **ret, const struct ssh_conf *conf, const char *side,
		     char *const *places, size_t n, const struct transfer_roots *roots,
		     struct vrs_err *err)
{
	struct vrs_err first = {0};

	for (size_t i = 0; i < n; i++) {
		struct vrs_err why = {0};
		struct place p;
		int status = place_parse(&p, places[i], &why);

		if (status == 0)
			status = remote_open(ret, conf, side, &p,
					     (const char *const *)roots->dir, roots->n,
					     &why);
		if (status == 0)
			return 0;
		if (i + 1 < n)
			log_warn("%s, trying the next", why.text);
		if (i == 0)
			first = why;
	}
	if (err)
		*err = first;
	return first.code;
}

int transfer_connect_target(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	struct transfer_roots roots = {.n = 0};

	transfer_target_roots(job, &roots);
	int status =
		transfer_connect(ret, &env->target_conf, "target",
				 (char *const *)job->target, job->n_target, &roots, err);
	transfer_roots_fini(&roots);
	return status;
}

int transfer_connect_source(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	struct transfer_roots roots = {.n = 0};

	for (size_t i = 0; i < job->n_disk; i++)
		transfer_add_root(&roots, job->disk[i]->source_path);
	int status =
		transfer_connect(ret, &env->source_conf, "source",
				 (char *const *)job->source, job->n_source, &roots, err);
	transfer_roots_fini(&roots);
	return status;
}

void transfer_forget_all(struct remote *target, const Vrsas__V1__TransferJob *job)
{
	for (size_t i = 0; i < job->n_disk; i++)
		(void)copy_forget(target, job->disk[i]->target_path, job->job_id,
				  job->token, NULL);
}

void transfer_abandon(const struct transfer_env *env, const Vrsas__V1__TransferJob *job)
{
	struct remote *target = NULL;
	struct vrs_err err = {0};

	if (transfer_connect_target(&target, env, job, &err) == 0)
		transfer_forget_all(target, job);
	else
		log_warn("what the copy left at the target stays there job=%s: %s",
			 job->job_id, err.text);
	remote_close(target);
}

void transfer_result_fini(struct transfer_result *r)
{
	free(r->disk);
	*r = (struct transfer_result){0};
}
