/* vrsctl status, host list, vm list */
#include <math.h>
#include <string.h>

#include "ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/json.h"

static enum tone health_tone(const char *health)
{
	return strcmp(health, "HEALTHY") == 0   ? GOOD
	       : strcmp(health, "WARNING") == 0 ? WARN
						: BAD;
}

static void cluster_table(const struct ctl *ctl, const Vrsas__V1__StatusView *s,
			  struct vrs_text *out)
{
	static const char *const headers[] = {
		"CLUSTER",    ">HOSTS UP",   ">VMS", ">PROTECTED", ">VCPUS",
		">RAM",       ">CPU",        ">MEM", ">PEAK P50",  ">PEAK P90",
		">DISK FREE", "LAST SAMPLE", NULL,
	};
	struct table *t = table_new(headers);
	char text[HUMAN_MAX];

	for (size_t i = 0; i < s->n_cluster; i++) {
		const Vrsas__V1__ClusterView *c = s->cluster[i];

		table_cell(t, BOLD, "%s", c->name);
		table_cell(t, c->hosts_up == c->hosts ? PLAIN : BAD, "%u/%u", c->hosts_up,
			   c->hosts);
		table_cell(t, PLAIN, "%u", c->vms);
		table_cell(t, PLAIN, "%u", c->vms_protected);
		table_cell(t, PLAIN, "%u", c->vcpus_total);
		table_cell(t, PLAIN, "%s", human_bytes(text, c->ram_total_bytes));
		table_cell(t, PLAIN, "%s", human_ratio(text, c->cpu_ratio));
		table_cell(t, PLAIN, "%s", human_ratio(text, c->mem_ratio));
		table_cell(t, PLAIN, "%s", human_ratio(text, c->peak_p50_ratio));
		table_cell(t, PLAIN, "%s", human_ratio(text, c->peak_p90_ratio));
		table_cell(t, PLAIN, "%s", human_bytes(text, c->disk_free_bytes));
		table_cell(t, PLAIN, "%s",
			   human_age(text, s->at_ms, c->last_sample_at_ms));
	}
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

static void service_table(const struct ctl *ctl, const Vrsas__V1__StatusView *s,
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

void render_status(const struct ctl *ctl, const control_reply *reply,
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
		cluster_table(ctl, s, out);
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

int verb_status(struct ctl *ctl)
{
	control_request req = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__StatusQuery query = VRSAS__V1__STATUS_QUERY__INIT;

	if (args_has(&ctl->args, "simple"))
		return status_simple(ctl);
	req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
	req.status = &query;
	return ctl_query(ctl, &req, render_status);
}

static enum tone host_tone(const char *state)
{
	if (strcmp(state, "up") == 0)
		return GOOD;
	return strcmp(state, "maintenance") == 0 || strcmp(state, "unknown") == 0 ? WARN
										  : BAD;
}

void render_hosts(const struct ctl *ctl, const control_reply *reply, struct vrs_text *out)
{
	static const char *const headers[] = {
		"CLUSTER", "HOST", "ADDRESS",   "STATE",       ">VCPUS", ">RAM", ">CPU",
		">MEM",    ">VMS", ">PEAK P90", "LAST SAMPLE", "NOTE",   NULL,
	};
	struct table *t = table_new(headers);
	char text[HUMAN_MAX];
	int64_t now_ms = ctl_now_ms();

	for (size_t i = 0; i < reply->hosts->n_host; i++) {
		const Vrsas__V1__HostView *h = reply->hosts->host[i];

		table_cell(t, PLAIN, "%s", h->cluster);
		table_cell(t, BOLD, "%s", h->name);
		table_cell(t, PLAIN, "%s", h->address);
		table_cell(t, host_tone(h->state), "%s", h->state);
		table_cell(t, PLAIN, "%u/%u", h->vcpus_used, h->vcpus_total);
		table_cell(t, PLAIN, "%s", human_bytes(text, h->ram_total_bytes));
		table_cell(t, PLAIN, "%s", human_ratio(text, h->cpu_ratio));
		table_cell(t, PLAIN, "%s", human_ratio(text, h->mem_ratio));
		table_cell(t, PLAIN, "%u", h->vms);
		table_cell(t, PLAIN, "%s", human_ratio(text, h->peak_p90_ratio));
		table_cell(t, PLAIN, "%s", human_age(text, now_ms, h->last_sample_at_ms));
		table_cell(t, PLAIN, "%s", h->note);
	}
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

static const char *given(const struct ctl *ctl, const char *option)
{
	const char *value = args_value(&ctl->args, option);

	return value ? value : "";
}

int verb_host_list(struct ctl *ctl)
{
	control_request req = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__HostQuery query = VRSAS__V1__HOST_QUERY__INIT;

	query.cluster = given(ctl, "cluster");
	req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS;
	req.hosts = &query;
	return ctl_query(ctl, &req, render_hosts);
}

static void vm_row(struct table *t, const Vrsas__V1__VmView *v)
{
	const Vrsas__V1__VmFacts *f = v->facts;
	const char *state =
		vrs_enum_name(&vrsas__v1__vm_state__descriptor, (int)f->state);
	bool running = f->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	char text[HUMAN_MAX];
	uint64_t disk_bytes = 0;

	for (size_t i = 0; i < f->n_disk; i++)
		disk_bytes += f->disk[i]->virtual_bytes;
	table_cell(t, PLAIN, "%s", v->cluster);
	table_cell(t, PLAIN, "%s", v->host);
	table_cell(t, BOLD, "%s", f->name);
	table_cell(t, running ? GOOD : WARN, "%s", state ? state : "");
	table_cell(t, PLAIN, "%u", f->vcpus);
	table_cell(t, PLAIN, "%s", human_bytes(text, f->ram_bytes));
	table_cell(t, PLAIN, "%s", human_bytes(text, disk_bytes));
	table_cell(t, PLAIN, "%u", f->vm_class);
	table_cell(t, f->protect ? PLAIN : DIM, f->protect ? "yes" : "no");
	table_cell(t, PLAIN, "%s",
		   f->readable_without_host == VRSAS__V1__ANSWER__ANSWER_YES  ? "yes"
		   : f->readable_without_host == VRSAS__V1__ANSWER__ANSWER_NO ? "no"
									      : "");
	table_cell(t, PLAIN, "%s", v->relocation ? state_name(v->relocation) : "");
	table_cell(t, PLAIN, "%s", v->note);
}

void render_vms(const struct ctl *ctl, const control_reply *reply, struct vrs_text *out)
{
	static const char *const headers[] = {
		"CLUSTER", "HOST",    "VM",       "STATE",      ">VCPUS", ">RAM", ">DISK",
		">CLASS",  "PROTECT", "READABLE", "RELOCATION", "NOTE",   NULL,
	};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < reply->vms->n_vm; i++)
		if (reply->vms->vm[i]->facts)
			vm_row(t, reply->vms->vm[i]);
	table_print(t, out, ctl->headers, ctl->colour);
	table_free(t);
}

int verb_vm_list(struct ctl *ctl)
{
	control_request req = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__VmQuery query = VRSAS__V1__VM_QUERY__INIT;

	query.cluster = given(ctl, "cluster");
	query.host = given(ctl, "host");
	req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_VMS;
	req.vms = &query;
	return ctl_query(ctl, &req, render_vms);
}
