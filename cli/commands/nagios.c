/* vrsctl status --simple: one line and the exit codes that monitoring plugins have. */
#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "render/table.h"

enum plugin_code { PLUGIN_OK = 0, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };

static const char *const code_name[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

static enum plugin_code code_of(const char *health)
{
	if (strcmp(health, "HEALTHY") == 0)
		return PLUGIN_OK;
	if (strcmp(health, "WARNING") == 0)
		return PLUGIN_WARNING;
	return strcmp(health, "CRITICAL") == 0 ? PLUGIN_CRITICAL : PLUGIN_UNKNOWN;
}

/* A '|' begins the metrics, so the text must not contain one. */
static void print_line(enum plugin_code code, const char *what, const char *figures)
{
	struct vrs_text out = {0};

	tone_add(&out, false, PLAIN, "VRSAS %s - %s", code_name[code], what);
	for (char *c = out.text; *c; c++)
		if (*c == '|')
			*c = '/';
	vrs_text_add(&out, "%s%s\n", figures[0] ? " | " : "", figures);
	ctl_put(&out);
}

static enum plugin_code print_status(const Vrsas__V1__StatusView *s)
{
	enum plugin_code code = code_of(s->health);
	uint32_t hosts = 0, up = 0, vms = 0;
	struct vrs_text what = {0};
	char figures[160];

	for (size_t i = 0; i < s->n_cluster; i++) {
		hosts += s->cluster[i]->hosts;
		up += s->cluster[i]->hosts_up;
		vms += s->cluster[i]->vms_protected;
	}
	if (s->n_reason)
		vrs_text_add(&what, "%s%s", s->reason[0], s->n_reason > 1 ? "; " : "");
	if (s->n_reason > 1)
		vrs_text_add(&what, "%zu more", s->n_reason - 1);
	if (!s->n_reason)
		vrs_text_add(&what,
			     "%zu clusters, %u of %u hosts up, %u VMs protected, %zu "
			     "relocations open",
			     s->n_cluster, up, hosts, vms, s->n_open);
	(void)snprintf(figures, sizeof(figures),
		       "hosts_up=%u;;;0;%u vms_protected=%u;;;0 relocations_open=%zu;;;0",
		       up, hosts, vms, s->n_open);
	print_line(code, what.text, figures);
	vrs_text_fini(&what);
	return code;
}

int status_simple(struct vrs_ctl *ctl)
{
	control_request req = VRSAS__V1__CONTROL_REQUEST__INIT;
	Vrsas__V1__StatusQuery query = VRSAS__V1__STATUS_QUERY__INIT;
	enum plugin_code code = PLUGIN_UNKNOWN;
	control_reply *reply = NULL;
	struct vrs_err err = {0};

	req.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_STATUS;
	req.status = &query;
	if (ctl_try(ctl, &req, &reply, &err) < 0)
		print_line(PLUGIN_UNKNOWN, err.text, "");
	else if (reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_STATUS)
		code = print_status(reply->status);
	else
		print_line(PLUGIN_UNKNOWN,
			   reply->error[0] ? reply->error
					   : "the reply contains no status",
			   "");
	control_reply_free(reply);
	return code;
}
