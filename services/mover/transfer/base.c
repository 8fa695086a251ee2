/* Connecting to the two ends of a job, removing partial copies, reporting results. */
#include <stdlib.h>
#include <string.h>

#include "transfer/parts.h"
#include "vrs/log.h"
#include "vrs/mem.h"

/* One side of a job. */
struct side {
	const char *name;
	const struct ssh_conf *conf;
	char *const *place;
	size_t n_places;
	char *root[2 * TRANSFER_MAX_DISKS]; /* the directories that it names, each once */
	size_t n_roots;
};

static void add_root(struct side *s, const char *path)
{
	if (!*path)
		return;
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? vrs_strdup("/")
				  : vrs_asprintf("%.*s", (int)(slash - path), path);
	for (size_t i = 0; i < s->n_roots; i++)
		if (strcmp(s->root[i], dir) == 0) {
			free(dir);
			return;
		}
	s->root[s->n_roots++] = dir;
}

static int connect_first(struct remote **ret, const struct side *s, struct vrs_err *err)
{
	struct vrs_err first = {0};

	for (size_t i = 0; i < s->n_places; i++) {
		struct vrs_err why = {0};
		struct place p;
		struct ssh_host host = {s->conf, &p, (const char *const *)s->root,
					s->n_roots};
		int status = place_parse(&p, s->place[i], &why);

		if (status == 0)
			status = remote_open(ret, s->name, &host, &why);
		if (status == 0)
			return 0;
		if (i + 1 < s->n_places)
			log_warn("%s; trying the next address", why.text);
		if (i == 0)
			first = why;
	}
	if (err)
		*err = first;
	return first.code;
}

static int connect_side(struct remote **ret, struct side *s, struct vrs_err *err)
{
	int status = connect_first(ret, s, err);

	while (s->n_roots > 0)
		free(s->root[--s->n_roots]);
	return status;
}

int transfer_connect_source(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	struct side s = {.name = "source",
			 .conf = &env->source_conf,
			 .place = (char *const *)job->source,
			 .n_places = job->n_source};

	for (size_t i = 0; i < job->n_disk; i++)
		add_root(&s, job->disk[i]->source_path);
	return connect_side(ret, &s, err);
}

int transfer_connect_target(struct remote **ret, const struct transfer_env *env,
			    const Vrsas__V1__TransferJob *job, struct vrs_err *err)
{
	struct side s = {.name = "target",
			 .conf = &env->target_conf,
			 .place = (char *const *)job->target,
			 .n_places = job->n_target};

	for (size_t i = 0; i < job->n_disk; i++) {
		add_root(&s, job->disk[i]->target_path);
		add_root(&s, job->disk[i]->base_path);
	}
	for (size_t i = 0; i < job->n_remove_path; i++)
		add_root(&s, job->remove_path[i]);
	return connect_side(ret, &s, err);
}

void transfer_discard_all(struct remote *target, const Vrsas__V1__TransferJob *job)
{
	for (size_t i = 0; i < job->n_disk; i++)
		(void)copy_discard(target, job->disk[i]->target_path, job->job_id,
				   job->token, NULL);
}

void transfer_abandon(const struct transfer_env *env, const Vrsas__V1__TransferJob *job)
{
	struct remote *target = NULL;
	struct vrs_err err = {0};

	if (transfer_connect_target(&target, env, job, &err) == 0)
		transfer_discard_all(target, job);
	else
		log_warn("cannot remove the partial copy at the target job=%s: %s",
			 job->job_id, err.text);
	remote_close(target);
}

char *transfer_kept_path(const Vrsas__V1__TransferJob *job, size_t disk)
{
	return vrs_asprintf("%s.kept-%llu", job->disk[disk]->target_path,
			    (unsigned long long)job->token);
}

void transfer_put_results(Vrsas__V1__TransferStatus *s, const Vrsas__V1__TransferJob *job,
			  const struct transfer_result *r)
{
	s->n_disk = r->n_disks;
	s->disk = vrs_calloc(r->n_disks + 1, sizeof(*s->disk));
	for (size_t i = 0; i < r->n_disks; i++) {
		const struct copy_result *c = &r->disk[i];
		Vrsas__V1__DiskResult *d = vrs_calloc(1, sizeof(*d));

		vrsas__v1__disk_result__init(d);
		d->target_path = job->disk[i]->target_path;
		d->virtual_bytes = c->disk_bytes;
		d->source_hash = c->source_hash;
		d->target_hash = c->target_hash;
		d->base_used = c->base_used;
		d->bytes_sent = c->sent_bytes;
		if (c->kept_aside)
			d->kept_path = transfer_kept_path(job, i);
		s->disk[i] = d;
	}
}

void transfer_free_results(Vrsas__V1__TransferStatus *s)
{
	for (size_t i = 0; i < s->n_disk; i++) {
		if (*s->disk[i]->kept_path)
			free((char *)(uintptr_t)s->disk[i]->kept_path);
		free(s->disk[i]);
	}
	free(s->disk);
}

void transfer_result_fini(struct transfer_result *r)
{
	free(r->disk);
	*r = (struct transfer_result){0};
}
