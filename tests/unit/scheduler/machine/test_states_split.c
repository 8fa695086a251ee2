/* Two copies: which one has to go, and when nobody can tell. */
#include "relocation_story.h"

/* --- copies that nobody sent --- */

static const struct reloc_place elsewhere = {"c3", "b1"};

static void see(struct story *s, struct reloc_place at)
{
	(void)feed(s, (struct reloc_event){.kind = RELOC_SEEN_RUNNING, .place = at});
}

static void look(struct story *s, struct reloc_place at, enum reloc_seen seen)
{
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_QUERIED, .seen = seen, .place = at});
}

static bool stops(const struct story *s)
{
	struct reloc_order list[RELOC_MAX_ORDERS];

	return ordered(s, RELOC_DO_KILL, list) || ordered(s, RELOC_DO_STOP, list) ||
	       ordered(s, RELOC_DO_FENCE, list);
}

static void a_stranger_beside_a_running_vm_is_stopped(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = begin();

	see(&s, elsewhere);
	is_in(&s, RELOC_SPLIT_SUSPECT);
	assert_non_null(strstr(s.r.why, "c3/b1"));
	assert_false(stops(&s)); /* that its host is alive proves nothing */
	assert_int_equal(ordered(&s, RELOC_DO_QUERY, list)->copy, 1);
	look(&s, home, RELOC_UNREACHABLE);
	assert_false(stops(&s));
	look(&s, home, RELOC_SEEN_ON);
	assert_true(s.r.paged_ms > 0);
	const struct reloc_order *kill = ordered(&s, RELOC_DO_KILL, list);
	assert_non_null(kill);
	assert_int_equal(kill->copy, 1);
	assert_false(kill->undefine); /* its definition is its owner's */
	(void)feed(&s, (struct reloc_event){
			       .kind = RELOC_STOPPED, .ok = true, .place = elsewhere});
	is_in(&s, RELOC_PROTECTED);
}

static void a_stranger_may_be_all_that_is_left(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = begin();

	comparing(&s);
	see(&s, elsewhere);
	is_in(&s, RELOC_SPLIT_SUSPECT);
	for (int i = 0; i < 2; i++) {
		assert_null(ordered(&s, RELOC_DO_KILL, list));
		assert_null(ordered(&s, RELOC_DO_FENCE, list));
		assert_non_null(ordered(&s, RELOC_DO_QUERY, list));
		down(&s); /* what is said of the dead host changes nothing */
		s.now_ms += reloc_defaults.split_ms;
		tick(&s);
		is_in(&s, RELOC_HOLD_OPERATOR);
	}
	assert_non_null(strstr(s.r.hold_reason, "cannot choose"));
	(void)feed(&s, (struct reloc_event){.kind = RELOC_QUERIED,
					    .seen = RELOC_SEEN_OFF,
					    .place = elsewhere});
	is_in(&s, RELOC_FENCING); /* the proofs are looked at again */
}

static void a_stranger_waits_until_it_is_known_whether_the_vm_still_runs(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = begin();

	(void)feed(&s, (struct reloc_event){.kind = RELOC_HOST_SUSPECT,
					    .place = home,
					    .text = "silent"});
	see(&s, elsewhere);
	is_in(&s, RELOC_SPLIT_SUSPECT);
	assert_null(ordered(&s, RELOC_DO_KILL, list));
	(void)feed(&s, (struct reloc_event){.kind = RELOC_QUERIED,
					    .seen = RELOC_SEEN_ON,
					    .place = home});
	assert_non_null(ordered(&s, RELOC_DO_KILL, list));
	(void)feed(&s, (struct reloc_event){
			       .kind = RELOC_STOPPED, .ok = true, .place = elsewhere});
	is_in(&s, RELOC_PROTECTED);
}

static void its_owner_moved_it(void **state)
{
	(void)state;
	struct story s = begin();

	see(&s, elsewhere);
	assert_false(stops(&s));
	look(&s, home, RELOC_SEEN_OFF); /* or not listed there */
	is_in(&s, RELOC_PROTECTED);
	assert_false(stops(&s));
	assert_int_equal(s.r.n_copies, 1);
	assert_string_equal(s.r.copy[0].place.cluster, "c3");
	assert_string_equal(s.r.copy[0].place.host, "b1");
	assert_int_equal(s.r.copy[0].proof, RELOC_NO_PROOF);
	assert_int_equal(s.r.paged_ms, 0);
	assert_non_null(strstr(s.r.why, "its owner moved it"));
}

/* Also where copied disks of an earlier relocation still lie. */
static void its_owner_moved_it_to_where_it_was_once(void **state)
{
	(void)state;
	struct story s = begin();

	s.r.epoch = 3;
	s.r.copy[0].epoch = 3;
	s.r.copy[s.r.n_copies++] = (struct reloc_copy){
		.place = elsewhere, .epoch = 2, .disks = true, .seed = true};
	see(&s, elsewhere);
	look(&s, home, RELOC_SEEN_OFF);
	is_in(&s, RELOC_PROTECTED);
	assert_string_equal(s.r.copy[0].place.host, "b1");
	assert_int_equal(s.r.n_copies, 1);
}

