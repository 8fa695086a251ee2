#include "live/poller.h"

#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "incidents/incident_view.h"
#include "live/progress.h"
#include "live/sse.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/json.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	EVENTS_EVERY_MS = 200,
	STATUS_EVERY_MS = 1000,
	STATUS_IDLE_MS = 10000, /* without open streams */
	HOSTS_EVERY_MS = 800,
	STATUS_ANYWAY_MS = 10000, /* sent again although unchanged */
	EVENTS_AT_ONCE = 500,
	REST_MS = 2000, /* a store that hangs must not delay requests */
	INCIDENTS_ARENA = 16 << 20,
};

/* Waits for a status and a list of hosts requested after it arrived. */
struct waiter {
	struct waiter *next;
	bool status, hosts; /* still to come */
	poller_fn done;
	void *arg;
};

struct known_host {
	uint64_t name, content;
};

struct poller {
	struct gateway *g;
	struct vrs_timer *events, *progress;
	char last_id[48];
	int64_t rest_until_mono_ms;
	bool asking_status, asking_hosts, hurry;
	int64_t status_mono_ms, hosts_mono_ms, sent_mono_ms;
	uint64_t status_hash, open_hash;
	struct known_host *host;
	size_t n_hosts;
	struct progress *transfers;
	struct vrs_msg *status, *down; /* newest answers; NULL: none */
	struct waiter *waiters;
	uint64_t incidents_hash;
	struct vrs_complaint store;
};

static uint64_t hash_message(const ProtobufCMessage *msg)
{
	size_t n;
	void *bytes = vrs_msg_pack(msg, &n);
	uint64_t h = vrs_hash(VRS_HASH_BEGIN, bytes, n);

	free(bytes);
	return h;
}

static char *text_of(const ProtobufCMessage *msg)
{
	json_t *json = vrs_json_of_message(msg);
	char *text = vrs_json_text(json, true);

	json_decref(json);
	return text;
}

/* --- status and relocations --- */

/* Without clocks: a status that differs only in its times is unchanged. */
static uint64_t hash_status(const Vrsas__V1__StatusView *status)
{
	Vrsas__V1__StatusView v = *status;
	Vrsas__V1__ServiceView *copy = vrs_calloc(v.n_service + 1, sizeof(*copy));
	Vrsas__V1__ServiceView **list =
		vrs_calloc(v.n_service + 1, sizeof(Vrsas__V1__ServiceView *));

	for (size_t i = 0; i < v.n_service; i++) {
		copy[i] = *v.service[i];
		copy[i].seen_at_ms = 0;
		copy[i].note = "";
		list[i] = &copy[i];
	}
	v.at_ms = 0;
	v.n_open = 0;
	v.service = list;
	uint64_t h = hash_message(&v.base);
	free(copy);
	free(list);
	return h;
}

static uint64_t hash_open(const Vrsas__V1__StatusView *status)
{
	uint64_t h = status->n_open;

	for (size_t i = 0; i < status->n_open; i++)
		if (status->open[i]->record)
			h = h * 31 + hash_message(&status->open[i]->record->base);
	return h;
}

static void send_status(struct poller *w, const Vrsas__V1__StatusView *status)
{
	uint64_t h = hash_status(status);
	int64_t now = vrs_now_mono_ms();
	Vrsas__V1__StatusView v = *status;

	if (h == w->status_hash && now - w->sent_mono_ms < STATUS_ANYWAY_MS)
		return;
	w->status_hash = h;
	w->sent_mono_ms = now;
	v.n_open = 0;
	char *text = text_of(&v.base);
	sse_state(w->g->sse, SSE_STATUS, text);
	free(text);
}

static void send_open(struct poller *w, const Vrsas__V1__StatusView *status)
{
	uint64_t h = hash_open(status);
	Vrsas__V1__RelocationViews v = VRSAS__V1__RELOCATION_VIEWS__INIT;

	if (h == w->open_hash)
		return;
	w->open_hash = h;
	v.relocation = status->open;
	v.n_relocation = status->n_open;
	char *text = text_of(&v.base);
	sse_state(w->g->sse, SSE_RELOCATIONS, text);
	free(text);
}

/* --- incidents --- */

static struct vrs_msg *copy_of(const ProtobufCMessage *msg)
{
	struct vrs_msg *copy = NULL;
	size_t n;
	void *bytes = vrs_msg_pack(msg, &n);

