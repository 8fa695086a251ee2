/* The engine as a whole: lease, tick, and its state for other rooms. */
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/state.h"
#include "engine/parts.h"
#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* --- lease and tick --- */

static void renew(void *arg)
{
	struct engine *e = arg;
	struct vrs_err err = {0};
	bool ours = e->lease.token != 0;
	uint64_t token = e->lease.token;
	int64_t asked_mono_ms = vrs_now_mono_ms();

	int status = record_lease_renew(e->svc->store, &e->lease, !e->took_over, &err);
	e->worker_lease.token = e->lease.token;
	if (status < 0) {
		vrs_complain(&e->lease_complaint, ours ? VRS_WARN : VRS_INFO,
			     "this scheduler is not active: %s", err.text);
		if (status != VRS_EDENIED)
			return; /* the lease may still be held, until it expires */
		e->took_over = true;
		e->loaded = false;
		return;
	}
	e->took_over = true;
	e->lease_until_mono_ms = asked_mono_ms + e->conf.lease_ms;
	e->worker_lease.until_mono_ms = e->lease_until_mono_ms;
	if (e->loaded && ours && token == e->lease.token)
		return;
	status = engine_load_all(e, &err);
	if (status == 0)
		status = operator_claims_load(e, &err);
	if (status == 0)
		status = reboot_recovery_load(e, &err);
	if (status < 0) {
		vrs_complain(&e->store_complaint, VRS_WARN, "%s", err.text);
		e->loaded = false;
		return;
	}
	vrs_complaint_over(&e->lease_complaint, "this scheduler is now active");
	e->loaded = true;
	log_notice("this scheduler is now active token=%llu records=%zu",
		   (unsigned long long)e->lease.token, e->n_entries);
}

static void on_tick(void *arg)
{
	struct engine *e = arg;
	const struct reloc_event tick = {.kind = RELOC_TICK};
	uint64_t generation = vrs_store_generation(e->svc->store);

	if (generation !=
	    e->generation) { /* the records may be older than those in Redis */
		for (size_t i = 0; i < e->n_entries; i++)
			e->entry[i]->stale = e->entry[i]->stale || e->entry[i]->stored;
		e->generation = generation;
	}
	engine_watch(e);
	if (!engine_may_act(e)) {
		vrs_svc_note(e->svc, "standby");
		return;
	}
	for (size_t i = 0; i < e->n_entries; i++)
		(void)engine_feed(e, e->entry[i], &tick, NULL);
	engine_pump(e);
	size_t open = 0;
	for (size_t i = 0; i < e->n_entries; i++)
		open += !reloc_quiet(&e->entry[i]->r);
	vrs_svc_note(e->svc, "active, %zu open relocations, %d movers", open,
		     vrs_req_peers(e->req));
}

static void on_pump(void *arg)
{
	struct engine *e = arg;

	e->pump_due = NULL;
	engine_pump(e);
}

/* --- open and close --- */

static void make_hosts(struct engine *e)
{
	e->host = vrs_calloc(e->site->n_hosts + 1, sizeof(*e->host));
	for (size_t i = 0; i < e->site->n_hosts; i++) {
		struct host *h = &e->host[e->n_hosts++];

		h->site = &e->site->host[i];
		h->conn.site = h->site;
		(void)vrs_strcpy(h->cluster, sizeof(h->cluster), h->site->cluster);
		(void)vrs_strcpy(h->name, sizeof(h->name), h->site->name);
	}
	e->brake = vrs_calloc(e->site->n_clusters + 1, sizeof(*e->brake));
	for (size_t i = 0; i < e->site->n_clusters; i++)
		(void)vrs_strcpy(e->brake[e->n_brakes++].cluster,
				 sizeof(e->brake[0].cluster), e->site->cluster[i].name);
}

int engine_refresh(struct engine *e, struct vrs_err *err)
{
	if (e->lease.token != 0 && e->loaded)
		return 0;
	e->loaded = false;
	int status = record_lease_holder(e->svc->store, e->active_name,
					 sizeof(e->active_name), err);
	return status < 0 ? status : engine_load_all(e, err);
}

const char *engine_active_name(const struct engine *e)
{
	return engine_may_act(e) ? e->lease.instance : e->active_name;
}

int engine_open(struct engine **ret, struct vrs_svc *svc, const struct engine_conf *conf,
		const struct vrs_site *site, struct fleet_loader *world,
		struct vrs_err *err)
{
	struct engine *e = vrs_calloc(1, sizeof(*e));

