#include "machine/machine.h"

#include <stdio.h>
#include <string.h>

#include "machine/step.h"
#include "vrs/mem.h"

const struct reloc_rules reloc_defaults = {
	.suspect_ms = 30000,
	.fence_ms = 120000,
	.decide_ms = 10000,
	.reserve_ms = 60000,
	.stall_ms = 600000,
	.verify_ms = 1800000,
	.grant_ms = 60000,
	.boot_ms = 300000,
	.stop_ms = 180000,
	.look_ms = 60000,
	.review_ms = 300000,
	.page_ms = 900000,
	.split_ms = 10000,
	.cleanup_ms = 60000,
	.max_starts = 2,
	.max_decisions = 3,
	.auto_failback = true,
	.keep_away = true,
};

/* clang-format off */
static const struct {
	const char *name, *owner;
} states[RELOC_N_STATES] = {
	[RELOC_NONE]           = {"NONE", "scheduler"},
	[RELOC_PROTECTED]      = {"PROTECTED", "scheduler"},
	[RELOC_SUSPECT]        = {"SUSPECT", "scheduler"},
	[RELOC_HOLD_BRAKE]     = {"HOLD_BRAKE", "scheduler"},
	[RELOC_DOWN_LIKELY]    = {"DOWN_LIKELY", "scheduler"},
	[RELOC_FENCING]        = {"FENCING", "scheduler"},
	[RELOC_HOLD_OPERATOR]  = {"HOLD_OPERATOR", "operator"},
	[RELOC_FENCED]         = {"FENCED", "scheduler"},
	[RELOC_DECIDING]       = {"DECIDING", "scheduler"},
	[RELOC_WAIT_REPAIR]    = {"WAIT_REPAIR", "scheduler"},
	[RELOC_RESERVING]      = {"RESERVING", "scheduler"},
	[RELOC_TRANSFERRING]   = {"TRANSFERRING", "mover"},
	[RELOC_VERIFYING]      = {"VERIFYING", "mover"},
	[RELOC_GRANTING]       = {"GRANTING", "scheduler"},
	[RELOC_STARTING]       = {"STARTING", "hypervisor"},
	[RELOC_START_FAILED]   = {"START_FAILED", "scheduler"},
	[RELOC_RUNNING_AWAY]   = {"RUNNING_AWAY", "scheduler"},
	[RELOC_ROLLBACK]       = {"ROLLBACK", "scheduler"},
	[RELOC_REPROTECTING]   = {"REPROTECTING", "scheduler"},
	[RELOC_FAILBACK_READY] = {"FAILBACK_READY", "scheduler"},
	[RELOC_FB_QUIESCE]     = {"FB_QUIESCE", "hypervisor"},
	[RELOC_FB_FINAL_SYNC]  = {"FB_FINAL_SYNC", "mover"},
	[RELOC_FB_GRANTING]    = {"FB_GRANTING", "scheduler"},
	[RELOC_RESTORING_HOME] = {"RESTORING_HOME", "hypervisor"},
	[RELOC_CLEANUP]        = {"CLEANUP", "scheduler"},
	[RELOC_SPLIT_SUSPECT]  = {"SPLIT_SUSPECT", "scheduler"},
	[RELOC_LOCAL_RESTART]  = {"LOCAL_RESTART", "scheduler"},
	[RELOC_HOME_GRANT]     = {"HOME_GRANT", "scheduler"},
};

static const char *const event_names[RELOC_N_EVENTS] = {
	[RELOC_TICK]                 = "tick",
	[RELOC_HOST_SUSPECT]         = "host suspect",
	[RELOC_HOST_BRAKE]           = "host brake",
	[RELOC_HOST_DOWN]            = "host down",
	[RELOC_HOST_UP]              = "host up",
	[RELOC_HOST_BACK]            = "host back",
	[RELOC_SEEN_RUNNING]         = "seen running",
	[RELOC_SEEN_TWICE]           = "seen twice",
	[RELOC_WENT_DOWN]            = "went down",
	[RELOC_FENCE_RESULT]         = "fence result",
	[RELOC_STOPPED]              = "stopped",
	[RELOC_DECIDED]              = "decided",
	[RELOC_RESERVED]             = "reserved",
	[RELOC_TRANSFER]             = "transfer",
	[RELOC_DEFINED]              = "defined",
	[RELOC_RECHECKED]            = "rechecked",
	[RELOC_STARTED]              = "started",
	[RELOC_HEALTH]               = "health",
	[RELOC_LOOKED]               = "looked",
	[RELOC_QUARANTINED]          = "quarantined",
	[RELOC_CLEANED]              = "cleaned",
	[RELOC_REMOVED]              = "disks removed",
	[RELOC_OPERATOR_FAIL]        = "operator: failed",
	[RELOC_OPERATOR_CONFIRM_OFF] = "operator: off",
	[RELOC_OPERATOR_WITHDRAW]    = "operator: withdraw",
	[RELOC_OPERATOR_RELOCATE]    = "operator: relocate",
	[RELOC_OPERATOR_FAILBACK]    = "operator: failback",
	[RELOC_OPERATOR_CANCEL]      = "operator: cancel",
};