	(void)vrs_msg_unpack(&copy, msg->descriptor, bytes, n, NULL);
	free(bytes);
	return copy;
}

static void keep(struct vrs_msg **kept, const ProtobufCMessage *msg)
{
	vrs_msg_free(*kept);
	*kept = msg ? copy_of(msg) : NULL;
}

static const void *kept_message(const struct vrs_msg *msg)
{
	return msg ? vrs_msg_get(msg) : NULL;
}

static void send_incidents(struct poller *w)
{
	struct incidents told = {0};
	int64_t since = vrs_now_wall_ms() - POLLER_INCIDENTS_MS;

	if (!sse_listeners(w->g->sse) ||
	    incident_read(w->g->svc->store, since, &told, NULL) < 0)
		return;
	struct vrs_arena *mem = vrs_arena_new(INCIDENTS_ARENA);
	const Vrsas__V1__IncidentViews *v = incident_views(
		mem, &told, kept_message(w->status), kept_message(w->down));
	uint64_t h = hash_message(&v->base);
	if (h != w->incidents_hash) {
		char *text = text_of(&v->base);

		w->incidents_hash = h;
		sse_state(w->g->sse, SSE_INCIDENTS, text);
		free(text);
	}
	vrs_arena_free(mem);
	incident_fini(&told);
}

static void serve_waiters(struct poller *w, bool status, bool hosts)
{
	for (struct waiter **p = &w->waiters; *p;) {
		struct waiter *one = *p;

		one->status = one->status && !status;
		one->hosts = one->hosts && !hosts;
		if (one->status || one->hosts) {
			p = &one->next;
			continue;
		}
		*p = one->next;
		one->done(one->arg, kept_message(w->status), kept_message(w->down));
		free(one);
	}
}

static void on_status(void *arg, const Vrsas__V1__ControlReply *reply,
		      const struct scheduler_failure *f)
{
	struct poller *w = arg;

	w->asking_status = false;
	keep(&w->status, f || !reply->status ? NULL : &reply->status->base);
	serve_waiters(w, true, false);
	if (f || !reply->status)
		return;
	send_status(w, reply->status);
	send_open(w, reply->status);
	progress_follow(w->transfers, reply->status->open, reply->status->n_open);
}

static void poll_status(struct poller *w)
{
	int64_t every = sse_listeners(w->g->sse) ? STATUS_EVERY_MS : STATUS_IDLE_MS;
	Vrsas__V1__ControlRequest r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__StatusQuery body = VRSAS__V1__STATUS_QUERY__INIT;

	if (w->asking_status ||
	    (!w->waiters && w->status_mono_ms &&
	     vrs_now_mono_ms() - w->status_mono_ms < every && !w->hurry))
		return;
	w->hurry = false;
	w->asking_status = true;
	w->status_mono_ms = vrs_now_mono_ms();
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
	r.status = &body;
	scheduler_ask(w->g, &r, on_status, w);
}

/* --- hosts --- */

static uint64_t name_of(const Vrsas__V1__HostView *h)
{
	return 31 * vrs_hash(VRS_HASH_BEGIN, h->cluster, strlen(h->cluster)) +
	       vrs_hash(VRS_HASH_BEGIN, h->name, strlen(h->name));
}

static void send_hosts(struct poller *w, const Vrsas__V1__HostViews *views)
{
	struct known_host *known = vrs_calloc(views->n_host + 1, sizeof(*known));
	Vrsas__V1__HostViews v = VRSAS__V1__HOST_VIEWS__INIT;

	v.host = vrs_calloc(views->n_host + 1, sizeof(*v.host));
	for (size_t i = 0; i < views->n_host; i++) {
		known[i].name = name_of(views->host[i]);
		known[i].content = hash_message(&views->host[i]->base);
		bool same = i < w->n_hosts && w->host[i].name == known[i].name &&
			    w->host[i].content == known[i].content;
		if (!same)
			v.host[v.n_host++] = views->host[i];
	}
	if (v.n_host && w->n_hosts) { /* the first poll is no change */
		char *text = text_of(&v.base);

		sse_send(w->g->sse, "hosts", NULL, text);
		free(text);
	}
	free(v.host);
	free(w->host);
	w->host = known;
	w->n_hosts = views->n_host;
}

