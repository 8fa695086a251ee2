/* Probes, the detector's verdicts, and the events that follow from them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/probe.h"
#include "engine/base/state.h"
#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* --- probes --- */

struct probe_job {
	struct engine *e;
	struct host *h;
	const char *address;
	int64_t timeout_ms, began_mono_ms;
	int status;
};

static void probe_work(void *arg)
{
	struct probe_job *j = arg;

	j->status = probe_run(j->address, j->timeout_ms, NULL);
}

static void probe_done(void *arg)
{
	struct probe_job *j = arg;
	struct host *h = j->h;

	h->probing = false;
	h->probe_mono_ms = vrs_now_mono_ms();
	h->probes_failed = j->status == 0 ? 0 : h->probes_failed + 1;
	if (j->status == 0)
		h->answered_mono_ms = j->began_mono_ms;
	free(j);
}

static bool can_probe(const struct host *h)
{
	return h->site->probe && h->site->probe[0];
}

static void probe(struct engine *e, struct host *h)
{
	int64_t now_ms = vrs_now_mono_ms(), every_ms = e->conf.probe_ms;
	char lane[160];

	if (h->memory.wants_probe)
		every_ms = every_ms / 3 > 200 ? every_ms / 3 : 200;
	if (h->probing || !can_probe(h) ||
	    (h->next_probe_mono_ms > now_ms &&
	     h->next_probe_mono_ms - now_ms <= e->conf.probe_ms &&
	     !h->memory.wants_probe))
		return;
	if (h->memory.wants_probe && h->probe_mono_ms + every_ms > now_ms)
		return;
	struct probe_job *j = vrs_calloc(1, sizeof(*j));
	j->e = e;
	j->h = h;
	j->address = h->site->probe;
	j->began_mono_ms = now_ms;
	j->timeout_ms = every_ms < 500 ? 500 : every_ms > 3000 ? 3000 : every_ms;
	h->probing = true;
	h->next_probe_mono_ms = now_ms + e->conf.probe_ms;
	(void)snprintf(lane, sizeof(lane), "probe:%s/%s", h->cluster, h->name);
	vrs_workers_submit(e->workers, lane, probe_work, probe_done, j);
}

/* --- the detector --- */

static struct detector_seen evidence_of(struct host *h, const struct fleet_cluster *c,
					const struct fleet_host *wh)
{
	return (struct detector_seen){
		.collector_alive = c->collector_alive,
		.collector_says_up =
			wh->collector_state == VRSAS__V1__HOST_STATE__HOST_STATE_UP &&
			wh->silent_samples == 0,
		.silent_samples = wh->silent_samples,
		.beat_at_ms = c->beat_sent_at_ms,
		.maintenance = wh->collector_state ==
			       VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE,
		.handled = h->handled,
		.can_probe = can_probe(h),
		.probes_failed = h->probes_failed,
		.probe_at_ms = h->probe_mono_ms,
		.claim = h->claim.kind,
		.claim_by = h->claim.kind == DETECTOR_NO_CLAIM ? NULL : h->claim.by,
		.alert = h->alert[0] ? h->alert : NULL,
	};
}

static void detect_cluster(struct engine *e, const struct fleet *w,
			   const struct fleet_cluster *c)
{
	struct detector_seen *seen = vrs_calloc(c->n_hosts + 1, sizeof(*seen));
	struct detector_host *memory = vrs_calloc(c->n_hosts + 1, sizeof(*memory));
	struct host **host = vrs_calloc(c->n_hosts + 1, sizeof(struct host *));
	struct detector_brake brake;
	size_t n = 0;

	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *wh = &w->host[c->first_host + i];
		struct host *h = engine_host_at(e, w, wh);

		if (!h)
			continue;
		seen[n] = evidence_of(h, c, wh);
		memory[n] = h->memory;
		host[n++] = h;
	}
	detector_step(&e->conf.detector, vrs_now_mono_ms(), seen, memory, n, &brake);
	for (size_t i = 0; i < n; i++) {
		if (memory[i].verdict != host[i]->memory.verdict)
			engine_report_host(
				e, host[i],
				memory[i].verdict == DETECTOR_OK
					? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
					: VRSAS__V1__SEVERITY__SEVERITY_WARNING,
				"host.state", "%s/%s is %s: %s", host[i]->cluster,
				host[i]->name, detector_verdict_name(memory[i].verdict),
				memory[i].note);
		if (memory[i].verdict == DETECTOR_SUSPECT &&
		    host[i]->memory.verdict != DETECTOR_SUSPECT && e->forecasts)
			forecasts_refresh(e->forecasts);
		host[i]->memory = memory[i];
	}
	for (size_t i = 0; i < e->n_brakes; i++)
		if (strcmp(e->brake[i].cluster, c->name) == 0)
			e->brake[i].brake = brake;
	free(seen);
	free(memory);
	free(host);
}

