#include "sinks/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/deliver.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	MAX_SINKS = 64,
	LOOK_EVERY_MS = 250,
	EVENTS_AT_ONCE = 64,
	REST_MS = 2000,
	BACK_OFF_MS = 1000,
	BACK_OFF_MAX_MS = 60000,
};

struct sink {
	struct deliver_to to;
	char name[65];
	Vrsas__V1__Severity severity; /* and above */
	char cursor[48];              /* "": not known yet */
	Vrsas__V1__Event **event;     /* read, not yet delivered */
	size_t n_events, next_event;
	bool busy;
	int64_t wait_mono_ms, back_off_ms;
	uint64_t delivered, failed;
	struct vrs_complaint complaint;
};

struct sinks {
	struct gateway *g;
	uint64_t generation; /* increases with every load */
	struct sink *sink[MAX_SINKS];
	size_t n;
	struct vrs_timer *timer;
	int64_t rest_until_mono_ms; /* after a failure of the store */
};

/* --- the file --- */

static struct sink *sink_of(struct sinks *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->sink[i]->name, name) == 0)
			return s->sink[i];
	return NULL;
}

static int severity_of(const char *value, Vrsas__V1__Severity *ret, struct vrs_err *err)
{
	static const char *const names[] = {"info", "notice", "warning", "error"};

	for (size_t i = 0; i < 4; i++)
		if (strcmp(names[i], value) == 0) {
			*ret = (Vrsas__V1__Severity)(i + 1);
			return 0;
		}
	return vrs_fail(err, VRS_EINVAL,
			"severity = %s: expected info, notice, warning or error", value);
}

static int take_key(struct sink *k, const char *key, const char *value,
		    struct vrs_err *err)
{
	if (strcmp(key, "severity") == 0)
		return severity_of(value, &k->severity, err);
	return deliver_set(&k->to, key, value, err);
}

static int on_line(void *arg, const struct vrs_ini_line *line, struct vrs_err *err)
{
	struct sinks *s = arg;
	const char *name = line->section + strlen("sink ");

	if (strncmp(line->section, "sink ", 5) != 0 || !vrs_name_ok(name))
		return vrs_fail(err, VRS_EINVAL, "[%s]: expected [sink NAME]",
				line->section);
	struct sink *k = sink_of(s, name);
	if (!k) {
		if (s->n == MAX_SINKS)
			return vrs_fail(err, VRS_ENOSPC, "more than %d sinks", MAX_SINKS);
		k = s->sink[s->n++] = vrs_calloc(1, sizeof(*k));
		(void)vrs_strcpy(k->name, sizeof(k->name), name);
		k->severity = VRSAS__V1__SEVERITY__SEVERITY_INFO;
	}
	return take_key(k, line->key, line->value, err);
}

/* --- the cursor --- */

static int read_cursor(struct sinks *s, struct sink *k, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s->g->svc->store, &r, err, "HGET %s cursor",
				   vrs_key_sink(k->name).text);

	if (status < 0)
		return status;
	if (r->type == VRS_REPLY_BYTES)
		(void)vrs_strcpy(k->cursor, sizeof(k->cursor), r->bytes);
	vrs_reply_free(r);
	return 0;
}

static int write_cursor(struct sinks *s, const struct sink *k, const char *id,
			struct vrs_err *err)
{
	return vrs_store_cmd(s->g->svc->store, NULL, err, "HSET %s cursor %s",
			     vrs_key_sink(k->name).text, id);
}

/* A new sink starts with the next event. */
static int find_cursor(struct sinks *s, struct sink *k, struct vrs_err *err)
{
	Vrsas__V1__Event **newest;
	size_t n;
	int status = read_cursor(s, k, err);

	if (status < 0 || k->cursor[0])
		return status;
	status = vrs_event_read(s->g->svc->store, "", 1, &newest, &n, err);
	if (status < 0)
		return status;
	const char *id = n ? newest[n - 1]->id : "0-0";
	status = write_cursor(s, k, id, err);
	if (status == 0)
		(void)vrs_strcpy(k->cursor, sizeof(k->cursor), id);
	vrs_events_free(newest, n);
	return status;
}

/* --- delivering --- */

static void forget_events(struct sink *k)
{
	vrs_events_free(k->event, k->n_events);
	k->event = NULL;
	k->n_events = k->next_event = 0;
}

struct task {
	struct gateway *g;
	uint64_t generation; /* of the sinks that started it */
	char name[65], id[48];
	struct delivery *delivery;
};

static void step(struct sinks *s, struct sink *k);

static void work(void *arg)
{
	deliver_run(((struct task *)arg)->delivery);
}

static void advance(struct sinks *s, struct sink *k, const char *id)
{
	struct vrs_err err = {0};

	/* if this fails, the event may arrive twice, which is allowed */
	if (write_cursor(s, k, id, &err) < 0)
		vrs_complain(&k->complaint, VRS_WARN,
			     "sink %s: cannot store the cursor: %s", k->name, err.text);
	(void)vrs_strcpy(k->cursor, sizeof(k->cursor), id);
	k->next_event++;
	k->back_off_ms = 0;
}

