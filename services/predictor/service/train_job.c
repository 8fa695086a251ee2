/* train_job.c - see train_job.h. */
#include "service/train_job.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/feature.h"
#include "service/history.h"
#include "service/model_store.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

struct training {
	struct train_job *job;
	struct train_queue queue;
	struct train_series *series;
	size_t n;
	size_t longest; /* bins */
	int64_t renewed_mono_ms;
	bool lost; /* another replica has the claim */
};

/* Renews the claim when due. Nonzero: stop, by request or because the claim is lost. */
static int beat(struct training *l)
{
	const struct train_job_conf *c = &l->job->conf;
	int64_t now = vrs_now_mono_ms();

	if (l->job->stop)
		return 1;
	if (now - l->renewed_mono_ms < c->claim_ms / 4)
		return 0;
	l->renewed_mono_ms = now;
	l->lost = train_queue_renew(&l->queue, c->job.id, NULL) == 0;
	return l->lost;
}

static int on_progress(void *arg, long step, long steps, double loss)
{
	struct training *l = arg;

	(void)loss;
	l->job->percent = (int)(step * 100 / steps);
	return beat(l);
}

/* Takes the bins. */
static int on_series(void *arg, const char *name, struct bins *b, int64_t origin)
{
	struct training *l = arg;
	struct window w = {b->u, b->n, 0, 0};
	size_t span = window_span(&w);

	(void)origin;
	if (span > l->longest)
		l->longest = span;
	l->series = vrs_realloc(l->series, l->n + 1, sizeof(*l->series));
	l->series[l->n++] = (struct train_series){.name = vrs_strdup(name), .bins = *b};
	*b = (struct bins){0};
	return beat(l);
}

static int collect(struct training *l, struct vrs_err *err)
{
	const struct history_walk walk = {l->job->conf.max_series, on_series, l};
	int status = history_walk(l->queue.store, &walk, err);

	if (status == 0 && beat(l))
		status = vrs_fail(err, VRS_ECANCELLED, "training: stopped while reading");
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

/* Another replica may have stored a model in the meantime. */
static int check_needed(struct training *l, struct vrs_err *err)
{
	const struct train_job_conf *c = &l->job->conf;
	struct model *m = NULL;
	int status = model_store_load(l->queue.store, c->model_name, &m, NULL);
	bool fine = status == 0 && vrs_now_wall_ms() - m->made_at_ms < c->retrain_ms &&
		    !train_job_outgrown(m, c->known_series);

	model_free(m);
	if (fine)
		return vrs_fail(err, VRS_ECONFLICT,
				"training: the stored model is recent enough");
	return 0;
}

static int learn(struct training *l, struct vrs_err *err)
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
	c->train.progress = on_progress;
	c->train.progress_arg = l;
	status = train_model(&m, l->series, l->n, &c->train, err);
	if (status == 0)
		status = model_store_save(&l->queue, c->job.id, m, err);
	if (status < 0)
		model_free(m);
	else
		l->job->model = m;
	return status;
}

/* Hands back a job that produced no model. */
static void leave(struct training *l)
{
	struct train_job *job = l->job;
	const struct train_job_conf *c = &job->conf;

	if (l->lost)
		(void)vrs_fail(&job->err, VRS_ECONFLICT,
			       "training: another replica has claimed the job");
	else if (job->stop)
		train_queue_release(&l->queue, &c->job);
	else if (job->err.code == VRS_ENOENT || job->err.code == VRS_ECONFLICT)
		(void)train_queue_drop(&l->queue, c->job.id, NULL);
	else
		train_queue_failed(&l->queue, c->job.id, job->err.text);
}

void train_job_run(void *arg)
{
	struct train_job *job = arg;
	struct training l = {.job = job,
			     .queue = {.model = job->conf.model_name,
				       .predictor = job->conf.predictor}};
	int64_t began = vrs_now_mono_ms();

	/* forecasts have priority */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	if (vrs_store_open(&l.queue.store, &job->conf.store, &job->err) < 0)
		return;
	l.renewed_mono_ms = began;
	int status = check_needed(&l, &job->err);
	if (status == 0)
		status = learn(&l, &job->err);
	if (status < 0)
		leave(&l);
	for (size_t i = 0; i < l.n; i++) {
		bins_fini(&l.series[i].bins);
		free((char *)l.series[i].name);
	}
	free(l.series);
	vrs_store_close(l.queue.store);
	job->took_ms = vrs_now_mono_ms() - began;
}

void train_job_free(struct train_job *job)
{
	if (job)
		model_free(job->model);
	free(job);
}
