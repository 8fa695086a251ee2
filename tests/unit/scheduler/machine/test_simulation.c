/* Everything that can go wrong, at every point of every story, one and two at a time. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "simulation.h"

/* Sanitizers make it ten times slower: with them every SIM_SHARE'th trouble is tried. */
#ifndef SIM_SHARE
#define SIM_SHARE 1
#endif

static int runs, tried;

static bool is_left_out(void)
{
	return tried++ % SIM_SHARE != 0;
}

static void must_hold(struct sim_script *script, struct sim_result *ret)
{
	runs++;
	sim_run(script, ret);
	if (ret->ok)
		return;
	(void)printf(
		"# story %d, fence %d, verdict %d, cannot start %d, home returns %d, "
		"auto %d\n",
		script->story, script->fence, script->verdict,
		script->first_target_cannot_start, script->home_returns,
		script->auto_failback);
	if (script->boots_for)
		(void)printf("# boots for %d s\n", script->boots_for);
	if (script->start_hangs_for)
		(void)printf("# starts hang for %d s\n", script->start_hangs_for);
	for (int i = 0; i < 3; i++)
		if (script->trouble[i].point >= 0)
			(void)printf("# trouble at point %d: %s\n",
				     script->trouble[i].point,
				     sim_trouble_name(script->trouble[i].what));
	script->loud = true;
	struct sim_result again;
	sim_run(script, &again);
	fail_msg("%s", ret->what);
}

static struct sim_script calm(void)
{
	struct sim_script s = {.home_returns = true, .auto_failback = true};

	for (int i = 0; i < 3; i++)
		s.trouble[i].point = -1;
	return s;
}

/* Calls fn for every story that can be told without trouble. */
static void for_every_story(bool everything, void (*fn)(struct sim_script *script))
{
	for (int story = 0; story < SIM_N_STORIES; story++)
		for (int fence = 0; fence < SIM_N_FENCES; fence++)
			for (int verdict = 0; verdict < SIM_N_VERDICTS; verdict++)
				for (int bits = 0; bits < 4; bits++) {
					struct sim_script s = calm();

					s.story = (enum sim_story)story;
					s.fence = (enum sim_fence)fence;
					s.verdict = (enum sim_verdict)verdict;
					s.first_target_cannot_start = bits & 1;
					s.home_returns = !(bits & 2);
					if (everything || fence == SIM_FENCE_WORKS ||
					    (verdict == SIM_RELOCATES && bits == 0))
						fn(&s);
				}
}

static uint64_t states_seen;

static void one_trouble_everywhere(struct sim_script *script)
{
	struct sim_result r;

	must_hold(script, &r);
	int points = r.points;
	for (int t = SIM_NOTHING + 1; t < SIM_N_TROUBLES; t++)
		for (int p = 0; p < points; p++) {
			struct sim_script s = *script;

			if (is_left_out())
				continue;
			s.trouble[0].point = p;
			s.trouble[0].what = (enum sim_trouble)t;
			must_hold(&s, &r);
			states_seen |= r.states;
		}
}

static void tell_it(struct sim_script *script)
{
	struct sim_result r;

	must_hold(script, &r);
	states_seen |= r.states;
}

static void every_story_ends_with_one_running_copy(void **state)
{
	(void)state;
	for_every_story(true, tell_it);
}

static void the_plain_story_goes_away_and_comes_home(void **state)
{
	(void)state;
	struct sim_script s = calm();
	struct sim_result r;

	must_hold(&s, &r);
	assert_int_equal(r.end, RELOC_PROTECTED);
	const enum reloc_state must[] = {
		RELOC_SUSPECT,        RELOC_DOWN_LIKELY,    RELOC_FENCING,
		RELOC_FENCED,         RELOC_DECIDING,       RELOC_RESERVING,
		RELOC_TRANSFERRING,   RELOC_VERIFYING,      RELOC_GRANTING,
		RELOC_STARTING,       RELOC_RUNNING_AWAY,   RELOC_REPROTECTING,
		RELOC_FAILBACK_READY, RELOC_FB_QUIESCE,     RELOC_FB_FINAL_SYNC,
		RELOC_FB_GRANTING,    RELOC_RESTORING_HOME, RELOC_CLEANUP};
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (!(r.states & (1ULL << must[i])))
			fail_msg("%s was not passed", reloc_state_name(must[i]));
}

static void after_a_quick_reboot_it_runs_at_home_under_a_new_epoch(void **state)
{
	(void)state;
	struct sim_script s = calm();
	struct sim_result r;

	s.story = SIM_QUICK_REBOOT;
	must_hold(&s, &r);
	assert_int_equal(r.end, RELOC_PROTECTED);
	assert_true(r.states & (1ULL << RELOC_HOME_GRANT));
	assert_false(r.states & (1ULL << RELOC_DECIDING)); /* it stayed at home */
	one_trouble_everywhere(&s);
}

static void what_is_found_twice_is_left_to_people(void **state)
{
	(void)state;
	struct sim_script s = calm();
	struct sim_result r;

	s.story = SIM_FOUND_TWICE;
	must_hold(&s, &r);
	assert_int_equal(r.end, RELOC_PROTECTED);
	assert_true(r.states & (1ULL << RELOC_SPLIT_SUSPECT));
	assert_true(r.states & (1ULL << RELOC_HOLD_OPERATOR));
	assert_false(r.states & (1ULL << RELOC_STARTING));
	one_trouble_everywhere(&s);
}

