/* One program as a hypervisor: a verb, JSON in and out. docs/COMMAND-DRIVER.md is the
 * other half of this file. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vrs/hypervisor/command_json.h"
#include "vrs/hypervisor/driver.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

enum { MAX_ARGS = 16 };

struct cmd {
	char *words;                    /* the command line, cut into words in place */
	const char *argv[MAX_ARGS + 2]; /* program, arguments, then the verb */
	size_t n_argv;
};

static const struct {
	int exit_code, code;
} codes[] = {
	{2, VRS_EINVAL},   {3, VRS_ENOENT},  {4, VRS_ECONFLICT}, {5, VRS_ECONN},
	{6, VRS_ETIMEOUT}, {7, VRS_EDENIED}, {8, VRS_ENOSPC},    {9, VRS_EUNSUPPORTED},
};

static int code_of_exit(int exit_code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].exit_code == exit_code)
			return codes[i].code;
	return VRS_EIO;
}

/* Runs a verb. request is taken. *ret (may be NULL) is the program's
 * answer, an object. */
static int run(struct cmd *cmd, const char *verb, int64_t timeout_ms, json_t *request,
	       json_t **ret, struct vrs_err *err)
{
	const char *argv[MAX_ARGS + 3];
	struct vrs_proc_result r = {0};
	char said[200];
	int status;

	memcpy(argv, cmd->argv, cmd->n_argv * sizeof(*argv));
	argv[cmd->n_argv] = verb;
	argv[cmd->n_argv + 1] = NULL;

	json_object_set_new(request, "version", json_integer(1));
	json_object_set_new(request, "timeout_ms", json_integer(timeout_ms));
	char *in = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!in)
		return vrs_fail(err, VRS_EINVAL, "%s %s: request is no text", argv[0],
				verb);

	status = vrs_proc_run(&(struct vrs_proc){.argv = argv,
						 .in = in,
						 .n_in = strlen(in),
						 .timeout_ms = timeout_ms},
			      &r, err);
	free(in);
	if (status < 0) {
		vrs_context(err, "%s %s", argv[0], verb);
		return status;
	}
	if (r.exit_code != 0) {
		vrs_proc_last_line(&r.err, said, sizeof(said));
		status = vrs_fail(err, code_of_exit(r.exit_code), "%s %s: %s", argv[0],
				  verb, said[0] ? said : "failed without a reason");
	} else if (ret) {
		status = vrs_hv_json_load(r.out.text ? r.out.text : "", r.out.len, ret,
					  err);
		if (status < 0)
			vrs_context(err, "%s %s", argv[0], verb);
	}
	vrs_proc_result_fini(&r);
	return status;
}

static int run_id(struct cmd *cmd, const char *verb, int64_t timeout_ms, const char *id,
		  json_t **ret, struct vrs_err *err)
{
	json_t *request = json_object();

	json_object_set_new(request, "id", json_string(id));
	return run(cmd, verb, timeout_ms, request, ret, err);
}

static int cmd_host(void *h, int64_t timeout_ms, struct vrs_hv_host *ret,
		    struct vrs_err *err)
{
	json_t *answer = NULL;
	int status = run(h, "host", timeout_ms, json_object(), &answer, err);

	if (status == 0)
		status = vrs_hv_json_host(answer, ret, err);
	json_decref(answer);
	return status;
}

static void cmd_close(void *h)
{
	struct cmd *cmd = h;

	free(cmd->words);
	free(cmd);
}

