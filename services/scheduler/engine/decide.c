/* Decisions: all VMs in DECIDING are decided together, by class, across clusters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

static bool wants_decision(struct entry *en)
{
	return en->r.state == RELOC_DECIDING && !en->stale && en->msg->vm;
}

static bool is_due(struct entry *en)
{
	const struct reloc_order o = {
		.kind = RELOC_DO_DECIDE, .copy = en->r.good, .op = en->r.op};

	return wants_decision(en) && engine_slot(en, &o);
}

static void decision_over(const struct engine *e, struct entry *en)
{
	const struct slot key = {.kind = RELOC_DO_DECIDE,
				 .place = en->r.copy[en->r.good].place,
				 .op = en->r.op};

	engine_slot_done(en, &key, engine_conf(e)->tick_ms, true);
}

/* A VM with a pinned cluster or failed targets of its own is decided alone. */
static bool is_special(const struct entry *en)
{
	return en->r.pinned[0] || en->r.n_tried > 0;
}

static bool same_ask(const struct entry *a, const struct entry *b)
{
	const struct reloc_place *p = &a->r.copy[a->r.good].place;
	const struct reloc_place *q = &b->r.copy[b->r.good].place;

	return !is_special(a) && !is_special(b) && strcmp(p->cluster, q->cluster) == 0 &&
	       strcmp(p->host, q->host) == 0 && a->r.good == 0 && b->r.good == 0 &&
	       a->r.copy[0].alive == b->r.copy[0].alive;
}

/* The expected repair time shrinks while the repair lasts, but never to zero. */
static int64_t repair_left(const struct engine *e, const struct reloc *r)
{
	const struct vrs_site_cluster *c =
		vrs_site_cluster(engine_site(e), r->copy[r->good].place.cluster);

	if (!c || c->repair_ms <= 0)
		return 0;
	int64_t left_ms = c->repair_ms - (vrs_now_wall_ms() - r->silent_since_ms);
	return left_ms > c->repair_ms / 10 ? left_ms : c->repair_ms / 10 + 1;
}

static struct reloc_event event_of(const struct entry *en, const Vrsas__V1__Decision *d)
{
	struct reloc_event ev = {.kind = RELOC_DECIDED, .op = en->r.op};

	switch (d->verdict) {
	case VRSAS__V1__VERDICT__VERDICT_RELOCATE:
		ev.verdict = RELOC_RELOCATE;
		break;
	case VRSAS__V1__VERDICT__VERDICT_LOCAL:
		ev.verdict = RELOC_LOCAL;
		break;
	case VRSAS__V1__VERDICT__VERDICT_WAIT:
		ev.verdict = RELOC_WAIT;
		break;
	default:
		ev.verdict = RELOC_HOLD;
		break;
	}
	(void)vrs_strcpy(ev.place.cluster, sizeof(ev.place.cluster), d->cluster);
	(void)vrs_strcpy(ev.place.host, sizeof(ev.place.host), d->host);
	(void)vrs_strcpy(ev.text, sizeof(ev.text), d->summary);
	/* the plan moves only VMs whose disks can be read */
	ev.readable = ev.verdict == RELOC_RELOCATE || ev.verdict == RELOC_LOCAL;
	for (size_t i = 0; i < d->n_candidate; i++)
		if (d->candidate[i]->rank == 1)
			ev.predicted_ms = d->candidate[i]->outage_ms;
	return ev;
}

static void tell_machine(struct engine *e, struct entry *en, Vrsas__V1__Decision *d)
{
	struct reloc_event ev = event_of(en, d);
	const struct record_load load = {.decision = d};

	if (engine_feed(e, en, &ev, &load))
		counters_decided(engine_counts(e), d);
}

/* The facts of a VM whose data is not at home: disks, their readability and network names
 * are those of the place that has the data. */
static Vrsas__V1__VmFacts *facts_away(const struct engine *e, const struct entry *en)
{
	const struct reloc_place *good = &en->r.copy[en->r.good].place;
	size_t n;
	Vrsas__V1__PlacedDisk *const *disk = engine_disks_of(en->msg, good, &n);
	Vrsas__V1__VmFacts facts = *en->msg->vm;
	Vrsas__V1__Disk *list = vrs_calloc(n + 1, sizeof(*list));
	Vrsas__V1__Disk **ptr = vrs_calloc(n + 1, sizeof(*ptr));

	for (size_t i = 0; i < n; i++) {
		vrsas__v1__disk__init(&list[i]);
		list[i].path = disk[i]->path;
		list[i].format = disk[i]->format;
		list[i].bus = disk[i]->bus;
		list[i].virtual_bytes = disk[i]->virtual_bytes;
		list[i].allocated_bytes = disk[i]->allocated_bytes;
		list[i].target = disk[i]->target;
		ptr[i] = &list[i];
	}
	facts.disk = ptr;
	facts.n_disk = n;
	facts.readable_without_host = VRSAS__V1__ANSWER__ANSWER_UNSPECIFIED;
	const struct vrs_site_cluster *home =
		vrs_site_cluster(engine_site(e), en->r.copy[0].place.cluster);
	const struct vrs_site_cluster *here =
		vrs_site_cluster(engine_site(e), good->cluster);
	Vrsas__V1__Nic *nic = vrs_calloc(facts.n_nic + 1, sizeof(*nic));
	Vrsas__V1__Nic **nics = vrs_calloc(facts.n_nic + 1, sizeof(*nics));
	for (size_t i = 0; i < facts.n_nic; i++) {
		const char *name =
			home && here ? fleet_network(home, here, facts.nic[i]->network)
				     : NULL;

		nic[i] = *facts.nic[i];
		if (name)
			nic[i].network = name;
		nics[i] = &nic[i];
	}
	facts.nic = nics;
	Vrsas__V1__VmFacts *ret = vrs_msg_dup(&facts.base);
	free(list);
	free(ptr);
	free(nic);
	free(nics);
	return ret;
}

