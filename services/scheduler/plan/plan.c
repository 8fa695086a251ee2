#include "plan/plan.h"

#include "plan/parts.h"
#include "plan/reject.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the order in which VMs are placed: class, then size, then name --- */

static unsigned class_of(const Vrsas__V1__VmFacts *vm)
{
	return vm->vm_class >= 1 && vm->vm_class <= 4 ? vm->vm_class : 4;
}

static int compare_urgency(const Vrsas__V1__VmFacts *x, const Vrsas__V1__VmFacts *y)
{
	double cx = fleet_vm_cores(x), cy = fleet_vm_cores(y);

	if (class_of(x) != class_of(y))
		return class_of(x) < class_of(y) ? -1 : 1;
	if (cx != cy)
		return cx > cy ? -1 : 1; /* a large one is harder to place later */
	int c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->id, y->id);
}

/* A VM that waits for a target, and the context of its failed host. */
struct waiting {
	const Vrsas__V1__VmFacts *vm;
	struct plan_context *context;
};

static int by_urgency(const void *a, const void *b)
{
	return compare_urgency(((const struct waiting *)a)->vm,
			       ((const struct waiting *)b)->vm);
}

/* --- the order of candidates --- */

static int by_preference(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (!x->rejected != !y->rejected)
		return x->rejected ? 1 : -1;
	if (!x->rejected) {
		if (x->admitted != y->admitted)
			return x->admitted ? -1 : 1;
		if (x->score_key != y->score_key)
			return x->score_key < y->score_key ? -1 : 1;
		if (x->margin_key != y->margin_key)
			return x->margin_key > y->margin_key ? -1 : 1;
	}
	int c = strcmp(x->cluster->name, y->cluster->name);
	return c ? c : strcmp(x->host->name, y->host->name);
}

static const struct candidate *best(const struct candidate *candidate, size_t n,
				    bool local, bool admitted)
{
	for (size_t i = 0; i < n; i++)
		if (!candidate[i].rejected && candidate[i].local == local &&
		    candidate[i].admitted == admitted)
			return &candidate[i];
	return NULL;
}

static void choose_admitted(const struct plan_context *f, struct choice *c)
{
	struct cost_model_options o = {
		.wait_ms = c->wait_ms,
		.local_ms = c->local ? c->local->outage_ms : -1,
		.relocate_ms = c->relocate ? c->relocate->outage_ms : -1,
	};

	switch (cost_model_choose(&f->rules->cost, &o)) {
	case COST_MODEL_LOCAL:
		c->verdict = VRSAS__V1__VERDICT__VERDICT_LOCAL;
		c->chosen = c->local;
		break;
	case COST_MODEL_RELOCATE:
		c->verdict = VRSAS__V1__VERDICT__VERDICT_RELOCATE;
		c->chosen = c->relocate;
		break;
	case COST_MODEL_WAIT:
		c->verdict = VRSAS__V1__VERDICT__VERDICT_WAIT;
		break;
	}
}

static struct choice choose(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
			    const struct candidate *candidate, size_t n)
{
	struct choice c = {
		.verdict = VRSAS__V1__VERDICT__VERDICT_HOLD,
		.local = best(candidate, n, true, true),
		.relocate = best(candidate, n, false, true),
		.wait_ms = f->repair_ms + f->rules->cost.boot_ms,
	};

	if (f->ask->source_alive ||
	    (f->ask->pinned_cluster && f->ask->pinned_cluster[0])) {
		/* requested by an operator: not compared with waiting */
		c.chosen = c.relocate ? c.relocate : c.local;
	} else if (c.local || c.relocate) {
		choose_admitted(f, &c);
		return c;
	}
	if (!c.chosen && class_of(vm) <= f->rules->overload_class && n &&
	    !candidate[0].rejected) {
		c.chosen = &candidate[0];
		c.overloads = true;
	}
	if (c.chosen)
		c.verdict = c.chosen->local ? VRSAS__V1__VERDICT__VERDICT_LOCAL
					    : VRSAS__V1__VERDICT__VERDICT_RELOCATE;
	return c;
}

static void rank(struct candidate *candidate, size_t n, const struct candidate *chosen)
{
	unsigned next = 2;

	for (size_t i = 0; i < n; i++)
		candidate[i].rank = candidate[i].rejected     ? 0
				    : &candidate[i] == chosen ? 1
							      : next++;
}

static Vrsas__V1__Decision *place(struct plan_context *f, const Vrsas__V1__VmFacts *vm,
				  struct candidate *candidate)
{
	struct fleet *w = f->w;
	double cores = fleet_vm_cores(vm);
	size_t n = 0;

	for (size_t i = 0; i < w->n_clusters; i++)
		f->preflight[i].done = false;
	for (size_t i = 0; i < w->n_hosts; i++) {
		if (&w->host[i] == f->source)
			continue;
		candidate[n] = (struct candidate){
			.host = &w->host[i],
			.cluster = &w->cluster[w->host[i].cluster],
			.local = &w->cluster[w->host[i].cluster] == f->home,
		};
		candidate_measure(f, vm, cores, &candidate[n]);
		reject_apply(f, vm, &candidate[n++]);
	}
	if (n)
		qsort(candidate, n, sizeof(*candidate), by_preference);

