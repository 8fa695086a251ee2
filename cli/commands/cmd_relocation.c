/* vrsctl relocation list|show|explain|cancel */
#include <stdio.h>

#include "client/ctl.h"
#include "render/decision_view.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"

static enum tone state_tone(const Vrsas__V1__RelocationView *v)
{
	if (v->severity == VRSAS__V1__SEVERITY__SEVERITY_ERROR)
		return BAD;
	return v->phase == VRSAS__V1__RELOCATION_PHASE__PHASE_HOME ||
			       v->phase == VRSAS__V1__RELOCATION_PHASE__PHASE_AWAY
		       ? GOOD
		       : WARN;
}

static void place(char *buf, size_t size, const char *cluster, const char *host)
{
	(void)snprintf(buf, size, "%s%s%s", cluster, host[0] ? "/" : "", host);
}

static const char *name_of(const Vrsas__V1__Relocation *r)
{
	return r->vm_name[0] ? r->vm_name : r->vm_id;
}

static void progress_text(char *buf, size_t size, const Vrsas__V1__TransferStatus *x)
{
	char done[HUMAN_MAX], total[HUMAN_MAX], rate[HUMAN_MAX], eta[HUMAN_MAX];

	if (!x || x->state != VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING) {
		buf[0] = '\0';
		return;
	}
	(void)snprintf(
		buf, size, "%s of %s, %s, %s left", human_bytes(done, x->bytes_done),
		human_bytes(total, x->bytes_total),
		human_rate(rate, x->rate_now_bytes_per_s), human_span(eta, x->eta_ms));
}

void relocation_table(const struct vrs_ctl *ctl, Vrsas__V1__RelocationView *const *view,
		      size_t n, struct vrs_text *out)
{
	static const char *const headers[] = {"VM",     "STATE",  "FOR",      "HOME",
					      "ACTIVE", "TARGET", "PROGRESS", NULL};
	struct table *t = table_new(headers);
	char text[160], span[HUMAN_MAX];
	int64_t now_ms = ctl_now_ms();

	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Relocation *r = view[i]->record;

		if (!r)
			continue;
		table_cell(t, BOLD, "%s", name_of(r));
		table_cell(t, state_tone(view[i]), "%s", state_name(r->state));
		table_cell(t, PLAIN, "%s",
			   r->state_since_ms
				   ? human_span(span, now_ms > r->state_since_ms
							      ? now_ms - r->state_since_ms
							      : 0)
				   : "");
		place(text, sizeof(text), r->home_cluster, r->home_host);
		table_cell(t, PLAIN, "%s", text);
		place(text, sizeof(text), r->active_cluster, r->active_host);
		table_cell(t, PLAIN, "%s", text);
		place(text, sizeof(text), r->target_cluster, r->target_host);
		table_cell(t, PLAIN, "%s", text);
		progress_text(text, sizeof(text), view[i]->transfer);
		table_cell(t, PLAIN, "%s", text);
		if (r->hold_reason[0])
			table_note(t, BAD, "%s", r->hold_reason);
	}
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

/* A table below a blank line; nothing where it has no rows. */
static void end_section(struct table *t, struct vrs_text *out, const struct vrs_ctl *ctl)
{
	if (table_rows(t) > 0) {
		vrs_text_add(out, "\n");
		table_print(t, out, true, ctl->colour);
	}
	table_free(t);
}

static void moments(struct vrs_text *out, const struct vrs_ctl *ctl,
		    const Vrsas__V1__Relocation *r)
{
	static const char *const headers[] = {"MOMENT", "AT", ">AFTER", NULL};
	const struct {
		const char *name;
		int64_t at_ms;
	} moment[] = {
		{"silent since", r->silent_since_ms},
		{"detected", r->detected_at_ms},
		{"fenced", r->fenced_at_ms},
		{"decided", r->decided_at_ms},
		{"copy started", r->copy_started_at_ms},
		{"copied", r->copied_at_ms},
		{"granted", r->granted_at_ms},
		{"VM running", r->alive_at_ms},
		{"host repaired", r->host_back_at_ms},
		{"stopped remote", r->fb_stopped_at_ms},
		{"running at home", r->fb_alive_at_ms},
	};
	struct table *t = table_new(headers);
	char at[HUMAN_MAX], after[HUMAN_MAX];
	int64_t first_ms = 0;

	for (size_t i = 0; i < sizeof(moment) / sizeof(moment[0]); i++) {
		if (!moment[i].at_ms)
			continue;
		if (!first_ms)
			first_ms = moment[i].at_ms;
		table_cell(t, PLAIN, "%s", moment[i].name);
		table_cell(t, PLAIN, "%s", human_time(at, moment[i].at_ms));
		table_cell(t, PLAIN, "%s", human_span(after, moment[i].at_ms - first_ms));
	}
	end_section(t, out, ctl);
}

static void evidence(struct vrs_text *out, const struct vrs_ctl *ctl,
		     const Vrsas__V1__Relocation *r)
{
	static const char *const headers[] = {"EVIDENCE", "AT", "BY", "WHAT", NULL};
	struct table *t = table_new(headers);
	char at[HUMAN_MAX];

	for (size_t i = 0; i < r->n_evidence; i++) {
		const Vrsas__V1__Evidence *e = r->evidence[i];
		const char *cls = vrs_enum_name(&vrsas__v1__evidence_class__descriptor,
						(int)e->cls);

		table_cell(t, BOLD, "%s", cls ? cls : "");
		table_cell(t, PLAIN, "%s", human_time(at, e->at_ms));
		table_cell(t, PLAIN, "%s", e->by);
		table_cell(t, PLAIN, "%s", e->text);
	}
	end_section(t, out, ctl);
}

