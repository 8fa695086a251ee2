#include "api/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/columns.h"
#include "vrs/json.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

/* --- cells --- */

static void add_escaped(struct vrs_text *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '<':
			vrs_text_add(out, "&lt;");
			break;
		case '>':
			vrs_text_add(out, "&gt;");
			break;
		case '&':
			vrs_text_add(out, "&amp;");
			break;
		case '"':
			vrs_text_add(out, "&quot;");
			break;
		case '\'':
			vrs_text_add(out, "&#39;");
			break;
		default:
			vrs_text_add_bytes(out, (unsigned char)*s < 0x20 ? " " : s, 1);
		}
}

static void cell(struct vrs_text *out, const char *s)
{
	vrs_text_add(out, "<td>");
	add_escaped(out, s);
	vrs_text_add(out, "</td>");
}

static void place_cell(struct vrs_text *out, const char *cluster, const char *host)
{
	vrs_text_add(out, "<td>");
	add_escaped(out, cluster);
	if (host[0]) {
		vrs_text_add(out, "/");
		add_escaped(out, host);
	}
	vrs_text_add(out, "</td>");
}

static void number_cell(struct vrs_text *out, unsigned long long n)
{
	vrs_text_add(out, "<td class=\"n\">%llu</td>", n);
}

static void ratio_cell(struct vrs_text *out, double ratio)
{
	if (isfinite(ratio))
		vrs_text_add(out, "<td class=\"n\">%.0f %%</td>", ratio * 100);
	else
		vrs_text_add(out, "<td class=\"n\">-</td>");
}

static void time_cell(struct vrs_text *out, int64_t at_ms)
{
	char at[40];

	if (!at_ms) {
		vrs_text_add(out, "<td>-</td>");
		return;
	}
	(void)vrs_time_format(at, sizeof(at), at_ms);
	vrs_text_add(out, "<td><time datetime=\"%s\">%.10s %.8s</time></td>", at, at,
		     at + 11);
}

static void span_cell(struct vrs_text *out, int64_t ms)
{
	if (ms < 0)
		vrs_text_add(out, "<td class=\"n\">-</td>");
	else if (ms < MINUTE)
		vrs_text_add(out, "<td class=\"n\">%lld s</td>",
			     (long long)(ms / SECOND));
	else if (ms < HOUR)
		vrs_text_add(out, "<td class=\"n\">%lld min %02lld s</td>",
			     (long long)(ms / MINUTE), (long long)(ms % MINUTE / SECOND));
	else
		vrs_text_add(out, "<td class=\"n\">%lld h %02lld min</td>",
			     (long long)(ms / HOUR), (long long)(ms % HOUR / MINUTE));
}

static void age_cell(struct vrs_text *out, int64_t now_ms, int64_t at_ms)
{
	if (at_ms)
		span_cell(out, now_ms > at_ms ? now_ms - at_ms : 0);
	else
		vrs_text_add(out, "<td class=\"n\">never</td>");
}

static void header(struct vrs_text *out, const char *title, bool right)
{
	vrs_text_add(out, "<th scope=\"col\"%s>%s</th>", right ? " class=\"n\"" : "",
		     title);
}

static void table_body(struct vrs_text *out)
{
	vrs_text_add(out, "</tr></thead><tbody>\n");
}

/* h: headers, '>' in front: aligned right; ends with NULL. Without h the caller adds them
 * and opens the body. */
static void table_begin(struct vrs_text *out, const char *caption, const char *const *h)
{
	vrs_text_add(out, "<table><caption>%s</caption><thead><tr>", caption);
	if (!h)
		return;
	for (; *h; h++)
		header(out, *h + (**h == '>'), **h == '>');
	table_body(out);
}

static void table_end(struct vrs_text *out, size_t n_rows, const char *none)
{
	vrs_text_add(out, "</tbody></table>\n");
	if (!n_rows)
		vrs_text_add(out, "<p>%s</p>\n", none);
}

/* --- the page --- */

static void document(struct vrs_text *out, const char *title)
{
	vrs_text_add(out,
		     "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		     "<meta name=\"viewport\" content=\"width=device-width, "
		     "initial-scale=1\"><meta name=\"color-scheme\" content=\"light "
		     "dark\"><title>%s</title><link rel=\"stylesheet\" "
		     "href=\"/plain.css\"></head><body><main>\n",
		     title);
}

