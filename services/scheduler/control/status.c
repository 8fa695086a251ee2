/* The health of the system, and the reasons when it is not HEALTHY, the worst first. */
#include "control/parts.h"
#include "machine/states.h"

#include "vrs/keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REASONS = 40 };

static const int64_t service_late_ms = 15000;
static const char *const services[] = {"collector", "etl",     "predictor", "scheduler",
				       "mover",     "gateway", "guard"};
enum { N_SERVICES = sizeof(services) / sizeof(*services) };

struct reasons {
	struct reply *a;
	const char *bad[MAX_REASONS], *warn[MAX_REASONS];
	size_t n_bad, n_warn;
};

static void add_reason(const char **list, size_t *n, const char *text)
{
	if (*n < MAX_REASONS)
		list[(*n)++] = text;
}

#define BAD(r, ...)                                                                      \
	add_reason((r)->bad, &(r)->n_bad, control_reply_text((r)->a, __VA_ARGS__))
#define WARNING(r, ...)                                                                  \
	add_reason((r)->warn, &(r)->n_warn, control_reply_text((r)->a, __VA_ARGS__))

/* --- services --- */

static void read_services(struct control *c, int64_t now_ms, Vrsas__V1__StatusView *v,
			  struct reasons *why)
{
	struct reply *a = why->a;
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	size_t n = 0;
	int64_t etl_at = 0;

	for (size_t i = 0; i < N_SERVICES; i++)
		vrs_store_addf(c->svc->store, "HGETALL %s",
			       vrs_key_service(services[i]).text);
	if (vrs_store_run(c->svc->store, &r, &err) < 0) {
		BAD(why, "Redis does not respond: %s", err.text);
		return;
	}
	for (size_t i = 0; i < N_SERVICES; i++)
		n += r->item[i].n_items / 2;
	v->service = control_reply_alloc(a, n, sizeof(*v->service));
	for (size_t i = 0; i < N_SERVICES; i++)
		for (size_t k = 0; k + 1 < r->item[i].n_items; k += 2) {
			Vrsas__V1__ServiceView *s = control_reply_alloc(a, 1, sizeof(*s));
			const char *value = r->item[i].item[k + 1].bytes;
			char *note = NULL;

			vrsas__v1__service_view__init(s);
			s->name = services[i];
			s->instance = control_reply_text(
				a, "%s",
				r->item[i].item[k].bytes ? r->item[i].item[k].bytes : "");
			s->seen_at_ms = strtoll(value ? value : "", &note, 10);
			s->note = control_reply_text(
				a, "%s", note && *note == ' ' ? note + 1 : "");
			if (strcmp(s->name, "etl") == 0 && s->seen_at_ms > etl_at)
				etl_at = s->seen_at_ms;
			if (!control_reply_fits(a, &s->base))
				break;
			v->service[v->n_service++] = s;
		}
	vrs_reply_free(r);
	if (now_ms && now_ms - etl_at > service_late_ms)
		WARNING(why, "no etl is running: samples stay in the collectors' spools");
}

/* --- clusters --- */

static void count_hosts(const struct fleet *w, const struct fleet_cluster *c,
			Vrsas__V1__ClusterView *v)
{
	double cpu = 0, cpu_weight = 0, mem = 0, mem_weight = 0;
	bool shared = c->site && c->site->shared_storage;

	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *h = &w->host[c->first_host + i];

		v->hosts++;
		v->hosts_up += h->life == FLEET_UP;
		v->vcpus_total += h->vcpus_total;
		v->ram_total_bytes += h->ram_total_bytes;
		if (shared && h->disk_free_bytes > v->disk_free_bytes)
			v->disk_free_bytes = h->disk_free_bytes;
		else if (!shared)
			v->disk_free_bytes += h->disk_free_bytes;
		for (size_t k = 0; k < h->n_vms; k++) {
			v->vms++;
			v->vms_protected += w->vm[h->first_vm + k].facts->protect;
		}
		if (h->life == FLEET_DOWN || !isfinite(h->cpu_ratio))
			continue;
		cpu += h->cpu_ratio * h->vcpus_total;
		cpu_weight += h->vcpus_total;
		if (isfinite(h->mem_ratio)) {
			mem += h->mem_ratio * (double)h->ram_total_bytes;
			mem_weight += (double)h->ram_total_bytes;
		}
	}
	v->cpu_ratio = cpu_weight > 0 ? cpu / cpu_weight : NAN;
	v->mem_ratio = mem_weight > 0 ? mem / mem_weight : NAN;
}

static Vrsas__V1__ClusterView *
cluster_view(const struct fleet *w, const struct fleet_cluster *c, struct reply *a)
{
	Vrsas__V1__ClusterView *v = control_reply_alloc(a, 1, sizeof(*v));
	bool fresh = c->forecast.made_at_ms &&
		     w->at_ms - c->forecast.made_at_ms <= CONTROL_FORECAST_MAX_AGE_MS;

	vrsas__v1__cluster_view__init(v);
	v->name = c->name;
	count_hosts(w, c, v);
	v->peak_p50_ratio = fresh ? c->forecast.peak[1].p50 : NAN;
	v->peak_p90_ratio = fresh ? c->forecast.peak[1].p90 : NAN;
	v->last_sample_at_ms = c->sample_at_ms;
	v->collector = c->collector;
	v->max_cpu_ratio = c->site ? c->site->max_cpu_ratio : 0;
	return v;
}

