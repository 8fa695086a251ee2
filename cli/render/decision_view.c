#include "render/decision_view.h"

#include <stdlib.h>
#include <string.h>

#include "render/human.h"

static const char *const candidate_headers[] = {
	">RANK",  "WHERE",     ">PEAK P50",  ">PEAK P90", "FORECAST", ">DEMAND",
	">CORES", ">RAM FREE", ">DISK FREE", ">TRANSFER", ">OUTAGE",  NULL,
};

void explain_verdict(struct vrs_text *out, const Vrsas__V1__Decision *d)
{
	const char *slash = d->host[0] ? "/" : "";

	switch (d->verdict) {
	case VRSAS__V1__VERDICT__VERDICT_WAIT:
		vrs_text_add(out, "wait for the repair");
		break;
	case VRSAS__V1__VERDICT__VERDICT_LOCAL:
		vrs_text_add(out, "restart at %s%s%s", d->cluster, slash, d->host);
		break;
	case VRSAS__V1__VERDICT__VERDICT_RELOCATE:
		vrs_text_add(out, "relocate to %s%s%s", d->cluster, slash, d->host);
		break;
	case VRSAS__V1__VERDICT__VERDICT_HOLD:
		vrs_text_add(out, "hold for an operator");
		break;
	default:
		vrs_text_add(out, "undecided");
		break;
	}
}

enum tone explain_tone(Vrsas__V1__Verdict verdict)
{
	switch (verdict) {
	case VRSAS__V1__VERDICT__VERDICT_LOCAL:
	case VRSAS__V1__VERDICT__VERDICT_RELOCATE:
		return GOOD;
	case VRSAS__V1__VERDICT__VERDICT_WAIT:
		return WARN;
	default:
		return BAD;
	}
}

const Vrsas__V1__Candidate *explain_chosen(const Vrsas__V1__Decision *d)
{
	for (size_t i = 0; i < d->n_candidate; i++)
		if (d->candidate[i]->rank == 1)
			return d->candidate[i];
	return NULL;
}

static void place_cells(struct table *t, const Vrsas__V1__Candidate *c, enum tone tone)
{
	char text[HUMAN_MAX];

	if (c->rank)
		table_cell(t, tone, "%u", c->rank);
	else
		table_cell(t, tone, "-");
	table_cell(t, tone, "%s%s%s", c->cluster, c->host[0] ? "/" : "", c->host);
	table_cell(t, PLAIN, "%s", human_ratio(text, c->peak_p50_ratio));
	table_cell(t, PLAIN, "%s", human_ratio(text, c->peak_p90_ratio));
}

/* "lstm", or with its doubt: "slevel (low)" */
static void forecast_cell(struct table *t, const Vrsas__V1__Candidate *c)
{
	if (c->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_OK ||
	    c->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_UNSPECIFIED)
		table_cell(t, PLAIN, "%s", c->forecast_method);
	else
		table_cell(t, WARN, "%s (%s)", c->forecast_method,
			   c->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW
				   ? "low"
				   : "none");
}

static void room_cells(struct table *t, const Vrsas__V1__Candidate *c)
{
	char text[HUMAN_MAX];

	table_cell(t, PLAIN, "%.1f", c->demand_cores);
	table_cell(t, PLAIN, "%.1f", c->capacity_cores);
	table_cell(t, PLAIN, "%s", human_bytes(text, c->ram_free_bytes));
	table_cell(t, PLAIN, "%s", human_bytes(text, c->disk_free_bytes));
}

static void time_cells(struct table *t, const Vrsas__V1__Candidate *c)
{
	char likely[HUMAN_MAX], high[HUMAN_MAX];

	if (c->transfer_high_ms > c->transfer_ms)
		table_cell(t, PLAIN, "%s (<%s)", human_span(likely, c->transfer_ms),
			   human_span(high, c->transfer_high_ms));
	else
		table_cell(t, PLAIN, "%s", human_span(likely, c->transfer_ms));
	table_cell(t, PLAIN, "%s", human_span(likely, c->outage_ms));
}

