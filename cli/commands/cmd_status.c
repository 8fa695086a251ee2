/* vrsctl status, host list, vm list */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/columns.h"
#include "vrs/mem.h"

static enum tone health_tone(const char *health)
{
	return strcmp(health, "HEALTHY") == 0   ? GOOD
	       : strcmp(health, "WARNING") == 0 ? WARN
						: BAD;
}

static void column_cell(struct table *t, const struct vrs_column *c,
			const ProtobufCMessage *row, int64_t now_ms)
{
	static const enum tone tones[] = {PLAIN, GOOD, WARN, BAD, DIM, BOLD};
	struct vrs_column_value v;
	char text[HUMAN_MAX];

	vrs_column_read(c, row, &v);
	switch (c->kind) {
	case VRS_COLUMN_TEXT:
		table_cell(t, tones[v.tone], "%s", v.text);
		break;
	case VRS_COLUMN_PLACE:
		table_cell(t, tones[v.tone], "%s/%s", v.text, v.second);
		break;
	case VRS_COLUMN_COUNT:
		table_cell(t, tones[v.tone], "%" PRIu64, v.count);
		break;
	case VRS_COLUMN_OF:
		table_cell(t, tones[v.tone], "%" PRIu64 "/%" PRIu64, v.count, v.of);
		break;
	case VRS_COLUMN_BYTES:
		table_cell(t, tones[v.tone], "%s", human_bytes(text, v.count));
		break;
	case VRS_COLUMN_RATIO:
		table_cell(t, tones[v.tone], "%s", human_ratio(text, v.ratio));
		break;
	case VRS_COLUMN_AGE:
		table_cell(t, tones[v.tone], "%s", human_age(text, now_ms, v.at_ms));
		break;
	}
}

/* Messages of the columns' kind, as they were at a time. */
struct view {
	void *rows; /* array of pointers */
	size_t n;
	int64_t at_ms;
};

static void column_table(const struct vrs_ctl *ctl, const struct vrs_columns *columns,
			 const struct view *view, struct vrs_text *out)
{
	const ProtobufCMessage *const *row = view->rows;
	const char **headers = vrs_calloc(columns->n + 1, sizeof(*headers));
	size_t n = 0;

	for (size_t k = 0; k < columns->n; k++)
		if (columns->column[k].heading)
			headers[n++] = columns->column[k].heading;
	struct table *t = table_new(headers);
	for (size_t i = 0; i < view->n; i++)
		for (size_t k = 0; k < columns->n; k++)
			if (columns->column[k].heading)
				column_cell(t, &columns->column[k], row[i], view->at_ms);
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
	free(headers);
}

static void service_table(const struct vrs_ctl *ctl, const Vrsas__V1__StatusView *s,
			  struct vrs_text *out)
{
	static const char *const headers[] = {"SERVICE", "INSTANCE", "SEEN", "NOTE",
					      NULL};
	struct table *t = table_new(headers);
	char text[HUMAN_MAX];

	for (size_t i = 0; i < s->n_service; i++) {
		const Vrsas__V1__ServiceView *v = s->service[i];
		bool late = s->at_ms - v->seen_at_ms > 30000;

		table_cell(t, BOLD, "%s", v->name);
		table_cell(t, PLAIN, "%s", v->instance);
		table_cell(t, late ? WARN : PLAIN, "%s",
			   human_age(text, s->at_ms, v->seen_at_ms));
		table_cell(t, PLAIN, "%s", v->note);
	}
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

void render_status(const struct vrs_ctl *ctl, const control_reply *reply,
		   struct vrs_text *out)
{
	const Vrsas__V1__StatusView *s = reply->status;

	tone_add(out, ctl->colour, health_tone(s->health), "%s", s->health);
	vrs_text_add(out, "\n");
	for (size_t i = 0; i < s->n_reason; i++) {
		tone_add(out, ctl->colour, PLAIN, "  - %s", s->reason[i]);
		vrs_text_add(out, "\n");
	}
	if (s->n_cluster) {
		vrs_text_add(out, "\n");
		column_table(ctl, &vrs_columns_cluster,
			     &(struct view){s->cluster, s->n_cluster, s->at_ms}, out);
	}
	if (s->n_service) {
		vrs_text_add(out, "\n");
		service_table(ctl, s, out);
	}
	if (s->n_open) {
		vrs_text_add(out, "\n");
		relocation_table(ctl, s->open, s->n_open, out);
	}
}

int verb_status(struct vrs_ctl *ctl)
{
	Vrsas__V1__StatusQuery query = VRSAS__V1__STATUS_QUERY__INIT;

	if (vrs_args_has(&ctl->args, "simple"))
		return status_simple(ctl);
	return ctl_query(ctl, &query.base, render_status);
}

void render_hosts(const struct vrs_ctl *ctl, const control_reply *reply,
		  struct vrs_text *out)
{
	column_table(
		ctl, &vrs_columns_host,
		&(struct view){reply->hosts->host, reply->hosts->n_host, ctl_now_ms()},
		out);
}

int verb_host_list(struct vrs_ctl *ctl)
{
	Vrsas__V1__HostQuery query = VRSAS__V1__HOST_QUERY__INIT;

	query.cluster = vrs_args_text(&ctl->args, "cluster");
	return ctl_query(ctl, &query.base, render_hosts);
}

void render_vms(const struct vrs_ctl *ctl, const control_reply *reply,
		struct vrs_text *out)
{
	column_table(ctl, &vrs_columns_vm,
		     &(struct view){reply->vms->vm, reply->vms->n_vm, ctl_now_ms()}, out);
}

int verb_vm_list(struct vrs_ctl *ctl)
{
	Vrsas__V1__VmQuery query = VRSAS__V1__VM_QUERY__INIT;

	query.cluster = vrs_args_text(&ctl->args, "cluster");
	query.host = vrs_args_text(&ctl->args, "host");
	return ctl_query(ctl, &query.base, render_vms);
}
