#include "forecasts/forecasts.h"

#include "vrs/clock.h"
#include "vrs/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_TARGETS = 64, TICK_MS = 1000, RETRY_MS = 5000 };

struct forecasts {
	struct vrs_req *req;
	struct vrs_timer *timer;
	struct forecasts_conf conf;
	int64_t tried_mono_ms, done_mono_ms; /* 0: never */
	unsigned open, failed;               /* jobs of this round */
	bool wanted;                         /* soon, not only when due */
	uint64_t next_job;
	struct vrs_complaint trouble;
	struct forecasts_counts counts;
};

/* A job of a round, from request to reply. */
struct round_job {
	struct forecasts *f;
	int64_t begun_ns;
};

struct job {
	Vrsas__V1__ForecastTarget **target;
	size_t n;
	int64_t timeout_ms;
	vrs_req_done_fn fn;
	void *arg;
};

static int send_job(struct forecasts *f, const char *kind, const struct job *j,
		    struct vrs_err *err)
{
	Vrsas__V1__ForecastJob msg = VRSAS__V1__FORECAST_JOB__INIT;
	char id[48];

	(void)snprintf(id, sizeof(id), "%s-%lld-%llu", kind, (long long)vrs_now_wall_ms(),
		       (unsigned long long)f->next_job++);
	msg.job_id = id;
	msg.n_target = j->n;
	msg.target = j->target;
	return vrs_req_send(f->req, &msg.base, j->timeout_ms, j->fn, j->arg, err);
}

/* --- rounds --- */

static void end_of_round(struct forecasts *f)
{
	if (f->failed)
		return; /* retried soon; what was answered is stored already */
	f->done_mono_ms = vrs_now_mono_ms();
	vrs_complaint_over(&f->trouble, "forecasts are available again");
}

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct round_job *job = arg;
	struct forecasts *f = job->f;
	const Vrsas__V1__ForecastAnswer *a = (const void *)reply;

	vrs_histogram_add(&f->counts.seconds,
			  (double)(vrs_tick_ns() - job->begun_ns) / 1e9);
	free(job);
	if (!a || a->error[0]) {
		f->failed++;
		f->counts.failed++;
		vrs_complain(&f->trouble, VRS_WARN,
			     "no new forecasts, decisions fall back to older ones: %s",
			     a ? a->error : err->text);
	} else {
		f->counts.ok++;
	}
	if (--f->open == 0)
		end_of_round(f);
}

static void ask_job(struct forecasts *f, Vrsas__V1__ForecastTarget **target, size_t n)
{
	struct vrs_err err = {0};
	struct round_job *r = vrs_calloc(1, sizeof(*r));

	*r = (struct round_job){f, vrs_tick_ns()};
	f->open++;
	if (send_job(f, "round",
		     &(struct job){target, n, f->conf.timeout_ms, on_answer, r},
		     &err) < 0)
		on_answer(r, NULL, &err);
}

static void begin_round(struct forecasts *f)
{
	const struct fleet *w = f->conf.fleet(f->conf.arg);

	f->tried_mono_ms = vrs_now_mono_ms();
	f->wanted = false;
	f->failed = 0;
	if (!w || w->n_clusters + w->n_hosts == 0) {
		f->wanted = true;
		return;
	}

	size_t n = w->n_clusters + w->n_hosts;
	Vrsas__V1__ForecastTarget *t = vrs_calloc(n, sizeof(*t));
	Vrsas__V1__ForecastTarget **p =
		vrs_calloc(n, sizeof(Vrsas__V1__ForecastTarget *));
	for (size_t i = 0; i < n; i++) {
		vrsas__v1__forecast_target__init(&t[i]);
		p[i] = &t[i];
		if (i < w->n_clusters) {
			t[i].cluster = w->cluster[i].name;
		} else {
			const struct fleet_host *h = &w->host[i - w->n_clusters];

			t[i].cluster = fleet_cluster_name(w, h);
			t[i].host = h->name;
		}
	}
	f->open++; /* the round does not end before the last job was sent */
	for (size_t i = 0; i < n; i += JOB_TARGETS)
		ask_job(f, p + i, n - i < JOB_TARGETS ? n - i : JOB_TARGETS);
	if (--f->open == 0)
		end_of_round(f);
	free(p);
	free(t);
}

static void on_tick(void *arg)
{
	struct forecasts *f = arg;
	int64_t now = vrs_now_mono_ms();
	bool due = f->wanted || f->failed || !f->done_mono_ms ||
		   now - f->done_mono_ms >= f->conf.interval_ms;

	if (!due || f->open || vrs_req_peers(f->req) == 0)
		return;
	if (!f->wanted && f->tried_mono_ms && now - f->tried_mono_ms < RETRY_MS)
		return;
	begin_round(f);
}

int forecasts_open(struct forecasts **ret, struct vrs_loop *loop,
		   const struct forecasts_conf *conf, struct vrs_err *err)
{
	struct forecasts *f = vrs_calloc(1, sizeof(*f));

	f->conf = *conf;
	vrs_histogram_init(&f->counts.seconds, vrs_bounds_seconds,
			   sizeof(vrs_bounds_seconds) / sizeof(vrs_bounds_seconds[0]));
	int status = vrs_req_open(
		&f->req, loop,
		&(struct vrs_req_conf){.url = conf->url,
				       .listen = true,
				       .silence_ms = conf->silence_ms,
				       .reply_type =
					       &vrsas__v1__forecast_answer__descriptor},
		err);
	if (status < 0) {
		free(f);
		return status;
	}
	f->timer = vrs_loop_every(loop, TICK_MS, on_tick, f);
	*ret = f;
	return 0;
}

void forecasts_close(struct forecasts *f)
{
	if (!f)
		return;
	vrs_timer_cancel(f->timer);
	vrs_req_close(f->req); /* ends every open request */
	free(f);
}

void forecasts_refresh(struct forecasts *f)
{
	f->wanted = true;
}

/* --- one request --- */

static void on_one(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct forecasts_question *q = arg;
	const Vrsas__V1__ForecastAnswer *a = (const void *)reply;

	if (!a || a->error[0])
		q->fn(q->arg, a ? a->error : err->text);
	else
		q->fn(q->arg, a->n_missing ? a->missing[0] : NULL);
	free(q);
}

int forecasts_ask(struct forecasts *f, const struct forecasts_question *question,
		  struct vrs_err *err)
{
	Vrsas__V1__ForecastTarget t = VRSAS__V1__FORECAST_TARGET__INIT, *list[] = {&t};

	if (vrs_req_peers(f->req) == 0)
		return vrs_fail(err, VRS_ECONN, "forecast: no predictor is connected");
	t.cluster = question->cluster;
	t.host = question->host;
	struct forecasts_question *q = vrs_calloc(1, sizeof(*q));
	*q = *question;
	int status =
		send_job(f, "ask", &(struct job){list, 1, q->timeout_ms, on_one, q}, err);
	if (status < 0)
		free(q);
	return status;
}

int forecasts_predictors(const struct forecasts *f)
{
	return vrs_req_peers(f->req);
}

const char *forecasts_url(const struct forecasts *f)
{
	return vrs_req_url(f->req);
}

void forecasts_counts(const struct forecasts *f, struct forecasts_counts *ret)
{
	*ret = f->counts;
	ret->open = f->open;
	vrs_req_counts(f->req, &ret->bus);
}
