/* What the move of each VM would run into today. */
#include "control/parts.h"

#include "fleet/preflight.h"

#include <string.h>

static void add_finding(Vrsas__V1__PreflightTarget *t, const struct vrs_finding *f,
			struct reply *a)
{
	Vrsas__V1__PreflightFinding *v = control_reply_alloc(a, 1, sizeof(*v));
	char text[256];

	vrsas__v1__preflight_finding__init(v);
	vrs_finding_text(f, text, sizeof(text));
	v->code = vrs_finding_name(f->code);
	v->kind = vrs_finding_kind_name(vrs_finding_kind(f->code));
	v->subject = control_reply_text(a, "%s", f->subject);
	v->text = control_reply_text(a, "%s", text);
	v->remedy = vrs_finding_remedy(f->code);
	t->finding[t->n_finding++] = v;
}

static Vrsas__V1__PreflightTarget *target_view(const struct fleet *w,
					       const struct fleet_vm *vm,
					       const struct fleet_cluster *to,
					       struct reply *a)
{
	Vrsas__V1__PreflightTarget *t = control_reply_alloc(a, 1, sizeof(*t));
	struct vrs_findings found;

	vrsas__v1__preflight_target__init(t);
	fleet_preflight_cluster(w, vm, to, &found);
	t->cluster = to->name;
	t->is_restart = to == &w->cluster[w->host[vm->host].cluster];
	t->is_possible = !vrs_findings_stop(&found);
	t->finding = control_reply_alloc(a, found.n, sizeof(*t->finding));
	for (size_t i = 0; i < found.n; i++)
		add_finding(t, &found.item[i], a);
	return t;
}

static Vrsas__V1__PreflightVm *vm_view(const struct control *c, const struct fleet *w,
				       const struct fleet_vm *vm,
				       const struct fleet_cluster *only, struct reply *a)
{
	Vrsas__V1__PreflightVm *v = control_reply_alloc(a, 1, sizeof(*v));
	const struct fleet_host *h = &w->host[vm->host];

	vrsas__v1__preflight_vm__init(v);
	v->id = vm->facts->id;
	v->name = vm->facts->name;
	v->cluster = fleet_cluster_name(w, h);
	v->host = h->name;
	v->vm_class = vm->facts->vm_class;
	v->target = control_reply_alloc(a, w->n_clusters, sizeof(*v->target));
	for (size_t i = 0; i < w->n_clusters; i++) {
		const struct fleet_cluster *to = &w->cluster[i];

		if ((only && to != only) ||
		    !fleet_is_target(w, vm, to, c->conf.plan->local_restart))
			continue;
		Vrsas__V1__PreflightTarget *t = target_view(w, vm, to, a);
		v->target[v->n_target++] = t;
		v->is_movable |= t->is_possible;
	}
	return v;
}

/* One VM, the VMs of one host, or all. */
struct selection {
	const struct fleet_vm *vm;
	struct fleet_host *host;
	const struct fleet_cluster *to;
};

static bool select_vms(const struct fleet *w, const Vrsas__V1__PreflightQuery *q,
		       struct selection *s, struct reply *a)
{
	struct vrs_err err = {0};
	int status = 0;

	if (q->vm[0])
		status = fleet_find_vm(w, q->vm, &s->vm, &err);
	if (q->host[0] && (!q->vm[0] || status == VRS_ENOENT)) {
		struct vrs_err of_host = {0};
		int found = control_place_ok(q->host)
				    ? fleet_find_host(w, q->host, &s->host, &of_host)
				    : vrs_fail(&of_host, VRS_ENOENT,
					       "host %.64s: not found", q->host);

		if (found == VRS_ENOENT && q->vm[0])
			found = vrs_fail(&of_host, VRS_ENOENT,
					 "no VM or host is named %.128s", q->vm);
		status = found;
		err = of_host;
	}
	if (status < 0)
		control_refuse_err(a, &err,
				   "vrsctl vm list and vrsctl host list show the names");
	return status == 0;
}

void control_preflight(struct control *c, const Vrsas__V1__ControlRequest *r,
		       struct reply *a)
{
	const Vrsas__V1__PreflightQuery *q = r->preflight;
	const struct fleet *w = control_need_fleet(c, a);
	Vrsas__V1__PreflightView *v = control_reply_alloc(a, 1, sizeof(*v));
	struct selection s = {0};

	if (!w || !control_cluster_ok(w, q->to_cluster, a) || !select_vms(w, q, &s, a))
		return;
	if (q->to_cluster[0])
		s.to = fleet_cluster(w, q->to_cluster);
	vrsas__v1__preflight_view__init(v);
	v->vm = control_reply_alloc(a, w->n_vms, sizeof(*v->vm));
	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_vm *vm = &w->vm[i];

		if (s.vm ? vm != s.vm
			 : !fleet_is_protected_at(w, vm) ||
				    (s.host && &w->host[vm->host] != s.host))
			continue;
		Vrsas__V1__PreflightVm *one = vm_view(c, w, vm, s.to, a);
		if (!control_reply_fits(a, &one->base))
			break;
		v->vm[v->n_vm++] = one;
	}
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_PREFLIGHT;
	a->reply.preflight = v;
}
