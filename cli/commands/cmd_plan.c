/* vrsctl plan HOST and vrsctl fail HOST */
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "render/decision_view.h"
#include "render/human.h"
#include "render/table.h"

static void decision_row(struct table *t, const Vrsas__V1__Decision *d)
{
	const Vrsas__V1__Candidate *c = explain_chosen(d);
	struct vrs_text verdict = {0};
	char text[HUMAN_MAX];

	explain_verdict(&verdict, d);
	table_cell(t, BOLD, "%s", d->vm_name[0] ? d->vm_name : d->vm_id);
	table_cell(t, PLAIN, "%u", d->vm_class);
	table_cell(t, explain_tone(d->verdict), "%s", verdict.text);
	table_cell(t, PLAIN, "%s", human_bytes(text, d->bytes_to_move));
	table_cell(t, PLAIN, "%s", c ? human_span(text, c->transfer_ms) : "");
	table_cell(t, PLAIN, "%s", c ? human_span(text, c->outage_ms) : "");
	table_cell(t, PLAIN, "%s", c ? human_ratio(text, c->peak_p90_ratio) : "");
	vrs_text_fini(&verdict);
	if (d->summary[0])
		table_note(t, PLAIN, "%s", d->summary);
}

/* The main reason against a candidate: what rules it out, or the first doubt. */
static const char *against(const Vrsas__V1__Candidate *c)
{
	const char *doubt = NULL;

	for (size_t k = 0; k < c->n_reason; k++) {
		if (c->reason[k]->rules_out)
			return c->reason[k]->text;
		if (!c->reason[k]->in_favour && !doubt)
			doubt = c->reason[k]->text;
	}
	return doubt;
}

static void why_not_notes(struct table *t, const Vrsas__V1__Decision *d)
{
	for (size_t i = 0; i < d->n_candidate; i++) {
		const Vrsas__V1__Candidate *c = d->candidate[i];
		const char *why = c->fits ? NULL : against(c);

		if (why)
			table_note(t, DIM, "not %s%s%s: %s", c->cluster,
				   c->host[0] ? "/" : "", c->host, why);
	}
}

static void summary_table(const struct vrs_ctl *ctl, const Vrsas__V1__PlanView *p,
			  struct vrs_text *out)
{
	static const char *const headers[] = {"VM",        ">CLASS",    "VERDICT",
					      ">TO MOVE",  ">TRANSFER", ">OUTAGE",
					      ">PEAK P90", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < p->n_decision; i++) {
		decision_row(t, p->decision[i]);
		why_not_notes(t, p->decision[i]);
	}
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

void render_plan(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out)
{
	const Vrsas__V1__PlanView *p = reply->plan;
	bool whole =
		vrs_args_has(&ctl->args, "explain") || p->n_decision == 1 ||
		(ctl->args.command && strcmp(ctl->args.command->name, "explain") == 0);

	if (p->host[0]) {
		tone_add(out, ctl->colour, BOLD, "If %s%s%s failed now:", p->cluster,
			 p->cluster[0] ? "/" : "", p->host);
		vrs_text_add(out, "\n");
	}
	if (p->note[0]) {
		tone_add(out, ctl->colour, PLAIN, "%s", p->note);
		vrs_text_add(out, "\n");
	}
	if (!p->n_decision)
		vrs_text_add(out, "no VMs affected\n");
	else if (!whole)
		summary_table(ctl, p, out);
	for (size_t i = 0; whole && i < p->n_decision; i++) {
		if (i)
			vrs_text_add(out, "\n");
		explain_decision(out, p->decision[i], ctl->colour);
	}
}

int verb_plan(struct vrs_ctl *ctl)
{
	Vrsas__V1__PlanQuery query = VRSAS__V1__PLAN_QUERY__INIT;

	query.host = ctl->args.operand[0];
	return ctl_query(ctl, &query.base, render_plan);
}

void render_done(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out)
{
	tone_add(out, ctl->colour, GOOD, "%s", reply->done[0] ? reply->done : "done");
	vrs_text_add(out, "\n");
}

/* Shows the plan and asks. */
static int show_and_confirm(const struct vrs_ctl *ctl, const char *host, bool confirm_off)
{
	Vrsas__V1__PlanQuery query = VRSAS__V1__PLAN_QUERY__INIT;
	char *question =
		vrs_asprintf(confirm_off ? "Confirm that %s is powered off and stays off?"
					 : "Declare %s failed?",
			     host);

	query.host = host;
	int code = ctl_preview(ctl, &query.base, render_plan, question);
	free(question);
	return code;
}

int verb_fail(struct vrs_ctl *ctl)
{
	Vrsas__V1__FailOrder order = VRSAS__V1__FAIL_ORDER__INIT;

	order.host = ctl->args.operand[0];
	order.confirm_off = vrs_args_has(&ctl->args, "confirm-off");
	order.withdraw = vrs_args_has(&ctl->args, "withdraw");
	order.reason = vrs_args_text(&ctl->args, "reason");
	if (order.confirm_off && !order.reason[0])
		return ctl_fail(EXIT_USAGE,
				"state what you saw: --reason 'power cable unplugged'",
				"fail: --confirm-off requires --reason");
	if (order.confirm_off && order.withdraw)
		return ctl_fail(EXIT_USAGE, NULL,
				"fail: --confirm-off and --withdraw cannot be combined");

	int code = order.withdraw ? EXIT_OK
				  : show_and_confirm(ctl, order.host, order.confirm_off);
	if (code != EXIT_OK)
		return code;
	return ctl_order(ctl, &order.base, render_done);
}