static void an_older_copy_lives_while_the_granted_one_is_off(void **state)
{
	(void)state;
	struct story s = begin();

	starting(&s);
	(void)feed(&s, healthy);
	is_in(&s, RELOC_RUNNING_AWAY);
	see(&s, home);
	is_in(&s, RELOC_SPLIT_SUSPECT);
	assert_false(stops(&s)); /* the granted place is asked first */
	look(&s, away, RELOC_SEEN_OFF);
	assert_false(stops(&s));
	look(&s, away, RELOC_UNREACHABLE);
	assert_false(stops(&s));
	s.now_ms += reloc_defaults.split_ms;
	tick(&s);
	is_in(&s, RELOC_HOLD_OPERATOR);
	assert_non_null(
		strstr(s.r.hold_reason, "a copy with an older grant runs on c1/h1"));
	assert_non_null(strstr(s.r.hold_reason, "c2/a1 does not,"));
	assert_false(stops(&s));
	look(&s, away, RELOC_SEEN_ON);
	assert_non_null(strstr(s.r.hold_reason, "cannot be confirmed off"));
	assert_true(stops(&s));
}

static void an_older_copy_goes_when_the_granted_place_is_silent(void **state)
{
	(void)state;
	struct story s = begin();

	starting(&s);
	(void)feed(&s, healthy);
	see(&s, home);
	assert_false(stops(&s));
	look(&s, away, RELOC_UNREACHABLE);
	assert_true(stops(&s));
}

/* --- found in two clusters, without a record --- */

static struct story found_twice(void)
{
	struct story s = begin();

	(void)feed(&s,
		   (struct reloc_event){.kind = RELOC_SEEN_TWICE, .place = elsewhere});
	is_in(&s, RELOC_SPLIT_SUSPECT);
	return s;
}

static void of_two_that_nobody_sent_neither_is_stopped(void **state)
{
	(void)state;
	struct reloc_order list[RELOC_MAX_ORDERS];
	struct story s = found_twice();

	assert_true(s.r.paged_ms > 0);
	for (int i = 0; i < 3; i++) {
		size_t n = reloc_orders(&s.r, list);

		assert_int_equal(n, 2);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(list[k].kind, RELOC_DO_QUERY);
		down(&s); /* nor is it moved when a host of it dies */
		look(&s, home, RELOC_SEEN_ON);
		s.now_ms += reloc_defaults.review_ms;
		tick(&s);
		is_in(&s, RELOC_HOLD_OPERATOR);
	}
	assert_non_null(strstr(s.r.hold_reason, "c1/h1 and c3/b1"));
	assert_int_equal(s.r.epoch, 1);
}

static void where_it_runs_on_is_its_home(void **state)
{
	(void)state;
	struct story s = found_twice();

	look(&s, elsewhere, RELOC_SEEN_OFF);
	is_in(&s, RELOC_PROTECTED);
	assert_false(s.r.home_unclear);
	assert_string_equal(s.r.copy[0].place.host, "h1");
	assert_int_equal(s.r.n_copies, 1);

	s = found_twice();
	s.now_ms += reloc_defaults.split_ms;
	tick(&s);
	is_in(&s, RELOC_HOLD_OPERATOR);
	(void)feed(&s, (struct reloc_event){.kind = RELOC_OPERATOR_CONFIRM_OFF,
					    .place = home,
					    .by = "alice",
					    .text = "I switched it off"});
	is_in(&s, RELOC_PROTECTED);
	assert_string_equal(s.r.copy[0].place.host, "b1");
	assert_int_equal(s.r.n_copies, 1);
}

static void a_third_one_is_a_reason_to_wait_longer(void **state)
{
	(void)state;
	struct story s = found_twice();

	see(&s, away);
	look(&s, home, RELOC_SEEN_OFF);
	is_in(&s, RELOC_SPLIT_SUSPECT);
	look(&s, away, RELOC_SEEN_OFF);
	is_in(&s, RELOC_PROTECTED);
	assert_string_equal(s.r.copy[0].place.host, "b1");
}

static void inside_its_own_cluster_it_has_only_moved(void **state)
{
	(void)state;
	const struct reloc_place neighbour = {"c2", "a2"};
	struct story s = begin();

	starting(&s);
	(void)feed(&s,
		   (struct reloc_event){.kind = RELOC_HEALTH, .ok = true, .place = away});
	is_in(&s, RELOC_RUNNING_AWAY);
	see(&s, neighbour);
	is_in(&s, RELOC_RUNNING_AWAY);
	assert_string_equal(s.r.copy[s.r.active].place.host, "a2");
	assert_true(s.r.copy[s.r.active].disks);
	assert_int_equal(s.r.good, s.r.active);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_beside_a_running_vm_is_stopped),
		cmocka_unit_test(its_owner_moved_it),
		cmocka_unit_test(its_owner_moved_it_to_where_it_was_once),
		cmocka_unit_test(an_older_copy_lives_while_the_granted_one_is_off),
		cmocka_unit_test(an_older_copy_goes_when_the_granted_place_is_silent),
		cmocka_unit_test(a_stranger_may_be_all_that_is_left),
		cmocka_unit_test(
			a_stranger_waits_until_it_is_known_whether_the_vm_still_runs),
		cmocka_unit_test(of_two_that_nobody_sent_neither_is_stopped),
		cmocka_unit_test(where_it_runs_on_is_its_home),
		cmocka_unit_test(a_third_one_is_a_reason_to_wait_longer),
		cmocka_unit_test(inside_its_own_cluster_it_has_only_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
