/* GET /tables: the page without scripts. One request after the other; each reply is
 * rendered at once, since it is freed afterwards. */
#include <stdlib.h>

#include "api/routes.h"
#include "api/tables.h"
#include "incidents/incident_view.h"
#include "live/poller.h"
#include "live/risk.h"
#include "vrs/clock.h"

enum { EVENTS = 100, ARENA = 16 << 20 };

struct drawing {
	struct gateway *g;
	struct vrs_httpd_request *q;
	struct vrs_text out;
	int64_t now_ms;
	size_t part;
};

static void send(struct drawing *d, int status)
{
	vrs_httpd_reply(d->q,
			&(struct vrs_httpd_reply){.status = status,
						  .type = "text/html; charset=utf-8",
						  .body = d->out.text,
						  .n_body = d->out.len});
	free(d);
}

static void draw(struct drawing *d, const Vrsas__V1__ControlReply *r)
{
	switch (r->body_case) {
	case VRSAS__V1__CONTROL_REPLY__BODY_STATUS:
		tables_status(&d->out, r->status);
		break;
	case VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS:
		tables_relocations(&d->out, r->relocations, d->now_ms);
		break;
	case VRSAS__V1__CONTROL_REPLY__BODY_HOSTS:
		tables_hosts(&d->out, r->hosts, d->now_ms);
		break;
	case VRSAS__V1__CONTROL_REPLY__BODY_EVENTS:
		tables_events(&d->out, r->events);
		break;
	default:
		break;
	}
}

static void next_part(struct drawing *d);

static void on_part(void *arg, const Vrsas__V1__ControlReply *reply,
		    const struct scheduler_failure *f)
{
	static const char *const name[] = {"Status", "Incidents", "Active relocations",
					   "Hosts", "Events"};
	struct drawing *d = arg;

	if (f)
		tables_missing(&d->out, name[d->part], f->error);
	else
		draw(d, reply);
	d->part++;
	next_part(d);
}

/* Incidents are read from Redis and joined with the status. */
static void on_incidents(void *arg, const Vrsas__V1__StatusView *status,
			 const Vrsas__V1__HostViews *down)
{
	struct drawing *d = arg;
	struct incidents told = {0};
	struct vrs_err err = {0};

	if (incident_read(d->g->svc->store, d->now_ms - POLLER_INCIDENTS_MS, &told,
			  &err) < 0) {
		tables_missing(&d->out, "Incidents", err.text);
	} else {
		struct vrs_arena *mem = vrs_arena_new(ARENA);

		tables_incidents(&d->out, incident_views(mem, &told, status, down));
		vrs_arena_free(mem);
	}
	incident_fini(&told);
	d->part++;
	next_part(d);
}

static void draw_risk(void *arg, const Vrsas__V1__RiskViews *v)
{
	struct drawing *d = arg;

	tables_risk(&d->out, v, d->now_ms);
}

static void next_part(struct drawing *d)
{
	Vrsas__V1__ControlRequest r = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__StatusQuery status = VRSAS__V1__STATUS_QUERY__INIT;
	Vrsas__V1__RelocationQuery relocations = VRSAS__V1__RELOCATION_QUERY__INIT;
	Vrsas__V1__HostQuery hosts = VRSAS__V1__HOST_QUERY__INIT;
	Vrsas__V1__EventQuery events = VRSAS__V1__EVENT_QUERY__INIT;

	r.actor = api_actor(d->q);
	relocations.open_only = true;
	events.limit = EVENTS;
	switch (d->part) {
	case 0:
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
		r.status = &status;
		break;
	case 1:
		poller_ask(d->g->poller, on_incidents, d);
		return;
	case 2:
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS;
		r.relocations = &relocations;
		break;
	case 3:
		risk_show(d->g->risk, draw_risk, d);
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS;
		r.hosts = &hosts;
		break;
	case 4:
		r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS;
		r.events = &events;
		break;
	default:
		tables_foot(&d->out);
		send(d, 200);
		return;
	}
	scheduler_ask(d->g, &r, on_part, d);
}

/* Open to all: without a token it shows the sign-in form. */
void api_tables(struct gateway *g, struct vrs_httpd_request *q)
{
	enum role role = api_role(q);
	struct drawing *d = vrs_calloc(1, sizeof(*d));
	char buf[TOKEN_MAX + 1];

	d->g = g;
	d->q = q;
	d->now_ms = vrs_now_wall_ms();
	if (role != ROLE_READ && role != ROLE_OPERATE) {
		tables_login(&d->out, api_secret(q, buf, sizeof(buf))
					      ? "the token does not permit reading"
					      : "");
		send(d, 401);
		return;
	}
	tables_head(&d->out, api_actor(q), d->now_ms);
	next_part(d);
}
