/* parts.h - what the files of control share: the reply under construction (reply.c), the
 * limits of all replies, and the handler of each kind of request. */
#ifndef SCHEDULER_CONTROL_PARTS_H
#define SCHEDULER_CONTROL_PARTS_H

#include "control/control.h"
#include "engine/engine.h"

#include "vrs/bus.h"

#define CODE(name) VRSAS__V1__CONTROL_CODE__CONTROL_##name

enum {
	CONTROL_MAX_REPLY = 900 * 1024, /* the bus accepts up to 1 MiB */
	CONTROL_REMEMBERED = 128,       /* answers to orders */
	CONTROL_MAX_WAITING = 32,       /* event readers at a time */
	CONTROL_MAX_OPEN = 64,
	CONTROL_TEXT_MAX = 240,                   /* bytes of an operator's reason */
	CONTROL_FORECAST_MAX_AGE_MS = 10 * 60000, /* older ones are not shown */
};

/* One reply under construction. mem holds everything in it. */
struct reply {
	Vrsas__V1__ControlReply reply;
	struct vrs_arena *mem;
	size_t packed;      /* bytes that lists have used so far */
	const char *unread; /* why records could not be read; NULL: they were */
	/* freed after sending: */
	struct plan plan;
	struct vrs_msg *msg;
	Vrsas__V1__Event **events;
	size_t n_events;
};

/* The answer to an order, repeated when the same request arrives again. */
struct remembered {
	char id[72];
	uint64_t request_hash;
	void *bytes;
	size_t n_bytes;
};

struct control {
	struct vrs_svc *svc;
	struct vrs_rep *rep;
	struct control_conf conf;
	struct engine *engine;
	struct forecasts *forecasts;
	struct remembered remembered[CONTROL_REMEMBERED];
	size_t next_remembered;
	struct event_wait *waiting;
	size_t n_waiting;
	struct vrs_timer *wait_timer;
	struct forecast_wait *forecasting;
	bool closing;
};

/* --- making a reply (reply.c) --- */

void control_reply_init(struct reply *a, const char *request_id);
/* Sends it (token NULL: sends nothing) and frees what it holds. */
void control_reply_send(struct reply *a, struct vrs_req_token *token);
void *control_reply_alloc(struct reply *a, size_t n, size_t size);
const char *control_reply_text(struct reply *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds one message of a list to the size; false: the reply is full, as its hint says. */
bool control_reply_fits(struct reply *a, const ProtobufCMessage *m);
void control_refuse(struct reply *a, Vrsas__V1__ControlCode code, const char *hint,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void control_refuse_err(struct reply *a, const struct vrs_err *err, const char *hint);

/* "c1", "c1/h1" or "h1" with valid names. */
bool control_place_ok(const char *text);
/* Refused when they are not so: a host's name; a VM's name or id; a cluster of w, or "".
 */
bool control_host_ok(const char *host, struct reply *a);
bool control_vm_ok(const char *vm, struct reply *a);
bool control_cluster_ok(const struct fleet *w, const char *cluster, struct reply *a);

/* The newest fleet; NULL: refused. */
struct fleet *control_need_fleet(struct control *c, struct reply *a);

/* --- requests --- */

typedef void control_query(struct control *c, const Vrsas__V1__ControlRequest *r,
			   struct reply *a);
control_query control_status, control_hosts, control_vms, control_relocations,
	control_plan, control_preflight, control_transfers, control_transfer_times,
	control_order;
/* Where one VM would go; to_cluster may be "". */
void control_plan_vm(struct control *c, const char *vm, const char *to_cluster,
		     struct reply *a);
void control_transfer_order(struct control *c, const Vrsas__V1__TransferOrder *o,
			    const char *actor, struct reply *a);

/* One relocation; whole: with every candidate of its decision. */
Vrsas__V1__RelocationView *control_relocation_view(struct control *c,
						   const Vrsas__V1__Relocation *r,
						   bool whole, struct reply *a);

bool control_is_order(const Vrsas__V1__ControlRequest *r);

/* True: answered later; the handler then owns the token and the reply. */
bool control_forecast(struct control *c, const Vrsas__V1__ForecastQuery *q,
		      struct reply *a, struct vrs_req_token *token);
bool control_events(struct control *c, const Vrsas__V1__EventQuery *q, struct reply *a,
		    struct vrs_req_token *token);
void control_wait_close(struct control *c);

#endif
