/* What inventories show: copies that run without a grant, VMs that went down on their
 * granted host, and VMs that would start with their host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* --- copies that run without a grant --- */

struct seen_job {
	struct host_job job;
	bool is_off; /* in the inventory */
};

static void seen_done(struct host_job *job)
{
	const struct seen_job *j = (void *)job;
	const struct host_op *op = &job->op;
	struct engine *e = job->e;
	struct entry *en = engine_entry(e, op->vm_id);
	struct reloc_event ev = {.place = engine_place_of(job->h)};
	bool off = op->ok && (!op->exists || op->state == VRS_HV_OFF ||
			      op->state == VRS_HV_CRASHED);
	bool runs = op->ok && op->exists && op->state == VRS_HV_RUNNING;

	job->h->checking = false;
	if (!en || !(j->is_off ? off : runs))
		return;
	ev.kind = j->is_off ? RELOC_WENT_DOWN : RELOC_SEEN_RUNNING;
	if (runs)
		(void)snprintf(ev.text, sizeof(ev.text), "it runs on %s/%s",
			       ev.place.cluster, ev.place.host);
	(void)engine_feed(e, en, &ev, NULL);
	engine_pump_soon(e);
}

/* An inventory may be old; the answer of the hypervisor is not. */
static void check_seen(struct engine *e, const struct entry *en, struct host *h,
		       bool is_off)
{
	if (h->checking)
		return;
	h->checking = true;
	struct seen_job *j = host_job_new(sizeof(*j), e, h, HOST_OP_STATE, en->r.vm_id);
	j->is_off = is_off;
	host_job_submit(&j->job, seen_done);
}

/* Away from home the scheduler keeps it running. At home its owner may have shut it down;
 * reboot_recovery.c finds VMs that went down with their host. */
static bool went_down(const struct entry *en, Vrsas__V1__VmState state)
{
	return (state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED ||
		state == VRSAS__V1__VM_STATE__VM_STATE_OFF) &&
	       reloc_quiet(&en->r) && en->r.state != RELOC_PROTECTED;
}

static void both_are_asked(struct host_poll *r)
{
	struct engine *e = r->e;
	struct fleet *w = engine_last_fleet(e);
	const struct reloc_place home = engine_place_of(r->answer[0].h);
	struct reloc_event ev = {.kind = RELOC_SEEN_TWICE,
				 .place = engine_place_of(r->answer[1].h)};
	const struct record_load load = {.vm = w ? engine_facts_at(w, r->vm_id, &home)
						 : NULL};

	r->home->doubting = false;
	if (r->answer[0].seen != RELOC_SEEN_ON || r->answer[1].seen != RELOC_SEEN_ON ||
	    !load.vm || engine_entry(e, r->vm_id) || !engine_may_act(e))
		return;
	if (engine_feed(e, engine_entry_new(e, load.vm, &home), &ev, &load))
		engine_pump_soon(e);
}

/* A VM that never had a record is listed as running in two clusters. */
static void find_double(struct engine *e, const struct fleet *w, size_t i)
{
	const struct fleet_host *here = &w->host[w->vm[i].host];
	struct host *h = engine_host_at(e, w, here);

	for (size_t k = i + 1; k < w->n_vms && h && !h->doubting; k++) {
		const struct fleet_host *there = &w->host[w->vm[k].host];
		const Vrsas__V1__VmFacts *vm = w->vm[k].facts;
		struct host *other = engine_host_at(e, w, there);

		if (vm->state != VRSAS__V1__VM_STATE__VM_STATE_RUNNING || !other ||
		    there->cluster == here->cluster ||
		    strcmp(vm->id, w->vm[i].facts->id) != 0)
			continue;
		struct host_poll *r = host_poll_new(e, vm->id, h, both_are_asked);
		h->doubting = true;
		host_poll_add(r, h);
		host_poll_add(r, other);
		host_poll_start(r);
	}
}

static void find_copies(struct engine *e, const struct fleet *w)
{
	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_host *wh = &w->host[w->vm[i].host];
		const Vrsas__V1__VmFacts *vm = w->vm[i].facts;
		struct entry *en = engine_entry(e, vm->id);
		struct reloc_place place;

		if (!en && vm->protect &&
		    vm->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			find_double(e, w, i);
		if (!en || wh->inventory_at_ms <= en->r.since_ms)
			continue;
		(void)vrs_strcpy(place.cluster, sizeof(place.cluster),
				 fleet_cluster_name(w, wh));
		(void)vrs_strcpy(place.host, sizeof(place.host), wh->name);
		const struct reloc_place *active = &en->r.copy[en->r.active].place;
		int at = reloc_copy_at(&en->r, place.cluster, place.host);
		struct host *h = engine_host_of(e, &place);
		bool runs_there =
			at == (int)en->r.active && en->r.copy[at].proof == RELOC_NO_PROOF;
		if (h && runs_there && went_down(en, vm->state))
			check_seen(e, en, h, true);
		if (!h || runs_there ||
		    vm->state != VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			continue;
		/* during a live migration its cluster lists it twice */
		const Vrsas__V1__VmFacts *there = engine_facts_at(w, vm->id, active);
		if (reloc_quiet(&en->r) && at < 0 && there &&
		    strcmp(place.cluster, active->cluster) == 0 &&
		    there->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			continue;
		check_seen(e, en, h, false);
	}
}

/* --- start at boot stays off --- */

static void autostart_done(struct host_job *j)
{
	j->h->autostarts--;
	if (j->op.ok)
		log_notice("turned off start at boot vm=%s host=%s", j->op.vm_id,
			   j->h->name);
}

/* A host that comes back must not start a copy by itself. */
static void keep_autostart_off(struct engine *e, const struct fleet *w)
{
	enum { EVERY_MS = 60000, MAX_WAITING = 64 };
	int64_t now_ms = vrs_now_mono_ms();

	for (size_t i = 0; i < w->n_vms; i++) {
		const Vrsas__V1__VmFacts *vm = w->vm[i].facts;
		const struct fleet_host *wh = &w->host[w->vm[i].host];

		if (!vm->protect || !vm->autostart)
			continue;
		struct host *h = engine_host_at(e, w, wh);
		if (!h || h->memory.verdict != DETECTOR_OK ||
		    h->autostarts >= MAX_WAITING) /* its hypervisor does not answer */
			continue;
		if (h->autostart_mono_ms && h->autostart_mono_ms != now_ms &&
		    now_ms - h->autostart_mono_ms < EVERY_MS)
			continue;
		h->autostart_mono_ms = now_ms;
		h->autostarts++;
		host_job_submit(host_job_new(sizeof(struct host_job), e, h,
					     HOST_OP_AUTOSTART_OFF, vm->id),
				autostart_done);
	}
}

void copies_watch(struct engine *e, const struct fleet *w)
{
	find_copies(e, w);
	keep_autostart_off(e, w);
}
