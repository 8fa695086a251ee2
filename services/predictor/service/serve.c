/* serve.c - see serve.h. */
#include "service/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/answer.h"
#include "service/metrics.h"
#include "service/model_store.h"
#include "service/train_job.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/fault.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/svc.h"

struct settings {
	char *forecast, *model, *model_file;
	int64_t retrain_ms, check_ms, min_history_ms, claim_ms, drift_ms;
	int64_t hidden, epochs, max_windows, max_series, max_open, seed, utc_offset_min;
	bool training;
};

static const struct vrs_option options[] = {
	{"forecast", VRS_OPT_STRING, offsetof(struct settings, forecast),
	 "tcp://127.0.0.1:7703", 0, 0, "the scheduler's socket for forecast jobs"},
	{"model", VRS_OPT_STRING, offsetof(struct settings, model), "default", 0, 0,
	 "name of the model in Redis"},
	{"model_file", VRS_OPT_STRING, offsetof(struct settings, model_file),
	 VRS_MODEL_FILE, 0, 0,
	 "model used until one is trained on this history, starting from it; none if "
	 "empty"},
	{"training", VRS_OPT_BOOL, offsetof(struct settings, training), "yes", 0, 0,
	 "train on the history in Redis"},
	{"retrain", VRS_OPT_DURATION, offsetof(struct settings, retrain_ms), "1d", 10000,
	 4e9, "age at which a model is replaced by a new one"},
	{"check", VRS_OPT_DURATION, offsetof(struct settings, check_ms), "10s", 100,
	 3.6e6, "interval between checks for a newer model and for work"},
	{"claim", VRS_OPT_DURATION, offsetof(struct settings, claim_ms), "30s", 1000,
	 3.6e6,
	 "a training job whose claim was not renewed for this long goes to another "
	 "replica"},
	{"drift_check", VRS_OPT_DURATION, offsetof(struct settings, drift_ms), "1h", 1000,
	 8.64e7,
	 "interval at which forecasts of the last two days are compared with the "
	 "samples"},
	{"min_history", VRS_OPT_DURATION, offsetof(struct settings, min_history_ms),
	 "30h", 3.6e6, 6.9e8, "history required for the first training"},
	{"hidden", VRS_OPT_INT, offsetof(struct settings, hidden), "32", 4, 256,
	 "LSTM units of a model trained from scratch"},
	{"epochs", VRS_OPT_INT, offsetof(struct settings, epochs), "12", 1, 1000,
	 "passes over the windows; a third of that when starting from model_file"},
	{"max_windows", VRS_OPT_INT, offsetof(struct settings, max_windows), "20000", 512,
	 1e6, "maximum number of windows per pass, drawn at random if there are more"},
	{"max_series", VRS_OPT_INT, offsetof(struct settings, max_series), "256", 1,
	 20000, "maximum number of hosts and clusters used for training"},
	{"max_open", VRS_OPT_INT, offsetof(struct settings, max_open), "8", 1, 256,
	 "maximum number of queued jobs"},
	{"seed", VRS_OPT_INT, offsetof(struct settings, seed), "1", 0, 4294967295.0,
	 "seed of the random numbers for training"},
	{"utc_offset", VRS_OPT_INT, offsetof(struct settings, utc_offset_min), "0", -720,
	 840, "minutes by which the local time of the clusters is ahead of UTC"},
	{0},
};

struct serve {
	struct settings conf;
	struct vrs_svc svc;
	struct vrs_rep *rep;
	struct vrs_workers *workers;
	struct model *model; /* in use; NULL: none */
	struct model *base;  /* of model_file; NULL: none */
	bool own; /* the model in use was trained on this history, not shipped */
	struct forecaster *forecaster;
	char refused[MODEL_VERSION_LEN]; /* damaged version, not loaded again */
	struct train_job *train_job;     /* NULL: no training on this replica */
	struct drift_job *drift_job;     /* NULL: no drift check is running */
	struct drift_table drift;        /* result of the last check */
	int64_t wait_ms, next_train_mono_ms;
	size_t known_series; /* at the last check */
	uint64_t jobs;
	struct metrics metrics;
	struct vrs_complaint store_trouble, history_trouble;
};

static void put_event(struct serve *v, Vrsas__V1__Severity severity, const char *kind,
		      const char *text)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.service = "predictor";
	ev.severity = severity;
	ev.kind = kind;
	ev.text = text;
	(void)vrs_event_put(v->svc.store, &ev, NULL);
}

