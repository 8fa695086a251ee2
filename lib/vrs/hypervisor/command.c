/* A hypervisor behind a program that takes a verb and speaks JSON
 * (docs/COMMAND-DRIVER.md). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vrs/hypervisor/command_json.h"
#include "vrs/hypervisor/driver.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

enum { MAX_ARGS = 16 };

struct cmd {
	char *words;                    /* the command line, split into words in place */
	const char *argv[MAX_ARGS + 2]; /* program, arguments, then the verb */
	size_t n_argv;
};

static const struct vrs_code_row exit_codes[] = {
	{2, VRS_EINVAL}, {3, VRS_ENOENT},       {4, VRS_ECONFLICT},
	{5, VRS_ECONN},  {6, VRS_ETIMEOUT},     {7, VRS_EDENIED},
	{8, VRS_ENOSPC}, {9, VRS_EUNSUPPORTED}, {VRS_ELSE, VRS_EIO},
};

struct request {
	const char *verb;
	int64_t timeout_ms;
	json_t *body; /* owned by run */
};

/* Runs the program. *ret (may be NULL) is its reply, an object. */
static int run(struct cmd *cmd, const struct request *request, json_t **ret,
	       struct vrs_err *err)
{
	const char *verb = request->verb;
	const char *argv[MAX_ARGS + 3];
	struct vrs_proc_result r = {0};
	char said[200];
	int status;

	memcpy(argv, cmd->argv, cmd->n_argv * sizeof(*argv));
	argv[cmd->n_argv] = verb;
	argv[cmd->n_argv + 1] = NULL;

	json_object_set_new(request->body, "version", json_integer(1));
	json_object_set_new(request->body, "timeout_ms",
			    json_integer(request->timeout_ms));
	char *in = json_dumps(request->body, JSON_COMPACT);
	json_decref(request->body);
	if (!in)
		return vrs_fail(err, VRS_EINVAL, "%s %s: request is not valid UTF-8",
				argv[0], verb);

	status = vrs_proc_run(&(struct vrs_proc){.argv = argv,
						 .in = in,
						 .n_in = strlen(in),
						 .timeout_ms = request->timeout_ms},
			      &r, err);
	free(in);
	if (status < 0) {
		vrs_context(err, "%s %s", argv[0], verb);
		return status;
	}
	if (r.exit_code != 0) {
		vrs_proc_last_line(&r.err, said, sizeof(said));
		status = vrs_fail(err, vrs_code_of(exit_codes, r.exit_code), "%s %s: %s",
				  argv[0], verb,
				  said[0] ? said : "failed without an error message");
	} else if (ret) {
		status = vrs_hv_json_load(r.out.text ? r.out.text : "", r.out.len, ret,
					  err);
		if (status < 0)
			vrs_context(err, "%s %s", argv[0], verb);
	}
	vrs_proc_result_fini(&r);
	return status;
}

static json_t *with_id(const char *id)
{
	json_t *body = json_object();

	json_object_set_new(body, "id", json_string(id));
	return body;
}

static int cmd_host(void *h, int64_t timeout_ms, struct vrs_hv_host *ret,
		    struct vrs_err *err)
{
	json_t *answer = NULL;
	int status = run(h, &(struct request){"host", timeout_ms, json_object()}, &answer,
			 err);

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
				  "command: expected the absolute path of a program");
	if (status == 0 && access(cmd->argv[0], X_OK) < 0)
		status = vrs_fail_errno(err, "command: %s", cmd->argv[0]);
	if (status == 0) /* proves that the host can be reached */
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
	int status = run(h, &(struct request){"list", timeout_ms, json_object()}, &answer,
			 err);

	if (status == 0)
		status = vrs_hv_json_vms(answer, ret, ret_n, err);
	json_decref(answer);
	return status;
}

static int cmd_get(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
		   struct vrs_err *err)
{
	json_t *answer = NULL;
	int status =
		run(h, &(struct request){"get", timeout_ms, with_id(id)}, &answer, err);

	if (status == 0)
		status = vrs_hv_json_vm(answer, ret, err);
	json_decref(answer);
	return status;
}

static int cmd_state(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
		     struct vrs_err *err)
{
	json_t *answer = NULL;
	int status =
		run(h, &(struct request){"state", timeout_ms, with_id(id)}, &answer, err);

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
		status = run(h, &(struct request){"define", timeout_ms, request}, NULL,
			     err);
	}
	free(moved);
	return status;
}

static int cmd_act(void *h, enum vrs_hv_act act, int64_t timeout_ms, const char *id,
		   struct vrs_err *err)
{
	static const char *const verbs[] = {
		[VRS_HV_START] = "start",
		[VRS_HV_SHUTDOWN] = "shutdown",
		[VRS_HV_DESTROY] = "destroy",
		[VRS_HV_UNDEFINE] = "undefine",
		[VRS_HV_AUTOSTART_OFF] = "autostart-off",
	};
	int status =
		run(h, &(struct request){verbs[act], timeout_ms, with_id(id)}, NULL, err);

	return act == VRS_HV_UNDEFINE && status == VRS_ENOENT ? 0 : status;
}

static int cmd_store(void *h, int64_t timeout_ms, const char *path,
		     struct vrs_hv_store *ret, struct vrs_err *err)
{
	json_t *request = json_object(), *answer = NULL;

	json_object_set_new(request, "path", json_string(path));
	int status =
		run(h, &(struct request){"store", timeout_ms, request}, &answer, err);
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
	.act = cmd_act,
	.store = cmd_store,
};