static void reason_note(struct table *t, const Vrsas__V1__Reason *r)
{
	if (r->rules_out)
		table_note(t, BAD, "x %s", r->text);
	else
		table_note(t, r->in_favour ? GOOD : WARN, "%c %s",
			   r->in_favour ? '+' : '-', r->text);
}

/* Chosen first, then by rank, then what was ruled out. */
static int by_rank(const void *a, const void *b)
{
	const Vrsas__V1__Candidate *x = *(Vrsas__V1__Candidate *const *)a;
	const Vrsas__V1__Candidate *y = *(Vrsas__V1__Candidate *const *)b;
	uint32_t rx = x->rank ? x->rank : UINT32_MAX;
	uint32_t ry = y->rank ? y->rank : UINT32_MAX;
	int names = strcmp(x->cluster, y->cluster);

	if (rx != ry)
		return rx < ry ? -1 : 1;
	return names ? names : strcmp(x->host, y->host);
}

static void candidates(struct vrs_text *out, const Vrsas__V1__Decision *d, bool colour)
{
	const Vrsas__V1__Candidate **order =
		vrs_calloc(d->n_candidate + 1, sizeof(const Vrsas__V1__Candidate *));
	struct table *t = table_new(candidate_headers);

	for (size_t i = 0; i < d->n_candidate; i++)
		order[i] = d->candidate[i];
	qsort(order, d->n_candidate, sizeof(const Vrsas__V1__Candidate *), by_rank);
	for (size_t i = 0; i < d->n_candidate; i++) {
		const Vrsas__V1__Candidate *c = order[i];

		place_cells(t, c, c->rank == 1 ? BOLD : c->rank ? PLAIN : DIM);
		forecast_cell(t, c);
		room_cells(t, c);
		time_cells(t, c);
		for (size_t k = 0; k < c->n_reason; k++)
			reason_note(t, c->reason[k]);
	}
	vrs_text_add(out, "\n");
	table_print(t, out, true, colour);
	table_free(t);
	free(order);
}

static void what_it_rests_on(struct vrs_text *out, const Vrsas__V1__Decision *d,
			     bool colour)
{
	char a[HUMAN_MAX], b[HUMAN_MAX];

	tone_add(out, colour, DIM, "  decided   ");
	tone_add(out, colour, PLAIN, "%s  (%s)", human_time(a, d->at_ms), d->id);
	vrs_text_add(out, "\n");
	tone_add(out, colour, DIM, "  class     ");
	vrs_text_add(out, "%u\n", d->vm_class);
	tone_add(out, colour, DIM, "  to move   ");
	vrs_text_add(out, "%s at %s (", human_bytes(a, d->bytes_to_move),
		     human_rate(b, d->rate_bytes_per_s));
	tone_add(out, colour, PLAIN, "%s", d->rate_source);
	vrs_text_add(out, ")\n");
	tone_add(out, colour, DIM, "  repair    ");
	vrs_text_add(out, "expected in %s; the VM would stay away for %s\n",
		     human_span(a, d->expected_repair_ms), human_span(b, d->stay_ms));
}

void explain_decision(struct vrs_text *out, const Vrsas__V1__Decision *d, bool colour)
{
	struct vrs_text verdict = {0};

	explain_verdict(&verdict, d);
	tone_add(out, colour, BOLD, "%s: ", d->vm_name[0] ? d->vm_name : d->vm_id);
	tone_add(out, colour, explain_tone(d->verdict), "%s", verdict.text);
	vrs_text_add(out, "\n");
	vrs_text_fini(&verdict);
	if (d->summary[0]) {
		tone_add(out, colour, PLAIN, "  %s", d->summary);
		vrs_text_add(out, "\n");
	}
	what_it_rests_on(out, d, colour);
	if (d->n_candidate)
		candidates(out, d, colour);
	else
		vrs_text_add(out, "\nNo candidates were considered.\n");
}
