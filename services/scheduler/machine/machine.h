/* machine.h - the relocation of one VM whose host failed, as a pure state machine.
 *
 * reloc_step takes a record and one event and returns the next record; reloc_orders lists
 * the orders of a record's state. Orders are derived from the record alone, so they are
 * derived again after a crash; executing one twice has the effect of once. Every order is
 * answered by an event with the record's op; the answer to an order of an earlier state
 * changes nothing.
 *
 * The invariant: a VM is granted a place to run only when it is proven not to run at any
 * other place. A record therefore lists all copies that exist, each with its proof of
 * death, and a grant raises the epoch in the same durable write that names the new place.
 *
 * Pure: no I/O, no clock, fixed size, the same result for the same record. */
#ifndef SCHEDULER_MACHINE_MACHINE_H
#define SCHEDULER_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The same numbers as RelocationState and EvidenceClass of relocation.proto. */
enum reloc_state {
	RELOC_NONE,
	RELOC_PROTECTED,
	RELOC_SUSPECT,
	RELOC_HOLD_BRAKE,
	RELOC_DOWN_LIKELY,
	RELOC_FENCING,
	RELOC_HOLD_OPERATOR,
	RELOC_FENCED,
	RELOC_DECIDING,
	RELOC_WAIT_REPAIR,
	RELOC_RESERVING,
	RELOC_TRANSFERRING,
	RELOC_VERIFYING,
	RELOC_GRANTING,
	RELOC_STARTING,
	RELOC_START_FAILED,
	RELOC_RUNNING_AWAY,
	RELOC_REPROTECTING = 18,
	RELOC_FAILBACK_READY,
	RELOC_FB_QUIESCE,
	RELOC_FB_FINAL_SYNC,
	RELOC_FB_GRANTING,
	RELOC_RESTORING_HOME,
	RELOC_CLEANUP,
	RELOC_SPLIT_SUSPECT,
	RELOC_LOCAL_RESTART,
	RELOC_HOME_GRANT,
	RELOC_N_STATES,
};
const char *reloc_state_name(enum reloc_state s); /* NULL: a number not in use */

enum reloc_proof {
	RELOC_NO_PROOF,
	RELOC_F1_POWER_OFF,
	RELOC_F2_LEASE_EXPIRED,
	RELOC_F3_ATTESTED,
	RELOC_F4_NO_DISK_ACTIVITY,
	RELOC_F5_OPERATOR,
};

struct reloc_place {
	char cluster[65], host[65];
};

/* A place that has, or may have, this VM. */
struct reloc_copy {
	struct reloc_place place;
	uint64_t epoch;         /* of the newest grant it had; 0: never granted */
	bool defined;           /* its hypervisor may know the VM */
	bool disks;             /* disks of this VM may be there */
	bool shared;            /* these are home's own disks, on shared storage */
	bool alive;             /* its host has answered since it was last proven dead */
	bool seen_running;      /* against the grant; until it is confirmed off */
	bool stranger;          /* seen where VR-SAS did not define it */
	bool remove;            /* runs at home: these disks are not needed */
	bool seed;              /* runs at home: these disks are kept for the next copy */
	enum reloc_proof proof; /* that it does not run */
	int64_t proof_at_ms;
	char proof_by[96], proof_text[160];
};

enum { RELOC_MAX_COPIES = 6, RELOC_MAX_TRIED = 8 };

/* State of a VM as its hypervisor reports it, or of a host's power. */
enum reloc_seen { RELOC_UNREACHABLE, RELOC_SEEN_OFF, RELOC_SEEN_ON, RELOC_NOT_ASKED };

/* What a hold waits for. */
enum reloc_hold {
	RELOC_NO_HOLD,
	RELOC_NEEDS_PROOF,  /* the old copy cannot be proven off */
	RELOC_NEEDS_CHOICE, /* no target, or unreadable disks */
	RELOC_NEEDS_STOP,   /* an older copy was seen running and cannot be stopped */
};

struct reloc {
	char id[64]; /* of this relocation */
	char vm_id[132], vm_name[132];
	enum reloc_state state, resume; /* resume: where SUSPECT and a split go back to */
	uint64_t epoch;
	uint64_t op;                   /* rises with every change of state */
	int64_t since_ms, deadline_ms; /* of this state; deadline 0: none */

	struct reloc_copy copy[RELOC_MAX_COPIES]; /* copy[0]: home */
	uint32_t n_copies;
	uint32_t active; /* index: newest grant */
	uint32_t good;   /* index: whose disks hold the VM's data */
	int32_t target;  /* index: where it is to run next; -1: none */