/* One set stays as a seed, or none. */
static void disks_do_not_pile_up(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct sim_script s = calm();
		struct sim_result r;

		s.keep_away = keep;
		must_hold(&s, &r);
		assert_int_equal(r.end, RELOC_PROTECTED);
		assert_int_equal(r.disks_away, keep);
		/* what cannot be removed at once is removed later */
		for (int p = r.points - 8; p < r.points; p++) {
			struct sim_result late;

			s.trouble[0].point = p;
			s.trouble[0].what = SIM_TARGET_CUT_OFF;
			must_hold(&s, &late);
			assert_int_equal(late.end, RELOC_PROTECTED);
			assert_int_equal(late.disks_away, keep);
		}
		/* it did not come up there, but may have written: its disks come home,
		 * and one set of them may stay */
		s = calm();
		s.keep_away = keep;
		s.first_target_cannot_start = true;
		must_hold(&s, &r);
		assert_int_equal(r.end, RELOC_PROTECTED);
		assert_true(r.disks_away <= keep);
	}
}

static void any_trouble_at_any_point_breaks_nothing(void **state)
{
	(void)state;
	for_every_story(getenv("VRSAS_SIM_ALL") != NULL, one_trouble_everywhere);
	(void)printf("# %d runs so far\n", runs);
}

static void a_start_that_hung_does_not_come_through_after_its_proof(void **state)
{
	(void)state;
	for (int seconds = 2; seconds < 80; seconds++) {
		struct sim_script s = calm();
		struct sim_result r;

		s.start_hangs_for = seconds;
		must_hold(&s, &r);
		if (seconds % 13 == 0)
			one_trouble_everywhere(&s);
	}
}

/* From well before the deadline to well after it, and at every other second. */
static void a_guest_that_answers_at_its_deadline_is_not_destroyed(void **state)
{
	(void)state;
	int away = 0;

	for (int seconds = 1; seconds < 30; seconds++) {
		struct sim_script s = calm();
		struct sim_result r;

		s.boots_for = seconds;
		must_hold(&s, &r);
		away += (r.states & (1ULL << RELOC_START_FAILED)) != 0 &&
			(r.states & (1ULL << RELOC_RUNNING_AWAY)) != 0;
		if (seconds >= 10 && seconds <= 15)
			one_trouble_everywhere(&s);
	}
	assert_true(away > 0); /* some answered between the deadline and the kill */
}

/* A generator of our own: the same runs on every machine. */
static uint32_t dice_state = 20261123;
static int dice(int n)
{
	dice_state = dice_state * 1664525u + 1013904223u;
	return (int)((dice_state >> 8) % (uint32_t)n);
}

static void troubles_in_twos_and_threes_break_nothing(void **state)
{
	(void)state;
	const char *more = getenv("VRSAS_SIM_RUNS");
	int n = more ? atoi(more) : 8000;

	for (int i = 0; i < n; i++) {
		struct sim_script s = calm();
		struct sim_result r;
		int k = 2 + dice(2);

		s.story = (enum sim_story)dice(SIM_N_STORIES);
		s.fence = dice(3) ? SIM_FENCE_WORKS : (enum sim_fence)dice(SIM_N_FENCES);
		s.verdict =
			dice(3) ? SIM_RELOCATES : (enum sim_verdict)dice(SIM_N_VERDICTS);
		s.first_target_cannot_start = dice(4) == 0;
		s.start_hangs_for = dice(4) ? 0 : dice(60);
		s.boots_for = dice(4) ? 0 : dice(24);
		s.home_returns = dice(3) != 0;
		s.auto_failback = dice(3) != 0;
		s.keep_away = dice(2);
		for (int j = 0; j < k; j++) {
			s.trouble[j].point = dice(120);
			s.trouble[j].what =
				(enum sim_trouble)(1 + dice(SIM_N_TROUBLES - 1));
		}
		if (is_left_out())
			continue;
		must_hold(&s, &r);
		states_seen |= r.states;
	}
}

static void every_state_but_the_later_ones_was_seen(void **state)
{
	(void)state;
	for (int i = RELOC_PROTECTED; i < RELOC_N_STATES; i++)
		if (reloc_state_name((enum reloc_state)i) && i != RELOC_HOLD_BRAKE &&
		    !(states_seen & (1ULL << i)))
			fail_msg("%s was never entered",
				 reloc_state_name((enum reloc_state)i));
	(void)printf("# %d runs\n", runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_story_goes_away_and_comes_home),
		cmocka_unit_test(after_a_quick_reboot_it_runs_at_home_under_a_new_epoch),
		cmocka_unit_test(what_is_found_twice_is_left_to_people),
		cmocka_unit_test(every_story_ends_with_one_running_copy),
		cmocka_unit_test(disks_do_not_pile_up),
		cmocka_unit_test(a_start_that_hung_does_not_come_through_after_its_proof),
		cmocka_unit_test(a_guest_that_answers_at_its_deadline_is_not_destroyed),
		cmocka_unit_test(any_trouble_at_any_point_breaks_nothing),
		cmocka_unit_test(troubles_in_twos_and_threes_break_nothing),
		cmocka_unit_test(every_state_but_the_later_ones_was_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
