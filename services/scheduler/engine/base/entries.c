/* The records of all VMs in memory, and the only way in which one changes: a step of the
 * machine, durable before it is acted on. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/state.h"
#include "machine/states.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

/* --- records --- */

static struct entry *entry_add(struct engine *e)
{
	e->entry = vrs_realloc(e->entry, e->n_entries + 1, sizeof(*e->entry));
	return e->entry[e->n_entries++] = vrs_calloc(1, sizeof(struct entry));
}

struct entry *engine_entry_new(struct engine *e, const Vrsas__V1__VmFacts *vm,
			       const struct reloc_place *home)
{
	struct entry *en = entry_add(e);
	const struct record_load load = {.vm = vm};

	reloc_init(&en->r, vm->id, vm->name, home);
	en->msg = record_message(&en->r, NULL, &load);
	return en;
}

static void entry_free(struct entry *en)
{
	vrsas__v1__relocation__free_unpacked(en->msg, NULL);
	vrsas__v1__transfer_status__free_unpacked(en->status, NULL);
	free(en);
}

void engine_drop_entries(struct engine *e)
{
	for (size_t i = 0; i < e->n_entries; i++)
		entry_free(e->entry[i]);
	free(e->entry);
	e->entry = NULL;
	e->n_entries = 0;
}

/* Takes the record from Redis; orders of an older op are dropped. */
int engine_entry_reload(struct engine *e, struct entry *en, struct vrs_err *err)
{
	Vrsas__V1__Relocation *msg = NULL;
	struct reloc r;
	int status = record_read(e->svc->store, en->r.vm_id, &msg, err);

	if (status == VRS_ENOENT && (!en->stored || en->missing_since_ms)) {
		/* its first save failed, or its removal succeeded unanswered */
		en->stored = en->stale = false;
		return 0;
	}
	if (status == 0)
		status = record_machine(msg, &r, err);
	if (status < 0) {
		vrsas__v1__relocation__free_unpacked(msg, NULL);
		return status;
	}
	vrsas__v1__relocation__free_unpacked(en->msg, NULL);
	en->msg = msg;
	en->r = r;
	en->stored = true;
	en->stale = false;
	return 0;
}