static void judge_cluster(struct control *c, const struct fleet *w,
			  const struct fleet_cluster *cluster, struct reasons *why)
{
	const struct detector_brake *brake = engine_brake(c->engine, cluster->name);
	char t[32];

	if (brake && brake->on)
		BAD(why, "cluster %s: %s", cluster->name, brake->note);
	if (!cluster->beat_at_ms)
		WARNING(why, "cluster %s: its collector has never reported",
			cluster->name);
	else if (!cluster->collector_alive)
		WARNING(why, "cluster %s: its collector has been silent for %s",
			cluster->name,
			fleet_time_text(t, sizeof(t), w->at_ms - cluster->beat_at_ms));
	if (cluster->sample_at_ms &&
	    (!cluster->forecast.made_at_ms ||
	     w->at_ms - cluster->forecast.made_at_ms > CONTROL_FORECAST_MAX_AGE_MS))
		WARNING(why,
			"cluster %s: no fresh forecast, decisions use the newest reading",
			cluster->name);
}

static void judge_host(struct control *c, const struct fleet *w,
		       const struct fleet_host *h, struct reasons *why)
{
	const char *cluster = fleet_cluster_name(w, h);
	const struct detector_host *d = engine_host(c->engine, cluster, h->name);

	if (!d)
		return;
	switch (d->verdict) {
	case DETECTOR_DOWN_LIKELY:
		BAD(why, "host %s/%s is down: %s", cluster, h->name, d->note);
		break;
	case DETECTOR_SUSPECT:
	case DETECTOR_BRAKE:
	case DETECTOR_SILENT:
		WARNING(why, "host %s/%s is %s: %s", cluster, h->name,
			detector_verdict_name(d->verdict), d->note);
		break;
	case DETECTOR_BACK:
		WARNING(why, "host %s/%s is back, but not yet stable", cluster, h->name);
		break;
	case DETECTOR_OK:
		break;
	}
}

/* --- relocations --- */

static void judge_relocation(const Vrsas__V1__Relocation *r, struct reasons *why)
{
	const struct reloc_state_info *state = reloc_state((enum reloc_state)r->state);
	bool moves = r->target_host[0];

	if (state->severity == RELOC_ERROR)
		BAD(why, "%s: %s: %s", r->vm_name, state->meaning,
		    r->hold_reason[0] ? r->hold_reason : state->name);
	else if (r->state != VRSAS__V1__RELOCATION_STATE__PROTECTED)
		WARNING(why, "%s: %s (%s %s/%s)", r->vm_name, state->meaning,
			moves ? "target" : "at",
			moves ? r->target_cluster : r->active_cluster,
			moves ? r->target_host : r->active_host);
}

static void show_open(struct control *c, Vrsas__V1__StatusView *v, struct reasons *why)
{
	struct reply *a = why->a;
	size_t n = engine_n_records(c->engine);

	v->open = control_reply_alloc(a, n, sizeof(*v->open));
	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Relocation *r = engine_record(c->engine, i);

		judge_relocation(r, why);
		if (!engine_is_open(r))
			continue;
		Vrsas__V1__RelocationView *one = control_relocation_view(c, r, false, a);
		if (!control_reply_fits(a, &one->base))
			break;
		v->open[v->n_open++] = one;
	}
}

static void judge_movability(struct control *c, struct reasons *why)
{
	const struct movability *m = engine_movability(c->engine);
	size_t n = movability_count(m, NULL), first = 0;

	if (n == 0)
		return;
	while (m->vm[first]->is_movable)
		first++;
	WARNING(why,
		"%zu protected VM%s cannot be moved, first %s: %s; see vrsctl preflight",
		n, n == 1 ? "" : "s", m->vm[first]->name, m->vm[first]->text);
}

void control_status(struct control *c, const Vrsas__V1__ControlRequest *r,
		    struct reply *a)
{
	(void)r;
	Vrsas__V1__StatusView *v = control_reply_alloc(a, 1, sizeof(*v));
	const struct fleet *w = engine_fleet(c->engine);
	struct reasons why = {.a = a};

	vrsas__v1__status_view__init(v);
	if (a->unread)
		BAD(&why, "cannot read the relocation records: %s", a->unread);
	v->at_ms = w ? w->at_ms : 0;
	if (!w)
		BAD(&why, "no data read from Redis yet");
	show_open(c, v, &why);
	if (!engine_active(c->engine))
		WARNING(&why, "this scheduler is on standby; %s%s",
			*engine_active_name(c->engine) ? engine_active_name(c->engine)
						       : "none",
			" is the active one");
	for (size_t i = 0; w && i < w->n_clusters; i++)
		judge_cluster(c, w, &w->cluster[i], &why);
	for (size_t i = 0; w && i < w->n_hosts; i++)
		judge_host(c, w, &w->host[i], &why);
	judge_movability(c, &why);
	if (engine_movers(c->engine) == 0)
		WARNING(&why, "no mover is connected: VMs cannot be copied");
	if (forecasts_predictors(c->forecasts) == 0)
		WARNING(&why, "no predictor is connected: forecasts are not refreshed");
	v->cluster = control_reply_alloc(a, w ? w->n_clusters : 0, sizeof(*v->cluster));
	for (size_t i = 0; w && i < w->n_clusters; i++)
		v->cluster[v->n_cluster++] = cluster_view(w, &w->cluster[i], a);
	read_services(c, v->at_ms, v, &why);

	v->health = why.n_bad ? "CRITICAL" : why.n_warn ? "WARNING" : "HEALTHY";
	v->reason = control_reply_alloc(a, why.n_bad + why.n_warn, sizeof(*v->reason));
	for (size_t i = 0; i < why.n_bad; i++)
		v->reason[v->n_reason++] = why.bad[i];
	for (size_t i = 0; i < why.n_warn; i++)
		v->reason[v->n_reason++] = why.warn[i];
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_STATUS;
	a->reply.status = v;
}