static void note(struct serve *v)
{
	const char *version = v->model ? v->model->version : "no model yet";

	if (v->train_job)
		vrs_svc_note(&v->svc, "%s, training %d %%, %llu jobs", version,
			     (int)v->train_job->percent, (unsigned long long)v->jobs);
	else
		vrs_svc_note(&v->svc, "%s, %llu jobs", version,
			     (unsigned long long)v->jobs);
}

static void use_model_take(struct serve *v, struct model *m, bool own, const char *from)
{
	v->own = own;
	forecaster_free(v->forecaster);
	model_free(v->model);
	v->model = m;
	v->forecaster = forecaster_new(m);
	log_notice("model in use version=%s from=%s windows=%u mae=%.2f yesterday=%.2f",
		   m->version, from, m->n_windows, (double)m->calib_mae,
		   (double)m->calib_mae_seasonal);
	note(v);
}

/* Loads the newest intact model; without a better one the model in use stays. */
static void load_model(struct serve *v)
{
	char version[MODEL_VERSION_LEN] = "", before[128];
	struct vrs_err err = {0};
	struct model *m = NULL;

	if (model_store_version(v->svc.store, v->conf.model, version, &err) < 0) {
		vrs_complain(&v->store_trouble, VRS_WARN,
			     "cannot look up models, retrying in %lld ms: %s",
			     (long long)v->conf.check_ms, err.text);
		return;
	}
	vrs_complaint_over(&v->store_trouble, "models can be looked up again");
	if (version[0] && !(v->model && strcmp(version, v->model->version) == 0) &&
	    strcmp(version, v->refused) != 0) {
		int status = model_store_load(v->svc.store, v->conf.model, &m, &err);

		if (status == 0) {
			v->refused[0] = '\0';
			use_model_take(v, m, true, "redis");
			return;
		}
		if (status == VRS_ECONN || status == VRS_ETIMEOUT)
			return;
		(void)vrs_strcpy(v->refused, sizeof(v->refused), version);
		log_warn("model refused, %s: %s",
			 v->model ? "keeping the model in use"
				  : "looking for an older model",
			 err.text);
		put_event(v, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "model.refused",
			  err.text);
	}
	if (v->model)
		return;
	(void)snprintf(before, sizeof(before), "%s.before", v->conf.model);
	if (model_store_load(v->svc.store, before, &m, NULL) == 0)
		use_model_take(v, m, true, "previous model");
	else if (v->base)
		use_model_take(v, model_dup(v->base), false, v->conf.model_file);
}

/* Optional: simple methods are used until a model is trained. */
static void load_base(struct serve *v)
{
	struct vrs_err err = {0};

	if (!v->conf.model_file[0] || model_load(&v->base, v->conf.model_file, &err) == 0)
		return;
	if (err.code != VRS_ENOENT || strcmp(v->conf.model_file, VRS_MODEL_FILE) != 0)
		log_warn(
			"no initial model, using simple methods until one is trained: %s",
			err.text);
}

static void on_trained(void *arg)
{
	struct train_job *job = arg;
	struct serve *v = job->owner;
	char text[200];

	v->train_job = NULL;
	if (job->model) {
		(void)snprintf(text, sizeof(text),
			       "model %s trained in %.1f s on %zu series: mean error "
			       "%.2f points, same time yesterday %.2f",
			       job->model->version, (double)job->took_ms / 1000,
			       job->n_series, (double)job->model->calib_mae,
			       (double)job->model->calib_mae_seasonal);
		log_notice("%s", text);
		put_event(v, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "model.trained", text);
		use_model_take(v, job->model, true, "training");
		job->model = NULL;
		v->refused[0] = '\0';
		v->wait_ms = 0;
		v->metrics.trainings_ok++;
		vrs_complaint_over(&v->history_trouble,
				   "there is enough history for training");
	} else if (job->err.code == VRS_ECONFLICT) {
		log_info("training skipped: %s", job->err.text);
	} else {
		/* retry with increasing intervals */
		v->metrics.trainings_failed += job->err.code != VRS_ENOENT;
		v->wait_ms = v->wait_ms ? 2 * v->wait_ms : v->conf.check_ms;
		if (v->wait_ms > 300000)
			v->wait_ms = 300000;
		vrs_complain(&v->history_trouble,
			     job->err.code == VRS_ENOENT ? VRS_INFO : VRS_WARN,
			     "not training, retrying in %lld ms: %s",
			     (long long)v->wait_ms, job->err.text);
	}
	v->next_train_mono_ms = vrs_now_mono_ms() + v->wait_ms;
	train_job_free(job);
	note(v);
}

