#include "machine/states.h"

#include "machine/orders.h"
#include "machine/step.h"

static void ignore(struct step *s)
{
	(void)s;
}

static void step_down_likely(struct step *s)
{
	if (s->ev->kind == RELOC_TICK)
		step_go(s, RELOC_FENCING, "%s", s->n->why);
}

static void step_hold_operator(struct step *s)
{
	if (s->n->hold == RELOC_NEEDS_PROOF)
		step_fencing(s);
	else if (s->n->hold == RELOC_NEEDS_STOP)
		step_split_suspect(s);
	else
		step_hold_choice(s);
}

#define NOTHING "nothing"
#define BUDGET(field) offsetof(struct reloc_rules, field)
_Static_assert(BUDGET(suspect_ms) > 0, "0 stands for none");

/* clang-format off */
static const struct reloc_state_info states[RELOC_N_STATES] = {
	[RELOC_NONE] = {
		.name = "NONE", .handle = ignore,
		.meaning = "it has no relocation record", .action = NOTHING},
	[RELOC_PROTECTED] = {
		.name = "PROTECTED", .phase = RELOC_PHASE_HOME, .handle = step_protected, .orders = order_protected,
		.quiet = true, .may_relocate = true,
		.meaning = "runs at home and is watched", .action = NOTHING},
	[RELOC_SUSPECT] = {
		.name = "SUSPECT", .phase = RELOC_PHASE_DETECT, .handle = step_suspected, .orders = order_query, .budget = BUDGET(suspect_ms),
		.severity = RELOC_WARNING,
		.meaning = "its host may be dead and is being probed",
		.action = "nothing; the host answers again or is declared down"},
	[RELOC_HOLD_BRAKE] = {
		.name = "HOLD_BRAKE", .phase = RELOC_PHASE_DETECT, .handle = step_suspected, .orders = order_query, .budget = BUDGET(review_ms),
		.severity = RELOC_ERROR,
		.meaning = "too many hosts of its cluster are silent at once, which points to the network or the collector",
		.action = "check the network first; if the hosts are really dead, run `vrsctl fail HOST`, which overrides the brake"},
	[RELOC_DOWN_LIKELY] = {
		.name = "DOWN_LIKELY", .phase = RELOC_PHASE_DETECT, .handle = step_down_likely,
		.severity = RELOC_WARNING,
		.meaning = "its host is declared down and is powered off next", .action = NOTHING},
	[RELOC_FENCING] = {
		.name = "FENCING", .phase = RELOC_PHASE_FENCE, .handle = step_fencing, .orders = order_proofs, .budget = BUDGET(fence_ms),
		.may_relocate = true, .may_cancel = true, .severity = RELOC_WARNING,
		.meaning = "its host is being powered off; nothing starts elsewhere until that is proven",
		.action = "nothing; a failed fence is retried"},
	[RELOC_HOLD_OPERATOR] = {
		.name = "HOLD_OPERATOR", .phase = RELOC_PHASE_DECIDE, .handle = step_hold_operator, .orders = order_hold, .budget = BUDGET(review_ms),
		.may_relocate = true, .may_cancel = true, .severity = RELOC_ERROR,
		.meaning = "waits for an operator",
		.action = "`vrsctl relocation show VM` names what is missing"},
	[RELOC_FENCED] = {
		.name = "FENCED", .phase = RELOC_PHASE_DECIDE, .handle = step_fenced,
		.may_cancel = true,
		.meaning = "its old copy is proven off", .action = NOTHING},
	[RELOC_DECIDING] = {
		.name = "DECIDING", .phase = RELOC_PHASE_DECIDE, .handle = step_deciding, .orders = order_decision, .budget = BUDGET(decide_ms),
		.may_cancel = true,
		.meaning = "a target is being chosen", .action = NOTHING},
	[RELOC_WAIT_REPAIR] = {
		.name = "WAIT_REPAIR", .phase = RELOC_PHASE_DECIDE, .handle = step_waiting, .budget = BUDGET(review_ms),
		.may_relocate = true, .may_cancel = true, .claims = RELOC_CLAIMS_HOME,
		.meaning = "waits for the repair of its host: moving would take longer, or no target fits",
		.action = "repair the host; the decision is reviewed every few minutes"},
	[RELOC_RESERVING] = {
		.name = "RESERVING", .phase = RELOC_PHASE_DECIDE, .handle = step_reserving, .orders = order_reserve, .budget = BUDGET(reserve_ms),
		.may_cancel = true, .claims = RELOC_CLAIMS_TARGET | RELOC_CLAIMS_TARGET_DISK,
		.meaning = "capacity is being reserved on the target", .action = NOTHING},
	[RELOC_TRANSFERRING] = {
		.name = "TRANSFERRING", .phase = RELOC_PHASE_MOVE, .handle = step_transferring, .orders = order_transfer, .budget = BUDGET(stall_ms),
		.transfers = true, .may_cancel = true, .claims = RELOC_CLAIMS_TARGET | RELOC_CLAIMS_TARGET_DISK,
		.meaning = "its disks are being copied to the target",
		.action = "nothing; `vrsctl relocation list --watch` shows the rate"},
	[RELOC_VERIFYING] = {
		.name = "VERIFYING", .phase = RELOC_PHASE_MOVE, .handle = step_transferring, .orders = order_verify, .budget = BUDGET(verify_ms),
		.transfers = true, .may_cancel = true, .claims = RELOC_CLAIMS_TARGET,
		.meaning = "source and target disks are being compared", .action = NOTHING},
	[RELOC_GRANTING] = {
		.name = "GRANTING", .phase = RELOC_PHASE_MOVE, .handle = step_granting, .orders = order_recheck, .budget = BUDGET(grant_ms),
		.may_cancel = true, .claims = RELOC_CLAIMS_TARGET,
		.meaning = "all proofs are read again before it starts on the target", .action = NOTHING},
	[RELOC_STARTING] = {
		.name = "STARTING", .phase = RELOC_PHASE_MOVE, .handle = step_starting, .orders = order_start, .budget = BUDGET(boot_ms),
		.claims = RELOC_CLAIMS_TARGET,
		.meaning = "it starts on the target; its guest has not answered yet", .action = NOTHING},
	[RELOC_START_FAILED] = {
		.name = "START_FAILED", .phase = RELOC_PHASE_MOVE, .handle = step_start_failed, .orders = order_kill, .budget = BUDGET(stop_ms),
		.severity = RELOC_WARNING, .claims = RELOC_CLAIMS_TARGET,
		.meaning = "it did not start; it is stopped, then started again here or on the next target",
		.action = NOTHING},
	[RELOC_RUNNING_AWAY] = {
		.name = "RUNNING_AWAY", .phase = RELOC_PHASE_AWAY, .handle = step_running_away, .orders = order_quarantine,
		.quiet = true, .may_relocate = true, .may_cancel = true, .may_fail_back = true,
		.claims = RELOC_CLAIMS_ACTIVE | RELOC_CLAIMS_HOME,
		.meaning = "runs away from home; its capacity at home is kept",
		.action = "repair its home host"},
	[RELOC_REPROTECTING] = {
		.name = "REPROTECTING", .phase = RELOC_PHASE_AWAY, .handle = step_running_away, .orders = order_query_home, .budget = BUDGET(query_ms),
		.may_relocate = true, .may_cancel = true, .may_fail_back = true,
		.claims = RELOC_CLAIMS_ACTIVE | RELOC_CLAIMS_HOME,
		.meaning = "its home host is back and is checked before the failback", .action = NOTHING},
	[RELOC_FAILBACK_READY] = {
		.name = "FAILBACK_READY", .phase = RELOC_PHASE_AWAY, .handle = step_running_away, .orders = order_quarantine,
		.quiet = true, .may_relocate = true, .may_cancel = true, .may_fail_back = true,
		.claims = RELOC_CLAIMS_ACTIVE | RELOC_CLAIMS_HOME,
		.meaning = "its home host can take it back",
		.action = "nothing; with `auto_failback = no`, run `vrsctl failback VM`"},
	[RELOC_FB_QUIESCE] = {
		.name = "FB_QUIESCE", .phase = RELOC_PHASE_FAILBACK, .handle = step_quiesce, .orders = order_quiesce, .budget = BUDGET(stop_ms),
		.may_cancel = true, .claims = RELOC_CLAIMS_ACTIVE | RELOC_CLAIMS_HOME,
		.meaning = "it is being shut down for the failback", .action = NOTHING},
	[RELOC_FB_FINAL_SYNC] = {
		.name = "FB_FINAL_SYNC", .phase = RELOC_PHASE_FAILBACK, .handle = step_final_sync, .orders = order_transfer, .budget = BUDGET(stall_ms),
		.transfers = true, .may_cancel = true, .claims = RELOC_CLAIMS_ACTIVE | RELOC_CLAIMS_HOME,
		.meaning = "changed blocks are being copied home", .action = NOTHING},
	[RELOC_FB_GRANTING] = {
		.name = "FB_GRANTING", .phase = RELOC_PHASE_FAILBACK, .handle = step_granting, .orders = order_recheck, .budget = BUDGET(grant_ms),
		.may_cancel = true, .claims = RELOC_CLAIMS_HOME,
		.meaning = "all proofs are read again before it starts at home", .action = NOTHING},
	[RELOC_RESTORING_HOME] = {
		.name = "RESTORING_HOME", .phase = RELOC_PHASE_FAILBACK, .handle = step_starting, .orders = order_start, .budget = BUDGET(boot_ms),
		.claims = RELOC_CLAIMS_HOME,
		.meaning = "it starts at home; its guest has not answered yet", .action = NOTHING},
	[RELOC_CLEANUP] = {
		.name = "CLEANUP", .phase = RELOC_PHASE_HOME, .handle = step_cleanup, .orders = order_cleanup, .budget = BUDGET(cleanup_ms),
		.meaning = "runs at home; leftover copies are being removed", .action = NOTHING},
	[RELOC_SPLIT_SUSPECT] = {
		.name = "SPLIT_SUSPECT", .phase = RELOC_PHASE_MOVE, .handle = step_split_suspect, .orders = order_stop_older, .budget = BUDGET(split_ms),
		.severity = RELOC_ERROR,
		.meaning = "a second copy was seen running; it is stopped once the granted host confirms that the VM runs there",
		.action = "check at once: both copies may have written"},
	[RELOC_LOCAL_RESTART] = {
		.name = "LOCAL_RESTART", .phase = RELOC_PHASE_MOVE, .handle = step_reserving, .orders = order_define, .budget = BUDGET(reserve_ms),
		.may_cancel = true, .claims = RELOC_CLAIMS_TARGET,
		.meaning = "it restarts on another host of its own cluster", .action = NOTHING},
	[RELOC_HOME_GRANT] = {
		.name = "HOME_GRANT", .phase = RELOC_PHASE_MOVE, .handle = step_granting, .orders = order_recheck, .budget = BUDGET(grant_ms),
		.claims = RELOC_CLAIMS_HOME,
		.meaning = "all proofs are read again before it restarts at home", .action = NOTHING},
};
/* clang-format on */

const struct reloc_state_info *reloc_state(enum reloc_state s)
{
	return &states[s];
}

const char *reloc_state_name(enum reloc_state s)
{
	return states[s].name;
}

bool reloc_quiet(const struct reloc *r)
{
	return states[r->state].quiet;
}