/* A host whose death is proven for some copy no longer counts for the brake. */
static void mark_handled(struct engine *e)
{
	for (size_t i = 0; i < e->n_hosts; i++)
		e->host[i].handled = false;
	for (size_t i = 0; i < e->n_entries; i++) {
		const struct reloc *r = &e->entry[i]->r;

		for (uint32_t k = 0; k < r->n_copies; k++) {
			const struct reloc_copy *c = &r->copy[k];
			struct host *h = engine_host_of(e, &c->place);

			if (!h ||
			    (c->proof != RELOC_F1_POWER_OFF &&
			     c->proof != RELOC_F5_OPERATOR) ||
			    c->proof_at_ms < h->on_at_ms) /* void */
				continue;
			h->handled = true;
			h->claim.kind = DETECTOR_NO_CLAIM; /* it has served its purpose */
		}
	}
}

/* An answer from before a proof of death is no sign of life: the host must have answered
 * a probe that began after it. */
static bool answered_since(const struct host *h, int64_t proof_at_ms)
{
	enum { SURELY_LATER_MS = 30000 }; /* than anything a collector had under way */
	int64_t ago_ms = vrs_now_mono_ms() - h->answered_mono_ms;

	if (!can_probe(h))
		return vrs_now_wall_ms() - proof_at_ms > SURELY_LATER_MS;
	return h->answered_mono_ms > 0 && h->probes_failed == 0 &&
	       vrs_now_wall_ms() - ago_ms > proof_at_ms;
}

/* What the detector's verdict on a copy's host means for the record. */
static bool verdict_event(const struct engine *e, const struct host *h,
			  const struct reloc_copy *c, struct reloc_event *ev)
{
	const struct detector_host *m = &h->memory;
	int64_t now_ms = vrs_now_mono_ms();
	int64_t up_ms = m->up_since_ms ? now_ms - m->up_since_ms : -1;
	int64_t answers_ms = m->answers_since_ms ? now_ms - m->answers_since_ms : -1;

	*ev = (struct reloc_event){.place = c->place};
	(void)vrs_strcpy(ev->by, sizeof(ev->by), "detector");
	(void)snprintf(ev->text, sizeof(ev->text), "%.64s: %.130s", h->name, m->note);
	switch (m->verdict) {
	case DETECTOR_SUSPECT:
		ev->kind = RELOC_HOST_SUSPECT;
		return true;
	case DETECTOR_BRAKE:
		ev->kind = RELOC_HOST_BRAKE;
		return true;
	case DETECTOR_DOWN_LIKELY:
		ev->kind = RELOC_HOST_DOWN;
		return true;
	default:
		break;
	}
	/* one channel may still report it dead, but a host that answers is alive */
	if (answers_ms < 0 ||
	    (c->proof != RELOC_NO_PROOF && c->proof != RELOC_F3_ATTESTED &&
	     !answered_since(h, c->proof_at_ms)))
		return false;
	ev->kind = m->verdict == DETECTOR_OK && up_ms >= e->conf.detector.stable_ms
			   ? RELOC_HOST_BACK
			   : RELOC_HOST_UP;
	return true;
}