void tables_head(struct vrs_text *out, const char *who, int64_t now_ms)
{
	char at[40];

	document(out, "VR-SAS, plain tables");
	(void)vrs_time_format(at, sizeof(at), now_ms);
	vrs_text_add(out,
		     "<p>VR-SAS for %s, as of %.10s %.8s UTC. <a href=\"/tables\">Reload"
		     "</a> <a href=\"/\">Live page</a></p>\n",
		     who, at, at + 11);
}

void tables_foot(struct vrs_text *out)
{
	vrs_text_add(out, "</main></body></html>\n");
}

void tables_missing(struct vrs_text *out, const char *what, const char *why)
{
	vrs_text_add(out, "<p class=\"missing\">%s: ", what);
	add_escaped(out, why);
	vrs_text_add(out, "</p>\n");
}

void tables_login(struct vrs_text *out, const char *why)
{
	document(out, "VR-SAS, sign in");
	if (why[0])
		tables_missing(out, "Sign-in failed", why);
	vrs_text_add(out,
		     "<form method=\"post\" action=\"/api/v1/session\"><p><label>"
		     "Token <input name=\"token\" type=\"password\" required></label> "
		     "<button>Sign in</button></p></form>\n");
	tables_foot(out);
}

/* --- its parts --- */

static void column_cell(struct vrs_text *out, const struct vrs_column *c,
			const ProtobufCMessage *row, int64_t now_ms)
{
	struct vrs_column_value v;

	vrs_column_read(c, row, &v);
	switch (c->kind) {
	case VRS_COLUMN_TEXT:
		cell(out, v.text);
		break;
	case VRS_COLUMN_PLACE:
		place_cell(out, v.text, v.second);
		break;
	case VRS_COLUMN_COUNT:
		number_cell(out, v.count);
		break;
	case VRS_COLUMN_OF:
		vrs_text_add(out, "<td class=\"n\">%llu of %llu%s</td>",
			     (unsigned long long)v.count, (unsigned long long)v.of,
			     v.tone == VRS_TONE_BAD ? " (!)" : "");
		break;
	case VRS_COLUMN_BYTES:
		vrs_text_add(out, "<td class=\"n\">%.1f GiB</td>",
			     (double)v.count / (1 << 30));
		break;
	case VRS_COLUMN_RATIO:
		ratio_cell(out, v.ratio);
		break;
	case VRS_COLUMN_AGE:
		age_cell(out, now_ms, v.at_ms);
		break;
	}
}

struct column_rows {
	const void *rows; /* pointers to messages */
	size_t n;
	const char *caption, *none;
};

static void column_table(struct vrs_text *out, const struct vrs_columns *columns,
			 const struct column_rows *r, int64_t now_ms)
{
	const ProtobufCMessage *const *row = r->rows;

	table_begin(out, r->caption, NULL);
	for (size_t k = 0; k < columns->n; k++) {
		const struct vrs_column *c = &columns->column[k];

		if (c->title)
			header(out, c->title,
			       c->kind != VRS_COLUMN_TEXT && c->kind != VRS_COLUMN_PLACE);
	}
	table_body(out);
	for (size_t i = 0; i < r->n; i++) {
		vrs_text_add(out, "<tr>");
		for (size_t k = 0; k < columns->n; k++)
			if (columns->column[k].title)
				column_cell(out, &columns->column[k], row[i], now_ms);
		vrs_text_add(out, "</tr>\n");
	}
	table_end(out, r->n, r->none);
}

void tables_status(struct vrs_text *out, const Vrsas__V1__StatusView *v)
{
	const struct column_rows rows = {v->cluster, v->n_cluster, "Clusters",
					 "No clusters yet."};

	vrs_text_add(out, "<h1>");
	add_escaped(out, v->health);
	vrs_text_add(out, "</h1>\n<ul>");
	for (size_t i = 0; i < v->n_reason; i++) {
		vrs_text_add(out, "<li>");
		add_escaped(out, v->reason[i]);
		vrs_text_add(out, "</li>");
	}
	vrs_text_add(out, "</ul>\n");
	column_table(out, &vrs_columns_cluster, &rows, v->at_ms);
}

void tables_incidents(struct vrs_text *out, const Vrsas__V1__IncidentViews *v)
{
	static const char *const headers[] = {"Host", "State", "Summary",
					      "Next", "Since", NULL};

	table_begin(out, "Incidents", headers);
	for (size_t i = 0; i < v->n_incident; i++) {
		const Vrsas__V1__IncidentView *k = v->incident[i];

		vrs_text_add(out, "<tr>");
		place_cell(out, k->cluster, k->host);
		cell(out, k->open ? k->host_state : "resolved");
		cell(out, k->summary);
		cell(out, k->next);
		time_cell(out, k->starts_at_ms);
		vrs_text_add(out, "</tr>\n");
	}
	table_end(out, v->n_incident, "None in the last 24 h.");
}

