#include "vrs/fence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/conf.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

/* The protocol's only meaningful ends: 0 done (status: on), 2 off (status only). An agent
 * that cannot reach its device, was given a wrong password or an unknown plug says 1. */
enum { SAID_DONE = 0, SAID_OFF = 2 };

/* Keys that must not come from the settings: what to do is ours to say, a password
 * belongs in a file, and an agent that calls a missing machine "off" proves nothing. */
static int check_arg(const struct vrs_site_pair *p, struct vrs_err *err)
{
	static const char *const refused[][2] = {
		{"action", "is said by the scheduler"},
		{"option", "is said by the scheduler"},
		{"missing_as_off", "would take a missing machine for a dead one"},
		{"password", "belongs in a file: use password_file"},
		{"passwd", "belongs in a file: use password_file"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(p->key, refused[i][0]) == 0)
			return vrs_fail(err, VRS_EINVAL, "fence.%s %s", p->key,
					refused[i][1]);
	if (!vrs_id_ok(p->key) || strpbrk(p->value, "\r\n"))
		return vrs_fail(err, VRS_EINVAL, "fence.%.60s is not usable", p->key);
	return 0;
}

int vrs_fence_check(const struct vrs_site_host *host, struct vrs_err *err)
{
	if (!host->fence)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"host %s/%s: no fence agent is set", host->cluster,
				host->name);
	for (size_t i = 0; i < host->n_fence_args; i++) {
		int status = check_arg(&host->fence_arg[i], err);

		if (status < 0) {
			vrs_context(err, "host %s/%s", host->cluster, host->name);
			return status;
		}
	}
	return 0;
}

static int add_arg(struct vrs_text *in, const struct vrs_site_pair *p,
		   struct vrs_err *err)
{
	if (strcmp(p->key, "password_file") == 0) {
		char *secret = NULL;
		int status = vrs_secret_read(p->value, &secret, err);

		if (status == 0)
			vrs_text_add(in, "password=%s\n", secret);
		free(secret);
		return status;
	}
	vrs_text_add(in, "%s=%s\n", p->key, p->value);
	return 0;
}

/* Runs the agent; *ret_exit is its exit code, -1 when a signal ended it. */
static int ask(const struct vrs_site_host *host, const char *action, int64_t timeout_ms,
	       int *ret_exit, char *detail, size_t detail_size, struct vrs_err *err)
{
	const char *argv[] = {host->fence, NULL};
	struct vrs_proc_result r = {0};
	struct vrs_text in = {0};
	int status = vrs_fence_check(host, err);

	vrs_text_add(&in, "action=%s\n", action);
	for (size_t i = 0; i < host->n_fence_args && status == 0; i++)
		status = add_arg(&in, &host->fence_arg[i], err);
	if (status == 0)
		status = vrs_proc_run(&(struct vrs_proc){.argv = argv,
							 .in = in.text,
							 .n_in = in.len,
							 .timeout_ms = timeout_ms},
				      &r, err);
	explicit_bzero(in.text, in.len);
	vrs_text_fini(&in);
	if (status < 0) {
		vrs_context(err, "fence %s/%s: %s %s", host->cluster, host->name,
			    host->fence ? host->fence : "-", action);
		return status;
	}
	*ret_exit = r.exit_code;
	/* stdout is meant for people, stderr is the agent's log */
	vrs_proc_last_line(&r.out, detail, detail_size);
	if (detail_size > 0 && !detail[0])
		vrs_proc_last_line(&r.err, detail, detail_size);
	vrs_proc_result_fini(&r);
	return 0;
}

int vrs_fence_status(const struct vrs_site_host *host, int64_t timeout_ms,
		     enum vrs_power *ret, char *detail, size_t detail_size,
		     struct vrs_err *err)
{
	int said = -1;
	int status = ask(host, "status", timeout_ms, &said, detail, detail_size, err);

	if (status < 0)
		return status;
	*ret = said == SAID_OFF    ? VRS_POWER_OFF
	       : said == SAID_DONE ? VRS_POWER_ON
				   : VRS_POWER_UNKNOWN;
	return 0;
}

int vrs_fence_off(const struct vrs_site_host *host, int64_t timeout_ms,
		  enum vrs_power *ret, char *detail, size_t detail_size,
		  struct vrs_err *err)
{
	/* Reading back is quick; it may always have a quarter of the time. */
	const int64_t off_ms = timeout_ms - timeout_ms / 4;
	int said = -1;
	int status = ask(host, "off", off_ms, &said, detail, detail_size, err);

	if (status < 0)
		return status;
	if (said != SAID_DONE) {
		*ret = VRS_POWER_UNKNOWN;
		return 0;
	}
	return vrs_fence_status(host, timeout_ms - off_ms, ret, detail, detail_size, err);
}

int vrs_fence_on(const struct vrs_site_host *host, int64_t timeout_ms, char *detail,
		 size_t detail_size, struct vrs_err *err)
{
	int said = -1;
	int status = ask(host, "on", timeout_ms, &said, detail, detail_size, err);

	if (status < 0)
		return status;
	if (said != SAID_DONE)
		return vrs_fail(err, VRS_EIO, "fence %s/%s: on was refused: %s",
				host->cluster, host->name, detail_size ? detail : "");
	return 0;
}