int engine_load_all(struct engine *e, struct vrs_err *err)
{
	char **ids = NULL;
	size_t n = 0;
	int status = record_list(e->svc->store, &ids, &n, err);

	if (status < 0)
		return status;
	engine_drop_entries(e);
	for (size_t i = 0; i < n; i++) {
		struct entry *en = entry_add(e);
		struct vrs_err bad = {0};

		(void)vrs_strcpy(en->r.vm_id, sizeof(en->r.vm_id), ids[i]);
		en->stored = true;
		int one = engine_entry_reload(e, en, &bad);
		if (one < 0) {
			entry_free(en);
			e->n_entries--;
			if (one == VRS_ECONN || one == VRS_ETIMEOUT) {
				status = one;
				if (err)
					*err = bad;
				break;
			}
			log_error("ignoring an unreadable record: %s", bad.text);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	return status;
}

/* --- one change --- */

bool engine_entry_remove(struct engine *e, struct entry *en, const char *why)
{
	struct vrs_err err = {0};
	int status = en->stored
			     ? record_remove(e->svc->store, &e->lease, &en->r, why, &err)
			     : 0;

	if (status < 0) {
		en->stale = true;
		engine_store_trouble(e, err.text);
		return false;
	}
	for (size_t i = 0; i < e->n_entries; i++)
		if (e->entry[i] == en) {
			e->entry[i] = e->entry[--e->n_entries];
			break;
		}
	entry_free(en);
	return true;
}

/* The incident of this host: its alert, or the host itself if there is none (the gateway
 * lists it under the same name). */
static const char *incident_of(const struct host *h, char *buf, size_t size)
{
	if (h->incident[0])
		return h->incident;
	(void)snprintf(buf, size, "host-%s-%s", h->cluster, h->name);
	return buf;
}

static void tell(struct engine *e, Vrsas__V1__Event *ev, Vrsas__V1__Severity severity,
		 const char *kind, const char *text)
{
	ev->at_ms = vrs_now_wall_ms();
	ev->service = "scheduler";
	ev->severity = severity;
	ev->kind = kind;
	ev->text = text;
	(void)vrs_event_put(e->svc->store, ev, NULL);
	counters_event(&e->counters, severity);
}

void engine_report_host(struct engine *e, const struct host *h,
			Vrsas__V1__Severity severity, const char *kind, const char *fmt,
			...)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
	char text[480], buf[140];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ev.cluster = h->cluster;
	ev.host = h->name;
	ev.incident = incident_of(h, buf, sizeof(buf));
	tell(e, &ev, severity, kind, text);
}

void engine_host_is_on(struct engine *e, struct host *h, int64_t proof_at_ms,
		       const char *evidence)
{
	if (h->on_at_ms > proof_at_ms)
		return; /* known */
	h->on_at_ms = vrs_now_wall_ms();
	if (h->probes_failed > 0)
		h->probe_mono_ms = 0;
	h->probes_failed = 0;
	detector_power_on(&h->memory, vrs_now_mono_ms());
	log_notice("host is on again, evidence of its death is void: %s host=%s/%s",
		   evidence, h->cluster, h->name);
	engine_report_host(
		e, h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "host.on",
		"%s/%s: %s: all evidence of its death is void; it is not fenced "
		"before it fails again",
		h->cluster, h->name, evidence);
}

void engine_report(struct engine *e, const struct entry *en, Vrsas__V1__Severity severity,
		   const char *kind, const char *fmt, ...)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
	char text[480], buf[140];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (en) {
		const struct reloc_place *p = &en->r.copy[en->r.active].place;

		ev.vm_id = en->r.vm_id;
		ev.vm_name = en->r.vm_name;
		ev.relocation = en->r.id;
		ev.cluster = p->cluster;
		ev.host = p->host;
		if (en->msg && en->msg->decision)
			ev.decision = en->msg->decision->id;
		const struct host *home = engine_host_of(e, &en->r.copy[0].place);
		if (home && !en->r.planned)
			ev.incident = incident_of(home, buf, sizeof(buf));
	}
	tell(e, &ev, severity, kind, text);
}

void engine_report_vm(struct engine *e, const struct movability_vm *vm,
		      Vrsas__V1__Severity severity, const char *kind, const char *text)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.vm_id = vm->id;
	ev.vm_name = vm->name;
	ev.cluster = vm->cluster;
	ev.host = vm->host;
	tell(e, &ev, severity, kind, text);
}

static Vrsas__V1__Severity severity_of(enum reloc_state s)
{
	static const Vrsas__V1__Severity severity[] = {
		[RELOC_NOTICE] = VRSAS__V1__SEVERITY__SEVERITY_NOTICE,
		[RELOC_WARNING] = VRSAS__V1__SEVERITY__SEVERITY_WARNING,
		[RELOC_ERROR] = VRSAS__V1__SEVERITY__SEVERITY_ERROR,
	};

	return severity[reloc_state(s)->severity];
}

/* Reports a change to people. */
static void tell_change(struct engine *e, const struct entry *en, const struct reloc *was)
{
	const struct reloc *r = &en->r;

	if (r->state != was->state) {
		log_notice("%s: %s -> %s: %s vm=%s epoch=%llu", r->vm_name,
			   reloc_state_name(was->state), reloc_state_name(r->state),
			   r->why, r->vm_id, (unsigned long long)r->epoch);
		engine_report(e, en, severity_of(r->state), "relocation.state",
			      "%s: %s -> %s: %s", r->vm_name,
			      reloc_state_name(was->state), reloc_state_name(r->state),
			      r->why);
	} else if (strcmp(r->why, was->why) != 0) {
		log_info("%s: %s: %s vm=%s", r->vm_name, reloc_state_name(r->state),
			 r->why, r->vm_id);
		engine_report(e, en, VRSAS__V1__SEVERITY__SEVERITY_INFO,
			      "relocation.note", "%s: %s", r->vm_name, r->why);
	}
	if (r->paged_ms != was->paged_ms && r->paged_ms > 0)
		engine_report(e, en, VRSAS__V1__SEVERITY__SEVERITY_ERROR,
			      "relocation.page", "%s: %s: %s", r->vm_name,
			      reloc_state_name(r->state),
			      r->hold_reason[0] ? r->hold_reason : r->why);
}

