/* forecast-asker.c - plays the scheduler for predictor_test.sh.
 *
 *   forecast-asker load REDIS CLUSTER FILE.csv
 *       puts a trace into Redis as etl would have: capacities and slots.
 *   forecast-asker ask REDIS URL-FILE PEERS JOBS GAP-MS TARGET...
 *       listens, writes its URL to the file, waits for so many predictors, asks so many
 *       jobs, one every GAP-MS. A line an answer, with the forecasts that Redis has then;
 *       one at the end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/traces.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/series.h"
#include "vrs/store.h"
#include "vrsas/v1/forecast.pb-c.h"
#include "vrsas/v1/sample.pb-c.h"

enum { VCPUS = 8, MAX_TARGETS = 16 };

static _Noreturn void die(const struct vrs_err *err)
{
	(void)fprintf(stderr, "forecast-asker: %s\n", err->text);
	exit(1);
}

static void load_host(struct vrs_store *s, const char *cluster, const struct trace *t)
{
	Vrsas__V1__HostFacts facts = VRSAS__V1__HOST_FACTS__INIT;
	struct vrs_err err = {0};
	size_t n;

	facts.name = t->name;
	facts.vcpus_total = VCPUS;
	void *bytes = vrs_msg_pack(&facts.base, &n);
	vrs_store_addf(s, "HSET " VRS_KEY "host:{%s} %s %b", cluster, t->name, bytes, n);
	vrs_store_addf(s, "SADD " VRS_KEY "clusters %s", cluster);
	free(bytes);
	for (size_t i = 0; i < t->n; i++) {
		const struct vrs_slot slot = {.cpu_ratio = t->pct[i] / 100,
					      .mem_ratio = 0.5F,
					      .state = 1,
					      .flags = VRS_SLOT_IMPORTED};
		uint8_t raw[VRS_SLOT_BYTES];
		char key[VRS_KEY_MAX];

		vrs_slot_encode(raw, &slot);
		vrs_series_key(key, sizeof(key), cluster, t->name, t->at_ms[i]);
		vrs_store_addf(s, "SETRANGE %s %lld %b", key,
			       (long long)vrs_series_offset(t->at_ms[i]), raw,
			       sizeof(raw));
		if (i % 1000 == 999 && vrs_store_run(s, NULL, &err) < 0)
			die(&err);
	}
	if (vrs_store_run(s, NULL, &err) < 0)
		die(&err);
}

static int load(char **argv)
{
	const struct vrs_store_conf conf = {.address = argv[0]};
	struct traces t = {0};
	struct vrs_store *s;
	struct vrs_err err = {0};

	if (vrs_store_open(&s, &conf, &err) < 0 || traces_read(&t, argv[2], &err) < 0)
		die(&err);
	for (size_t i = 0; i < t.n; i++)
		load_host(s, argv[1], &t.trace[i]);
	traces_free(&t);
	vrs_store_close(s);
	return 0;
}

struct asker {
	struct vrs_loop *loop;
	struct vrs_req *req;
	struct vrs_store *store;
	Vrsas__V1__ForecastTarget target[MAX_TARGETS];
	Vrsas__V1__ForecastTarget *targets[MAX_TARGETS];
	size_t n_targets;
	int peers, jobs, asked, answered, lost;
	int64_t gap_ms, slowest_ms;
};

struct question {
	struct asker *a;
	int64_t asked_mono_ms;
};

static void end_if_done(struct asker *a)
{
	if (a->answered + a->lost < a->jobs)
		return;
	printf("end answered=%d lost=%d slowest_ms=%lld\n", a->answered, a->lost,
	       (long long)a->slowest_ms);
	vrs_loop_stop(a->loop);
}

static void print_stored(struct asker *a, const Vrsas__V1__ForecastTarget *t)
{
	struct vrs_err err = {0};
	struct vrs_reply *r;
	struct vrs_msg *msg;

	if (vrs_store_cmd(a->store, &r, &err, "HGET " VRS_KEY "fc:{%s} %b", t->cluster,
			  t->host, strlen(t->host)) < 0)
		die(&err);
	if (r->bytes && vrs_msg_unpack(&msg, &vrsas__v1__forecast__descriptor, r->bytes,
				       r->len, NULL) == 0) {
		const Vrsas__V1__Forecast *f = (const void *)vrs_msg_get(msg);
		const Vrsas__V1__Peak *p = f->n_peak > 1 ? f->peak[1] : NULL;

		printf(" %s/%s method=%s sure=%d steps=%zu p50=%.3f p90=%.3f p99=%.3f "
		       "reason='%s'",
		       f->cluster, f->host, f->method, (int)f->confidence, f->n_p50,
		       p ? (double)p->p50 : -1.0, p ? (double)p->p90 : -1.0,
		       p ? (double)p->p99 : -1.0, f->reason);
		vrs_msg_free(msg);
	}
	vrs_reply_free(r);
}

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	const Vrsas__V1__ForecastAnswer *answer =
		(const Vrsas__V1__ForecastAnswer *)reply;
	struct question *q = arg;
	struct asker *a = q->a;
	int64_t ms = vrs_now_mono_ms() - q->asked_mono_ms;

	free(q);
	if (ms > a->slowest_ms)
		a->slowest_ms = ms;
	if (!answer) {
		a->lost++;
		printf("lost %s\n", err->text);
	} else {
		a->answered++;
		printf("answer %s by=%s ms=%lld", answer->job_id, answer->predictor,
		       (long long)ms);
		for (size_t i = 0; i < a->n_targets; i++)
			print_stored(a, &a->target[i]);
		for (size_t i = 0; i < answer->n_missing; i++)
			printf(" missing='%s'", answer->missing[i]);
		printf("\n");
	}
	(void)fflush(stdout);
	end_if_done(a);
}

static void ask_one(void *arg)
{
	struct asker *a = arg;
	Vrsas__V1__ForecastJob job = VRSAS__V1__FORECAST_JOB__INIT;
	char id[32];
	struct vrs_err err = {0};

	if (a->asked == a->jobs || vrs_req_peers(a->req) < a->peers)
		return;
	a->peers = 0; /* only to begin with */
	(void)snprintf(id, sizeof(id), "job-%d", ++a->asked);
	job.job_id = id;
	job.n_target = a->n_targets;
	job.target = a->targets;
	struct question *q = vrs_calloc(1, sizeof(*q));
	*q = (struct question){a, vrs_now_mono_ms()};
	if (vrs_req_send(a->req, &job.base, 30000, on_answer, q, &err) < 0)
		die(&err);
}

