/* What inventories show: copies that run where they should not, VMs that went down where
 * they should run, and such as would start by themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/base.h"
#include "vrs/mem.h"

struct host *engine_host_at(struct engine *e, const struct fleet *w,
			    const struct fleet_host *wh)
{
	struct reloc_place p;

	(void)vrs_strcpy(p.cluster, sizeof(p.cluster), fleet_cluster_name(w, wh));
	(void)vrs_strcpy(p.host, sizeof(p.host), wh->name);
	return engine_host_of(e, &p);
}

const Vrsas__V1__VmFacts *engine_facts_at(const struct fleet *w, const char *vm_id,
					  const struct reloc_place *p)
{
	const struct fleet_host *h = fleet_host(w, p->cluster, p->host);

	return h ? fleet_vm_at(w, h, vm_id) : NULL;
}

/* --- copies that run where they should not --- */

struct seen_job {
	struct engine *e;
	struct act_job act;
	struct reloc_place place;
	bool is_off; /* what the inventory says */
};

static void seen_work(void *arg)
{
	struct seen_job *j = arg;

	act_run(&j->act);
}

static void seen_done(void *arg)
{
	struct seen_job *j = arg;
	struct engine *e = j->e;
	struct entry *en = engine_entry(e, j->act.vm_id);
	struct reloc_event ev = {.kind = RELOC_SEEN_RUNNING, .place = j->place};

	bool off = j->act.ok && (!j->act.exists || j->act.state == VRS_HV_OFF ||
				 j->act.state == VRS_HV_CRASHED);

	if (en && j->is_off && off) {
		ev.kind = RELOC_WENT_DOWN;
		(void)engine_feed(e, en, &ev, NULL);
		engine_pump(e);
	} else if (en && !j->is_off && j->act.ok && j->act.exists &&
		   j->act.state == VRS_HV_RUNNING) {
		(void)snprintf(ev.text, sizeof(ev.text), "it runs on %s/%s",
			       j->place.cluster, j->place.host);
		(void)engine_feed(e, en, &ev, NULL);
		engine_pump(e);
	}
	struct host *h = engine_host_of(e, &j->place);
	if (h)
		h->checking = false;
	act_job_fini(&j->act);
	free(j);
}

/* An inventory may be old; its host's own word, asked now, is not. */
static void check_seen(struct engine *e, const struct entry *en, struct host *h,
		       const struct reloc_place *place, bool is_off)
{
	char lane[160];

	if (h->checking)
		return;
	h->checking = true;
	struct seen_job *j = vrs_calloc(1, sizeof(*j));
	j->e = e;
	j->place = *place;
	j->is_off = is_off;
	j->act.kind = ACT_STATE;
	j->act.host = &h->act;
	j->act.rules = &e->act;
	(void)vrs_strcpy(j->act.vm_id, sizeof(j->act.vm_id), en->r.vm_id);
	(void)snprintf(lane, sizeof(lane), "hv:%s/%s", h->cluster, h->name);
	vrs_workers_submit(e->workers, lane, seen_work, seen_done, j);
}

/* Away from home it is ours to keep up. At home its owner may have shut it down; who fell
 * there is found by reboot_recovery.c. */
static bool went_down(const struct entry *en, Vrsas__V1__VmState state)
{
	return (state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED ||
		state == VRSAS__V1__VM_STATE__VM_STATE_OFF) &&
	       reloc_quiet(&en->r) && en->r.state != RELOC_PROTECTED;
}

static void both_are_asked(struct roll *r)
{
	struct engine *e = r->e;
	struct fleet *w = fleet_loader_last(e->loader);
	const struct reloc_place home = engine_place_of(r->said[0].h);
	struct reloc_event ev = {.kind = RELOC_SEEN_TWICE,
				 .place = engine_place_of(r->said[1].h)};
	const struct record_load load = {.vm = w ? engine_facts_at(w, r->vm_id, &home)
						 : NULL};

	r->home->doubting = false;
	if (r->said[0].seen != RELOC_SEEN_ON || r->said[1].seen != RELOC_SEEN_ON ||
	    !load.vm || engine_entry(e, r->vm_id) || !engine_may_act(e))
		return;
	if (engine_feed(e, engine_entry_new(e, load.vm, &home), &ev, &load))
		engine_pump(e);
}

