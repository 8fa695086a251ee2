/* answer.c - see answer.h. */
#include "service/answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/history.h"
#include "vrs/bus.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

/* Jobs with more targets skip the comparison with simple methods, which costs twenty
 * forecasts per target. */
enum { GATE_MAX_TARGETS = 256 };

struct job {
	const Vrsas__V1__ForecastJob *job;
	struct forecaster *f;
	struct vrs_store *s;
	const struct answer_conf *conf;
	int64_t origin_ms;
	struct history *history; /* of the clusters read so far */
	size_t n_histories;
	struct vrs_err down; /* Redis failed: the job ends with this error */
	Vrsas__V1__Forecast **made;
	size_t n_made;
};

static float *ratios(const float *points, size_t n)
{
	float *r = vrs_calloc(n, sizeof(*r));

	for (size_t i = 0; i < n; i++)
		r[i] = points[i] / 100;
	return r;
}

static Vrsas__V1__Forecast *message_of(const struct job *j, const struct forecast *f,
				       const Vrsas__V1__ForecastTarget *t)
{
	static const Vrsas__V1__Confidence sure[] = {
		VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE,
		VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW,
		VRSAS__V1__CONFIDENCE__CONFIDENCE_OK};
	Vrsas__V1__Forecast *m = vrs_calloc(1, sizeof(*m));

	vrsas__v1__forecast__init(m);
	m->cluster = vrs_strdup(t->cluster);
	m->host = vrs_strdup(t->host);
	m->made_at_ms = j->conf->now_ms;
	m->origin_ms = j->origin_ms;
	m->method = vrs_strdup(forecast_method_name(f->method));
	m->model_version =
		vrs_strdup(f->method == METHOD_LSTM ? j->conf->model_version : "");
	m->confidence = sure[f->confidence];
	m->reason = vrs_strdup(f->reason);
	m->step_ms = BIN_MS;
	m->history_min = f->history_min;
	m->last_ratio = f->last / 100;
	m->n_p50 = m->n_p90 = m->n_p99 = BINS_AHEAD;
	m->p50 = ratios(f->path[0], BINS_AHEAD);
	m->p90 = ratios(f->path[1], BINS_AHEAD);
	m->p99 = ratios(f->path[2], BINS_AHEAD);
	m->n_peak = NET_PEAKS;
	m->peak = vrs_calloc(NET_PEAKS, sizeof(*m->peak));
	for (uint32_t p = 0; p < NET_PEAKS; p++) {
		m->peak[p] = vrs_calloc(1, sizeof(*m->peak[p]));
		vrsas__v1__peak__init(m->peak[p]);
		m->peak[p]->horizon_min = (p + 1) * 120;
		m->peak[p]->p50 = f->peak[p][0] / 100;
		m->peak[p]->p90 = f->peak[p][1] / 100;
		m->peak[p]->p99 = f->peak[p][2] / 100;
	}
	return m;
}

static struct history *history_of(struct job *j, const char *cluster, struct vrs_err *err)
{
	struct history h;

	for (size_t i = 0; i < j->n_histories; i++)
		if (strcmp(j->history[i].cluster, cluster) == 0)
			return &j->history[i];
	if (history_open(&h, j->s, cluster, j->origin_ms, err) < 0)
		return NULL;
	j->history = vrs_realloc(j->history, j->n_histories + 1, sizeof(*j->history));
	j->history[j->n_histories] = h;
	return &j->history[j->n_histories++];
}

/* Retried once: a connection lost between jobs fails the first call and is reopened by
 * the next. */
static int find(struct job *j, const Vrsas__V1__ForecastTarget *t,
		const struct bins **bins, float *last, struct vrs_err *err)
{
	int status = VRS_ECONN;

	for (int try = 0; try < 2 && status == VRS_ECONN; try++) {
		struct history *h = history_of(j, t->cluster, err);
		const struct history_host *host;

		if (!h) {
			status = err->code;
		} else if (t->host[0]) {
			status = history_read_host(h, j->s, t->host, &host, err);
			if (status == 0) {
				*bins = &host->bins;
				*last = host->last;
			}
		} else {
			status = history_read_cluster(h, j->s, err);
			if (status == 0) {
				*bins = &h->bins;
				*last = h->last;
			}
		}
	}
	return status;
}

