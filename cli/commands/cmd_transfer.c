/* vrsctl transfer list|show|pause|resume|cancel|rate|times */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"
#include "vrs/value.h"

typedef Vrsas__V1__TransferStatus transfer;
typedef Vrsas__V1__TransferPast past;

#define STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

static enum tone tone_of(const transfer *t)
{
	switch (t->state) {
	case STATE(DONE):
		return GOOD;
	case STATE(FAILED):
		return BAD;
	case STATE(CANCELLED):
		return DIM;
	default:
		return WARN;
	}
}

static const char *name_of(const transfer *t)
{
	return t->vm_name[0] ? t->vm_name : t->job_id;
}

static void way(char *buf, size_t size, const char *from, const char *to)
{
	(void)snprintf(buf, size, "%s > %s", from[0] ? from : "?", to[0] ? to : "?");
}

static bool has_eta(const transfer *t)
{
	return !t->ended_at_ms && t->started_at_ms && t->eta_ms >= 0 &&
	       t->predicted_ms > 0;
}

static void eta_text(char *buf, size_t size, const transfer *t)
{
	char eta[HUMAN_MAX], low[HUMAN_MAX], high[HUMAN_MAX];

	buf[0] = '\0';
	if (has_eta(t))
		(void)snprintf(buf, size, "%s (%s to %s)", human_span(eta, t->eta_ms),
			       human_span(low, t->eta_low_ms),
			       human_span(high, t->eta_high_ms));
	else if (t->ended_at_ms && t->started_at_ms)
		(void)snprintf(buf, size, "took %s",
			       human_span(eta, t->ended_at_ms - t->started_at_ms));
}

static void done_text(char *buf, size_t size, const transfer *t)
{
	char done[HUMAN_MAX], total[HUMAN_MAX];

	buf[0] = '\0';
	if (t->bytes_total)
		(void)snprintf(buf, size, "%s of %s", human_bytes(done, t->bytes_done),
			       human_bytes(total, t->bytes_total));
}

static void render_list_of(const struct vrs_ctl *ctl, const control_reply *reply,
			   struct vrs_text *out)
{
	static const char *const headers[] = {"VM",     "STATE", "FROM > TO",
					      "COPIED", ">NOW",  ">MEAN",
					      "LEFT",   "JOB",   NULL};
	const Vrsas__V1__TransferViews *v = reply->transfers;
	struct table *t = table_new(headers);
	char text[160], rate[HUMAN_MAX];

	for (size_t i = 0; i < v->n_transfer; i++) {
		const transfer *x = v->transfer[i];
		const char *state = vrs_enum_name(&vrsas__v1__transfer_state__descriptor,
						  (int)x->state);
		bool runs = x->state == STATE(COPYING) || x->state == STATE(VERIFYING);

		table_cell(t, BOLD, "%s", name_of(x));
		table_cell(t, tone_of(x), "%s", state ? state : "");
		way(text, sizeof(text), x->source_cluster, x->target_cluster);
		table_cell(t, PLAIN, "%s", text);
		done_text(text, sizeof(text), x);
		table_cell(t, PLAIN, "%s", text);
		table_cell(t, PLAIN, "%s",
			   runs ? human_rate(rate, x->rate_now_bytes_per_s) : "");
		table_cell(t, PLAIN, "%s",
			   x->rate_avg_bytes_per_s > 0
				   ? human_rate(rate, x->rate_avg_bytes_per_s)
				   : "");
		eta_text(text, sizeof(text), x);
		table_cell(t, PLAIN, "%s", text);
		table_cell(t, DIM, "%s", x->job_id);
		if (x->state == STATE(QUEUED) && x->waits_for[0])
			table_note(t, DIM, "waits: %s", x->waits_for);
		if (x->error[0])
			table_note(t, tone_of(x), "%s", x->error);
	}
	if (v->n_transfer)
		table_print(t, out, ctl->headers, ctl->colour);
	else
		vrs_text_add(out, "no transfers\n");
	table_free(t);
}

/* --- one --- */

