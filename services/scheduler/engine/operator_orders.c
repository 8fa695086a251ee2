/* Orders of operators. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/parts.h"
#include "engine/watch/watch.h"
#include "vrs/mem.h"

__attribute__((format(printf, 4, 5))) static void refuse(struct engine_answer *a,
							 Vrsas__V1__ControlCode code,
							 const char *hint,
							 const char *fmt, ...)
{
	va_list ap;

	*a = (struct engine_answer){.code = code};
	va_start(ap, fmt);
	(void)vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
	(void)vrs_strcpy(a->hint, sizeof(a->hint), hint);
}

static bool ready(struct engine *e, struct engine_answer *ret)
{
	struct vrs_err err = {0};

	if (engine_may_act(e))
		return true;
	if (engine_lease_token(e) != 0)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "check that Redis is reachable",
		       "this scheduler could not renew its lease in time");
	else if (engine_refresh(e, &err) < 0)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "check that Redis is reachable",
		       "this scheduler cannot act now: %.200s", err.text);
	else if (engine_active_name(e)[0])
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "use the active one: vrsctl --scheduler ADDRESS",
		       "this scheduler is on standby; %s is the active one",
		       engine_active_name(e));
	else
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "retry in a few seconds",
		       "this scheduler is on standby, and none is active yet");
	return false;
}

static struct fleet_host *find_host(struct fleet *w, const char *host,
				    struct engine_answer *ret)
{
	struct fleet_host *wh = NULL;
	struct vrs_err err = {0};

	if (fleet_find_host(w, host, &wh, &err) < 0)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND,
		       "see `vrsctl host list`", "%s", err.text);
	return wh;
}

static bool answers_now(const struct host *h)
{
	return h->memory.answers_since_ms > 0;
}

static void withdrawn(struct engine *e, const struct reloc_place *p, const char *by,
		      const char *reason, struct engine_answer *ret)
{
	struct reloc_event ev = {.kind = RELOC_OPERATOR_WITHDRAW};

	(void)vrs_strcpy(ev.by, sizeof(ev.by), by);
	(void)snprintf(ev.text, sizeof(ev.text), "%s withdrew the claim on %s: %.80s", by,
		       p->host, reason);
	unsigned n = operator_claim_spread(e, p, &ev);
	(void)snprintf(ret->done, sizeof(ret->done),
		       "claim on %s/%s withdrawn; %u relocation(s) need "
		       "proof again",
		       p->cluster, p->host, n);
	engine_pump(e);
}

void engine_fail_host(struct engine *e, const Vrsas__V1__FailOrder *o, const char *actor,
		      struct engine_answer *ret)
{
	struct fleet *w = engine_fleet(e);
	struct vrs_err err = {0};
	char by[96];
	struct reloc_place p;

	*ret = (struct engine_answer){0};
	if (!ready(e, ret))
		return;
	if (!w) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "check that Redis and the collectors are running",
		       "no host data yet");
		return;
	}
	if (o->confirm_off && !*o->reason) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE,
		       "state what you observed with --reason",
		       "a confirmation requires a reason");
		return;
	}
	struct fleet_host *wh = find_host(w, o->host, ret);
	if (!wh)
		return;
	p = engine_place(fleet_cluster_name(w, wh), wh->name);
	struct host *h = engine_host_of(e, &p);
	if (!h) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "add a [host] section to site.conf", "%s/%s is not in site.conf",
		       p.cluster, p.host);
		return;
	}
	(void)snprintf(by, sizeof(by), "%.90s", actor && *actor ? actor : "?");
	if (o->confirm_off && answers_now(h)) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "to move VMs off a living host use `vrsctl relocate VM`",
		       "%s/%s answers, so it is not off", p.cluster, p.host);
		return;
	}
	int status = o->withdraw ? operator_claim_drop(e, h, &err)
				 : operator_claim_put(e, h, o, by, &err);
	if (status < 0) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "check that Redis is reachable, then repeat the command",
		       "cannot store the claim: %.200s", err.text);
		return;
	}
	if (o->withdraw) {
		withdrawn(e, &p, by, o->reason, ret);
		return;
	}
	if (!o->confirm_off && answers_now(h)) { /* the detector weighs it from now on */
		(void)snprintf(ret->done, sizeof(ret->done),
			       "%s/%s still answers: the claim takes effect once its "
			       "probes fail too",
			       p.cluster, p.host);
		return;
	}
	unsigned n = operator_claim_apply(e, w, h);
	(void)snprintf(ret->done, sizeof(ret->done), "%s/%s declared %s; %u VM(s)",
		       p.cluster, p.host, o->confirm_off ? "off" : "dead", n);
	engine_pump(e);
}