	struct choice c = choose(f, vm, candidate, n);
	rank(candidate, n, c.chosen);
	Vrsas__V1__Decision *d = plan_explain(f, vm, cores, candidate, n, &c);
	if (c.chosen) {
		fleet_promise(w, c.chosen->host, cores, vm->ram_bytes,
			      c.chosen->local ? 0 : c.chosen->disk_need);
		if (!c.chosen->local)
			fleet_enqueue(w, f->home->name, c.chosen->cluster->name,
				      fleet_vm_disk_bytes(vm));
	}
	return d;
}

static bool can_read(const struct fleet *w, const struct fleet_cluster *home,
		     const struct fleet_host *source)
{
	for (size_t i = 0; i < home->n_hosts; i++) {
		const struct fleet_host *h = &w->host[home->first_host + i];

		if (h != source && h->life == FLEET_UP && h->site && h->site->ssh)
			return true;
	}
	return false;
}

static int context_init(struct plan_context *f, struct fleet *w,
			const struct plan_rules *rules, const struct plan_ask *ask,
			struct vrs_err *err)
{
	*f = (struct plan_context){.w = w, .rules = rules, .ask = ask};
	f->home = fleet_cluster(w, ask->cluster);
	f->source = fleet_host(w, ask->cluster, ask->host);
	if (!f->home || !f->source)
		return vrs_fail(err, VRS_ENOENT, "plan: host %s/%s is not known",
				ask->cluster, ask->host);
	f->repair_ms = ask->repair_ms  ? ask->repair_ms
		       : f->home->site ? f->home->site->repair_ms
				       : (int64_t)4 * 3600000;
	f->reader_lives = can_read(w, f->home, f->source);
	f->of_host = vrs_calloc(w->n_hosts, sizeof(*f->of_host));
	f->of_cluster = vrs_calloc(w->n_clusters, sizeof(*f->of_cluster));
	f->rate = vrs_calloc(w->n_clusters, sizeof(*f->rate));
	f->preflight = vrs_calloc(w->n_clusters, sizeof(*f->preflight));
	candidate_project_loads(f);
	for (size_t i = 0; i < w->n_clusters; i++) {
		const struct fleet_rate *r =
			fleet_rate(w, f->home->name, w->cluster[i].name);

		cost_model_rate_of(&rules->cost, r ? r->bytes_per_s : NULL, r ? r->n : 0,
				   &f->rate[i]);
	}
	return 0;
}

static void context_fini(struct plan_context *f)
{
	free(f->preflight);
	free(f->rate);
	free(f->of_cluster);
	free(f->of_host);
}

static size_t count_vms(const struct plan_ask *ask, size_t n)
{
	size_t n_vms = 0;

	for (size_t i = 0; i < n; i++)
		n_vms += ask[i].n_vms;
	return n_vms;
}

/* The most urgent VM is placed first, whichever host it was on. */
static void place_all(struct plan_context *context, size_t n_contexts, struct plan *ret)
{
	struct fleet *w = context[0].w;
	struct waiting *waiting = vrs_calloc(ret->n, sizeof(*waiting));
	struct candidate *candidate = vrs_calloc(w->n_hosts, sizeof(*candidate));
	size_t n = 0;

	for (size_t i = 0; i < n_contexts; i++)
		for (size_t k = 0; k < context[i].ask->n_vms; k++)
			waiting[n++] =
				(struct waiting){context[i].ask->vm[k], &context[i]};
	if (n)
		qsort(waiting, n, sizeof(*waiting), by_urgency);
	for (size_t i = 0; i < n; i++)
		ret->decision[i] = place(waiting[i].context, waiting[i].vm, candidate);
	free(candidate);
	free(waiting);
}

int plan_make(struct fleet *w, const struct plan_rules *rules, const struct plan_ask *ask,
	      size_t n_asks, struct plan *ret, struct vrs_err *err)
{
	struct plan_context *context = vrs_calloc(n_asks, sizeof(*context));
	struct plan p = {.n = count_vms(ask, n_asks)};
	int status = 0;
	size_t n = 0;

	for (; n < n_asks && status == 0; n++)
		status = context_init(&context[n], w, rules, &ask[n], err);
	if (status == 0) {
		p.decision = vrs_calloc(p.n, sizeof(Vrsas__V1__Decision *));
		if (n > 0)
			place_all(context, n, &p);
		*ret = p;
	}
	while (n > 0)
		context_fini(&context[--n]);
	free(context);
	return status;
}

const Vrsas__V1__VmFacts **plan_vms_of(const struct fleet *w, const struct fleet_host *h,
				       size_t *ret_n)
{
	const Vrsas__V1__VmFacts **list = vrs_calloc(h->n_vms, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < h->n_vms; i++) {
		const struct fleet_vm *vm = &w->vm[h->first_vm + i];

		if (vm->facts->state != VRSAS__V1__VM_STATE__VM_STATE_OFF &&
		    fleet_is_protected_at(w, vm))
			list[n++] = vm->facts;
	}
	*ret_n = n;
	return list;
}

void plan_decision_free(Vrsas__V1__Decision *d)
{
	if (d)
		vrsas__v1__decision__free_unpacked(d, NULL);
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		plan_decision_free(p->decision[i]);
	free(p->decision);
	*p = (struct plan){0};
}