	bool planned;   /* an operator moves a healthy VM */
	bool readable;  /* at the decision: the good disks can be read without its host */
	bool copied;    /* the target's disks are proven equal to the good ones */
	bool started;   /* the hypervisor accepted the start */
	bool maybe_ran; /* its guest may have written since the newest grant */
	bool good_failed; /* it did not start where its data is */
	bool local;       /* the target shares the good copy's disks: nothing to copy */
	bool cancelled, failback_asked;
	bool auto_failback_held;      /* only an operator may start the failback */
	bool home_unclear;            /* found in two places at once: home is not known */
	enum reloc_seen granted_seen; /* newest answer of the granted host in a split */
	enum reloc_hold hold;
	char hold_reason[320]; /* what is missing, and what ends the hold */
	char fence_error[200]; /* of the last fence that proved nothing */
	char why[200];         /* of the last change, one line */

	uint64_t job, token; /* of the transfer; token rises with every assignment */
	bool moving;         /* a mover may be working on it */
	uint64_t progress;   /* bytes, when the deadline was last moved */
	int32_t unsure;      /* index: the grant waits for this silent copy; -1: none */
	uint64_t bytes_moved, fb_bytes_moved;
	uint32_t starts;    /* on this target, until it is in service */
	uint32_t decisions; /* of this failure */
	struct reloc_place tried[RELOC_MAX_TRIED];
	uint32_t n_tried;
	char pinned[65]; /* operator's --to */

	int64_t silent_since_ms, detected_ms, fenced_ms, decided_ms, copy_started_ms,
		copied_ms, granted_ms, alive_ms, host_back_ms, fb_stopped_ms, fb_alive_ms,
		paged_ms, predicted_outage_ms;
};

/* Limits and deadlines; a state names its deadline in states.c. */
struct reloc_rules {
	int64_t max_starts;    /* on one target; 2 */
	int64_t max_decisions; /* of one failure; 3 */
	int64_t suspect_ms;    /* SUSPECT without new evidence; 30 s */
	int64_t fence_ms;      /* then an operator is called; fencing continues; 120 s */
	int64_t decide_ms;     /* 10 s */
	int64_t reserve_ms;    /* 60 s */
	int64_t stall_ms;      /* a transfer without progress; 10 min */
	int64_t verify_ms;     /* comparing without progress, or defining; 30 min */
	int64_t grant_ms;      /* for reading all proofs again; 60 s */
	int64_t boot_ms;       /* from the grant to the guest's answer; 300 s */
	int64_t stop_ms;       /* a copy must be confirmed off; 180 s */
	int64_t query_ms;      /* for checking home before the failback; 60 s */
	int64_t review_ms;     /* a wait or a hold is re-evaluated; 5 min */
	int64_t page_ms;       /* the alert of a hold is repeated; 15 min */
	int64_t split_ms;      /* 10 s */
	int64_t cleanup_ms;    /* 60 s */
	bool auto_failback;
	bool keep_away; /* after a failback the newest remote disks stay as a seed */
};

/* --- events --- */

enum reloc_event_kind {
	/* Time has passed. */
	RELOC_TICK,
	/* From the detector, about ev.place. */
	RELOC_HOST_SUSPECT,
	RELOC_HOST_BRAKE,
	RELOC_HOST_DOWN,
	RELOC_HOST_UP,   /* it answers (clears a suspicion, ends a proof of F1 or F5) */
	RELOC_HOST_BACK, /* and has answered for the time `stable` */
	/* A copy of this VM was seen running at ev.place. */
	RELOC_SEEN_RUNNING,
	/* It was found running at home and at ev.place, and never had a record. */
	RELOC_SEEN_TWICE,
	/* It went down on the granted host, which is alive. */
	RELOC_WENT_DOWN,
	/* Answers to orders, with op and, if any, place. */
	RELOC_FENCE_RESULT, /* ev.proof: what is proven, NO_PROOF: nothing */
	RELOC_STOPPED, /* ok: confirmed off by its hypervisor; seen: its state before */
	RELOC_DECIDED, /* ev.verdict, place, readable, predicted_ms */
	RELOC_RESERVED,
	RELOC_TRANSFER, /* ev.transfer, of job and token */
	RELOC_DEFINED,
	RELOC_RECHECKED, /* ev.recheck; not ok: place names the copy that prevents it */
	RELOC_STARTED,
	RELOC_HEALTH,
	RELOC_QUERIED,     /* ev.seen, at place */
	RELOC_QUARANTINED, /* ok: off and its definition gone */
	RELOC_CLEANED,
	RELOC_REMOVED, /* ok: no disk of this VM is left there */
	/* Orders of operators. */
	RELOC_OPERATOR_FAIL,
	RELOC_OPERATOR_CONFIRM_OFF,
	RELOC_OPERATOR_WITHDRAW,
	RELOC_OPERATOR_RELOCATE,
	RELOC_OPERATOR_FAILBACK,
	RELOC_OPERATOR_CANCEL,
	RELOC_N_EVENTS,
};
const char *reloc_event_name(enum reloc_event_kind k);

