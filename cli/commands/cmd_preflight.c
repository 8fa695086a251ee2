/* vrsctl preflight [VM|HOST] */
#include <string.h>

#include "client/ctl.h"
#include "render/table.h"

typedef Vrsas__V1__PreflightVm preflight_vm;
typedef Vrsas__V1__PreflightTarget preflight_target;
typedef Vrsas__V1__PreflightFinding preflight_finding;

static bool finds(const preflight_target *t, const preflight_finding *f)
{
	for (size_t i = 0; i < t->n_finding; i++)
		if (strcmp(t->finding[i]->code, f->code) == 0 &&
		    strcmp(t->finding[i]->text, f->text) == 0)
			return true;
	return false;
}

/* A finding that every cluster has is shown once. */
static size_t clusters_with(const preflight_vm *v, const preflight_finding *f)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_target; i++)
		n += finds(v->target[i], f);
	return n;
}

static void row(struct table *t, const preflight_vm *v, const preflight_target *to,
		const char *place)
{
	table_cell(t, BOLD, "%s", v->name[0] ? v->name : v->id);
	table_cell(t, PLAIN, "%s/%s", v->cluster, v->host);
	table_cell(t, PLAIN, "%s%s", place ? place : to->cluster,
		   !place && to->is_restart ? " (restart)" : "");
}

static void finding_rows(struct table *t, const preflight_vm *v, size_t target)
{
	const preflight_target *to = v->target[target];

	for (size_t i = 0; i < to->n_finding; i++) {
		const preflight_finding *f = to->finding[i];
		bool all = v->n_target > 1 && clusters_with(v, f) == v->n_target;

		if (all && target > 0)
			continue;
		row(t, v, to, all ? "all" : NULL);
		table_cell(t,
			   strcmp(f->kind, "stops the move") == 0      ? BAD
			   : strcmp(f->kind, "changes the guest") == 0 ? WARN
								       : DIM,
			   "%s", f->kind);
		table_cell(t, PLAIN, "%s", f->text);
		if (f->remedy[0] && strcmp(f->remedy, "none needed") != 0)
			table_note(t, DIM, "remedy: %s", f->remedy);
	}
}

static void vm_rows(struct table *t, const preflight_vm *v)
{
	for (size_t i = 0; i < v->n_target; i++) {
		const preflight_target *to = v->target[i];

		finding_rows(t, v, i);
		if (to->n_finding > 0)
			continue;
		row(t, v, to, NULL);
		table_cell(t, GOOD, "can move");
		table_cell(t, PLAIN, "%s", "");
	}
	if (v->n_target > 0)
		return;
	row(t, v, NULL, "");
	table_cell(t, BAD, "stops the move");
	table_cell(t, PLAIN, "no cluster accepts it");
	table_note(t, DIM, "remedy: set accept = yes for another cluster in site.conf");
}

static size_t unmovable(const Vrsas__V1__PreflightView *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_vm; i++)
		n += !p->vm[i]->is_movable;
	return n;
}

void render_preflight(const struct vrs_ctl *ctl, const control_reply *reply,
		      struct vrs_text *out)
{
	static const char *const headers[] = {"VM", "FROM", "TO", "KIND", "WHAT", NULL};
	const Vrsas__V1__PreflightView *p = reply->preflight;
	struct table *t = table_new(headers);
	size_t n = unmovable(p);

	for (size_t i = 0; i < p->n_vm; i++)
		vm_rows(t, p->vm[i]);
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
	if (!p->n_vm)
		tone_add(out, ctl->colour, PLAIN, "no protected VMs");
	else
		tone_add(out, ctl->colour, n ? BAD : GOOD, "%zu of %zu VMs %s be moved",
			 n ? n : p->n_vm, p->n_vm, n ? "cannot" : "can");
	vrs_text_add(out, "\n");
}

int verb_preflight(struct vrs_ctl *ctl)
{
	Vrsas__V1__PreflightQuery query = VRSAS__V1__PREFLIGHT_QUERY__INIT;
	const char *name = ctl->args.operand[0];
	control_reply *reply = NULL;

	if (name && vrs_args_has(&ctl->args, "all"))
		return ctl_fail(EXIT_USAGE, NULL,
				"preflight: --all and %s cannot be combined", name);
	if (name) {
		query.host = name;
		query.vm = strchr(name, '/') ? "" : name;
	}
	query.to_cluster = vrs_args_text(&ctl->args, "to");
	if (ctl->watch_ms)
		return ctl_query(ctl, &query.base, render_preflight);
	int code = ctl_ask(ctl, &query.base, &reply);
	if (code == EXIT_OK) {
		ctl_show(ctl, reply, render_preflight);
		code = unmovable(reply->preflight) ? EXIT_FAILED : EXIT_OK;
	}
	control_reply_free(reply);
	return code;
}