static void prediction(char *buf, size_t size, const transfer *t)
{
	char likely[HUMAN_MAX], low[HUMAN_MAX], high[HUMAN_MAX];

	buf[0] = '\0';
	if (t->predicted_ms > 0)
		(void)snprintf(buf, size, "%s, 90 %% between %s and %s",
			       human_span(likely, t->predicted_ms),
			       human_span(low, t->predicted_low_ms),
			       human_span(high, t->predicted_high_ms));
}

static void render_one(const struct vrs_ctl *ctl, const control_reply *reply,
		       struct vrs_text *out)
{
	char text[200], b1[HUMAN_MAX], b2[HUMAN_MAX];

	for (size_t i = 0; i < reply->transfers->n_transfer; i++) {
		const transfer *t = reply->transfers->transfer[i];
		const char *state = vrs_enum_name(&vrsas__v1__transfer_state__descriptor,
						  (int)t->state);

		tone_add(out, ctl->colour, BOLD, "%s  ", t->job_id);
		tone_add(out, ctl->colour, tone_of(t), "%s", state ? state : "");
		vrs_text_add(out, "\n");
		field_add(out, ctl->colour, "vm", t->vm_name);
		way(text, sizeof(text), t->source_cluster, t->target_cluster);
		field_add(out, ctl->colour, "route", text);
		field_add(out, ctl->colour, "mover", t->mover);
		field_add(out, ctl->colour, "waiting for",
			  t->state == STATE(QUEUED) ? t->waits_for : "");
		done_text(text, sizeof(text), t);
		field_add(out, ctl->colour, "copied", text);
		(void)snprintf(text, sizeof(text), "%s, of which %s resent",
			       human_bytes(b1, t->bytes_sent),
			       human_bytes(b2, t->bytes_resent));
		field_add(out, ctl->colour, "sent", text);
		(void)snprintf(text, sizeof(text), "%s now, %s on average",
			       human_rate(b1, t->rate_now_bytes_per_s),
			       human_rate(b2, t->rate_avg_bytes_per_s));
		field_add(out, ctl->colour, "rate", t->started_at_ms ? text : "");
		field_add(out, ctl->colour, "limit",
			  t->rate_limit_bytes_per_s
				  ? human_rate(b1, (double)t->rate_limit_bytes_per_s)
				  : "");
		prediction(text, sizeof(text), t);
		field_add(out, ctl->colour, "expected", text);
		eta_text(text, sizeof(text), t);
		field_add(out, ctl->colour, has_eta(t) ? "left" : "total", text);
		field_add(out, ctl->colour, "error", t->error);
		for (size_t k = 0; k < t->n_disk; k++) {
			(void)snprintf(text, sizeof(text), "%.120s  %.32s",
				       t->disk[k]->target_path, t->disk[k]->target_hash);
			field_add(out, ctl->colour, "verified", text);
			field_add(out, ctl->colour, "kept", t->disk[k]->kept_path);
		}
	}
}

/* --- expected and actual durations: Table 9 of the paper --- */

static const char *seconds(char buf[HUMAN_MAX], int64_t ms)
{
	(void)snprintf(buf, HUMAN_MAX, "%.1f s", (double)ms / 1e3);
	return buf;
}

static bool is_inside(const past *p)
{
	return p->took_ms >= p->predicted_low_ms && p->took_ms <= p->predicted_high_ms;
}

static void render_times(const struct vrs_ctl *ctl, const control_reply *reply,
			 struct vrs_text *out)
{
	static const char *const headers[] = {"ENDED",     "FROM > TO", "KIND",  ">DATA",
					      ">EXPECTED", ">LOW",      ">HIGH", ">TOOK",
					      ">OFF",      "INSIDE",    NULL};
	const Vrsas__V1__TransferTimes *v = reply->transfer_times;
	struct table *t = table_new(headers);
	char text[160], b[HUMAN_MAX];
	size_t n_predicted = 0, n_inside = 0;
	double off_sum = 0;

