/* Single steps of the machine, where a whole story would hide what is meant. */
#include "check.h"

#include <string.h>

#include "relocation.h"

struct story {
	struct reloc r;
	int64_t now_ms;
};

static struct story begin(void)
{
	const struct reloc_place home = {"c1", "h1"};
	struct story s = {.now_ms = 1000};

	reloc_init(&s.r, "vm-1", "web1", &home);
	return s;
}

static bool feed(struct story *s, struct reloc_event ev)
{
	struct reloc next;

	ev.op = s->r.op;
	ev.job = s->r.job;
	ev.token = s->r.token;
	if (!reloc_step(&s->r, &ev, &reloc_defaults, s->now_ms, &next))
		return false;
	s->r = next;
	return true;
}

static void tick(struct story *s)
{
	(void)feed(s, (struct reloc_event){.kind = RELOC_TICK});
}

static void is_in(const struct story *s, enum reloc_state state)
{
	if (s->r.state != state)
		fail_msg("in %s (%s), not in %s", reloc_state_name(s->r.state), s->r.why,
			 reloc_state_name(state));
}

static const struct reloc_place home = {"c1", "h1"}, away = {"c2", "a1"};

static const struct reloc_order *
ordered(const struct story *s, enum reloc_order_kind kind, struct reloc_order *list)
{
	size_t n = reloc_orders(&s->r, list);

	for (size_t i = 0; i < n; i++)
		if (list[i].kind == kind)
			return &list[i];
	return NULL;
}

static void down(struct story *s)
{
	(void)feed(s, (struct reloc_event){.kind = RELOC_HOST_DOWN,
					   .place = home,
					   .text = "two channels say so"});
}

static void comparing(struct story *s)
{
	down(s);
	tick(s);
	is_in(s, RELOC_FENCING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_FENCE_RESULT,
					   .place = home,
					   .proof = RELOC_F1_POWER_OFF,
					   .by = "fence",
					   .text = "off"});
	tick(s);
	(void)feed(s, (struct reloc_event){.kind = RELOC_DECIDED,
					   .verdict = RELOC_RELOCATE,
					   .readable = true,
					   .place = away,
					   .text = "most room"});
	is_in(s, RELOC_RESERVING);
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_RESERVED, .ok = true, .place = away});
	is_in(s, RELOC_TRANSFERRING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_TRANSFER,
					   .transfer = RELOC_XFER_PROVING,
					   .bytes = 1000});
	is_in(s, RELOC_VERIFYING);
}

static void starting(struct story *s)
{
	comparing(s);
	(void)feed(s, (struct reloc_event){.kind = RELOC_TRANSFER,
					   .transfer = RELOC_XFER_DONE,
					   .ok = true});
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_DEFINED, .ok = true, .place = away});
	is_in(s, RELOC_GRANTING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_RECHECKED,
					   .recheck = RELOC_STANDS});
	is_in(s, RELOC_STARTING);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_host_is_down_is_why_it_is_fenced),
		cmocka_unit_test(a_change_without_a_reason_names_what_happened),
		cmocka_unit_test(comparing_lasts_as_long_as_it_comes_further),
		cmocka_unit_test(defining_has_its_own_time),
		cmocka_unit_test(
			a_target_that_did_not_start_is_undefined_before_it_counts_as_off),
		cmocka_unit_test(where_its_data_is_it_stays_defined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