/* Where its own cluster moved it, its disks are the same. */
static void carry_disks_along(const struct reloc *next, const struct reloc *was,
			      const Vrsas__V1__Relocation *msg, struct record_load *l)
{
	const struct reloc_place *to = &next->copy[next->active].place;
	const struct reloc_place *from = &was->copy[was->active].place;
	size_t n;

	if (strcmp(to->cluster, from->cluster) != 0 || strcmp(to->host, from->host) == 0)
		return;
	(void)engine_disks_of(msg, to, &n);
	if (n == 0 && l->n_disks[next->active] == 0)
		l->disk[next->active] = (Vrsas__V1__PlacedDisk **)engine_disks_of(
			msg, from, &l->n_disks[next->active]);
}

static bool has_moved(const struct reloc *was, const struct reloc *now)
{
	return strcmp(was->copy[0].place.cluster, now->copy[0].place.cluster) != 0;
}

static bool commit(struct engine *e, struct entry *en, const struct reloc *next,
		   const struct record_load *load)
{
	struct record_load l = load ? *load : (struct record_load){0};
	struct reloc was = en->r;
	struct vrs_err err = {0};

	l.owner_token = e->lease.token;
	if (next->state == RELOC_LOCAL_RESTART && was.state != RELOC_LOCAL_RESTART)
		l.disk[next->target] = (Vrsas__V1__PlacedDisk **)engine_disks_of(
			en->msg, &was.copy[was.good].place, &l.n_disks[next->target]);
	carry_disks_along(next, &was, en->msg, &l);
	if (!l.vm && has_moved(&was, next) && engine_last_fleet(e))
		l.vm = engine_facts_at(engine_last_fleet(e), next->vm_id,
				       &next->copy[0].place);
	Vrsas__V1__Relocation *msg = record_message(next, en->msg, &l);
	bool journal = next->state != was.state || strcmp(next->why, was.why) != 0;
	int status = record_save(e->svc->store, &e->lease, en->stored ? &was : NULL, msg,
				 journal, &err);
	if (status < 0) {
		vrsas__v1__relocation__free_unpacked(msg, NULL);
		en->stale = true; /* it may be stored all the same */
		if (status == VRS_EDENIED) {
			e->lease.token = 0;
			e->worker_lease.token = 0;
			log_warn("this scheduler is no longer active: %s", err.text);
		} else {
			vrs_complain(&e->store_complaint, VRS_WARN,
				     "cannot store a change, will retry: %s", err.text);
		}
		return false;
	}
	vrs_complaint_over(&e->store_complaint, "changes can be stored again");
	vrsas__v1__relocation__free_unpacked(en->msg, NULL);
	en->msg = msg;
	en->r = *next;
	en->stored = true;
	if (next->job != was.job || next->token != was.token) {
		en->own_job = next->job;
		en->own_token = next->token;
	}
	if (next->state != was.state) {
		en->running_mono_ms = 0;
		(void)vrs_fault("reloc.%s", reloc_state_name(next->state));
	}
	tell_change(e, en, &was);
	if (has_moved(&was, next))
		engine_report(e, en, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "vm.moved",
			      "%s: its home is now %s/%s; it was %s/%s", next->vm_name,
			      next->copy[0].place.cluster, next->copy[0].place.host,
			      was.copy[0].place.cluster, was.copy[0].place.host);
	counters_change(&e->counters, &was, &en->r, en->msg);
	return true;
}

bool engine_feed(struct engine *e, struct entry *en, const struct reloc_event *ev,
		 const struct record_load *load)
{
	struct reloc next;

	if (!engine_may_act(e) || en->stale)
		return false;
	if (!reloc_step(&en->r, ev, &e->conf.rules, vrs_now_wall_ms(), &next))
		return false;
	return commit(e, en, &next, load);
}
