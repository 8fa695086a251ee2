/* Replies that come later: a fresh forecast, and events that have not happened yet. */
#include "control/parts.h"

#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	FORECAST_WAIT_MS = 8000,
	EVENT_POLL_MS = 150,
	EVENT_WAIT_MAX_MS = 5000,
	EVENT_LIMIT = 500,
	EVENT_DEFAULT = 50,
	EVENT_SEARCH = 5000, /* newest events that are searched for those of one VM */
};

/* --- forecasts --- */

struct forecast_wait {
	struct control *c; /* NULL: control was closed */
	struct forecast_wait *next;
	struct vrs_req_token *token;
	struct reply a;
	char cluster[72], host[72];
};

/* The stored forecast; why: the reason why there is no newer one, or NULL. */
static void stored_forecast(struct control *c, const struct forecast_wait *w,
			    const char *why, struct reply *a)
{
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	const char *key = control_reply_text(a, "%s", vrs_key_forecast(w->cluster).text);
	const struct vrs_arg argv[] = {VRS_ARG("HGET"), VRS_ARG(key), VRS_ARG(w->host)};

	if (vrs_store_do(c->svc->store, &r, argv, 3, &err) < 0) {
		control_refuse_err(a, &err, "check that Redis is running");
		return;
	}
	if (r->type != VRS_REPLY_BYTES ||
	    vrs_msg_unpack(&a->msg, &vrsas__v1__forecast__descriptor, r->bytes, r->len,
			   NULL) < 0) {
		control_refuse(a, CODE(UNREACHABLE),
			       "check that a predictor is running: vrsctl status",
			       "%s, and no forecast is stored",
			       why ? why : "the forecast has expired");
		vrs_reply_free(r);
		return;
	}
	vrs_reply_free(r);
	Vrsas__V1__Forecast *fc = control_reply_alloc(a, 1, sizeof(*fc));
	*fc = *(const Vrsas__V1__Forecast *)vrs_msg_get(a->msg);
	if (why)
		fc->reason =
			control_reply_text(a, "%s%sstored forecast, because: %s",
					   fc->reason, fc->reason[0] ? "; " : "", why);
	Vrsas__V1__ForecastViews *v = control_reply_alloc(a, 1, sizeof(*v));
	vrsas__v1__forecast_views__init(v);
	v->forecast = control_reply_alloc(a, 1, sizeof(*v->forecast));
	v->forecast[v->n_forecast++] = fc;
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_FORECASTS;
	a->reply.forecasts = v;
}