static void keep_down(struct poller *w, const Vrsas__V1__HostViews *views)
{
	Vrsas__V1__HostViews v = VRSAS__V1__HOST_VIEWS__INIT;

	v.host = vrs_calloc(views->n_host + 1, sizeof(*v.host));
	for (size_t i = 0; i < views->n_host; i++)
		if (strcmp(views->host[i]->state, "up") != 0)
			v.host[v.n_host++] = views->host[i];
	keep(&w->down, &v.base);
	free(v.host);
}

static void on_hosts(void *arg, const Vrsas__V1__ControlReply *reply,
		     const struct scheduler_failure *f)
{
	struct poller *w = arg;

	w->asking_hosts = false;
	if (!f && reply->hosts) {
		send_hosts(w, reply->hosts);
		keep_down(w, reply->hosts);
	} else {
		keep(&w->down, NULL);
	}
	serve_waiters(w, false, true);
	send_incidents(w);
}

static void poll_hosts(struct poller *w)
{
	Vrsas__V1__ControlRequest r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__HostQuery body = VRSAS__V1__HOST_QUERY__INIT;

	if (w->asking_hosts ||
	    (!w->waiters && (!sse_listeners(w->g->sse) ||
			     (w->hosts_mono_ms &&
			      vrs_now_mono_ms() - w->hosts_mono_ms < HOSTS_EVERY_MS))))
		return;
	w->asking_hosts = true;
	w->hosts_mono_ms = vrs_now_mono_ms();
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS;
	r.hosts = &body;
	scheduler_ask(w->g, &r, on_hosts, w);
}

/* --- the journal --- */

static void send_event(struct poller *w, const Vrsas__V1__Event *ev)
{
	char *text = text_of(&ev->base);

	sse_send(w->g->sse, "journal", ev->id, text);
	free(text);
	(void)vrs_strcpy(w->last_id, sizeof(w->last_id), ev->id);
	w->hurry = true; /* something changed: poll at once */
}

static void poll_events(struct poller *w)
{
	Vrsas__V1__Event **events;
	struct vrs_err err = {0};
	size_t n;
	bool first = !w->last_id[0];

	if (vrs_event_read(w->g->svc->store, w->last_id, first ? 1 : EVENTS_AT_ONCE,
			   &events, &n, &err) < 0) {
		vrs_complain(&w->store, VRS_WARN, "cannot read the journal: %s",
			     err.text);
		w->rest_until_mono_ms = vrs_now_mono_ms() + REST_MS;
		return;
	}
	vrs_complaint_over(&w->store, "the journal is readable again");
	for (size_t i = 0; i < n && !first; i++)
		send_event(w, events[i]);
	if (first)
		(void)vrs_strcpy(w->last_id, sizeof(w->last_id),
				 n ? events[n - 1]->id : "0-0");
	vrs_events_free(events, n);
}

static void on_tick(void *arg)
{
	struct poller *w = arg;

	if (vrs_now_mono_ms() < w->rest_until_mono_ms)
		return;
	poll_events(w);
	poll_status(w);
	poll_hosts(w);
}

static void on_progress(void *arg)
{
	struct poller *w = arg;

	if (!sse_listeners(w->g->sse) || vrs_now_mono_ms() < w->rest_until_mono_ms)
		return;
	char *text = progress_json(w->transfers, w->g->svc->store);
	if (text)
		sse_send(w->g->sse, "progress", NULL, text);
	free(text);
}

void poller_ask(struct poller *w, poller_fn done, void *arg)
{
	struct waiter *one = vrs_calloc(1, sizeof(*one));

	*one = (struct waiter){.next = w->waiters,
			       .status = true,
			       .hosts = true,
			       .done = done,
			       .arg = arg};
	w->waiters = one;
	poll_status(w);
	poll_hosts(w);
}

void poller_hurry(struct poller *w)
{
	w->hurry = true;
	w->hosts_mono_ms = 0;
}

struct poller *poller_new(struct gateway *g)
{
	struct poller *w = vrs_calloc(1, sizeof(*w));

	w->g = g;
	w->transfers = progress_new();
	w->events = vrs_loop_every(g->svc->loop, EVENTS_EVERY_MS, on_tick, w);
	w->progress = vrs_loop_every(g->svc->loop, PROGRESS_EVERY_MS, on_progress, w);
	return w;
}

void poller_free(struct poller *w)
{
	if (!w)
		return;
	vrs_timer_cancel(w->events);
	vrs_timer_cancel(w->progress);
	progress_free(w->transfers);
	vrs_msg_free(w->status);
	vrs_msg_free(w->down);
	free(w->host);
	free(w);
}