static const char *const order_names[] = {
	[RELOC_DO_FENCE]           = "fence",
	[RELOC_DO_STOP]            = "stop",
	[RELOC_DO_KILL]            = "kill",
	[RELOC_DO_DECIDE]          = "decide",
	[RELOC_DO_RESERVE]         = "reserve",
	[RELOC_DO_TRANSFER]        = "transfer",
	[RELOC_DO_CANCEL_TRANSFER] = "cancel transfer",
	[RELOC_DO_DEFINE]          = "define",
	[RELOC_DO_RECHECK]         = "recheck",
	[RELOC_DO_START]           = "start",
	[RELOC_DO_HEALTH]          = "health",
	[RELOC_DO_LOOK]            = "look",
	[RELOC_DO_QUARANTINE]      = "quarantine",
	[RELOC_DO_CLEAN]           = "clean",
	[RELOC_DO_REMOVE]          = "remove disks",
};
/* clang-format on */

const char *reloc_state_name(enum reloc_state s)
{
	return states[s].name;
}

const char *reloc_state_owner(enum reloc_state s)
{
	return states[s].owner;
}

const char *reloc_event_name(enum reloc_event_kind k)
{
	return event_names[k];
}

const char *reloc_order_name(enum reloc_order_kind k)
{
	return order_names[k];
}

int reloc_copy_at(const struct reloc *r, const char *cluster, const char *host)
{
	for (uint32_t i = 0; i < r->n_copies; i++)
		if (strcmp(r->copy[i].place.cluster, cluster) == 0 &&
		    strcmp(r->copy[i].place.host, host) == 0)
			return (int)i;
	return -1;
}

void reloc_init(struct reloc *r, const char *vm_id, const char *vm_name,
		const struct reloc_place *home)
{
	*r = (struct reloc){
		.state = RELOC_PROTECTED,
		.resume = RELOC_PROTECTED,
		.epoch = 1,
		.op = 1,
		.n_copies = 1,
		.target = -1,
		.unsure = -1,
	};
	(void)vrs_strcpy(r->vm_id, sizeof(r->vm_id), vm_id);
	(void)vrs_strcpy(r->vm_name, sizeof(r->vm_name), vm_name);
	r->copy[0] = (struct reloc_copy){
		.place = *home,
		.epoch = 1,
		.defined = true,
		.disks = true,
		.alive = true,
	};
}

bool reloc_quiet(const struct reloc *r)
{
	return r->state == RELOC_PROTECTED || r->state == RELOC_RUNNING_AWAY ||
	       r->state == RELOC_FAILBACK_READY;
}

bool reloc_is_away(const struct reloc *r)
{
	return r->active != 0 || r->good != 0;
}

/* --- one step --- */

static bool is_answer(enum reloc_event_kind k)
{
	return k >= RELOC_FENCE_RESULT && k <= RELOC_REMOVED && k != RELOC_TRANSFER;
}

static void dispatch(struct step *s)
{
	switch (s->n->state) {
	case RELOC_PROTECTED:
		step_protected(s);
		return;
	case RELOC_SUSPECT:
	case RELOC_HOLD_BRAKE:
		step_suspected(s);
		return;
	case RELOC_DOWN_LIKELY:
		if (s->ev->kind == RELOC_TICK)
			step_go(s, RELOC_FENCING, "%s", s->n->why);
		return;
	case RELOC_FENCING:
		step_fencing(s);
		return;
	case RELOC_HOLD_OPERATOR:
		if (s->n->hold == RELOC_NEEDS_PROOF)
			step_fencing(s);
		else if (s->n->hold == RELOC_NEEDS_STOP)
			step_split_suspect(s);
		else
			step_hold_choice(s);
		return;
	case RELOC_FENCED:
		step_fenced(s);
		return;
	case RELOC_DECIDING:
		step_deciding(s);
		return;
	case RELOC_WAIT_REPAIR:
		step_waiting(s);
		return;
	case RELOC_RESERVING:
	case RELOC_LOCAL_RESTART:
		step_reserving(s);
		return;
	case RELOC_TRANSFERRING:
	case RELOC_VERIFYING:
		step_transferring(s);
		return;
	case RELOC_GRANTING:
	case RELOC_HOME_GRANT:
	case RELOC_FB_GRANTING:
		step_granting(s);
		return;
	case RELOC_STARTING:
	case RELOC_RESTORING_HOME:
		step_starting(s);
		return;
	case RELOC_START_FAILED:
		step_start_failed(s);
		return;
	case RELOC_RUNNING_AWAY:
	case RELOC_REPROTECTING:
	case RELOC_FAILBACK_READY:
		step_running_away(s);
		return;
	case RELOC_FB_QUIESCE:
		step_quiesce(s);
		return;
	case RELOC_FB_FINAL_SYNC:
		step_final_sync(s);
		return;
	case RELOC_CLEANUP:
		step_cleanup(s);
		return;
	case RELOC_SPLIT_SUSPECT:
		step_split_suspect(s);
		return;
	case RELOC_NONE:
	case RELOC_ROLLBACK: /* comes with the commit window */
	case RELOC_N_STATES:
		return;
	}
}