/* VMs of one place with the same constraints, and what their plan_ask borrows. */
struct group {
	struct entry **entry;
	const Vrsas__V1__VmFacts **vm;
	size_t n;
	Vrsas__V1__VmFacts *away;
	char tried_text[RELOC_MAX_TRIED][132];
	const char *tried[RELOC_MAX_TRIED];
};

static struct plan_ask ask_for(const struct engine *e, struct group *g)
{
	const struct reloc *r = &g->entry[0]->r;

	g->vm = vrs_calloc(g->n, sizeof(*g->vm));
	for (size_t i = 0; i < g->n; i++)
		g->vm[i] = g->entry[i]->msg->vm;
	if (r->good != 0)
		g->vm[0] = g->away = facts_away(e, g->entry[0]);
	for (uint32_t i = 0; i < r->n_tried; i++) {
		(void)snprintf(g->tried_text[i], sizeof(g->tried_text[i]), "%s/%s",
			       r->tried[i].cluster, r->tried[i].host);
		g->tried[i] = g->tried_text[i];
	}
	return (struct plan_ask){
		.cluster = r->copy[r->good].place.cluster,
		.host = r->copy[r->good].place.host,
		.vm = g->vm,
		.n_vms = g->n,
		.source_alive = r->copy[r->good].alive,
		.pinned_cluster = r->pinned,
		.tried = g->tried,
		.n_tried = r->n_tried,
		.repair_ms = repair_left(e, r),
	};
}

static void group_fini(struct group *g)
{
	if (g->away)
		vrsas__v1__vm_facts__free_unpacked(g->away, NULL);
	free(g->vm);
	free(g->entry);
}

/* All VMs that need a decision, in groups; VMs of an unknown host must wait. */
static size_t waiting_groups(struct engine *e, const struct fleet *w, struct group *group)
{
	bool *done = vrs_calloc(engine_n_entries(e) + 1, sizeof(*done));
	size_t n = 0;

	for (size_t i = 0; i < engine_n_entries(e); i++) {
		struct entry *first = engine_nth_entry(e, i);
		const struct reloc_place *p = &first->r.copy[first->r.good].place;

		if (done[i] || !is_due(first))
			continue;
		if (!fleet_host(w, p->cluster, p->host)) {
			log_warn("no decision yet: its host is unknown vm=%s "
				 "host=%s/%s",
				 first->r.vm_name, p->cluster, p->host);
			decision_over(e, first);
			continue;
		}
		struct group *g = &group[n++];
		*g = (struct group){.entry = vrs_calloc(engine_n_entries(e) - i,
							sizeof(struct entry *))};
		for (size_t k = i; k < engine_n_entries(e); k++) {
			if (k != i &&
			    (done[k] || !wants_decision(engine_nth_entry(e, k)) ||
			     !same_ask(first, engine_nth_entry(e, k))))
				continue;
			done[k] = true;
			g->entry[g->n++] = engine_nth_entry(e, k);
		}
	}
	free(done);
	return n;
}

static void tell_group(struct engine *e, const struct group *g, const struct plan *plan)
{
	for (size_t i = 0; i < g->n; i++) {
		struct entry *en = g->entry[i];

		decision_over(e, en);
		for (size_t k = 0; k < plan->n; k++)
			if (strcmp(plan->decision[k]->vm_id, en->r.vm_id) == 0) {
				tell_machine(e, en, plan->decision[k]);
				break;
			}
	}
}

void engine_decide(struct engine *e)
{
	struct vrs_err err = {0};
	struct plan plan = {0};
	struct fleet *w = NULL;
	bool due = false;

	for (size_t i = 0; i < engine_n_entries(e) && !due; i++)
		due = is_due(engine_nth_entry(e, i));
	if (!due || !engine_may_act(e) || engine_load_fleet(e, true, &w, NULL) < 0)
		return;
	engine_mark_lives(e, w);
	struct group *group = vrs_calloc(engine_n_entries(e), sizeof(*group));
	struct plan_ask *ask = vrs_calloc(engine_n_entries(e), sizeof(*ask));
	size_t n = waiting_groups(e, w, group);
	for (size_t i = 0; i < n; i++)
		ask[i] = ask_for(e, &group[i]);
	int64_t begun_ns = vrs_tick_ns();
	int status = plan_make(w, engine_conf(e)->plan, ask, n, &plan, &err);
	vrs_histogram_add(&engine_counts(e)->decision_seconds,
			  (double)(vrs_tick_ns() - begun_ns) / 1e9);
	if (status < 0)
		log_warn("no decision yet, retry in %lld ms: %s",
			 (long long)engine_conf(e)->tick_ms, err.text);
	for (size_t i = 0; i < n; i++) {
		tell_group(e, &group[i], &plan);
		group_fini(&group[i]);
	}
	plan_free(&plan);
	free(ask);
	free(group);
}
