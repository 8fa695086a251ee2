/* ctl.h - what every command uses: settings of this call, requests, output, confirmation.
 *
 * Data goes to stdout, messages to stderr. A command returns the exit code. */
#ifndef CLI_CTL_H
#define CLI_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "vrs/args.h"
#include "vrs/mem.h"
#include "vrsas/v1/control.pb-c.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_REFUSED = 4, /* by policy */
	EXIT_UNREACHABLE = 5,
	EXIT_TIMEOUT = 6,
};

struct vrs_ctl {
	struct vrs_args args;
	const char *scheduler, *etl;  /* urls */
	const char *gateway;          /* used instead of the two above; NULL: none */
	const char *ca;               /* CA of its certificate; NULL: the system's */
	char token[300];              /* for the gateway; "": none */
	int64_t timeout_ms, watch_ms; /* watch 0: once */
	bool json, headers, yes;
	bool quiet; /* an unreachable scheduler has been reported already */
	bool colour, utf8, ask_tty, err_tty;
};

typedef Vrsas__V1__ControlReply control_reply;
/* One command; text for one kind of reply, which has the body that fits. */
typedef int verb_fn(struct vrs_ctl *ctl);
typedef void render_fn(const struct vrs_ctl *ctl, const control_reply *reply,
		       struct vrs_text *out);

/* Reads the global options and the environment. */
int ctl_init(struct vrs_ctl *ctl);

/* Prints "vrsctl: what" and "hint: ..." (NULL: none) on stderr and returns code. */
int ctl_fail(int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints an error of a request to a peer and returns its exit code. */
int ctl_fail_err(const char *peer, const struct vrs_err *err);

/* Address that requests, and those for the history, are sent to. */
const char *ctl_peer(const struct vrs_ctl *ctl);
const char *ctl_history_peer(const struct vrs_ctl *ctl);

/* One request and its reply in plain memory, over the bus or through the gateway: to the
 * scheduler with this body (a query or an order) and a request id of its own, or to etl.
 */
int ctl_try(const struct vrs_ctl *ctl, const ProtobufCMessage *body, control_reply **ret,
	    struct vrs_err *err);
/* The field of ControlRequest for a body of this type; there is one for each. */
const ProtobufCFieldDescriptor *ctl_field_of(const ProtobufCMessage *body);
int ctl_try_history(const struct vrs_ctl *ctl, const ProtobufCMessage *req,
		    ProtobufCMessage **ret, struct vrs_err *err);

/* Sends one request to the scheduler. EXIT_OK: *ret is set, for control_reply_free; with
 * every other code the error is on stderr already. */
int ctl_ask(const struct vrs_ctl *ctl, const ProtobufCMessage *body, control_reply **ret);
void control_reply_free(control_reply *reply);

/* Sends a query and shows the reply, repeatedly with --watch. */
int ctl_query(struct vrs_ctl *ctl, const ProtobufCMessage *body, render_fn *render);

/* Sends an order and shows the reply. */
int ctl_order(const struct vrs_ctl *ctl, const ProtobufCMessage *body, render_fn *render);

/* Shows one reply in the format of --output; as JSON, its body. */
void ctl_show(const struct vrs_ctl *ctl, const control_reply *reply, render_fn *render);
void ctl_put(struct vrs_text *out); /* to stdout, and empties it */

/* EXIT_OK: confirmed. Without --yes: asks on a terminal, refuses elsewhere. */
int ctl_confirm(const struct vrs_ctl *ctl, const char *question);
/* The same; on a terminal the reply to body is shown first, on stderr. */
int ctl_preview(const struct vrs_ctl *ctl, const ProtobufCMessage *body,
		render_fn *render, const char *question);

/* Follows the relocation of a VM on stderr until it rests; home: until the VM is back
 * home. limit_ms 0: without limit. */
int ctl_follow(struct vrs_ctl *ctl, const char *vm, bool home, int64_t limit_ms);

/* A random request id: a request that is sent twice with one id takes effect once. */
void ctl_request_id(char buf[33]);

int ctl_read_token(struct vrs_ctl *ctl); /* from its file, or the environment */
const char *ctl_setting(const struct vrs_ctl *ctl, const char *option,
			const char *variable, const char *fallback);

int64_t ctl_now_ms(void);
void ctl_rest_ms(int64_t ms);

extern const struct vrs_args_program ctl_program;

verb_fn verb_status, verb_host_list, verb_vm_list, verb_forecast, verb_plan, verb_fail;
verb_fn verb_relocate, verb_failback, verb_explain, verb_events, verb_export, verb_import;
verb_fn verb_relocation_list, verb_relocation_show, verb_relocation_explain;
verb_fn verb_relocation_cancel, verb_transfer_list, verb_transfer_show;
verb_fn verb_transfer_pause, verb_transfer_resume, verb_transfer_cancel;
verb_fn verb_transfer_rate, verb_transfer_times, verb_preflight;
verb_fn status_simple; /* exit codes of monitoring plugins */

render_fn render_status, render_hosts, render_vms, render_forecasts, render_plan;
render_fn render_preflight, render_list, render_relocations, render_explain;
render_fn render_events, render_done;

void relocation_table(const struct vrs_ctl *ctl, Vrsas__V1__RelocationView *const *view,
		      size_t n, struct vrs_text *out);
const char *state_name(Vrsas__V1__RelocationState state);

#endif
