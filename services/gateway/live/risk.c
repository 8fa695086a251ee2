#include "live/risk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts/inventory.h"
#include "gateway.h"
#include "live/sse.h"
#include "vrs/clock.h"
#include "vrs/json.h"
#include "vrs/mem.h"

enum {
	TICK_MS = 500,
	INVENTORY_EVERY_MS = 30000,
	ROUND_MIN_MS = 15000, /* pause between rounds with few hosts */
	WHY_MAX = 8,
	VIEW_ARENA = 64 << 10,
	REST_TIMES =
		20, /* the duration of a reply: at most 1/20 of the scheduler's time */
};

struct one {
	char cluster[65], host[65];
	struct vrs_msg *view; /* RiskView; NULL: not computed yet */
	int64_t at_mono_ms;
};

struct risk {
	struct gateway *g;
	struct vrs_timer *timer;
	struct one *one;
	size_t n, next;
	int64_t inventory_mono_ms, asked_mono_ms, rest_until_mono_ms;
	bool asking;
};

/* --- one plan --- */

static const char *why_not(const Vrsas__V1__Decision *d, struct vrs_arena *mem)
{
	char line[300];

	(void)snprintf(line, sizeof(line), "%.64s: %.220s", d->vm_name, d->summary);
	char *s = vrs_arena_alloc(mem, strlen(line) + 1);
	if (s)
		memcpy(s, line, strlen(line) + 1);
	return s ? s : "";
}

void risk_of_plan(const Vrsas__V1__PlanView *plan, struct vrs_arena *mem,
		  Vrsas__V1__RiskView *ret)
{
	vrsas__v1__risk_view__init(ret);
	ret->cluster = plan->cluster;
	ret->host = plan->host;
	ret->note = plan->note;
	ret->why = vrs_arena_alloc(mem, WHY_MAX * sizeof(char *));
	for (size_t i = 0; i < plan->n_decision; i++) {
		const Vrsas__V1__Decision *d = plan->decision[i];
		bool stays = false;

		ret->vms++;
		switch (d->verdict) {
		case VRSAS__V1__VERDICT__VERDICT_LOCAL:
			ret->local++;
			break;
		case VRSAS__V1__VERDICT__VERDICT_RELOCATE:
			ret->relocate++;
			break;
		case VRSAS__V1__VERDICT__VERDICT_WAIT:
			ret->wait++;
			stays = true;
			break;
		default:
			ret->hold++;
			stays = true;
		}
		if (stays && ret->why && ret->n_why < WHY_MAX)
			ret->why[ret->n_why++] = why_not(d, mem);
	}
}

/* --- every host in turn --- */

static struct one *find(const struct risk *r, const char *cluster, const char *host)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->one[i].host, host) == 0 &&
		    strcmp(r->one[i].cluster, cluster) == 0)
			return &r->one[i];
	return NULL;
}

static void read_inventory(struct risk *r)
{
	struct inventory inv = {0};

	if (r->inventory_mono_ms &&
	    vrs_now_mono_ms() - r->inventory_mono_ms < (r->n ? INVENTORY_EVERY_MS : 2000))
		return;
	r->inventory_mono_ms = vrs_now_mono_ms();
	if (inventory_read(&inv, r->g, NULL) < 0) {
		inventory_fini(&inv);
		return;
	}
	struct one *list = vrs_calloc(inv.n_hosts + 1, sizeof(*list));
	for (size_t i = 0; i < inv.n_hosts; i++) {
		struct one *old = find(r, inv.host[i].cluster, inv.host[i].name);

		if (old) {
			list[i] = *old;
			old->view = NULL;
		}
		(void)vrs_strcpy(list[i].cluster, sizeof(list[i].cluster),
				 inv.host[i].cluster);
		(void)vrs_strcpy(list[i].host, sizeof(list[i].host), inv.host[i].name);
	}
	for (size_t i = 0; i < r->n; i++)
		vrs_msg_free(r->one[i].view);
	free(r->one);
	r->one = list;
	r->n = inv.n_hosts;
	inventory_fini(&inv);
}

