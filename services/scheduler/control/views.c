/* Hosts, VMs and relocations as clients see them. */
#include "control/parts.h"

#include "machine/records.h"
#include "machine/states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JOURNAL_LIMIT = 300 };

static bool forecast_shown(const struct fleet *w, const struct fleet_forecast *fc)
{
	return fc->made_at_ms > 0 &&
	       w->at_ms - fc->made_at_ms <= CONTROL_FORECAST_MAX_AGE_MS;
}

static const char *life_name(const struct control *c, const struct fleet *w,
			     const struct fleet_host *h)
{
	if (h->life != FLEET_DOWN)
		return fleet_life_name(h->life);
	for (size_t i = 0; i < engine_n_records(c->engine); i++) {
		const Vrsas__V1__Relocation *r = engine_record(c->engine, i);

		if (r->fenced_at_ms && strcmp(r->home_host, h->name) == 0 &&
		    strcmp(r->home_cluster, fleet_cluster_name(w, h)) == 0)
			return "fenced";
	}
	return "down";
}

/* --- hosts --- */

static Vrsas__V1__HostView *host_view(struct control *c, const struct fleet *w,
				      const struct fleet_host *h, struct reply *a)
{
	Vrsas__V1__HostView *v = control_reply_alloc(a, 1, sizeof(*v));
	const struct detector_host *d =
		engine_host(c->engine, fleet_cluster_name(w, h), h->name);

	vrsas__v1__host_view__init(v);
	v->cluster = fleet_cluster_name(w, h);
	v->name = h->name;
	v->address = h->address;
	v->state = life_name(c, w, h);
	v->vcpus_total = h->vcpus_total;
	v->vcpus_used = h->vcpus_used;
	v->ram_total_bytes = h->ram_total_bytes;
	v->cpu_ratio = h->cpu_ratio;
	v->mem_ratio = h->mem_ratio;
	v->vms = (uint32_t)h->n_vms;
	v->last_sample_at_ms = h->sample_at_ms;
	v->peak_p90_ratio =
		forecast_shown(w, &h->forecast) ? h->forecast.peak[1].p90 : NAN;
	if (d && d->verdict != DETECTOR_OK)
		v->note = control_reply_text(a, "%s: %s",
					     detector_verdict_name(d->verdict), d->note);
	else if (h->life != FLEET_UP && h->detail[0])
		v->note = h->detail;
	else if (!h->site)
		v->note = "not in site.conf: never used as a target";
	return v;
}

void control_hosts(struct control *c, const Vrsas__V1__ControlRequest *req,
		   struct reply *a)
{
	const Vrsas__V1__HostQuery *q = req->hosts;
	struct fleet *w = control_need_fleet(c, a);
	Vrsas__V1__HostViews *v = control_reply_alloc(a, 1, sizeof(*v));

	if (!w)
		return;
	if (!control_cluster_ok(w, q->cluster, a))
		return;
	vrsas__v1__host_views__init(v);
	v->host = control_reply_alloc(a, w->n_hosts, sizeof(*v->host));
	for (size_t i = 0; i < w->n_hosts; i++) {
		if (q->cluster[0] &&
		    strcmp(fleet_cluster_name(w, &w->host[i]), q->cluster) != 0)
			continue;
		Vrsas__V1__HostView *one = host_view(c, w, &w->host[i], a);
		if (!control_reply_fits(a, &one->base))
			break;
		v->host[v->n_host++] = one;
	}
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_HOSTS;
	a->reply.hosts = v;
}

/* --- VMs --- */