/* --- orders about one VM --- */

static struct entry *find_entry(struct engine *e, struct fleet *w, const char *vm,
				bool make, struct engine_answer *ret)
{
	const Vrsas__V1__Relocation *msg = engine_find(e, vm);
	const struct fleet_vm *wv = NULL;
	struct vrs_err err = {0};
	struct reloc_place home;

	if (msg)
		return engine_entry(e, msg->vm_id);
	if (!w || fleet_find_vm(w, vm, &wv, &err) < 0) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND,
		       "see `vrsctl vm list`", "%s", w ? err.text : "no VM is known yet");
		return NULL;
	}
	struct entry *en = engine_entry(e, wv->facts->id);
	if (en)
		return en;
	if (!make) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "see `vrsctl relocation list`",
		       "%s is at home; no relocation is in progress", wv->facts->name);
		return NULL;
	}
	const struct fleet_host *wh = &w->host[wv->host];
	(void)vrs_strcpy(home.cluster, sizeof(home.cluster), fleet_cluster_name(w, wh));
	(void)vrs_strcpy(home.host, sizeof(home.host), wh->name);
	return engine_entry_new(e, wv->facts, &home);
}

static bool refused(const struct entry *en, const struct reloc_event *ev,
		    struct engine_answer *ret)
{
	const char *why = reloc_refuses(&en->r, ev);

	if (!why)
		return false;
	char hint[240];
	(void)snprintf(hint, sizeof(hint), "see `vrsctl relocation show %.100s`",
		       en->r.vm_name);
	refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED, hint, "%s: %s (%s)",
	       en->r.vm_name, why, reloc_state_name(en->r.state));
	return true;
}

static struct reloc_event by_person(enum reloc_event_kind kind, const char *actor,
				    const char *reason)
{
	struct reloc_event ev = {.kind = kind};

	(void)snprintf(ev.by, sizeof(ev.by), "%.90s", actor && *actor ? actor : "?");
	(void)snprintf(ev.text, sizeof(ev.text), "%.150s", reason ? reason : "");
	return ev;
}

/* Applies an order; false: ret has the reason, or that nothing changed. */
static bool take(struct engine *e, struct entry *en, const struct reloc_event *ev,
		 const struct record_load *load, struct engine_answer *ret)
{
	if (engine_feed(e, en, ev, load)) {
		engine_pump(e);
		return true;
	}
	if (en->stale)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE,
		       "check that Redis is reachable, then repeat the command",
		       "cannot store the order");
	else
		(void)snprintf(ret->done, sizeof(ret->done), "%s: already in that state",
			       en->r.vm_name);
	return false;
}

/* Only a VM that runs is moved by order. Its host's newest inventory decides. */
static bool runs(const struct fleet *w, const struct entry *en, struct engine_answer *ret)
{
	const struct reloc_place *p = &en->r.copy[en->r.active].place;
	const struct fleet_host *h = fleet_host(w, p->cluster, p->host);
	const Vrsas__V1__VmFacts *vm = h ? fleet_vm_at(w, h, en->r.vm_id) : NULL;
	const char *why = vm                            ? fleet_vm_not_running(vm)
			  : h && h->inventory_at_ms > 0 ? "its host does not list it"
							: NULL;

	if (why)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "see `vrsctl vm list`", "%s stays on %s/%s: %s", en->r.vm_name,
		       p->cluster, p->host, why);
	return !why;
}

/* A healthy VM is stopped only when a target exists. */
static bool has_place(struct engine *e, struct fleet *w, const struct entry *en,
		      const char *to_cluster, struct engine_answer *ret)
{
	const struct reloc_place *p = &en->r.copy[en->r.active].place;
	const Vrsas__V1__VmFacts *vm = en->msg->vm;
	const struct plan_ask ask = {.cluster = p->cluster,
				     .host = p->host,
				     .vm = &vm,
				     .n_vms = 1,
				     .source_alive = true,
				     .pinned_cluster = to_cluster};
	struct plan plan = {0};
	struct vrs_err err = {0};

	int status = plan_make(w, engine_conf(e)->plan, &ask, 1, &plan, &err);
	bool ok = status == 0 && plan.n == 1 &&
		  (plan.decision[0]->verdict == VRSAS__V1__VERDICT__VERDICT_RELOCATE ||
		   plan.decision[0]->verdict == VRSAS__V1__VERDICT__VERDICT_LOCAL);
	if (!ok)
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "see `vrsctl relocate --dry-run` for every candidate's reasons",
		       "%s stays where it is: %s", en->r.vm_name,
		       status < 0    ? err.text
		       : plan.n == 1 ? plan.decision[0]->summary
				     : "no plan");
	plan_free(&plan);
	return ok;
}