/* A VM that never had a record is listed as running in two clusters. */
static void look_for_double(struct engine *e, const struct fleet *w, size_t i)
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
		struct roll *r = roll_new(e, vm->id, h, both_are_asked);
		h->doubting = true;
		roll_add(r, h);
		roll_add(r, other);
		roll_call(r);
	}
}

static void look_for_copies(struct engine *e, const struct fleet *w)
{
	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_host *wh = &w->host[w->vm[i].host];
		const Vrsas__V1__VmFacts *vm = w->vm[i].facts;
		struct entry *en = engine_entry(e, vm->id);
		struct reloc_place place;

		if (!en && vm->protect &&
		    vm->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			look_for_double(e, w, i);
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
			check_seen(e, en, h, &place, true);
		if (!h || runs_there ||
		    vm->state != VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			continue;
		/* on its way between two hosts of its cluster it is listed twice */
		const Vrsas__V1__VmFacts *there = engine_facts_at(w, vm->id, active);
		if (reloc_quiet(&en->r) && at < 0 && there &&
		    strcmp(place.cluster, active->cluster) == 0 &&
		    there->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING)
			continue;
		check_seen(e, en, h, &place, false);
	}
}

/* --- start at boot stays off --- */

struct autostart_job {
	struct act_job act;
	struct host *h;
};

static void autostart_work(void *arg)
{
	struct autostart_job *j = arg;

	act_run(&j->act);
}

static void autostart_done(void *arg)
{
	struct autostart_job *j = arg;

	j->h->autostarts--;
	if (j->act.ok)
		log_notice("start at boot is off now vm=%s host=%s", j->act.vm_id,
			   j->act.host->site->name);
	act_job_fini(&j->act);
	free(j);
}

/* A host that comes back must not start a copy by itself. */
static void keep_autostart_off(struct engine *e, const struct fleet *w)
{
	enum { EVERY_MS = 60000, MAX_WAITING = 64 };
	int64_t now_ms = engine_mono();

	if (e->autostart_mono_ms && now_ms - e->autostart_mono_ms < EVERY_MS)
		return;
	for (size_t i = 0; i < w->n_vms; i++) {
		const Vrsas__V1__VmFacts *vm = w->vm[i].facts;
		const struct fleet_host *wh = &w->host[w->vm[i].host];
		struct reloc_place place;
		char lane[160];

		if (!vm->protect || !vm->autostart)
			continue;
		(void)vrs_strcpy(place.cluster, sizeof(place.cluster),
				 fleet_cluster_name(w, wh));
		(void)vrs_strcpy(place.host, sizeof(place.host), wh->name);
		struct host *h = engine_host_of(e, &place);
		if (!h || h->memory.verdict != DETECTOR_OK ||
		    h->autostarts >= MAX_WAITING) /* its hypervisor hangs */
			continue;
		e->autostart_mono_ms = now_ms;
		struct autostart_job *j = vrs_calloc(1, sizeof(*j));
		j->h = h;
		h->autostarts++;
		j->act.kind = ACT_AUTOSTART_OFF;
		j->act.host = &h->act;
		j->act.rules = &e->act;
		(void)vrs_strcpy(j->act.vm_id, sizeof(j->act.vm_id), vm->id);
		(void)snprintf(lane, sizeof(lane), "hv:%s/%s", h->cluster, h->name);
		vrs_workers_submit(e->workers, lane, autostart_work, autostart_done, j);
	}
}

void engine_copies_watch(struct engine *e, const struct fleet *w)
{
	look_for_copies(e, w);
	keep_autostart_off(e, w);
}
