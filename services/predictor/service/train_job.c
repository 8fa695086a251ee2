/* train_job.c - see train_job.h. */
#include "service/train_job.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/feature.h"
#include "service/history.h"
#include "service/model_store.h"
#include "vrs/fault.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

struct learning {
	struct train_job *job;
	struct vrs_store *s;
	struct train_series *series;
	size_t n;
	size_t longest; /* bins */
	int64_t renewed_mono_ms;
	bool lost; /* the claim: another replica goes on */
};

/* Renews the claim now and then; nonzero: stop, we are asked to or have lost it. */
static int beat(struct learning *l)
{
	const struct train_job_conf *c = &l->job->conf;
	int64_t now = vrs_now_mono_ms();

	if (l->job->stop)
		return 1;
	if (now - l->renewed_mono_ms < c->claim_ms / 4)
		return 0;
	l->renewed_mono_ms = now;
	l->lost = train_queue_renew(l->s, c->who, c->job.id, NULL) == 0;
	return l->lost;
}

static int on_progress(void *arg, long step, long steps, double loss)
{
	struct learning *l = arg;

	(void)loss;
	l->job->percent = (int)(step * 100 / steps);
	return beat(l);
}

/* Takes the bins out of the history. */
static void add(struct learning *l, char *name, struct bins *b)
{
	struct window w = {b->u, b->n, 0, 0};
	size_t span = window_span(&w);

	if (span > l->longest)
		l->longest = span;
	l->series = vrs_realloc(l->series, l->n + 1, sizeof(*l->series));
	l->series[l->n++] = (struct train_series){.name = name, .bins = *b};
	*b = (struct bins){0};
}

static int collect_cluster(struct learning *l, const char *cluster, int64_t now_ms,
			   struct vrs_err *err)
{
	struct history h;
	int status = history_open(&h, l->s, cluster, now_ms, err);

	if (status == VRS_ENOENT)
		return 0;
	if (status < 0)
		return status;
	status = history_read_cluster(&h, l->s, err);
	if (status == 0) {
		add(l, vrs_strdup(cluster), &h.bins);
		for (size_t i = 0; i < h.n && l->n < l->job->conf.max_series; i++)
			add(l, vrs_asprintf("%s/%s", cluster, h.host[i].name),
			    &h.host[i].bins);
	}
	history_close(&h);
	return status;
}

static int collect(struct learning *l, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int64_t now_ms = vrs_now_wall_ms();
	int status = vrs_store_cmd(l->s, &r, err, "SMEMBERS " VRS_KEY_CLUSTERS);

	for (size_t i = 0; status == 0 && i < r->n_items; i++)
		if (r->item[i].bytes && vrs_name_ok(r->item[i].bytes) &&
		    l->n < l->job->conf.max_series)
			status = beat(l) ? vrs_fail(err, VRS_ECANCELLED,
						    "training: stopped while reading")
					 : collect_cluster(l, r->item[i].bytes, now_ms,
							   err);
	vrs_reply_free(r);
	if (status < 0)
		return status;
	int64_t longest_ms = (int64_t)l->longest * BIN_MS;
	if (longest_ms < l->job->conf.min_history_ms)
		return vrs_fail(
			err, VRS_ENOENT,
			"training: %.1f h of history in %zu series, %.1f h required",
			(double)longest_ms / 3.6e6, l->n,
			(double)l->job->conf.min_history_ms / 3.6e6);
	return 0;
}

bool train_job_outgrown(const struct model *m, size_t known_series)
{
	return known_series > m->n_series + m->n_series / 4;
}

/* Another replica's model, made while this one waited, is as good as ours. */
static int needless(struct learning *l, struct vrs_err *err)
{
	const struct train_job_conf *c = &l->job->conf;
	struct model *m = NULL;
	int status = model_store_load(l->s, c->model_name, &m, NULL);
	bool fine = status == 0 && vrs_now_wall_ms() - m->made_at_ms < c->retrain_ms &&
		    !train_job_outgrown(m, c->known_series);

	model_free(m);
	if (fine)
		return vrs_fail(err, VRS_ECONFLICT,
				"training: the stored model is recent enough");
	return 0;
}

static int learn(struct learning *l, struct vrs_err *err)
{
	struct train_job_conf *c = &l->job->conf;
	int status = collect(l, err);

	if (status < 0)
		return status;
	if (vrs_fault("predictor.train"))
		return vrs_fail(err, VRS_EINTERNAL, "training: injected fault");
	c->train.made_at_ms = vrs_now_wall_ms();
	l->job->n_series = l->n;
	struct model *m = NULL;
	status = train_model(&m, l->series, l->n, &c->train, on_progress, l, err);
	if (status == 0)
		status = model_store_save(l->s, c->model_name, m, c->who, c->job.id, err);
	if (status < 0)
		model_free(m);
	else
		l->job->model = m;
	return status;
}

/* What becomes of a job that made no model. */
static void leave(struct learning *l)
{
	struct train_job *job = l->job;
	const struct train_job_conf *c = &job->conf;

	if (l->lost)
		(void)vrs_fail(&job->err, VRS_ECONFLICT,
			       "training: another replica has claimed the job");
	else if (job->stop)
		train_queue_release(l->s, c->who, &c->job);
	else if (job->err.code == VRS_ENOENT || job->err.code == VRS_ECONFLICT)
		(void)train_queue_drop(l->s, c->who, c->job.id, NULL);
	else
		train_queue_failed(l->s, c->job.id, job->err.text);
}

void train_job_run(void *arg)
{
	struct train_job *job = arg;
	struct learning l = {.job = job};
	int64_t began = vrs_now_mono_ms();

	/* answering comes first */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	if (vrs_store_open(&l.s, &job->conf.store, &job->err) < 0)
		return;
	l.renewed_mono_ms = began;
	int status = needless(&l, &job->err);
	if (status == 0)
		status = learn(&l, &job->err);
	if (status < 0)
		leave(&l);
	for (size_t i = 0; i < l.n; i++) {
		bins_fini(&l.series[i].bins);
		free((char *)l.series[i].name);
	}
	free(l.series);
	vrs_store_close(l.s);
	job->took_ms = vrs_now_mono_ms() - began;
}

void train_job_free(struct train_job *job)
{
	if (job)
		model_free(job->model);
	free(job);
}