static void publish(struct risk *r, const Vrsas__V1__RiskView *v)
{
	Vrsas__V1__RiskViews views = VRSAS__V1__RISK_VIEWS__INIT;
	Vrsas__V1__RiskView *list[] = {(Vrsas__V1__RiskView *)(uintptr_t)v};

	if (!sse_listeners(r->g->sse))
		return;
	views.risk = list;
	views.n_risk = 1;
	views.hosts = (uint32_t)r->n;
	views.max_age_ms = r->g->conf.risk_ms;
	json_t *json = vrs_json_of_message(&views.base);
	char *text = vrs_json_text(json, true);
	sse_send(r->g->sse, "risk", NULL, text);
	free(text);
	json_decref(json);
}

static void on_plan(void *arg, const Vrsas__V1__ControlReply *reply,
		    const struct scheduler_failure *f)
{
	struct risk *r = arg;

	r->asking = false;
	r->rest_until_mono_ms =
		vrs_now_mono_ms() + REST_TIMES * (vrs_now_mono_ms() - r->asked_mono_ms);
	if (f || !reply->plan)
		return;
	struct one *o = find(r, reply->plan->cluster, reply->plan->host);
	if (!o)
		return;
	struct vrs_arena *mem = vrs_arena_new(VIEW_ARENA);
	Vrsas__V1__RiskView v;
	size_t n;
	risk_of_plan(reply->plan, mem, &v);
	v.at_ms = vrs_now_wall_ms();
	void *bytes = vrs_msg_pack(&v.base, &n);
	vrs_msg_free(o->view);
	o->view = NULL;
	(void)vrs_msg_unpack(&o->view, v.base.descriptor, bytes, n, NULL);
	o->at_mono_ms = vrs_now_mono_ms();
	free(bytes);
	publish(r, &v);
	vrs_arena_free(mem);
}

static void ask_next(struct risk *r)
{
	Vrsas__V1__ControlRequest q = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__PlanQuery body = VRSAS__V1__PLAN_QUERY__INIT;
	char place[140];

	if (r->asking || r->n == 0 || vrs_now_mono_ms() < r->rest_until_mono_ms)
		return;
	r->next = r->next + 1 < r->n ? r->next + 1 : 0;
	const struct one *o = &r->one[r->next];
	if (o->view && vrs_now_mono_ms() - o->at_mono_ms < ROUND_MIN_MS)
		return;
	(void)snprintf(place, sizeof(place), "%s/%s", o->cluster, o->host);
	body.host = place;
	q.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_PLAN;
	q.plan = &body;
	r->asking = true;
	r->asked_mono_ms = vrs_now_mono_ms();
	scheduler_ask(r->g, &q, on_plan, r);
}

/* Often enough to reach every host within risk_ms, but at most 10/s. */
static void on_tick(void *arg)
{
	struct risk *r = arg;

	read_inventory(r);
	int64_t every = r->n ? r->g->conf.risk_ms / (int64_t)r->n : TICK_MS;
	vrs_timer_interval(r->timer, every < 100 ? 100 : every > 2000 ? 2000 : every);
	ask_next(r);
}

struct risk *risk_new(struct gateway *g)
{
	struct risk *r = vrs_calloc(1, sizeof(*r));

	r->g = g;
	if (g->conf.risk_ms > 0)
		r->timer = vrs_loop_every(g->svc->loop, TICK_MS, on_tick, r);
	return r;
}

void risk_free(struct risk *r)
{
	if (!r)
		return;
	if (r->timer)
		vrs_timer_cancel(r->timer);
	for (size_t i = 0; i < r->n; i++)
		vrs_msg_free(r->one[i].view);
	free(r->one);
	free(r);
}

void risk_show(const struct risk *r,
	       void (*show)(void *arg, const Vrsas__V1__RiskViews *v), void *arg)
{
	Vrsas__V1__RiskViews views = VRSAS__V1__RISK_VIEWS__INIT;

	views.risk = vrs_calloc(r->n + 1, sizeof(Vrsas__V1__RiskView *));
	views.hosts = (uint32_t)r->n;
	views.max_age_ms = r->g->conf.risk_ms;
	for (size_t i = 0; i < r->n; i++) {
		if (!r->one[i].view)
			continue;
		views.risk[views.n_risk++] =
			(Vrsas__V1__RiskView *)(uintptr_t)vrs_msg_get(r->one[i].view);
		views.looked +=
			vrs_now_mono_ms() - r->one[i].at_mono_ms <= r->g->conf.risk_ms;
	}
	show(arg, &views);
	free(views.risk);
}