static const char *vm_note(const struct fleet *w, const struct fleet_host *h,
			   const Vrsas__V1__Relocation *r, struct reply *a)
{
	if (r && r->hold_reason[0])
		return r->hold_reason;
	if (r && r->active_host[0] &&
	    (strcmp(r->active_cluster, r->home_cluster) != 0 ||
	     strcmp(r->active_host, r->home_host) != 0)) {
		bool here = strcmp(r->active_host, h->name) == 0 &&
			    strcmp(r->active_cluster, fleet_cluster_name(w, h)) == 0;

		return here ? control_reply_text(a, "away from home, %s/%s",
						 r->home_cluster, r->home_host)
			    : control_reply_text(a, "runs in %s/%s", r->active_cluster,
						 r->active_host);
	}
	if (h->life == FLEET_DOWN)
		return "its host is down";
	return "";
}

static const char *unmovable_note(const struct control *c, const char *vm_id,
				  struct reply *a)
{
	const struct movability *m = engine_movability(c->engine);

	for (size_t i = 0; i < m->n; i++)
		if (!m->vm[i]->is_movable && strcmp(m->vm[i]->id, vm_id) == 0)
			return control_reply_text(a, "cannot be moved: %s",
						  m->vm[i]->text);
	return "";
}

static Vrsas__V1__VmView *vm_view(struct control *c, const struct fleet *w,
				  const struct fleet_vm *vm, struct reply *a)
{
	Vrsas__V1__VmView *v = control_reply_alloc(a, 1, sizeof(*v));
	Vrsas__V1__VmFacts *facts = control_reply_alloc(a, 1, sizeof(*facts));
	const struct fleet_host *h = &w->host[vm->host];
	const Vrsas__V1__Relocation *r = engine_find(c->engine, vm->facts->id);

	vrsas__v1__vm_view__init(v);
	*facts = *vm->facts;
	facts->native = ""; /* a page of XML */
	v->facts = facts;
	v->cluster = fleet_cluster_name(w, h);
	v->host = h->name;
	if (r)
		v->relocation = r->state;
	else if (facts->protect)
		v->relocation = VRSAS__V1__RELOCATION_STATE__PROTECTED;
	v->note = vm_note(w, h, r, a);
	if (!v->note[0])
		v->note = unmovable_note(c, facts->id, a);
	return v;
}

void control_vms(struct control *c, const Vrsas__V1__ControlRequest *req, struct reply *a)
{
	const Vrsas__V1__VmQuery *q = req->vms;
	struct fleet *w = control_need_fleet(c, a);
	Vrsas__V1__VmViews *v = control_reply_alloc(a, 1, sizeof(*v));
	struct fleet_host *only = NULL;
	struct vrs_err err = {0};

	if (!w)
		return;
	if (!control_cluster_ok(w, q->cluster, a))
		return;
	if (q->host[0]) {
		int status = control_place_ok(q->host)
				     ? fleet_find_host(w, q->host, &only, &err)
				     : vrs_fail(&err, VRS_EINVAL, "host: invalid name");

		if (status < 0 && q->cluster[0] && control_place_ok(q->host)) {
			only = fleet_host(w, q->cluster, q->host);
			status = only ? 0 : status;
		}
		if (status < 0) {
			control_refuse_err(a, &err, "vrsctl host list");
			return;
		}
	}
	vrsas__v1__vm_views__init(v);
	v->vm = control_reply_alloc(a, w->n_vms, sizeof(*v->vm));
	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_host *h = &w->host[w->vm[i].host];

		if ((only && h != only) ||
		    (q->cluster[0] && strcmp(fleet_cluster_name(w, h), q->cluster) != 0))
			continue;
		Vrsas__V1__VmView *one = vm_view(c, w, &w->vm[i], a);
		if (!control_reply_fits(a, &one->base))
			break;
		v->vm[v->n_vm++] = one;
	}
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_VMS;
	a->reply.vms = v;
}

/* --- relocations --- */