/* Proof of death ends with an answer, and with it whatever counted before. */
static void answers_after_proof(struct engine *e, struct host *h,
				const struct reloc_copy *c, enum reloc_event_kind kind)
{
	if ((kind == RELOC_HOST_UP || kind == RELOC_HOST_BACK) &&
	    (c->proof == RELOC_F1_POWER_OFF || c->proof == RELOC_F5_OPERATOR))
		engine_host_is_on(e, h, c->proof_at_ms, "it answers");
}

static void feed_verdicts(struct engine *e, const struct fleet *w)
{
	for (size_t i = 0; i < e->n_entries; i++) {
		struct entry *en = e->entry[i];
		struct reloc_place place[RELOC_MAX_COPIES];
		uint32_t n = en->r.n_copies;

		for (uint32_t k = 0; k < n; k++)
			place[k] = en->r.copy[k].place;
		for (uint32_t k = 0; k < n; k++) {
			int at = reloc_copy_at(&en->r, place[k].cluster, place[k].host);
			struct host *h = engine_host_of(e, &place[k]);
			struct record_load load = {0};
			struct reloc_event ev;

			if (at < 0 || !h || !verdict_event(e, h, &en->r.copy[at], &ev))
				continue;
			if (en->r.state == RELOC_PROTECTED && at == 0 &&
			    engine_left_alone(w, en, &load.vm))
				continue;
			answers_after_proof(e, h, &en->r.copy[at], ev.kind);
			(void)engine_feed(e, en, &ev, &load);
		}
	}
}

/* A VM gets its record when something happens to its host for the first time. */
static void new_records(struct engine *e, struct fleet *w)
{
	for (size_t i = 0; i < e->n_hosts; i++) {
		struct host *h = &e->host[i];
		struct fleet_host *wh = fleet_host(w, h->cluster, h->name);
		const struct reloc_copy home = {.place = engine_place_of(h)};
		struct reloc_event ev;
		size_t n;

		if (!wh || !verdict_event(e, h, &home, &ev) || ev.kind == RELOC_HOST_UP ||
		    ev.kind == RELOC_HOST_BACK)
			continue;
		const Vrsas__V1__VmFacts **vm = plan_vms_of(w, wh, &n);
		for (size_t k = 0; k < n; k++) {
			if (engine_entry(e, vm[k]->id))
				continue;
			struct entry *en = engine_entry_new(e, vm[k], &home.place);
			(void)engine_feed(e, en, &ev, NULL);
		}
		free(vm);
	}
}

/* --- VMs that no cluster can take --- */

static void movability_changed(void *arg, const struct movability_vm *vm)
{
	struct engine *e = arg;
	char text[480];

	if (!engine_may_act(e))
		return; /* the active scheduler publishes it */
	if (vm->is_movable)
		(void)snprintf(text, sizeof(text), "%s can be moved again", vm->name);
	else
		(void)snprintf(text, sizeof(text), "%s cannot be moved: %s", vm->name,
			       vm->text);
	engine_report_vm(e, vm,
			 vm->is_movable ? VRSAS__V1__SEVERITY__SEVERITY_NOTICE
					: VRSAS__V1__SEVERITY__SEVERITY_WARNING,
			 vm->is_movable ? "vm.movable" : "vm.unmovable", text);
}

/* --- one tick --- */

void engine_watch(struct engine *e)
{
	struct vrs_err err = {0};
	struct fleet *w;

	for (size_t i = 0; i < e->n_hosts; i++)
		probe(e, &e->host[i]);
	if (fleet_load(e->loader, false, &w, &err) < 0) {
		vrs_complain(&e->fleet_complaint, VRS_WARN, "cannot read the fleet: %s",
			     err.text);
		return;
	}
	vrs_complaint_over(&e->fleet_complaint, "the fleet can be read again");
	mark_handled(e);
	alerts_read(e);
	for (size_t i = 0; i < w->n_clusters; i++)
		detect_cluster(e, w, &w->cluster[i]);
	movability_update(&e->movability, w, e->conf.plan->local_restart,
			  movability_changed, e);
	if (!engine_may_act(e))
		return;
	feed_verdicts(e, w);
	new_records(e, w);
	operator_claims_watch(e, w);
	copies_watch(e, w);
	deletions_watch(e, w);
	reboot_recovery_watch(e, w);
}