	for (size_t i = 0; i < v->n_past; i++) {
		const past *p = v->past[i];
		bool predicted = p->predicted_ms > 0 && p->took_ms > 0;
		double off = predicted ? (double)(p->predicted_ms - p->took_ms) /
						 (double)p->took_ms
				       : 0;

		n_predicted += predicted;
		n_inside += predicted && is_inside(p);
		off_sum += fabs(off);
		table_cell(t, PLAIN, "%s", human_time(b, p->at_ms));
		way(text, sizeof(text), p->source_cluster, p->target_cluster);
		table_cell(t, PLAIN, "%s", text);
		table_cell(t, PLAIN, "%s", p->changes_only ? "changes" : "full");
		table_cell(t, PLAIN, "%s", human_bytes(b, p->data_bytes));
		table_cell(t, PLAIN, "%s", predicted ? seconds(b, p->predicted_ms) : "");
		table_cell(t, DIM, "%s",
			   predicted ? seconds(b, p->predicted_low_ms) : "");
		table_cell(t, DIM, "%s",
			   predicted ? seconds(b, p->predicted_high_ms) : "");
		table_cell(t, BOLD, "%s", seconds(b, p->took_ms));
		if (predicted)
			table_cell(t, PLAIN, "%+.0f %%", 100 * off);
		else
			table_cell(t, PLAIN, "%s", "");
		table_cell(t, predicted && is_inside(p) ? GOOD : WARN, "%s",
			   !predicted     ? ""
			   : is_inside(p) ? "yes"
					  : "no");
	}
	if (v->n_past)
		table_print(t, out, ctl->headers, ctl->colour);
	else
		vrs_text_add(out, "no copy has finished yet\n");
	if (n_predicted)
		vrs_text_add(out,
			     "\n%zu of %zu durations are within the 90 %% interval; "
			     "mean error %.0f %%\n",
			     n_inside, n_predicted, 100 * off_sum / (double)n_predicted);
	table_free(t);
}

/* --- commands --- */

static int ask_for(struct vrs_ctl *ctl, const char *job, bool open_only,
		   render_fn *render)
{
	Vrsas__V1__TransferQuery query = VRSAS__V1__TRANSFER_QUERY__INIT;

	query.job = job;
	query.open_only = open_only;
	return ctl_query(ctl, &query.base, render);
}

int verb_transfer_list(struct vrs_ctl *ctl)
{
	return ask_for(ctl, "", vrs_args_has(&ctl->args, "open"), render_list_of);
}

int verb_transfer_show(struct vrs_ctl *ctl)
{
	return ask_for(ctl, ctl->args.operand[0], false, render_one);
}

int verb_transfer_times(struct vrs_ctl *ctl)
{
	Vrsas__V1__TransferTimesQuery query = VRSAS__V1__TRANSFER_TIMES_QUERY__INIT;

	if (ctl->args.n_operands > 0)
		query.source_cluster = ctl->args.operand[0];
	if (ctl->args.n_operands > 1)
		query.target_cluster = ctl->args.operand[1];
	return ctl_query(ctl, &query.base, render_times);
}

static int order(struct vrs_ctl *ctl, Vrsas__V1__TransferAct act, uint64_t rate)
{
	Vrsas__V1__TransferOrder o = VRSAS__V1__TRANSFER_ORDER__INIT;

	o.job = ctl->args.operand[0];
	o.act = act;
	o.rate_bytes_per_s = rate;
	return ctl_order(ctl, &o.base, render_done);
}

int verb_transfer_pause(struct vrs_ctl *ctl)
{
	return order(ctl, VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_PAUSE, 0);
}

int verb_transfer_resume(struct vrs_ctl *ctl)
{
	return order(ctl, VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_RESUME, 0);
}

int verb_transfer_cancel(struct vrs_ctl *ctl)
{
	return order(ctl, VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_CANCEL, 0);
}

int verb_transfer_rate(struct vrs_ctl *ctl)
{
	const char *text = ctl->args.operand[1];
	int64_t rate = 0;

	if (strcmp(text, "none") != 0 && (vrs_parse_bytes(text, &rate) < 0 || rate <= 0))
		return ctl_fail(EXIT_USAGE, "use 20M, 1G or none", "invalid rate '%s'",
				text);
	return order(ctl, VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_RATE, (uint64_t)rate);
}
