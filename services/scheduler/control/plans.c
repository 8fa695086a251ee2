/* Trial plans: nothing is promised, nothing is executed. */
#include "control/parts.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_CANDIDATES = 6 };

static size_t size_of(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += protobuf_c_message_get_packed_size(&p->decision[i]->base) + 8;
	return n;
}

/* Many VMs with many candidates do not fit into one reply: then each VM has its best
 * candidates only, the chosen one among them. */
static void show_plan(struct reply *a, Vrsas__V1__PlanView *v)
{
	const struct plan *p = &a->plan;
	bool all = size_of(p) <= CONTROL_MAX_REPLY;

	v->decision = control_reply_alloc(a, p->n, sizeof(*v->decision));
	for (size_t i = 0; i < p->n; i++) {
		Vrsas__V1__Decision *d = control_reply_alloc(a, 1, sizeof(*d));

		*d = *p->decision[i]; /* the plan keeps what it points to */
		if (!all && d->n_candidate > FEW_CANDIDATES)
			d->n_candidate = FEW_CANDIDATES;
		if (!control_reply_fits(a, &d->base))
			break;
		v->decision[v->n_decision++] = d;
	}
	if (!all && !v->note[0])
		v->note = "only the best candidates of each VM are shown";
}

static void answer_plan(struct control *c, struct fleet *w, struct plan_ask *ask,
			const char *note, struct reply *a)
{
	Vrsas__V1__PlanView *v = control_reply_alloc(a, 1, sizeof(*v));
	struct fleet_mark *mark = fleet_mark(w);
	struct vrs_err err = {0};
	int status = plan_make(w, c->conf.plan, ask, 1, &a->plan, &err);

	fleet_restore(w, mark);
	if (status < 0) {
		control_refuse_err(a, &err, "vrsctl host list");
		return;
	}
	vrsas__v1__plan_view__init(v);
	v->cluster = control_reply_text(a, "%s", ask->cluster);
	v->host = ask->source_alive ? "" : control_reply_text(a, "%s", ask->host);
	v->note = note;
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_PLAN;
	a->reply.plan = v;
	show_plan(a, v);
}

void control_plan(struct control *c, const Vrsas__V1__ControlRequest *req,
		  struct reply *a)
{
	const Vrsas__V1__PlanQuery *q = req->plan;
	struct fleet *w = control_need_fleet(c, a);
	struct fleet_host *h;
	struct vrs_err err = {0};

	if (!w)
		return;
	if (!control_host_ok(q->host, a))
		return;
	if (fleet_find_host(w, q->host, &h, &err) < 0) {
		control_refuse_err(a, &err, "vrsctl host list");
		return;
	}
	struct plan_ask ask = {.cluster = fleet_cluster_name(w, h), .host = h->name};
	const Vrsas__V1__VmFacts **vms = plan_vms_of(w, h, &ask.n_vms);
	ask.vm = vms;
	const char *note = "";
	if (!h->inventory_at_ms)
		note = "its VMs are not known: its collector has sent no inventory";
	else if (!ask.n_vms && h->n_vms)
		note = control_reply_text(
			a, "none of its %zu VMs is protected and at home", h->n_vms);
	answer_plan(c, w, &ask, note, a);
	free(vms);
}

void control_plan_vm(struct control *c, const char *name, const char *to_cluster,
		     struct reply *a)
{
	struct fleet *w = control_need_fleet(c, a);
	const struct fleet_vm *vm;
	struct vrs_err err = {0};

	if (!w)
		return;
	if (fleet_find_vm(w, name, &vm, &err) < 0) {
		control_refuse_err(a, &err, "vrsctl vm list");
		return;
	}
	if (!control_cluster_ok(w, to_cluster, a))
		return;
	const struct fleet_host *h = &w->host[vm->host];
	struct plan_ask ask = {
		.cluster = fleet_cluster_name(w, h),
		.host = h->name,
		.vm = &vm->facts,
		.n_vms = 1,
		.source_alive = h->life == FLEET_UP,
		.pinned_cluster = to_cluster,
	};
	const char *why = ask.source_alive ? fleet_vm_not_running(vm->facts) : NULL;
	if (why)
		control_refuse(a, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED,
			       "vrsctl vm list", "%s stays on %s/%s: %s", vm->facts->name,
			       ask.cluster, ask.host, why);
	else
		answer_plan(c, w, &ask, "", a);
}