/* A transfer that nobody waits for any more has ended. */
static void forget_transfer(struct step *s)
{
	const struct reloc_event *ev = s->ev;

	if (ev->kind == RELOC_TRANSFER && s->n->moving && ev->job == s->n->job &&
	    (ev->transfer == RELOC_XFER_DONE || ev->transfer == RELOC_XFER_FAILED ||
	     ev->transfer == RELOC_XFER_LOST)) {
		s->n->moving = false;
		step_because(s, "the transfer that nobody waits for has ended");
	}
}

/* Asked before the boot deadline, answered after it: it answers all the same. */
static bool is_last_breath(const struct reloc *r, const struct reloc_event *ev)
{
	return ev->kind == RELOC_HEALTH && ev->ok && ev->op + 1 == r->op &&
	       r->state == RELOC_START_FAILED;
}

bool reloc_step(const struct reloc *r, const struct reloc_event *ev,
		const struct reloc_rules *rules, int64_t now_ms, struct reloc *next)
{
	struct step s = {.ev = ev, .rules = rules, .now_ms = now_ms, .n = next};

	*next = *r;
	if (is_answer(ev->kind) && ev->op != r->op && !is_last_breath(r, ev))
		return false;
	if (ev->kind == RELOC_TRANSFER && !step_follows_transfer(r->state))
		forget_transfer(&s);
	else
		dispatch(&s);
	return s.changed;
}

const char *reloc_refuses(const struct reloc *r, const struct reloc_event *ev)
{
	bool before_grant = r->state >= RELOC_FENCING && r->state <= RELOC_GRANTING;

	switch (ev->kind) {
	case RELOC_OPERATOR_RELOCATE:
		if (r->state == RELOC_PROTECTED || r->state == RELOC_RUNNING_AWAY ||
		    r->state == RELOC_REPROTECTING || r->state == RELOC_FAILBACK_READY ||
		    r->state == RELOC_FENCING || r->state == RELOC_WAIT_REPAIR ||
		    (r->state == RELOC_HOLD_OPERATOR && r->hold != RELOC_NEEDS_STOP))
			return NULL;
		return "its relocation is under way";
	case RELOC_OPERATOR_FAILBACK:
		if (r->active == 0)
			return "it is at home";
		if (r->state == RELOC_RUNNING_AWAY || r->state == RELOC_REPROTECTING ||
		    r->state == RELOC_FAILBACK_READY)
			return NULL;
		return "its relocation is under way";
	case RELOC_OPERATOR_CANCEL:
		if (before_grant || r->state == RELOC_LOCAL_RESTART ||
		    r->state == RELOC_FB_QUIESCE || r->state == RELOC_FB_FINAL_SYNC ||
		    r->state == RELOC_FB_GRANTING || r->state == RELOC_FAILBACK_READY ||
		    r->state == RELOC_RUNNING_AWAY || r->state == RELOC_REPROTECTING)
			return NULL;
		return r->state == RELOC_PROTECTED ? "nothing is under way"
						   : "it is past the point of return";
	case RELOC_OPERATOR_WITHDRAW:
		for (uint32_t i = 0; i < r->n_copies; i++)
			if (r->copy[i].proof == RELOC_F5_OPERATOR && i != r->active &&
			    r->copy[i].epoch < r->epoch)
				return "it runs elsewhere on the strength of that word";
		return NULL;
	default:
		return NULL;
	}
}

enum reloc_recheck reloc_weigh(const struct reloc_copy *c, enum reloc_seen vm,
			       enum reloc_seen power)
{
	bool by_power = c->proof == RELOC_F1_POWER_OFF || c->proof == RELOC_F5_OPERATOR;

	if (vm == RELOC_SEEN_ON)
		return RELOC_GONE;
	if (!c->defined || c->epoch == 0)
		return RELOC_STANDS; /* nothing there that could start by itself */
	if (by_power && (vm == RELOC_SEEN_OFF || power == RELOC_SEEN_ON))
		return RELOC_GONE; /* its host is on after all */
	if (vm == RELOC_SEEN_OFF)
		return RELOC_STANDS;
	if (power == RELOC_SEEN_OFF)
		return RELOC_STANDS;
	return c->proof == RELOC_F5_OPERATOR ? RELOC_STANDS : RELOC_UNSURE;
}
