/* parts.h - what the files of control share: control.c receives and answers,
 * views.c shows what is, orders.c passes orders on, waiting.c answers
 * what takes its time. */
#ifndef SCHEDULER_CONTROL_PARTS_H
#define SCHEDULER_CONTROL_PARTS_H

#include "control/control.h"
#include "engine/engine.h"

#include "vrs/bus.h"

enum {
	CONTROL_MAX_REPLY = 900 * 1024, /* the bus believes up to 1 MiB */
	CONTROL_REMEMBERED = 128,       /* answers to orders */
	CONTROL_MAX_WAITING = 32,       /* event readers at a time */
	CONTROL_MAX_OPEN = 64,
	CONTROL_TEXT_MAX = 240, /* reasons that people give */
};

/* One reply while it is made. Everything in it lives in mem. */
struct answer {
	Vrsas__V1__ControlReply reply;
	struct vrs_arena *mem;
	size_t packed;      /* bytes that lists have used so far */
	const char *unread; /* why records could not be read; NULL: they were */
	/* to be freed when it was sent: */
	struct plan plan;
	struct vrs_msg *msg;
	Vrsas__V1__Event **events;
	size_t n_events;
};

/* An order's answer, kept for the case that it is asked again. */
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
	struct forecast_wait *asking;
	bool closing;
};

/* --- making a reply (control.c) --- */

void answer_init(struct answer *a, const char *request_id);
/* Sends it (NULL: to nobody) and frees what it holds. */
void answer_send(struct answer *a, struct vrs_req_token *token);
void *give(struct answer *a, size_t n, size_t size);
const char *text(struct answer *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Counts a message of a list; false: the reply is full, and its hint says so. */
bool has_room(struct answer *a, const ProtobufCMessage *m);
void refuse(struct answer *a, Vrsas__V1__ControlCode code, const char *hint,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void refuse_err(struct answer *a, const struct vrs_err *err, const char *hint);

/* "c1", "c1/h1" or "h1", of names that are well formed. */
bool place_ok(const char *text);

/* The newest picture; NULL: refused. */
struct fleet *need_world(struct control *c, struct answer *a);

/* --- what can be asked --- */

void control_status(struct control *c, struct answer *a);
void control_hosts(struct control *c, const Vrsas__V1__HostQuery *q, struct answer *a);
void control_vms(struct control *c, const Vrsas__V1__VmQuery *q, struct answer *a);
void control_relocations(struct control *c, const Vrsas__V1__RelocationQuery *q,
			 struct answer *a);
void control_plan(struct control *c, const Vrsas__V1__PlanQuery *q, struct answer *a);
/* Where one VM would go; to_cluster may be "". */
void control_plan_vm(struct control *c, const char *vm, const char *to_cluster,
		     struct answer *a);

void control_transfers(struct control *c, const Vrsas__V1__TransferQuery *q,
		       struct answer *a);
void control_transfer_times(struct control *c, const Vrsas__V1__TransferTimesQuery *q,
			    struct answer *a);
void control_transfer_order(struct control *c, const Vrsas__V1__TransferOrder *o,
			    const char *actor, struct answer *a);

/* One story; whole: with every candidate of its decision. */
Vrsas__V1__RelocationView *relocation_view(struct control *c,
					   const Vrsas__V1__Relocation *r, bool whole,
					   struct answer *a);

bool control_is_order(const Vrsas__V1__ControlRequest *r);
void control_order(struct control *c, const Vrsas__V1__ControlRequest *r,
		   struct answer *a);

/* True: answered later, the token and what is in a are theirs. */
bool control_forecast(struct control *c, const Vrsas__V1__ForecastQuery *q,
		      struct answer *a, struct vrs_req_token *token);
bool control_events(struct control *c, const Vrsas__V1__EventQuery *q, struct answer *a,
		    struct vrs_req_token *token);
void control_wait_close(struct control *c);

#endif