	e->svc = svc;
	counters_init(&e->counters);
	e->conf = *conf;
	e->site = site;
	e->loader = world;
	e->op_rules = (struct host_op_rules){
		.hv_timeout_ms = conf->hv_timeout_ms,
		.fence_timeout_ms = conf->fence_timeout_ms,
		.shutdown_ms = conf->shutdown_ms,
		.health_timeout_ms = conf->health_timeout_ms,
	};
	e->lease = (struct record_lease){.instance = svc->instance,
					 .lease_ms = conf->lease_ms};
	e->pump = on_pump;
	make_hosts(e);
	int status = vrs_workers_open(&e->workers, svc->loop, 64, err);
	if (status == 0)
		status = vrs_req_open(
			&e->req, svc->loop,
			&(struct vrs_req_conf){
				.url = conf->transfer_url,
				.listen = true,
				.silence_ms = conf->mover_silent_ms,
				.reply_type = &vrsas__v1__transfer_accept__descriptor},
			err);
	if (status < 0) {
		engine_close(e);
		return status;
	}
	e->tick = vrs_loop_every(svc->loop, conf->tick_ms, on_tick, e);
	e->renew = vrs_loop_every(svc->loop, conf->lease_ms / 3 + 1, renew, e);
	renew(e);
	*ret = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	if (e->tick)
		vrs_timer_cancel(e->tick);
	if (e->renew)
		vrs_timer_cancel(e->renew);
	if (e->pump_due)
		vrs_timer_cancel(e->pump_due);
	vrs_workers_close(e->workers);
	vrs_req_close(e->req);
	record_lease_release(e->svc->store, &e->lease);
	engine_drop_entries(e);
	reboot_recovery_close(e);
	movability_fini(&e->movability);
	for (size_t i = 0; i < e->n_hosts; i++)
		host_op_host_fini(&e->host[i].conn);
	free(e->host);
	free(e->brake);
	free(e);
}

void engine_set_forecasts(struct engine *e, struct forecasts *f)
{
	e->forecasts = f;
}

/* --- state --- */

bool engine_active(const struct engine *e)
{
	return engine_may_act(e);
}

struct fleet *engine_fleet(struct engine *e)
{
	struct fleet *w = fleet_loader_last(e->loader);

	if (w)
		engine_mark_lives(e, w);
	return w;
}

const struct detector_host *engine_host(const struct engine *e, const char *cluster,
					const char *host)
{
	const struct reloc_place p = engine_place(cluster, host);
	const struct host *h = engine_host_of(e, &p);

	return h ? &h->memory : NULL;
}

const struct detector_brake *engine_brake(const struct engine *e, const char *cluster)
{
	for (size_t i = 0; i < e->n_brakes; i++)
		if (strcmp(e->brake[i].cluster, cluster) == 0)
			return &e->brake[i].brake;
	return NULL;
}

size_t engine_n_records(const struct engine *e)
{
	return e->n_entries;
}

const Vrsas__V1__Relocation *engine_record(const struct engine *e, size_t i)
{
	return e->entry[i]->msg;
}

static struct entry *find(const struct engine *e, const char *vm)
{
	struct entry *en = engine_entry(e, vm);

	for (size_t i = 0; i < e->n_entries && !en; i++)
		if (strcmp(e->entry[i]->r.vm_name, vm) == 0)
			en = e->entry[i];
	return en;
}

const Vrsas__V1__Relocation *engine_find(const struct engine *e, const char *vm)
{
	const struct entry *en = find(e, vm);

	return en ? en->msg : NULL;
}

const Vrsas__V1__TransferStatus *engine_transfer(const struct engine *e,
						 const char *vm_id)
{
	const struct entry *en = find(e, vm_id);

	return en ? en->status : NULL;
}

bool engine_is_open(const Vrsas__V1__Relocation *r)
{
	return (int)r->state != RELOC_PROTECTED && (int)r->state != RELOC_RUNNING_AWAY;
}

int engine_movers(const struct engine *e)
{
	return vrs_req_peers(e->req);
}

void engine_bus_counts(const struct engine *e, struct vrs_bus_counts *ret)
{
	vrs_req_counts(e->req, ret);
}

const struct counters *engine_counters(const struct engine *e)
{
	return &e->counters;
}

const struct movability *engine_movability(const struct engine *e)
{
	return &e->movability;
}