static int ask(int argc, char **argv)
{
	struct asker a = {
		.peers = atoi(argv[2]), .jobs = atoi(argv[3]), .gap_ms = atoll(argv[4])};
	const struct vrs_store_conf conf = {.address = argv[0]};
	struct vrs_err err = {0};

	for (int i = 5; i < argc && a.n_targets < MAX_TARGETS; i++) {
		Vrsas__V1__ForecastTarget *t = &a.target[a.n_targets];
		char *slash = strchr(argv[i], '/');

		vrsas__v1__forecast_target__init(t);
		if (slash)
			*slash = '\0';
		t->cluster = argv[i];
		t->host = slash ? slash + 1 : "";
		a.targets[a.n_targets++] = t;
	}
	if (vrs_store_open(&a.store, &conf, &err) < 0 ||
	    vrs_loop_open(&a.loop, &err) < 0 ||
	    vrs_req_open(&a.req, a.loop,
			 &(struct vrs_req_conf){
				 .url = "tcp://127.0.0.1:0",
				 .listen = true,
				 .silence_ms = 1500,
				 .reply_type = &vrsas__v1__forecast_answer__descriptor},
			 &err) < 0)
		die(&err);
	char *beside = vrs_asprintf("%s.new", argv[1]);
	FILE *f = fopen(beside, "we");
	if (!f || fprintf(f, "%s\n", vrs_req_url(a.req)) < 0 || fclose(f) != 0 ||
	    rename(beside, argv[1]) != 0) {
		perror(argv[1]);
		return 1;
	}
	free(beside);
	(void)vrs_loop_every(a.loop, a.gap_ms, ask_one, &a);
	if (vrs_loop_run(a.loop, &err) < 0)
		die(&err);
	vrs_req_close(a.req);
	vrs_store_close(a.store);
	vrs_loop_close(a.loop);
	return 0;
}

int main(int argc, char **argv)
{
	vrs_log_init("asker", VRS_WARN, false);
	if (argc == 5 && strcmp(argv[1], "load") == 0)
		return load(argv + 2);
	if (argc >= 8 && strcmp(argv[1], "ask") == 0)
		return ask(argc - 2, argv + 2);
	(void)fprintf(stderr, "usage: forecast-asker load|ask ...\n");
	return 2;
}
