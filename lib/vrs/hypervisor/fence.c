#include "vrs/fence.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/conf.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

/* Exit codes of an agent: 0 done (status: on), 2 off (status only). 1 means that it
 * cannot reach its device, the password is wrong or the plug is unknown. */
enum { EXIT_DONE = 0, EXIT_OFF = 2, EXIT_SIGNAL = 256 };

/* Keys that are not allowed in the settings: the scheduler sets the action, a password
 * belongs in a file, and an agent that reports a missing machine as off proves nothing.
 */
static int check_arg(const struct vrs_site_pair *p, struct vrs_err *err)
{
	static const char *const refused[][2] = {
		{"action", "is set by the scheduler"},
		{"option", "is set by the scheduler"},
		{"missing_as_off", "is not allowed: it reports a missing machine as off"},
		{"password", "belongs in a file: use password_file"},
		{"passwd", "belongs in a file: use password_file"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(p->key, refused[i][0]) == 0)
			return vrs_fail(err, VRS_EINVAL, "fence.%s %s", p->key,
					refused[i][1]);
	if (!vrs_id_ok(p->key) || strpbrk(p->value, "\r\n"))
		return vrs_fail(err, VRS_EINVAL, "fence.%.60s: invalid key or value",
				p->key);
	return 0;
}

int vrs_fence_check(const struct vrs_site_host *host, struct vrs_err *err)
{
	if (!host->fence)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"host %s/%s: no fence agent configured", host->cluster,
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

/* Runs the agent; returns its exit code or the error. */
static int run_agent(const struct vrs_site_host *host, const char *action,
		     int64_t timeout_ms, struct vrs_fence_result *ret,
		     struct vrs_err *err)
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
	ret->power = VRS_POWER_UNKNOWN;
	/* stdout is meant for people, stderr is the agent's log */
	vrs_proc_last_line(&r.out, ret->detail, sizeof(ret->detail));
	if (!ret->detail[0])
		vrs_proc_last_line(&r.err, ret->detail, sizeof(ret->detail));
	vrs_proc_result_fini(&r);
	return r.exit_code < 0 ? EXIT_SIGNAL : r.exit_code;
}

int vrs_fence_status(const struct vrs_site_host *host, int64_t timeout_ms,
		     struct vrs_fence_result *ret, struct vrs_err *err)
{
	int code = run_agent(host, "status", timeout_ms, ret, err);

	if (code == EXIT_OFF)
		ret->power = VRS_POWER_OFF;
	else if (code == EXIT_DONE)
		ret->power = VRS_POWER_ON;
	return code < 0 ? code : 0;
}

int vrs_fence_off(const struct vrs_site_host *host, int64_t timeout_ms,
		  struct vrs_fence_result *ret, struct vrs_err *err)
{
	/* A quarter of the time is reserved for reading the state. */
	const int64_t off_ms = timeout_ms - timeout_ms / 4;
	int code = run_agent(host, "off", off_ms, ret, err);

	if (code != EXIT_DONE)
		return code < 0 ? code : 0;
	return vrs_fence_status(host, timeout_ms - off_ms, ret, err);
}
