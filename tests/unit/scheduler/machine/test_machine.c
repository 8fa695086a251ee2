/* Single steps of the machine, where a whole story would hide what is meant. */
#include "relocation_story.h"

/* --- reasons --- */

static void why_a_host_is_down_is_why_it_is_fenced(void **state)
{
	(void)state;
	struct story s = begin();

	down(&s);
	is_in(&s, RELOC_DOWN_LIKELY);
	tick(&s);
	is_in(&s, RELOC_FENCING);
	assert_string_equal(s.r.why, "two channels say so");
}

static void a_change_without_a_reason_names_what_happened(void **state)
{
	(void)state;
	struct story s = begin();

	(void)feed(&s, (struct reloc_event){.kind = RELOC_HOST_SUSPECT, .place = home});
	is_in(&s, RELOC_SUSPECT);
	assert_string_equal(s.r.why, "host suspect: h1");
}

/* --- deadlines --- */

static void comparing_lasts_as_long_as_it_comes_further(void **state)
{
	(void)state;
	struct story s = begin();
	struct reloc_event proving = {
		.kind = RELOC_TRANSFER, .transfer = RELOC_XFER_PROVING, .bytes = 1000};

	comparing(&s);
	for (int i = 0; i < 20; i++) { /* far beyond verify_ms in all */
		s.now_ms += reloc_defaults.verify_ms / 2;
		proving.bytes += 1 << 20;
		(void)feed(&s, proving);
		tick(&s);
		is_in(&s, RELOC_VERIFYING);
	}
	/* the next disk is being copied meanwhile: progress as well */
	proving.transfer = RELOC_XFER_MOVING;
	proving.bytes += 1 << 20;
	s.now_ms += reloc_defaults.verify_ms / 2;
	(void)feed(&s, proving);
	s.now_ms += reloc_defaults.verify_ms / 2 + 1;
	tick(&s);
	is_in(&s, RELOC_VERIFYING);
	/* and when nothing moves any more, it is given up */
	s.now_ms += reloc_defaults.verify_ms;
	(void)feed(&s, proving);
	tick(&s);
	is_in(&s, RELOC_DECIDING);
}

static void what_waits_for_its_turn_is_not_given_up(void **state)
{
	(void)state;
	struct story s = begin();
	struct reloc_event ev = {.kind = RELOC_TRANSFER, .transfer = RELOC_XFER_WAITING};

	transferring(&s);
	for (int i = 0; i < 20; i++) { /* far beyond stall_ms in all */
		s.now_ms += reloc_defaults.stall_ms / 2 + 1;
		(void)feed(&s, ev);
		tick(&s);
		is_in(&s, RELOC_TRANSFERRING);
	}
	s.now_ms += reloc_defaults.stall_ms + 1; /* nobody says that it waits */
	tick(&s);
	is_in(&s, RELOC_DECIDING);
}

static void defining_has_its_own_time(void **state)
{
	(void)state;
	struct story s = begin();

	comparing(&s);
	s.now_ms += reloc_defaults.verify_ms - 1;
	(void)feed(&s, (struct reloc_event){.kind = RELOC_TRANSFER,
					    .transfer = RELOC_XFER_DONE,
					    .ok = true});
	s.now_ms += reloc_defaults.verify_ms - 1;
	tick(&s);
	is_in(&s, RELOC_VERIFYING);
}

/* --- what counts as off --- */

static void start_fails(struct story *s)
{
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_STARTED, .permanent = true, .place = away});
	is_in(s, RELOC_START_FAILED);
}