static void journal(struct vrs_text *out, const struct vrs_ctl *ctl,
		    const Vrsas__V1__RelocationView *v)
{
	static const char *const headers[] = {"AT",     "FROM", "TO", "BY",
					      ">EPOCH", "WHY",  NULL};
	struct table *t = table_new(headers);
	char at[HUMAN_MAX];

	for (size_t i = 0; i < v->n_journal; i++) {
		const Vrsas__V1__JournalEntry *j = v->journal[i];

		table_cell(t, PLAIN, "%s", human_time(at, j->at_ms));
		table_cell(t, PLAIN, "%s", state_name(j->from));
		table_cell(t, PLAIN, "%s", state_name(j->to));
		table_cell(t, PLAIN, "%s", j->by);
		table_cell(t, PLAIN, "%llu", (unsigned long long)j->epoch);
		table_cell(t, PLAIN, "%s", j->why);
	}
	end_section(t, out, ctl);
}

static void relocation(const struct vrs_ctl *ctl, const Vrsas__V1__RelocationView *v,
		       struct vrs_text *out)
{
	const Vrsas__V1__Relocation *r = v->record;
	char text[160], moved[HUMAN_MAX], back[HUMAN_MAX];

	tone_add(out, ctl->colour, BOLD, "%s  ", name_of(r));
	tone_add(out, ctl->colour, state_tone(v), "%s", state_name(r->state));
	vrs_text_add(out, "\n");
	field_add(out, ctl->colour, "id", r->vm_id);
	field_add(out, ctl->colour, "relocation", r->id);
	field_add(out, ctl->colour, "meaning", v->meaning);
	field_add(out, ctl->colour, "action", v->action);
	field_add(out, ctl->colour, "missing", r->hold_reason);
	place(text, sizeof(text), r->home_cluster, r->home_host);
	field_add(out, ctl->colour, "home", text);
	place(text, sizeof(text), r->active_cluster, r->active_host);
	field_add(out, ctl->colour, "active", text);
	place(text, sizeof(text), r->target_cluster, r->target_host);
	field_add(out, ctl->colour, "target", text);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)r->epoch);
	field_add(out, ctl->colour, "epoch", text);
	if (r->bytes_moved || r->fb_bytes_moved) {
		(void)snprintf(text, sizeof(text), "%s to target, %s back",
			       human_bytes(moved, r->bytes_moved),
			       human_bytes(back, r->fb_bytes_moved));
		field_add(out, ctl->colour, "moved", text);
	}
	progress_text(text, sizeof(text), v->transfer);
	field_add(out, ctl->colour, "copying", text);
	if (v->transfer)
		field_add(out, ctl->colour, "copy error", v->transfer->error);
	moments(out, ctl, r);
	evidence(out, ctl, r);
	journal(out, ctl, v);
}

void render_list(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out)
{
	if (reply->relocations->n_relocation)
		relocation_table(ctl, reply->relocations->relocation,
				 reply->relocations->n_relocation, out);
	else
		vrs_text_add(out, "no relocations\n");
}

void render_relocations(const struct vrs_ctl *ctl, const control_reply *reply,
			struct vrs_text *out)
{
	for (size_t i = 0; i < reply->relocations->n_relocation; i++)
		if (reply->relocations->relocation[i]->record)
			relocation(ctl, reply->relocations->relocation[i], out);
}

void render_explain(const struct vrs_ctl *ctl, const control_reply *reply,
		    struct vrs_text *out)
{
	for (size_t i = 0; i < reply->relocations->n_relocation; i++) {
		const Vrsas__V1__Relocation *r =
			reply->relocations->relocation[i]->record;

		if (r && r->decision)
			explain_decision(out, r->decision, ctl->colour);
		else if (r)
			vrs_text_add(out, "%s: no decision yet (%s)\n", name_of(r),
				     state_name(r->state));
	}
}

static int ask_relocations(struct vrs_ctl *ctl, bool with_journal, render_fn *render)
{
	Vrsas__V1__RelocationQuery query = VRSAS__V1__RELOCATION_QUERY__INIT;

	query.with_journal = with_journal;
	if (ctl->args.n_operands)
		query.vm = ctl->args.operand[0];
	query.open_only = vrs_args_has(&ctl->args, "open");
	return ctl_query(ctl, &query.base, render);
}

int verb_relocation_list(struct vrs_ctl *ctl)
{
	return ask_relocations(ctl, false, render_list);
}

int verb_relocation_show(struct vrs_ctl *ctl)
{
	return ask_relocations(ctl, true, render_relocations);
}

int verb_relocation_explain(struct vrs_ctl *ctl)
{
	return ask_relocations(ctl, false, render_explain);
}

int verb_relocation_cancel(struct vrs_ctl *ctl)
{
	Vrsas__V1__CancelOrder order = VRSAS__V1__CANCEL_ORDER__INIT;

	order.vm = ctl->args.operand[0];
	order.reason = vrs_args_text(&ctl->args, "reason");
	return ctl_order(ctl, &order.base, render_done);
}