/* Hosts and clusters available for training; 0 if Redis fails. */
static size_t count_series(struct serve *v)
{
	struct vrs_reply *names = NULL, *sizes = NULL;
	size_t n = 0;

	if (vrs_store_cmd(v->svc.store, &names, NULL, "SMEMBERS " VRS_KEY_CLUSTERS) < 0)
		return 0;
	for (size_t i = 0; i < names->n_items; i++)
		if (names->item[i].bytes)
			vrs_store_addf(v->svc.store, "HLEN %s",
				       vrs_key_host_facts(names->item[i].bytes).text);
	if (vrs_store_run(v->svc.store, &sizes, NULL) == 0)
		for (size_t i = 0; i < sizes->n_items; i++)
			n += sizes->item[i].integer > 0
				     ? (size_t)sizes->item[i].integer + 1
				     : 0;
	vrs_reply_free(names);
	vrs_reply_free(sizes);
	return n < (size_t)v->conf.max_series ? n : (size_t)v->conf.max_series;
}

static struct train_queue queue_of(const struct serve *v)
{
	return (struct train_queue){v->svc.store, v->conf.model, v->svc.instance};
}

/* Adds a training job when it is due; the first replica does it for all. */
static void add_training(struct serve *v)
{
	const struct settings *c = &v->conf;
	int64_t quiet_ms = c->retrain_ms < 3600000 ? c->retrain_ms : 3600000;
	const char *why = !v->own         ? "no model trained on this history yet"
			  : v->refused[0] ? "the stored model is damaged"
					  : "the model is older than retrain";

	if (vrs_now_mono_ms() < v->next_train_mono_ms)
		return;
	size_t known = count_series(v);
	if (v->own && !v->refused[0]) {
		if (train_job_outgrown(v->model, known))
			why = "the number of hosts has grown";
		else if (vrs_now_wall_ms() - v->model->made_at_ms < c->retrain_ms)
			return;
	}
	if (known != v->known_series) { /* hosts are still being added */
		v->known_series = known;
		return;
	}
	const struct train_queue queue = queue_of(v);
	(void)train_queue_add(&queue, why, quiet_ms, NULL);
}

static void train(struct serve *v, const struct train_queue_job *job)
{
	const struct settings *c = &v->conf;

	v->train_job = vrs_calloc(1, sizeof(*v->train_job));
	v->train_job->owner = v;
	v->train_job->conf = (struct train_job_conf){
		.store = v->svc.store_conf,
		.predictor = v->svc.instance,
		.model_name = c->model,
		.train = train_defaults,
		.min_history_ms = c->min_history_ms,
		.max_series = (size_t)c->max_series,
		.job = *job,
		.claim_ms = c->claim_ms,
		.retrain_ms = c->retrain_ms,
		.known_series = v->known_series,
	};
	struct train_conf *t = &v->train_job->conf.train;
	t->hidden = (int)c->hidden;
	t->base = v->base;
	t->epochs = v->base ? (int)(c->epochs + 2) / 3 : (int)c->epochs;
	t->max_windows = (int)c->max_windows;
	t->seed = (uint32_t)c->seed;
	t->utc_min = (int32_t)c->utc_offset_min;
	log_notice("training job=%s try=%d: %s", job->id, job->tries, job->why);
	vrs_workers_submit(v->workers, "train", train_job_run, on_trained, v->train_job);
}

static void maybe_train(struct serve *v)
{
	struct train_queue_job job;
	struct train_queue_dead dead = {0};
	const struct train_queue queue = queue_of(v);
	char text[240];

	if (!v->conf.training || v->train_job)
		return;
	add_training(v);
	int got = train_queue_claim(&queue, v->conf.claim_ms, &job, &dead, NULL);
	if (dead.n > 0) {
		(void)snprintf(text, sizeof(text),
			       "training job abandoned after %d attempts: %s",
			       TRAIN_QUEUE_TRIES, dead.reason);
		log_warn("%s", text);
		put_event(v, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "training.dead",
			  text);
	}
	if (got == 1)
		train(v, &job);
}

static void on_drift_checked(void *arg)
{
	struct drift_job *job = arg;
	struct serve *v = job->owner;
	const char *kind;
	char text[240];

	v->drift_job = NULL;
	if (job->err.code != 0)
		log_warn("drift check failed, next one in %lld ms: %s",
			 (long long)v->conf.drift_ms, job->err.text);
	else
		log_info("drift check done series=%zu", job->table.n);
	for (size_t i = 0; i < job->table.n; i++) {
		const struct drift_row *now = &job->table.row[i];
		const struct drift_row *before =
			drift_table_find(&v->drift, now->name, "");

		if (!drift_event(before, now, &kind, text, sizeof(text)))
			continue;
		log_notice("%s", text);
		put_event(v,
			  now->drift.state == DRIFT_FITS && now->drift.jump == 0
				  ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
				  : VRSAS__V1__SEVERITY__SEVERITY_WARNING,
			  kind, text);
	}
	if (job->err.code == 0) {
		struct drift_table old = v->drift;

		v->drift = job->table;
		job->table = old;
	}
	drift_job_free(job);
}