void engine_relocate(struct engine *e, const Vrsas__V1__RelocateOrder *o,
		     const char *actor, struct engine_answer *ret)
{
	struct fleet *w = NULL;
	struct reloc_event ev = by_person(RELOC_OPERATOR_RELOCATE, actor, o->reason);
	struct record_load load = {0};

	*ret = (struct engine_answer){0};
	if (!ready(e, ret))
		return;
	if (engine_load_fleet(e, true, &w, NULL) < 0)
		w = engine_last_fleet(e);
	if (w)
		engine_mark_lives(e, w);
	struct entry *en = find_entry(e, w, o->vm, true, ret);
	if (!en || refused(en, &ev, ret))
		return;
	if (*o->to_cluster && !vrs_site_cluster(engine_site(e), o->to_cluster)) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND,
		       "see `vrsctl status` for the clusters", "no cluster %s",
		       o->to_cluster);
		return;
	}
	(void)vrs_strcpy(ev.place.cluster, sizeof(ev.place.cluster), o->to_cluster);
	if (reloc_quiet(&en->r)) {
		const struct fleet_vm *wv = NULL;

		if (w && en->r.active == 0 &&
		    fleet_find_vm(w, en->r.vm_id, &wv, NULL) == 0)
			load.vm = wv->facts;
		if (w &&
		    (!runs(w, en, ret) || !has_place(e, w, en, ev.place.cluster, ret)))
			return;
	}
	if (take(e, en, &ev, &load, ret))
		(void)snprintf(ret->done, sizeof(ret->done), "relocating %s%s%s",
			       en->r.vm_name, ev.place.cluster[0] ? " to " : "",
			       ev.place.cluster);
}

void engine_failback(struct engine *e, const char *vm, const char *actor, bool dry_run,
		     struct engine_answer *ret)
{
	struct reloc_event ev = by_person(RELOC_OPERATOR_FAILBACK, actor, "");

	*ret = (struct engine_answer){0};
	if (!ready(e, ret))
		return;
	struct entry *en = find_entry(e, engine_fleet(e), vm, false, ret);
	if (!en || refused(en, &ev, ret))
		return;
	const struct reloc_place *home = &en->r.copy[0].place;
	bool fit = en->r.state == RELOC_FAILBACK_READY;
	if (!fit && !en->r.copy[0].alive) {
		refuse(ret, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
		       "repair the host; failback is possible once it has been back "
		       "for the time `stable`",
		       "%s: its home %s/%s does not answer", en->r.vm_name, home->cluster,
		       home->host);
		return;
	}
	if (!dry_run && !take(e, en, &ev, NULL, ret))
		return;
	(void)snprintf(ret->done, sizeof(ret->done), "%s %s home to %s/%s%s",
		       en->r.vm_name, dry_run ? "would go" : "goes", home->cluster,
		       home->host, fit ? " now" : " once that host has been stable");
}

void engine_cancel(struct engine *e, const char *vm, const char *actor,
		   const char *reason, struct engine_answer *ret)
{
	struct reloc_event ev = by_person(RELOC_OPERATOR_CANCEL, actor, "");

	*ret = (struct engine_answer){0};
	if (!ready(e, ret))
		return;
	(void)snprintf(ev.text, sizeof(ev.text), "cancelled by %.60s%s%.100s", ev.by,
		       reason && *reason ? ": " : "", reason ? reason : "");
	struct entry *en = find_entry(e, engine_fleet(e), vm, false, ret);
	if (!en || refused(en, &ev, ret))
		return;
	if (take(e, en, &ev, NULL, ret))
		(void)snprintf(ret->done, sizeof(ret->done), "%s: %s", en->r.vm_name,
			       reloc_state_name(en->r.state));
}