static void read_journal(struct control *c, Vrsas__V1__RelocationView *v, struct reply *a)
{
	struct record_journal journal;

	if (record_journal(c->svc->store, v->record->vm_id, JOURNAL_LIMIT, &journal,
			   NULL) < 0)
		return;
	v->journal = control_reply_alloc(a, journal.n, sizeof(*v->journal));
	for (size_t i = 0; i < journal.n; i++) {
		Vrsas__V1__JournalEntry *e = control_reply_alloc(a, 1, sizeof(*e));

		*e = *journal.entry[i];
		e->id = control_reply_text(a, "%s", e->id);
		e->op_id = control_reply_text(a, "%s", e->op_id);
		e->by = control_reply_text(a, "%s", e->by);
		e->why = control_reply_text(a, "%s", e->why);
		v->journal[v->n_journal++] = e;
	}
	record_journal_free(&journal);
}

Vrsas__V1__RelocationView *control_relocation_view(struct control *c,
						   const Vrsas__V1__Relocation *r,
						   bool whole, struct reply *a)
{
	Vrsas__V1__RelocationView *v = control_reply_alloc(a, 1, sizeof(*v));
	Vrsas__V1__Relocation *record = control_reply_alloc(a, 1, sizeof(*record));

	vrsas__v1__relocation_view__init(v);
	*record = *r;
	if (r->vm) {
		Vrsas__V1__VmFacts *facts = control_reply_alloc(a, 1, sizeof(*facts));

		*facts = *r->vm;
		facts->native = "";
		record->vm = facts;
	}
	if (r->decision && !whole) {
		Vrsas__V1__Decision *d = control_reply_alloc(a, 1, sizeof(*d));

		*d = *r->decision; /* a list has the chosen candidate only */
		d->n_candidate = d->n_candidate ? 1 : 0;
		record->decision = d;
	}
	const struct reloc_state_info *state = reloc_state((enum reloc_state)r->state);
	v->meaning = state->meaning;
	v->action = state->action;
	v->severity = (Vrsas__V1__Severity)(VRSAS__V1__SEVERITY__SEVERITY_NOTICE +
					    (int)state->severity);
	v->phase = (Vrsas__V1__RelocationPhase)state->phase;
	v->transfers = state->transfers;
	v->may_cancel = state->may_cancel && !r->cancel_asked;
	v->may_fail_back = state->may_fail_back && !r->failback_asked;
	v->record = record;
	v->transfer = (Vrsas__V1__TransferStatus *)engine_transfer(c->engine, r->vm_id);
	return v;
}

static bool has_history(const Vrsas__V1__Relocation *r)
{
	return r->state != VRSAS__V1__RELOCATION_STATE__PROTECTED || r->detected_at_ms ||
	       r->granted_at_ms;
}

void control_relocations(struct control *c, const Vrsas__V1__ControlRequest *req,
			 struct reply *a)
{
	const Vrsas__V1__RelocationQuery *q = req->relocations;
	Vrsas__V1__RelocationViews *v = control_reply_alloc(a, 1, sizeof(*v));
	size_t n = engine_n_records(c->engine);
	const Vrsas__V1__Relocation *only = NULL;

	if (q->vm[0]) {
		only = vrs_id_ok(q->vm) ? engine_find(c->engine, q->vm) : NULL;
		if (!only) {
			control_refuse(a, CODE(NOT_FOUND),
				       "vrsctl relocation list and vrsctl vm list show "
				       "the names",
				       "vm %.128s: no relocation record",
				       vrs_id_ok(q->vm) ? q->vm : "(invalid name)");
			return;
		}
	}
	vrsas__v1__relocation_views__init(v);
	v->relocation = control_reply_alloc(a, n, sizeof(*v->relocation));
	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Relocation *r = engine_record(c->engine, i);

		if (only           ? r != only
		    : q->open_only ? !engine_is_open(r)
				   : !has_history(r))
			continue;
		Vrsas__V1__RelocationView *one = control_relocation_view(c, r, only, a);
		if (q->with_journal)
			read_journal(c, one, a);
		if (!control_reply_fits(a, &one->base))
			break;
		v->relocation[v->n_relocation++] = one;
	}
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS;
	a->reply.relocations = v;
}