static void on_forecast(void *arg, const char *why)
{
	struct forecast_wait *w = arg;
	struct control *c = w->c;

	if (!c) {
		free(w); /* its reply was sent by control_wait_close */
		return;
	}
	for (struct forecast_wait **p = &c->forecasting; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	stored_forecast(c, w, why, &w->a);
	control_reply_send(&w->a, w->token);
	free(w);
}

static bool find_target(struct control *c, const char *target, const char **ret_cluster,
			const char **ret_host, struct reply *a)
{
	struct fleet *w = control_need_fleet(c, a);
	struct fleet_host *h;
	struct vrs_err err = {0};

	if (!w)
		return false;
	if (!control_place_ok(target)) {
		control_refuse(a, CODE(USAGE), "vrsctl host list",
			       "target: a cluster, a host, or cluster/host is required");
		return false;
	}
	const struct fleet_cluster *cluster = fleet_cluster(w, target);
	if (cluster) {
		*ret_cluster = cluster->name;
		*ret_host = "";
		return true;
	}
	if (fleet_find_host(w, target, &h, &err) < 0) {
		control_refuse_err(a, &err,
				   "vrsctl status and vrsctl host list show the names");
		return false;
	}
	*ret_cluster = fleet_cluster_name(w, h);
	*ret_host = h->name;
	return true;
}

bool control_forecast(struct control *c, const Vrsas__V1__ForecastQuery *q,
		      struct reply *a, struct vrs_req_token *token)
{
	const char *cluster, *host;
	struct vrs_err err = {0};

	if (!find_target(c, q->target, &cluster, &host, a))
		return false;
	struct forecast_wait *w = vrs_calloc(1, sizeof(*w));
	*w = (struct forecast_wait){
		.c = c, .next = c->forecasting, .token = token, .a = *a};
	(void)vrs_strcpy(w->cluster, sizeof(w->cluster), cluster);
	(void)vrs_strcpy(w->host, sizeof(w->host), host);
	const struct forecasts_question question = {w->cluster, w->host, FORECAST_WAIT_MS,
						    on_forecast, w};
	if (forecasts_ask(c->forecasts, &question, &err) < 0) {
		stored_forecast(c, w, err.text, a);
		free(w);
		return false;
	}
	c->forecasting = w;
	return true;
}

/* --- events --- */

struct event_wait {
	struct event_wait *next;
	struct vrs_req_token *token;
	struct reply a;
	char after[48], vm[132];
	uint32_t limit;
	int64_t until_mono_ms;
};

/* "123-4", as Redis names the entries of a stream. */
static bool stream_id_ok(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (!digits || digits > 19)
		return false;
	if (!s[digits])
		return true;
	size_t more = s[digits] == '-' ? strspn(s + digits + 1, "0123456789") : 0;
	return more && more <= 19 && !s[digits + 1 + more];
}

static bool about(const Vrsas__V1__Event *ev, const char *vm)
{
	return !vm[0] || strcmp(ev->vm_id, vm) == 0 || strcmp(ev->vm_name, vm) == 0;
}

/* Reads on from w->after; true when the reply has events or a refusal. */
static bool read_events(struct control *c, struct event_wait *w)
{
	Vrsas__V1__EventViews *v = control_reply_alloc(&w->a, 1, sizeof(*v));
	struct vrs_err err = {0};

	uint32_t limit = w->vm[0] && !w->after[0] ? EVENT_SEARCH : w->limit;

	if (vrs_event_read(c->svc->store, w->after, limit, &w->a.events, &w->a.n_events,
			   &err) < 0) {
		w->a.events = NULL;
		control_refuse_err(&w->a, &err, "check that Redis is running");
		return true;
	}
	vrsas__v1__event_views__init(v);
	v->event = control_reply_alloc(&w->a, w->a.n_events, sizeof(*v->event));
	size_t found = 0;
	for (size_t i = 0; i < w->a.n_events; i++)
		found += about(w->a.events[i], w->vm);
	for (size_t i = 0; i < w->a.n_events; i++) {
		if (about(w->a.events[i], w->vm) && found-- <= w->limit) {
			if (!control_reply_fits(&w->a, &w->a.events[i]->base))
				break; /* the next page begins with it */
			v->event[v->n_event++] = w->a.events[i];
		}
		(void)vrs_strcpy(w->after, sizeof(w->after), w->a.events[i]->id);
	}
	if (!w->after[0])
		(void)vrs_strcpy(w->after, sizeof(w->after), "0-0");
	v->next_id = control_reply_text(&w->a, "%s", w->after);
	w->a.reply.hint = "";
	w->a.reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_EVENTS;
	w->a.reply.events = v;
	return v->n_event > 0;
}

/* Nothing of an empty read is kept. */
static void reset_reply(struct event_wait *w)
{
	const char *id = w->a.reply.request_id;
	struct reply fresh;

	control_reply_init(&fresh, id);
	control_reply_send(&w->a, NULL);
	w->a = fresh;
}

static void on_wait_tick(void *arg)
{
	struct control *c = arg;
	int64_t now = vrs_now_mono_ms();

	for (struct event_wait **p = &c->waiting; *p;) {
		struct event_wait *w = *p;

		reset_reply(w);
		if (!read_events(c, w) && now < w->until_mono_ms) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		c->n_waiting--;
		control_reply_send(&w->a, w->token);
		free(w);
	}
	if (!c->waiting) {
		vrs_timer_cancel(c->wait_timer);
		c->wait_timer = NULL;
	}
}

bool control_events(struct control *c, const Vrsas__V1__EventQuery *q, struct reply *a,
		    struct vrs_req_token *token)
{
	if ((q->after_id[0] && !stream_id_ok(q->after_id)) ||
	    (q->vm[0] && !vrs_id_ok(q->vm))) {
		control_refuse(
			a, CODE(USAGE), "vrsctl events",
			"events: after_id must be an event id, and vm a name or id");
		return false;
	}
	struct event_wait *w = vrs_calloc(1, sizeof(*w));
	int64_t wait = q->wait_ms < EVENT_WAIT_MAX_MS ? q->wait_ms : EVENT_WAIT_MAX_MS;
	*w = (struct event_wait){
		.next = c->waiting,
		.token = token,
		.a = *a,
		.limit = q->limit == 0            ? EVENT_DEFAULT
			 : q->limit > EVENT_LIMIT ? EVENT_LIMIT
						  : q->limit,
		.until_mono_ms = vrs_now_mono_ms() + wait,
	};
	(void)vrs_strcpy(w->after, sizeof(w->after), q->after_id);
	(void)vrs_strcpy(w->vm, sizeof(w->vm), q->vm);
	if (read_events(c, w) || wait == 0 || c->n_waiting >= CONTROL_MAX_WAITING) {
		*a = w->a;
		free(w);
		return false;
	}
	c->waiting = w;
	c->n_waiting++;
	if (!c->wait_timer)
		c->wait_timer =
			vrs_loop_every(c->svc->loop, EVENT_POLL_MS, on_wait_tick, c);
	return true;
}

void control_wait_close(struct control *c)
{
	while (c->waiting) {
		struct event_wait *w = c->waiting;

		c->waiting = w->next;
		control_reply_send(&w->a, w->token); /* without events */
		free(w);
	}
	vrs_timer_cancel(c->wait_timer);
	for (struct forecast_wait *w = c->forecasting; w; w = w->next) {
		w->c = NULL; /* freed by on_forecast */
		control_refuse(&w->a, CODE(UNREACHABLE), "repeat the command",
			       "the scheduler is stopping");
		control_reply_send(&w->a, w->token);
	}
}