static int cmd_open(void **ret, const char *uri, int64_t timeout_ms, struct vrs_err *err)
{
	struct cmd *cmd = vrs_calloc(1, sizeof(*cmd));
	struct vrs_hv_host host;
	char *save = NULL;
	int status = 0;

	cmd->words = vrs_strdup(strchr(uri, ':') + 1);
	for (char *w = strtok_r(cmd->words, " ", &save); w && status == 0;
	     w = strtok_r(NULL, " ", &save)) {
		if (cmd->n_argv == MAX_ARGS)
			status = vrs_fail(err, VRS_EINVAL,
					  "command: more than %d arguments", MAX_ARGS);
		else
			cmd->argv[cmd->n_argv++] = w;
	}
	if (status == 0 && (cmd->n_argv == 0 || cmd->argv[0][0] != '/'))
		status = vrs_fail(err, VRS_EINVAL,
				  "command: needs the full path of a program");
	if (status == 0 && access(cmd->argv[0], X_OK) < 0)
		status = vrs_fail_errno(err, "command: %s", cmd->argv[0]);
	if (status == 0) /* asking is how the program tells that its host answers */
		status = cmd_host(cmd, timeout_ms, &host, err);
	if (status < 0) {
		cmd_close(cmd);
		return status;
	}
	*ret = cmd;
	return 0;
}

static int cmd_list(void *h, int64_t timeout_ms, struct vrs_hv_vm **ret, size_t *ret_n,
		    struct vrs_err *err)
{
	json_t *answer = NULL;
	int status = run(h, "list", timeout_ms, json_object(), &answer, err);

	if (status == 0)
		status = vrs_hv_json_vms(answer, ret, ret_n, err);
	json_decref(answer);
	return status;
}

static int cmd_get(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
		   struct vrs_err *err)
{
	json_t *answer = NULL;
	int status = run_id(h, "get", timeout_ms, id, &answer, err);

	if (status == 0)
		status = vrs_hv_json_vm(answer, ret, err);
	json_decref(answer);
	return status;
}

static int cmd_state(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
		     struct vrs_err *err)
{
	json_t *answer = NULL;
	int status = run_id(h, "state", timeout_ms, id, &answer, err);

	if (status == 0)
		status = vrs_hv_json_state(answer, ret, err);
	json_decref(answer);
	return status;
}

static int cmd_define(void *h, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		      const struct vrs_hv_move *move, struct vrs_err *err)
{
	static const struct vrs_hv_move as_it_was = {0};
	struct vrs_hv_vm *moved = vrs_calloc(1, sizeof(*moved));

	if (!move)
		move = &as_it_was;
	int status = vrs_hv_apply_move(vm, move, moved, err);

	if (status == 0) {
		json_t *request = json_object();

		json_object_set_new(request, "id", json_string(vm->id));
		json_object_set_new(request, "vm", vrs_hv_json_of_vm(moved));
		if (vm->native)
			json_object_set_new(request, "native", json_string(vm->native));
		if (move->domain_type)
			json_object_set_new(request, "domain_type",
					    json_string(move->domain_type));
		status = run(h, "define", timeout_ms, request, NULL, err);
	}
	free(moved);
	return status;
}

static int cmd_start(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_id(h, "start", timeout_ms, id, NULL, err);
}

static int cmd_shutdown(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_id(h, "shutdown", timeout_ms, id, NULL, err);
}

static int cmd_destroy(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_id(h, "destroy", timeout_ms, id, NULL, err);
}

static int cmd_undefine(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	int status = run_id(h, "undefine", timeout_ms, id, NULL, err);

	return status == VRS_ENOENT ? 0 : status;
}

static int cmd_autostart_off(void *h, int64_t timeout_ms, const char *id,
			     struct vrs_err *err)
{
	return run_id(h, "autostart-off", timeout_ms, id, NULL, err);
}

static int cmd_store(void *h, int64_t timeout_ms, const char *path,
		     struct vrs_hv_store *ret, struct vrs_err *err)
{
	json_t *request = json_object(), *answer = NULL;

	json_object_set_new(request, "path", json_string(path));
	int status = run(h, "store", timeout_ms, request, &answer, err);
	if (status == 0)
		status = vrs_hv_json_store(answer, path, ret, err);
	json_decref(answer);
	return status;
}

const struct vrs_hv_driver vrs_hv_command = {
	.open = cmd_open,
	.close = cmd_close,
	.host = cmd_host,
	.list = cmd_list,
	.get = cmd_get,
	.state = cmd_state,
	.define = cmd_define,
	.start = cmd_start,
	.shutdown = cmd_shutdown,
	.destroy = cmd_destroy,
	.undefine = cmd_undefine,
	.autostart_off = cmd_autostart_off,
	.store = cmd_store,
};