static void a_target_that_did_not_start_is_undefined_before_it_counts_as_off(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = begin();
	const struct reloc_event stopped = {
		.kind = RELOC_STOPPED, .ok = true, .place = away};

	starting(&s);
	start_fails(&s);
	const struct reloc_order *kill = ordered(&s, RELOC_DO_KILL, list);
	assert_non_null(kill);
	assert_true(kill->undefine);
	(void)feed(&s, stopped);
	is_in(&s, RELOC_STARTING); /* the same place once more: defined anew */
	assert_true(s.r.copy[1].defined);
	start_fails(&s);
	(void)feed(&s, stopped);
	is_in(&s, RELOC_DECIDING);
	assert_false(s.r.copy[1].defined);
	assert_true(s.r.copy[1].disks);
	assert_int_equal(s.r.copy[1].proof, RELOC_F3_ATTESTED);
}

/* --- a guest that is slow to answer --- */

static struct story boot_deadline_passed(void)
{
	struct story s = begin();

	starting(&s);
	(void)feed(&s, (struct reloc_event){
			       .kind = RELOC_STARTED, .ok = true, .place = away});
	s.now_ms += reloc_defaults.boot_ms;
	tick(&s);
	is_in(&s, RELOC_START_FAILED);
	return s;
}

static void a_late_guest_is_asked_once_more_before_it_is_destroyed(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = boot_deadline_passed();
	const struct reloc_order *kill = ordered(&s, RELOC_DO_KILL, list);

	assert_non_null(kill);
	assert_true(kill->spare);
	(void)feed(&s, healthy);
	is_in(&s, RELOC_RUNNING_AWAY);
	assert_int_equal(s.r.good, s.r.active);
}

/* The answer to a question from before the deadline counts, a refusal does not. */
static void an_answer_that_was_under_way_at_the_deadline_counts(void **state)
{
	(void)state;
	struct story s = boot_deadline_passed();
	struct reloc_event ev = healthy;
	struct reloc next;

	ev.op = s.r.op - 1;
	assert_true(reloc_step(&s.r, &ev, &reloc_defaults, s.now_ms, &next));
	assert_int_equal(next.state, RELOC_RUNNING_AWAY);
	ev.ok = false;
	ev.permanent = true;
	assert_false(reloc_step(&s.r, &ev, &reloc_defaults, s.now_ms, &next));
	ev = healthy;
	ev.op = s.r.op - 2; /* of an earlier grant */
	assert_false(reloc_step(&s.r, &ev, &reloc_defaults, s.now_ms, &next));
}

static void what_was_found_running_may_have_written(void **state)
{
	(void)state;
	struct story s = begin();
	struct reloc_event stopped = {
		.kind = RELOC_STOPPED, .ok = true, .seen = RELOC_SEEN_OFF, .place = away};

	starting(&s);
	start_fails(&s); /* so its hypervisor said */
	(void)feed(&s, stopped);
	assert_false(s.r.maybe_ran);
	start_fails(&s);
	stopped.seen = RELOC_SEEN_ON;
	(void)feed(&s, stopped);
	assert_int_equal(s.r.good, 1);
}

/* --- definitions --- */

static void where_its_data_is_it_stays_defined(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = begin();

	(void)feed(&s, (struct reloc_event){.kind = RELOC_OPERATOR_RELOCATE,
					    .by = "alice",
					    .text = "maintenance"});
	is_in(&s, RELOC_FENCING);
	const struct reloc_order *stop = ordered(&s, RELOC_DO_STOP, list);
	assert_non_null(stop);
	assert_false(stop->undefine);
}

/* --- what is left behind --- */

static void cleaning(struct story *s)
{
	*s = begin();
	starting(s);
	(void)feed(s, healthy);
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_QUARANTINED, .ok = true, .place = home});
	(void)feed(s, (struct reloc_event){.kind = RELOC_HOST_BACK, .place = home});
	tick(s);
	is_in(s, RELOC_REPROTECTING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_QUERIED,
					   .seen = RELOC_SEEN_OFF,
					   .place = home});
	(void)feed(s,
		   (struct reloc_event){.kind = RELOC_OPERATOR_FAILBACK, .by = "alice"});
	tick(s);
	is_in(s, RELOC_FB_QUIESCE);
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_STOPPED, .ok = true, .place = away});
	(void)feed(s, (struct reloc_event){.kind = RELOC_TRANSFER,
					   .transfer = RELOC_XFER_DONE,
					   .ok = true});
	(void)feed(s, (struct reloc_event){.kind = RELOC_RECHECKED,
					   .recheck = RELOC_STANDS});
	is_in(s, RELOC_RESTORING_HOME);
	(void)feed(s,
		   (struct reloc_event){.kind = RELOC_HEALTH, .ok = true, .place = home});
	is_in(s, RELOC_CLEANUP);
	assert_true(s->r.copy[1].defined); /* it was the good copy until now */
}