static void progress_cell(struct vrs_text *out, const Vrsas__V1__TransferStatus *x)
{
	double mib = 1048576;

	if (!x || x->state != VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING ||
	    !x->bytes_total) {
		vrs_text_add(out, "<td></td>");
		return;
	}
	vrs_text_add(out, "<td>%.0f %% of %.1f MiB, %.1f MiB/s",
		     (double)x->bytes_done * 100 / (double)x->bytes_total,
		     (double)x->bytes_total / mib, x->rate_now_bytes_per_s / mib);
	if (x->eta_ms >= 0)
		vrs_text_add(out, ", %lld s left", (long long)(x->eta_ms / SECOND));
	vrs_text_add(out, "</td>");
}

void tables_relocations(struct vrs_text *out, const Vrsas__V1__RelocationViews *v,
			int64_t now_ms)
{
	static const char *const headers[] = {"VM",       "State",  ">For",
					      "Home",     "Active", "Target",
					      "Transfer", "Reason", NULL};
	size_t n = 0;

	table_begin(out, "Active relocations", headers);
	for (size_t i = 0; i < v->n_relocation; i++) {
		const Vrsas__V1__Relocation *r = v->relocation[i]->record;
		const char *state;

		if (!r)
			continue;
		n++;
		state = vrs_enum_name(&vrsas__v1__relocation_state__descriptor,
				      (int)r->state);
		vrs_text_add(out, "<tr>");
		cell(out, r->vm_name[0] ? r->vm_name : r->vm_id);
		cell(out, state ? state : "-");
		age_cell(out, now_ms, r->state_since_ms);
		place_cell(out, r->home_cluster, r->home_host);
		place_cell(out, r->active_cluster, r->active_host);
		place_cell(out, r->target_cluster, r->target_host);
		progress_cell(out, v->relocation[i]->transfer);
		cell(out, r->hold_reason[0] ? r->hold_reason
			  : r->decision     ? r->decision->summary
					    : "");
		vrs_text_add(out, "</tr>\n");
	}
	table_end(out, n, "None: every protected VM runs at home.");
}

void tables_risk(struct vrs_text *out, const Vrsas__V1__RiskViews *v, int64_t now_ms)
{
	static const char *const headers[] = {"Host",           ">VMs",  ">Own cluster",
					      ">Other cluster", ">Wait", ">No target",
					      "Reasons",        ">Age",  NULL};

	table_begin(out, "If a host failed now", headers);
	for (size_t i = 0; i < v->n_risk; i++) {
		const Vrsas__V1__RiskView *r = v->risk[i];

		vrs_text_add(out, "<tr>");
		place_cell(out, r->cluster, r->host);
		number_cell(out, r->vms);
		number_cell(out, r->local);
		number_cell(out, r->relocate);
		number_cell(out, r->wait);
		number_cell(out, r->hold);
		vrs_text_add(out, "<td>");
		for (size_t k = 0; k < r->n_why; k++) {
			add_escaped(out, r->why[k]);
			vrs_text_add(out, "<br>");
		}
		add_escaped(out, r->note);
		vrs_text_add(out, "</td>");
		age_cell(out, now_ms, r->at_ms);
		vrs_text_add(out, "</tr>\n");
	}
	table_end(out, v->n_risk, "No hosts computed yet.");
}

void tables_hosts(struct vrs_text *out, const Vrsas__V1__HostViews *v, int64_t now_ms)
{
	const struct column_rows rows = {v->host, v->n_host, "Hosts", "No hosts yet."};

	column_table(out, &vrs_columns_host, &rows, now_ms);
}

/* Newest first. */
void tables_events(struct vrs_text *out, const Vrsas__V1__EventViews *v)
{
	static const char *const headers[] = {"At (UTC)", "Severity", "Event", NULL};

	table_begin(out, "Events", headers);
	for (size_t i = v->n_event; i > 0; i--) {
		const Vrsas__V1__Event *e = v->event[i - 1];
		const char *severity =
			vrs_enum_name(&vrsas__v1__severity__descriptor, (int)e->severity);

		vrs_text_add(out, "<tr>");
		time_cell(out, e->at_ms);
		cell(out, severity ? severity : "-");
		cell(out, e->text);
		vrs_text_add(out, "</tr>\n");
	}
	table_end(out, v->n_event, "None.");
}