static void on_drift(void *arg)
{
	struct serve *v = arg;

	if (v->drift_job || !v->model)
		return;
	v->drift_job = vrs_calloc(1, sizeof(*v->drift_job));
	v->drift_job->owner = v;
	v->drift_job->store = v->svc.store_conf;
	v->drift_job->model = model_dup(v->model);
	v->drift_job->utc_min = (int32_t)v->conf.utc_offset_min;
	v->drift_job->max_series = (size_t)v->conf.max_series;
	vrs_workers_submit(v->workers, "drift", drift_job_run, on_drift_checked,
			   v->drift_job);
}

static void on_check(void *arg)
{
	struct serve *v = arg;

	load_model(v);
	maybe_train(v);
	note(v);
}

static void on_job(void *arg, const ProtobufCMessage *request,
		   struct vrs_req_token *token)
{
	struct serve *v = arg;
	const Vrsas__V1__ForecastJob *job = (const Vrsas__V1__ForecastJob *)request;
	const struct answer_conf conf = {
		.predictor = v->svc.instance,
		.model_version = v->model ? v->model->version : "",
		.now_ms = vrs_now_wall_ms(),
		.utc_min = (int32_t)v->conf.utc_offset_min,
		.drift = &v->drift,
	};

	int64_t begun_ns = vrs_tick_ns();

	v->jobs++;
	if (vrs_fault("predictor.job")) {
		vrs_bus_answer(token, NULL);
		return;
	}
	Vrsas__V1__ForecastAnswer *a =
		answer_job(job, v->forecaster, v->svc.store, &conf);
	vrs_bus_answer(token, &a->base);
	v->metrics.targets += job->n_target;
	v->metrics.jobs_ok += !a->error[0];
	v->metrics.jobs_failed += a->error[0] != '\0';
	vrs_histogram_add(&v->metrics.job_seconds,
			  (double)(vrs_tick_ns() - begun_ns) / 1e9);
	log_debug("answered job=%s targets=%zu", job->job_id, job->n_target);
	answer_free(a);
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	const struct serve *v = arg;
	struct vrs_bus_counts bus;

	metrics_collect(&v->metrics, v->model, v->own,
			v->train_job ? (int)v->train_job->percent : -1, page);
	vrs_rep_counts(v->rep, &bus);
	vrs_page_bus(page, "forecast", &bus);
}

int serve(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct serve v = {.svc = {.name = "predictor",
				  .summary =
					  "forecasts the CPU load of hosts and clusters "
					  "with an LSTM net",
				  .options = options,
				  .needs_redis = true}};

	v.svc.conf = &v.conf;
	vrs_svc_start(&v.svc, argc, argv);
	v.forecaster = forecaster_new(NULL);
	if (vrs_workers_open(&v.workers, v.svc.loop, 2, &err) < 0 ||
	    vrs_rep_open(
		    &v.rep, v.svc.loop,
		    &(struct vrs_rep_conf){.url = v.conf.forecast,
					   .max_open = (int)v.conf.max_open,
					   .type = &vrsas__v1__forecast_job__descriptor,
					   .fn = on_job,
					   .arg = &v},
		    &err) < 0)
		vrs_svc_die(&v.svc, &err);
	metrics_init(&v.metrics);
	vrs_svc_metrics(&v.svc, on_metrics, &v);
	load_base(&v);
	on_check(&v);
	(void)vrs_loop_every(v.svc.loop, v.conf.check_ms, on_check, &v);
	(void)vrs_loop_every(v.svc.loop, v.conf.drift_ms, on_drift, &v);

	int status = vrs_svc_run(&v.svc);

	if (v.train_job)
		v.train_job->stop = true;
	if (v.drift_job)
		v.drift_job->stop = true;
	vrs_rep_close(v.rep);
	vrs_workers_close(v.workers);
	train_job_free(v.train_job);
	drift_job_free(v.drift_job);
	drift_table_free(&v.drift);
	forecaster_free(v.forecaster);
	model_free(v.model);
	model_free(v.base);
	vrs_svc_stop(&v.svc);
	return status;
}