/* Applies the result of the drift check. */
static void apply_drift(const struct job *j, const Vrsas__V1__ForecastTarget *t,
			struct forecast *f)
{
	const struct drift_row *w =
		j->conf->drift ? drift_table_find(j->conf->drift, t->cluster, t->host)
			       : NULL;

	if (!w || w->drift.widen <= 1 || f->method != METHOD_LSTM)
		return;
	drift_widen(f, w->drift.widen);
	if (!f->reason[0])
		(void)snprintf(f->reason, sizeof(f->reason),
			       "quantiles stretched by %.1f: only %.0f %% of the peaks "
			       "in two days were at or below their P90",
			       (double)w->drift.widen, w->drift.covered * 100);
}

/* The forecast of one target joins those that will be written, or the target those that
 * have none. */
static void answer_target(struct job *j, const Vrsas__V1__ForecastTarget *t,
			  Vrsas__V1__ForecastAnswer *a)
{
	struct forecast f = {.last = NAN};
	const struct bins *bins = NULL;
	struct vrs_err err = {0};
	float last = NAN;

	if (find(j, t, &bins, &last, &err) < 0) {
		if (err.code == VRS_ECONN || err.code == VRS_ETIMEOUT)
			j->down = err;
		(void)vrs_strcpy(f.reason, sizeof(f.reason), err.text);
	} else {
		struct window w = window_of(bins, bin_of(j->origin_ms), BINS_HISTORY,
					    j->conf->utc_min);

		forecast_make(j->f, &w, j->job->n_target <= GATE_MAX_TARGETS, &f);
		apply_drift(j, t, &f);
		if (!isnan(last))
			f.last = last;
	}
	if (f.confidence == CONFIDENCE_NONE)
		a->missing[a->n_missing++] =
			vrs_asprintf("%s/%s: %s", t->cluster, t->host, f.reason);
	else
		j->made[j->n_made++] = message_of(j, &f, t);
}

static int write_made(struct job *j, struct vrs_err *err)
{
	for (size_t i = 0; i < j->n_made; i++) {
		const Vrsas__V1__Forecast *f = j->made[i];
		size_t n;
		void *bytes = vrs_msg_pack(&f->base, &n);

		vrs_store_addf(j->s, "HSET %s %b %b", vrs_key_forecast(f->cluster).text,
			       f->host, strlen(f->host), bytes, n);
		free(bytes);
	}
	return vrs_store_run(j->s, NULL, err);
}

Vrsas__V1__ForecastAnswer *answer_job(const Vrsas__V1__ForecastJob *job,
				      struct forecaster *f, struct vrs_store *s,
				      const struct answer_conf *conf)
{
	struct job j = {.job = job, .f = f, .s = s, .conf = conf};
	Vrsas__V1__ForecastAnswer *a = vrs_calloc(1, sizeof(*a));

	vrsas__v1__forecast_answer__init(a);
	a->job_id = vrs_strdup(job->job_id);
	a->predictor = vrs_strdup(conf->predictor);
	a->model_version = vrs_strdup(conf->model_version);
	j.origin_ms = job->origin_ms > 0 ? job->origin_ms : conf->now_ms;
	if (job->n_target > ANSWER_MAX_TARGETS || job->origin_ms < 0) {
		a->error = vrs_asprintf("job: %zu targets (at most %d), origin %lld",
					job->n_target, ANSWER_MAX_TARGETS,
					(long long)job->origin_ms);
		return a;
	}
	a->missing = vrs_calloc(job->n_target + 1, sizeof(*a->missing));
	j.made = vrs_calloc(job->n_target + 1, sizeof(*j.made));
	for (size_t i = 0; i < job->n_target && j.down.code == 0; i++)
		answer_target(&j, job->target[i], a);
	if (j.down.code == 0 && write_made(&j, &j.down) == 0)
		a->written_at_ms = j.n_made > 0 ? conf->now_ms : 0;
	a->error = vrs_strdup(j.down.code < 0 ? j.down.text : "");
	for (size_t i = 0; i < j.n_made; i++)
		vrsas__v1__forecast__free_unpacked(j.made[i], NULL);
	free(j.made);
	for (size_t i = 0; i < j.n_histories; i++)
		history_close(&j.history[i]);
	free(j.history);
	return a;
}

void answer_free(Vrsas__V1__ForecastAnswer *a)
{
	if (a)
		vrsas__v1__forecast_answer__free_unpacked(a, NULL);
}