enum reloc_verdict { RELOC_HOLD, RELOC_WAIT, RELOC_LOCAL, RELOC_RELOCATE };

enum reloc_transfer {
	RELOC_XFER_WAITING, /* a mover has it: queued, or paused by an operator */
	RELOC_XFER_MOVING,  /* bytes: copied and compared so far; more of them move the
			       deadline */
	RELOC_XFER_PROVING, /* the same, while source and target are compared */
	RELOC_XFER_DONE,    /* ok: source and target hashes are equal */
	RELOC_XFER_FAILED,  /* permanent: this target cannot take it */
	RELOC_XFER_LOST,    /* no mover has it: assign it again with a higher token */
};

enum reloc_recheck {
	RELOC_STANDS, /* every other copy is still proven off, the target answers */
	RELOC_GONE,   /* the copy at place is alive, or may be: its proof is void */
	RELOC_UNSURE, /* a proof could not be read again now */
	RELOC_TARGET_SILENT, /* the place that is to run it does not answer */
};

struct reloc_event {
	enum reloc_event_kind kind;
	uint64_t op; /* of the order that this answers */
	struct reloc_place place;
	bool ok, permanent, readable;
	enum reloc_proof proof;
	enum reloc_verdict verdict;
	enum reloc_transfer transfer;
	enum reloc_recheck recheck;
	enum reloc_seen seen;
	uint64_t job, token, bytes;
	int64_t predicted_ms;
	char by[96]; /* agent, host or person */
	char text[200];
};

/* --- the machine --- */

/* A VM that runs at home. */
void reloc_init(struct reloc *r, const char *vm_id, const char *vm_name,
		const struct reloc_place *home);

/* True when the record changed: it must be made durable before its orders are executed.
 * The cause is in next->why. An event that does not fit the state changes nothing. */
bool reloc_step(const struct reloc *r, const struct reloc_event *ev,
		const struct reloc_rules *rules, int64_t now_ms, struct reloc *next);

/* Why an operator's order is refused now; NULL: it is accepted. */
const char *reloc_refuses(const struct reloc *r, const struct reloc_event *ev);

/* --- orders --- */

enum reloc_order_kind {
	RELOC_DO_FENCE, /* power the host of copy off, and read its power back */
	RELOC_DO_STOP,  /* shut the VM down there, destroy it after a timeout; confirm */
	RELOC_DO_KILL,  /* destroy it at once; see `undefine` and `spare` */
	RELOC_DO_DECIDE,
	RELOC_DO_RESERVE,  /* target answers and has the capacity */
	RELOC_DO_TRANSFER, /* hand (job, token) out and follow it */
	RELOC_DO_CANCEL_TRANSFER,
	RELOC_DO_DEFINE,  /* at copy, start blocked */
	RELOC_DO_RECHECK, /* read all proofs again, for a grant to copy */
	RELOC_DO_START,   /* at copy; already running is fine */
	RELOC_DO_HEALTH,
	RELOC_DO_QUERY,      /* does it run there? */
	RELOC_DO_QUARANTINE, /* read the state; off: undefine, keep the disks */
	RELOC_DO_CLEAN,      /* the same, after the way home */
	RELOC_DO_REMOVE,     /* its disks, unless a definition anywhere names them */
};

struct reloc_order {
	enum reloc_order_kind kind;
	uint32_t copy; /* index */
	uint64_t op;   /* returned with the answer */
	/* of a stop, or of a fence through the hypervisor: only a VM whose definition is
	 * gone counts as off, because a start that hung may still take effect. Its disks
	 * stay. */
	bool undefine;
	/* of a kill because the guest did not answer: its health is checked once more
	 * right before, and a guest that answers keeps running. The event is then
	 * RELOC_HEALTH. */
	bool spare;
};
enum { RELOC_MAX_ORDERS = 2 * RELOC_MAX_COPIES };

/* The orders of this state, also those executed before. Returns how many. */
size_t reloc_orders(const struct reloc *r, struct reloc_order *ret);

/* `undefine` of an order to this copy: the definition stays only where the data is and no
 * start is in progress; every start defines the VM again. */
bool reloc_undefines(const struct reloc *r, enum reloc_order_kind kind, uint32_t copy);

/* --- helpers for executing orders --- */

/* Index of the copy at a place; -1: none. */
int reloc_copy_at(const struct reloc *r, const char *cluster, const char *host);

/* Whether one copy's proof still stands at the moment of a grant to another place, given
 * what its hypervisor and its power controller report now. */
enum reloc_recheck reloc_weigh(const struct reloc_copy *c, enum reloc_seen vm,
			       enum reloc_seen power);

/* No relocation is in progress. */
bool reloc_quiet(const struct reloc *r);

#endif
