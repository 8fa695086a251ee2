/* ctl.h - what every verb stands on: settings of this call, asking, showing, confirming.
 *
 * stdout carries data, stderr talk. A verb returns the exit code of the program. */
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
	const char *scheduler, *etl; /* urls */
	const char *gateway;         /* NULL: ask the two above; else everything by it */
	const char *ca;  /* whom its certificate must come from; NULL: system */
	char token[300]; /* for the gateway; "": none */
	int64_t timeout_ms, watch_ms; /* watch 0: once */
	bool json, headers, yes;
	bool quiet; /* an unreachable scheduler was complained about already */
	bool colour, utf8, ask_tty, err_tty;
	size_t width; /* of the terminal */
};

typedef Vrsas__V1__ControlRequest control_request;
typedef Vrsas__V1__ControlReply control_reply;
typedef void (*render_fn)(const struct vrs_ctl *ctl, const control_reply *reply,
			  struct vrs_text *out);

/* Reads the global options; on wrong ones says so and returns EXIT_USAGE. */
int ctl_init(struct vrs_ctl *ctl);

/* Says "vrsctl: what" and "hint: ..." (NULL: none) on stderr and returns code. */
int ctl_fail(int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The exit code and the words for an error of ours on the way to a peer. */
int ctl_fail_err(const char *peer, const struct vrs_err *err);

/* Whom questions about everything, and about the history, go to. */
const char *ctl_peer(const struct vrs_ctl *ctl);
const char *ctl_history_peer(const struct vrs_ctl *ctl);

/* One question and its answer in plain memory: over the bus, or through the gateway. The
 * first to the scheduler, with a request id of its own; the second to etl. */
int ctl_try(const struct vrs_ctl *ctl, control_request *req, control_reply **ret,
	    struct vrs_err *err);
int ctl_try_history(const struct vrs_ctl *ctl, const ProtobufCMessage *req,
		    ProtobufCMessage **ret, struct vrs_err *err);

/* Asks the scheduler once, with a request id of its own. *ret is freed with
 * control_reply_free and is set whenever EXIT_OK comes back; every other code was said on
 * stderr already. */
int ctl_ask(const struct vrs_ctl *ctl, control_request *req, control_reply **ret);
void control_reply_free(control_reply *reply);

/* Asks and shows, again and again with --watch; JSON shows the reply's body. */
int ctl_query(struct vrs_ctl *ctl, control_request *req, render_fn render);

/* Shows one reply as --output wants it. */
void ctl_show(const struct vrs_ctl *ctl, const control_reply *reply, render_fn render);
void ctl_put(struct vrs_text *out); /* to stdout, and empties it */

/* EXIT_OK: go. Without --yes: asks on a terminal, refuses elsewhere. */
int ctl_confirm(const struct vrs_ctl *ctl, const char *question);

/* Follows the story of a VM on stderr until it has come to rest; home: until it is back
 * home. limit_ms 0: as long as it takes. */
int ctl_follow(struct vrs_ctl *ctl, const char *vm, bool home, int64_t limit_ms);

/* A random name for a request: asking twice under one name is asking once. */
void ctl_request_id(char buf[33]);

int ctl_read_token(struct vrs_ctl *ctl); /* from its file, or the environment */
const char *ctl_setting(const struct vrs_ctl *ctl, const char *option,
			const char *variable, const char *fallback);

int64_t ctl_now_ms(void);
void ctl_rest_ms(int64_t ms);

extern const struct vrs_args_program ctl_program;

int verb_status(struct vrs_ctl *ctl);
int verb_host_list(struct vrs_ctl *ctl);
int verb_vm_list(struct vrs_ctl *ctl);
int verb_forecast(struct vrs_ctl *ctl);
int verb_plan(struct vrs_ctl *ctl);
int verb_fail(struct vrs_ctl *ctl);
int verb_relocate(struct vrs_ctl *ctl);
int verb_failback(struct vrs_ctl *ctl);
int verb_relocation_list(struct vrs_ctl *ctl);
int verb_relocation_show(struct vrs_ctl *ctl);
int verb_relocation_explain(struct vrs_ctl *ctl);
int verb_relocation_cancel(struct vrs_ctl *ctl);
int verb_transfer_list(struct vrs_ctl *ctl);
int verb_transfer_show(struct vrs_ctl *ctl);
int verb_transfer_pause(struct vrs_ctl *ctl);
int verb_transfer_resume(struct vrs_ctl *ctl);
int verb_transfer_cancel(struct vrs_ctl *ctl);
int verb_transfer_rate(struct vrs_ctl *ctl);
int verb_transfer_times(struct vrs_ctl *ctl);
int verb_events(struct vrs_ctl *ctl);
int verb_explain(struct vrs_ctl *ctl);
int status_simple(struct vrs_ctl *ctl); /* exit codes of monitoring plugins */
int verb_export(struct vrs_ctl *ctl);
int verb_import(struct vrs_ctl *ctl);

/* How each kind of answer looks; the reply carries the body that fits. */
void render_status(const struct vrs_ctl *ctl, const control_reply *reply,
		   struct vrs_text *out);
void render_hosts(const struct vrs_ctl *ctl, const control_reply *reply,
		  struct vrs_text *out);
void render_vms(const struct vrs_ctl *ctl, const control_reply *reply,
		struct vrs_text *out);
void render_forecasts(const struct vrs_ctl *ctl, const control_reply *reply,
		      struct vrs_text *out);
void render_plan(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out);
void render_list(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out);
void render_relocations(const struct vrs_ctl *ctl, const control_reply *reply,
			struct vrs_text *out);
void render_explain(const struct vrs_ctl *ctl, const control_reply *reply,
		    struct vrs_text *out);
void render_events(const struct vrs_ctl *ctl, const control_reply *reply,
		   struct vrs_text *out);
void render_done(const struct vrs_ctl *ctl, const control_reply *reply,
		 struct vrs_text *out);
void relocation_table(const struct vrs_ctl *ctl, Vrsas__V1__RelocationView *const *view,
		      size_t n, struct vrs_text *out);
const char *state_name(Vrsas__V1__RelocationState state);

#endif