static void done(void *arg)
{
	struct task *e = arg;
	struct sinks *s = e->g->sinks; /* a reload may have happened meanwhile */
	struct sink *k = s && s->generation == e->generation ? sink_of(s, e->name) : NULL;
	const char *why = deliver_why(e->delivery);

	if (k) {
		k->busy = false;
		if (!why) {
			k->delivered++;
			vrs_complaint_over(&k->complaint, "sink %s accepts events again",
					   k->name);
			advance(s, k, e->id);
		} else {
			k->failed++;
			k->back_off_ms =
				k->back_off_ms ? 2 * k->back_off_ms : BACK_OFF_MS;
			if (k->back_off_ms > BACK_OFF_MAX_MS)
				k->back_off_ms = BACK_OFF_MAX_MS;
			k->wait_mono_ms = vrs_now_mono_ms() + k->back_off_ms;
			vrs_complain(&k->complaint, VRS_WARN,
				     "sink %s: %s; retry in %lld ms", k->name, why,
				     (long long)k->back_off_ms);
		}
		step(s, k);
	}
	deliver_free(e->delivery);
	free(e);
}

static void send_next(struct sinks *s, struct sink *k)
{
	const Vrsas__V1__Event *ev = k->event[k->next_event];
	struct task *e = vrs_calloc(1, sizeof(*e));
	char queue[80];

	e->g = s->g;
	e->generation = s->generation;
	(void)vrs_strcpy(e->name, sizeof(e->name), k->name);
	(void)vrs_strcpy(e->id, sizeof(e->id), ev->id);
	e->delivery = deliver_new(&k->to, ev, s->g->svc->instance);
	k->busy = true;
	(void)snprintf(queue, sizeof(queue), "sink:%s", k->name);
	vrs_workers_submit(s->g->workers, queue, work, done, e);
}

static void rest(struct sinks *s)
{
	s->rest_until_mono_ms = vrs_now_mono_ms() + REST_MS;
}

static void step(struct sinks *s, struct sink *k)
{
	struct vrs_err err = {0};

	if (vrs_now_mono_ms() < s->rest_until_mono_ms || k->busy ||
	    vrs_now_mono_ms() < k->wait_mono_ms)
		return;
	if (!k->cursor[0] && find_cursor(s, k, &err) < 0) {
		rest(s); /* the poller logs the reason */
		return;
	}
	/* skips events below its severity */
	while (k->next_event < k->n_events &&
	       k->event[k->next_event]->severity < k->severity)
		(void)vrs_strcpy(k->cursor, sizeof(k->cursor),
				 k->event[k->next_event++]->id);
	if (k->next_event >= k->n_events) {
		forget_events(k);
		if (vrs_event_read(s->g->svc->store, k->cursor, EVENTS_AT_ONCE, &k->event,
				   &k->n_events, &err) < 0) {
			k->event = NULL;
			k->n_events = 0;
			rest(s);
			return;
		}
		if (k->n_events)
			step(s, k);
		return;
	}
	send_next(s, k);
}

static void on_tick(void *arg)
{
	struct sinks *s = arg;

	if (vrs_now_mono_ms() < s->rest_until_mono_ms)
		return;
	for (size_t i = 0; i < s->n; i++)
		step(s, s->sink[i]);
}

/* --- open and close --- */

int sinks_load(struct sinks **ret, struct gateway *g, const char *path,
	       struct vrs_err *err)
{
	static uint64_t generation;
	struct sinks *s = vrs_calloc(1, sizeof(*s));
	int status = path[0] ? vrs_ini_read(path, on_line, s, err) : 0;

	s->g = g;
	s->generation = ++generation;
	for (size_t i = 0; status == 0 && i < s->n; i++) {
		status = deliver_ready(&s->sink[i]->to, err);
		if (status < 0)
			(void)vrs_context(err, "%s: sink %s", path, s->sink[i]->name);
	}
	if (status < 0) {
		sinks_free(s);
		return status;
	}
	if (s->n)
		s->timer = vrs_loop_every(g->svc->loop, LOOK_EVERY_MS, on_tick, s);
	*ret = s;
	return 0;
}

void sinks_free(struct sinks *s)
{
	if (!s)
		return;
	if (s->timer)
		vrs_timer_cancel(s->timer);
	for (size_t i = 0; i < s->n; i++) {
		forget_events(s->sink[i]);
		deliver_fini(&s->sink[i]->to);
		free(s->sink[i]);
	}
	free(s);
}

static double backlog_of(const struct sinks *s, const struct sink *k)
{
	enum { COUNTED = 10000 };
	Vrsas__V1__Event **events;
	size_t n;

	if (!k->cursor[0] ||
	    vrs_event_read(s->g->svc->store, k->cursor, COUNTED, &events, &n, NULL) < 0)
		return 0;
	vrs_events_free(events, n);
	return (double)n;
}

void sinks_collect_metrics(const struct sinks *s, struct vrs_page *page)
{
	for (size_t i = 0; s && i < s->n; i++) {
		const struct sink *k = s->sink[i];

		vrs_page_add(page, VRS_COUNTER, "vrsas_sink_events_total",
			     "Deliveries to a sink.", (double)k->delivered, "sink",
			     k->name, "result", "delivered", NULL);
		vrs_page_add(page, VRS_COUNTER, "vrsas_sink_events_total",
			     "Deliveries to a sink.", (double)k->failed, "sink", k->name,
			     "result", "failed", NULL);
		vrs_page_add(page, VRS_GAUGE, "vrsas_sink_backlog_events",
			     "Events not yet delivered to a sink (10000 means at least "
			     "10000).",
			     backlog_of(s, k), "sink", k->name, NULL);
	}
}
