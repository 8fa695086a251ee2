/* bus_jobs.h - jobs that are asked for and answered, for tests of the bus: replicas (this
 * program again) that answer, and an asker that counts. */
#ifndef TESTS_BUS_JOBS_H
#define TESTS_BUS_JOBS_H

#include "bus_world.h"

#include "vrsas/v1/forecast.pb-c.h"

/* --- the other process --- */

struct replica {
	struct vrs_loop *loop;
	const char *name;
	int64_t delay_ms;
	int exit_after; /* requests; 0: never */
};

struct held_answer {
	struct replica *replica;
	struct vrs_req_token *token;
	char job[64];
};

static inline void answer_now(void *arg)
{
	struct held_answer *h = arg;
	Vrsas__V1__ForecastAnswer answer = VRSAS__V1__FORECAST_ANSWER__INIT;

	answer.job_id = h->job;
	answer.predictor = h->replica->name;
	vrs_bus_answer(h->token, &answer.base);
	free(h);
}

static inline void on_job(void *arg, const ProtobufCMessage *msg,
			  struct vrs_req_token *token)
{
	const Vrsas__V1__ForecastJob *job = (const Vrsas__V1__ForecastJob *)msg;
	struct replica *r = arg;
	struct held_answer *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->replica = r;
	h->token = token;
	(void)snprintf(h->job, sizeof(h->job), "%s", job->job_id);
	if (r->delay_ms > 0)
		(void)vrs_loop_after(r->loop, r->delay_ms, answer_now, h);
	else
		answer_now(h);
}

/* replica URL NAME DELAY_MS dial|listen: answers jobs until it is killed. */
static inline int replica_main(char **argv)
{
	struct replica r = {.name = argv[3], .delay_ms = atoi(argv[4])};
	struct vrs_rep *rep;
	struct vrs_err err = {0};

	if (vrs_loop_open(&r.loop, &err) < 0 ||
	    vrs_rep_open(
		    &rep, r.loop,
		    &(struct vrs_rep_conf){.url = argv[2],
					   .listen = strcmp(argv[5], "listen") == 0,
					   .max_open = 8,
					   .type = &vrsas__v1__forecast_job__descriptor,
					   .fn = on_job,
					   .arg = &r},
		    &err) < 0) {
		(void)fprintf(stderr, "replica: %s\n", err.text);
		return 1;
	}
	(void)vrs_loop_run(r.loop, &err);
	return 0;
}

static inline pid_t replica_start(const char *url, const char *name, const char *delay_ms,
				  const char *how)
{
	const char *argv[] = {"test_bus", "replica", url, name, delay_ms, how, NULL};

	return spawn_self(argv);
}

/* --- asking many times --- */

struct asker {
	struct vrs_loop *loop;
	struct vrs_req *req;
	int to_ask, asked, done, errors, last_code;
	int64_t timeout_ms, worst_ms;
	int by_name[8]; /* replicas are called "0", "1", ... */
	int wait_for;   /* peers, or jobs done */
};

struct asked {
	struct asker *asker;
	int64_t at_mono_ms;
	char job[32];
};

static inline void ask_next(struct asker *a);

static inline void on_answer(void *arg, const ProtobufCMessage *reply,
			     const struct vrs_err *err)
{
	struct asked *q = arg;
	struct asker *a = q->asker;
	int64_t took = vrs_now_mono_ms() - q->at_mono_ms;

	if (reply) {
		const Vrsas__V1__ForecastAnswer *answer =
			(const Vrsas__V1__ForecastAnswer *)reply;

		assert_string_equal(answer->job_id, q->job);
		a->by_name[answer->predictor[0] & 7]++;
		if (took > a->worst_ms)
			a->worst_ms = took;
	} else {
		a->errors++;
		a->last_code = err->code;
	}
	a->done++;
	free(q);
	ask_next(a);
}

static inline void ask_next(struct asker *a)
{
	Vrsas__V1__ForecastJob job = VRSAS__V1__FORECAST_JOB__INIT;
	struct vrs_err err = {0};

	if (a->asked >= a->to_ask)
		return;
	struct asked *q = calloc(1, sizeof(*q));
	assert_non_null(q);
	q->asker = a;
	q->at_mono_ms = vrs_now_mono_ms();
	(void)snprintf(q->job, sizeof(q->job), "job-%d", a->asked++);
	job.job_id = q->job;
	assert_ok(vrs_req_send(a->req, &job.base, a->timeout_ms, on_answer, q, &err),
		  &err);
}

static inline bool peers_are_there(void *arg)
{
	struct asker *a = arg;

	return vrs_req_peers(a->req) == a->wait_for;
}

static inline bool jobs_are_done(void *arg)
{
	struct asker *a = arg;

	return a->done >= a->wait_for;
}

static inline void asker_open(struct asker *a, const char *url, bool listen,
			      int64_t silence_ms)
{
	struct vrs_err err = {0};

	*a = (struct asker){.timeout_ms = PATIENCE_MS};
	assert_ok(vrs_loop_open(&a->loop, &err), &err);
	assert_ok(vrs_req_open(
			  &a->req, a->loop,
			  &(struct vrs_req_conf){
				  .url = url,
				  .listen = listen,
				  .silence_ms = silence_ms,
				  .reply_type = &vrsas__v1__forecast_answer__descriptor},
			  &err),
		  &err);
}

static inline void asker_close(struct asker *a)
{
	vrs_req_close(a->req);
	vrs_loop_close(a->loop);
}

static inline void ask_many(struct asker *a, int n, int at_a_time)
{
	a->to_ask += n;
	for (int i = 0; i < at_a_time; i++)
		ask_next(a);
}

#endif