static void an_old_copy_is_forgotten_however_long_that_takes(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s;

	cleaning(&s);
	assert_non_null(ordered(&s, RELOC_DO_CLEAN, list));
	s.now_ms += reloc_defaults.cleanup_ms;
	tick(&s); /* its host does not answer */
	is_in(&s, RELOC_PROTECTED);
	assert_non_null(strstr(s.r.why, "c2/a1 still defines it"));
	const struct reloc_order *again = ordered(&s, RELOC_DO_QUARANTINE, list);
	assert_non_null(again);
	assert_int_equal(again->copy, 1);
	(void)feed(&s, (struct reloc_event){.kind = RELOC_QUARANTINED, .place = away});
	assert_non_null(ordered(&s, RELOC_DO_QUARANTINE, list)); /* not yet */
	(void)feed(&s, (struct reloc_event){
			       .kind = RELOC_QUARANTINED, .ok = true, .place = away});
	assert_null(ordered(&s, RELOC_DO_QUARANTINE, list));
	assert_false(s.r.copy[1].defined);
}

/* Nor is it, when home dies in the middle of it: that is a story of its own. */
static void an_old_copy_is_remembered_over_the_next_failure(void **state)
{
	(void)state;
	struct story s;

	cleaning(&s);
	(void)feed(&s, (struct reloc_event){.kind = RELOC_HOST_SUSPECT,
					    .place = home,
					    .text = "silent"});
	is_in(&s, RELOC_SUSPECT);
	down(&s);
	tick(&s);
	assert_true(s.r.copy[1].defined);
	assert_int_equal(s.r.copy[1].proof, RELOC_F3_ATTESTED);
}

static void a_vm_that_was_paused_since_the_order_is_not_moved(void **state)
{
	(void)state;
	struct story s = begin();

	(void)feed(&s, (struct reloc_event){.kind = RELOC_OPERATOR_RELOCATE,
					    .by = "ann",
					    .text = "-"});
	is_in(&s, RELOC_FENCING);
	(void)feed(&s, (struct reloc_event){.kind = RELOC_STOPPED,
					    .place = home,
					    .permanent = true,
					    .text = "it is paused"});
	is_in(&s, RELOC_PROTECTED); /* and neither started nor stopped */
	assert_string_equal(s.r.why, "not moved: it is paused");
	assert_int_equal(s.r.epoch, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_host_is_down_is_why_it_is_fenced),
		cmocka_unit_test(a_vm_that_was_paused_since_the_order_is_not_moved),
		cmocka_unit_test(a_change_without_a_reason_names_what_happened),
		cmocka_unit_test(comparing_lasts_as_long_as_it_comes_further),
		cmocka_unit_test(what_waits_for_its_turn_is_not_given_up),
		cmocka_unit_test(defining_has_its_own_time),
		cmocka_unit_test(
			a_target_that_did_not_start_is_undefined_before_it_counts_as_off),
		cmocka_unit_test(a_late_guest_is_asked_once_more_before_it_is_destroyed),
		cmocka_unit_test(an_answer_that_was_under_way_at_the_deadline_counts),
		cmocka_unit_test(what_was_found_running_may_have_written),
		cmocka_unit_test(where_its_data_is_it_stays_defined),
		cmocka_unit_test(an_old_copy_is_forgotten_however_long_that_takes),
		cmocka_unit_test(an_old_copy_is_remembered_over_the_next_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
