#include "check.h"
#include "scheduler_rules.h"

#include <stdio.h>
#include <string.h>

/* One look: what was seen, and the verdict it should lead to. Letters say what is seen:
 *   U collector reads it      S its reading failed (one more)   c collector is silent
 *   a probe answered          f probe failed (one more)         . no probe yet or stale
 *   w claim "dead"            W claim "off"                      M maintenance, H handled
 *   A alert of the monitoring
 * Looks are 5 s apart; a new heartbeat comes with each unless the collector is silent. */
struct look {
	const char *seen;
	enum detector_verdict verdict;
};

enum { STEP_MS = 5000, T0 = 1000000 };

struct bench {
	struct detector_host host[8];
	uint32_t silent[8], failed[8];
	int64_t probe_at[8];
	int64_t now;
	struct detector_brake brake;
};

static void look(struct bench *b, const char *const *seen, size_t n)
{
	struct detector_seen s[8] = {0};

	b->now = b->now ? b->now + STEP_MS : T0;
	for (size_t i = 0; i < n; i++) {
		s[i].collector_alive = !strchr(seen[i], 'c');
		s[i].can_probe = true;
		s[i].claim_by = "ann";
		s[i].beat_at_ms = s[i].collector_alive ? b->now : 0;
		for (const char *p = seen[i]; *p; p++) {
			if (*p == 'U') {
				s[i].collector_says_up = true;
				b->silent[i] = 0;
			} else if (*p == 'S') {
				b->silent[i]++;
			} else if (*p == 'a' || *p == 'f') {
				b->failed[i] = *p == 'f' ? b->failed[i] + 1 : 0;
				b->probe_at[i] = b->now;
			} else if (*p == 'w' || *p == 'W') {
				s[i].claim = *p == 'w' ? DETECTOR_CLAIM_DEAD
						       : DETECTOR_CLAIM_OFF;
			} else if (*p == 'A') {
				s[i].alert = "HostDown";
			} else if (*p == 'M') {
				s[i].maintenance = true;
			} else if (*p == 'H') {
				s[i].handled = true;
			}
		}
		s[i].silent_samples = b->silent[i];
		s[i].probes_failed = b->failed[i];
		s[i].probe_at_ms = b->probe_at[i];
	}
	detector_step(&detector_defaults, b->now, s, b->host, n, &b->brake);
}

static void run(const struct look *looks, size_t n)
{
	struct bench b = {0};

	for (size_t i = 0; i < n; i++) {
		look(&b, &looks[i].seen, 1);
		if (b.host[0].verdict != looks[i].verdict)
			fail_msg("look %zu (%s): %s, wanted %s (%s)", i, looks[i].seen,
				 detector_verdict_name(b.host[0].verdict),
				 detector_verdict_name(looks[i].verdict), b.host[0].note);
	}
}
#define RUN(...)                                                                         \
	run((const struct look[]){__VA_ARGS__},                                          \
	    sizeof((const struct look[]){__VA_ARGS__}) / sizeof(struct look))

static void an_alert_alone_is_a_suspicion_that_a_probe_must_share(void **state)
{
	(void)state;
	RUN({"c", DETECTOR_OK}, {"cA", DETECTOR_SILENT}, {"cfA", DETECTOR_SILENT},
	    {"cfA", DETECTOR_DOWN_LIKELY});
	RUN({"UA", DETECTOR_SILENT}, {"UaA", DETECTOR_SILENT}, {"UaA", DETECTOR_SILENT});
	/* an operator's and the monitoring's are one voice */
	RUN({"c", DETECTOR_OK}, {"cwA", DETECTOR_SILENT}, {"cwA", DETECTOR_SILENT});
}

static void a_resolved_alert_starts_the_stable_while(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *down = "SfA", *alive = "UaA", *quiet = "Ua";

	for (int i = 0; i < 6; i++)
		look(&b, &down, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	for (int i = 0; i < 40; i++)
		look(&b, &alive, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_SILENT);
	assert_true(b.host[0].up_since_ms == 0);
	look(&b, &quiet, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	for (int i = 0; i < 12; i++)
		look(&b, &quiet, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_OK);
}

static void collector_and_probe_together_make_it_down(void **state)
{
	(void)state;
	RUN({"Ua", DETECTOR_OK}, {"S", DETECTOR_OK}, {"Sf", DETECTOR_OK},
	    {"Sf", DETECTOR_DOWN_LIKELY}, {"Sf", DETECTOR_DOWN_LIKELY});
}

static void a_probe_from_before_the_suspicion_does_not_agree(void **state)
{
	(void)state;
	RUN({"Sf", DETECTOR_OK}, {"Sf", DETECTOR_SILENT}, {"S", DETECTOR_SUSPECT},
	    {"S", DETECTOR_SUSPECT}, {"f", DETECTOR_DOWN_LIKELY});
}

static void one_channel_is_only_silence(void **state)
{
	(void)state;
	RUN({"Sa", DETECTOR_OK}, {"Sa", DETECTOR_OK}, {"Sa", DETECTOR_SILENT},
	    {"Sa", DETECTOR_SILENT}, {"Sa", DETECTOR_SILENT}, {"Ua", DETECTOR_OK});
	RUN({"Uf", DETECTOR_OK}, {"Uf", DETECTOR_SILENT}, {"Uf", DETECTOR_SILENT},
	    {"Ua", DETECTOR_OK});
}

static void one_missed_reading_changes_nothing(void **state)
{
	(void)state;
	RUN({"U", DETECTOR_OK}, {"S", DETECTOR_OK}, {"U", DETECTOR_OK},
	    {"S", DETECTOR_OK}, {"S", DETECTOR_OK}, {"U", DETECTOR_OK});
}

static void a_silent_collector_is_no_witness(void **state)
{
	(void)state;
	RUN({"cf", DETECTOR_OK}, {"cf", DETECTOR_SILENT}, {"cf", DETECTOR_SILENT},
	    {"cf", DETECTOR_SILENT});
	RUN({"ca", DETECTOR_OK}, {"c", DETECTOR_OK}, {"c", DETECTOR_OK});

	struct bench b = {0};
	const char *seen = "cf";
	for (int i = 0; i < 3; i++)
		look(&b, &seen, 1);
	assert_non_null(strstr(b.host[0].note, "its collector is silent"));
	assert_non_null(strstr(b.host[0].note, "3 probes in a row had no answer"));
	assert_true(b.host[0].wants_probe);
}

static void a_silent_collector_and_a_claim_are_enough_with_the_probe(void **state)
{
	(void)state;
	RUN({"cf", DETECTOR_OK}, {"cf", DETECTOR_SILENT}, {"cw", DETECTOR_SUSPECT},
	    {"cwf", DETECTOR_DOWN_LIKELY});
}

static void a_claim_alone_is_not_enough(void **state)
{
	(void)state;
	RUN({"w", DETECTOR_SILENT}, {"wf", DETECTOR_SILENT},
	    {"wf", DETECTOR_DOWN_LIKELY});
}

static void who_answers_is_alive_whatever_anybody_says(void **state)
{
	(void)state;
	RUN({"Uaw", DETECTOR_SILENT}, {"UaW", DETECTOR_SILENT}, {"SaW", DETECTOR_SILENT},
	    {"SaW", DETECTOR_SILENT}, {"SaW", DETECTOR_SILENT});
	RUN({"Ufw", DETECTOR_SILENT}, {"Ufw", DETECTOR_SILENT}, {"Ufw", DETECTOR_SILENT});

	struct bench b = {0};
	const char *seen = "UaW";
	look(&b, &seen, 1);
	assert_non_null(strstr(b.host[0].note, "not accepted"));
}

static void an_answer_ends_suspicion_even_if_a_channel_says_dead(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *dead = "Sf", *speaks = "Sa";

	for (int i = 0; i < 3; i++)
		look(&b, &dead, 1);
	assert_int_equal(b.host[0].answers_since_ms, 0);
	look(&b, &speaks, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_SILENT);
	assert_int_equal(b.host[0].answers_since_ms, b.now);
	assert_int_equal(b.host[0].up_since_ms, 0);
}

static void somebody_who_saw_it_off_is_believed_when_nothing_answers(void **state)
{
	(void)state;
	RUN({"cW", DETECTOR_DOWN_LIKELY}, {"cW", DETECTOR_DOWN_LIKELY});
}

static void it_comes_back_and_is_ok_after_a_stable_while(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *down = "Sf", *up = "Ua", *nothing = "c";

	for (int i = 0; i < 5; i++)
		look(&b, &down, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	look(&b, &nothing, 1); /* no evidence does not mean back */
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	look(&b, &up, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	int64_t back = b.now;
	assert_int_equal(b.host[0].up_since_ms, back);
	while (b.now - back < detector_defaults.stable_ms - STEP_MS) {
		look(&b, &up, 1);
		assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	}
	look(&b, &up, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_OK);
	assert_int_equal(b.host[0].up_since_ms, back);
}

static void a_stumble_while_coming_back_starts_the_while_again(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *down = "Sf", *up = "Ua", *stumble = "S";

	for (int i = 0; i < 5; i++)
		look(&b, &down, 1);
	for (int i = 0; i < 6; i++)
		look(&b, &up, 1);
	look(&b, &stumble, 1);
	assert_int_equal(b.host[0].up_since_ms, 0);
	for (int i = 0; i < 11; i++) {
		look(&b, &up, 1);
		assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	}
}

static void the_same_heartbeat_counts_once(void **state)
{
	(void)state;
	struct detector_host h = {0};
	struct detector_brake brake;
	struct detector_seen s = {.collector_alive = true,
				  .silent_samples = 9,
				  .beat_at_ms = T0,
				  .can_probe = true};

	for (int i = 0; i < 5; i++)
		detector_step(&detector_defaults, T0 + i, &s, &h, 1, &brake);
	assert_int_equal(h.beats, 1);
	assert_int_equal(h.verdict, DETECTOR_OK);
	s.beat_at_ms++;
	detector_step(&detector_defaults, T0 + 9, &s, &h, 1, &brake);
	assert_int_equal(h.verdict, DETECTOR_SILENT);
}

static void an_old_probe_says_nothing(void **state)
{
	(void)state;
	RUN({"Sf", DETECTOR_OK}, {"Sf", DETECTOR_SILENT}, {"c", DETECTOR_SILENT},
	    {"c", DETECTOR_SILENT}, {"c", DETECTOR_SILENT});
}

static void maintenance_is_not_silence(void **state)
{
	(void)state;
	RUN({"SfM", DETECTOR_OK}, {"SfM", DETECTOR_OK}, {"SfM", DETECTOR_OK},
	    {"SfM", DETECTOR_OK});
}

static void many_silent_at_once_are_held(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[4] = {"Sf", "Sf", "Ua", "Ua"};

	for (int i = 0; i < 6; i++)
		look(&b, seen, 4);
	assert_true(b.brake.on);
	assert_int_equal(b.host[0].verdict, DETECTOR_BRAKE);
	assert_int_equal(b.host[1].verdict, DETECTOR_BRAKE);
	assert_int_equal(b.host[2].verdict, DETECTOR_OK);
	assert_non_null(strstr(b.brake.note, "2 of 4 hosts are silent at once"));
	int64_t since = b.host[0].since_ms;
	look(&b, seen, 4);
	assert_int_equal(b.host[0].since_ms, since);

	seen[1] = "Ua"; /* one of them answers: the other one is judged by itself */
	look(&b, seen, 4);
	assert_false(b.brake.on);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	assert_int_equal(b.host[1].verdict, DETECTOR_BACK);
}

static void one_host_of_two_is_not_held(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[2] = {"Sf", "Ua"};

	for (int i = 0; i < 5; i++)
		look(&b, seen, 2);
	assert_false(b.brake.on);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
}

static void a_few_of_many_are_not_held(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[8] = {"Sf", "Sf", "Ua", "Ua", "Ua", "Ua", "Ua", "Ua"};

	for (int i = 0; i < 5; i++)
		look(&b, seen, 8);
	assert_false(b.brake.on); /* 25 % */
	assert_int_equal(b.host[1].verdict, DETECTOR_DOWN_LIKELY);
}

static void a_death_that_is_dealt_with_does_not_hold_the_next(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[4] = {"SfH", "Sf", "Ua", "Ua"};

	for (int i = 0; i < 5; i++)
		look(&b, seen, 4);
	assert_false(b.brake.on);
	assert_int_equal(b.host[1].verdict, DETECTOR_DOWN_LIKELY);
}

static void an_operator_who_saw_it_off_passes_the_brake(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[4] = {"SfW", "Sf", "Sf", "Ua"};

	for (int i = 0; i < 5; i++)
		look(&b, seen, 4);
	assert_true(b.brake.on);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	assert_int_equal(b.host[1].verdict, DETECTOR_BRAKE);
}

/* --- switched on after its death was proven --- */

static struct bench proven_dead(void)
{
	struct bench b = {0};
	const char *dead = "Sf";

	for (int i = 0; i < 5; i++)
		look(&b, &dead, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	detector_power_on(&b.host[0], b.now);
	assert_int_not_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	b.failed[0] = 0; /* as the engine does */
	return b;
}

static void a_host_that_boots_is_not_down(void **state)
{
	(void)state;
	struct bench b = proven_dead();
	const char *silent = "Sf";

	while (b.now + STEP_MS - b.host[0].since_ms < detector_defaults.boot_ms) {
		look(&b, &silent, 1);
		assert_int_equal(b.host[0].verdict, DETECTOR_SILENT);
		assert_true(b.host[0].came_on);
	}
	assert_non_null(strstr(b.host[0].note, "may be booting"));
	for (int i = 0; i < 3; i++) /* it never came up */
		look(&b, &silent, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	assert_false(b.host[0].came_on);
}

static void what_failed_before_it_was_switched_on_does_not_count(void **state)
{
	(void)state;
	struct bench b = proven_dead();
	const char *up = "Ua", *probe_only = "Sa", *one = "Sf";

	look(&b, &probe_only, 1); /* its hypervisor is not up yet */
	assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	assert_int_equal(b.host[0].up_since_ms, 0);
	for (int i = 0; i < 6; i++) { /* its services start, and restart */
		look(&b, &one, 1);
		assert_int_not_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	}
	look(&b, &up, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_BACK);
	/* it was read: now its silence counts, from zero */
	look(&b, &one, 1);
	look(&b, &one, 1);
	assert_int_not_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
	look(&b, &one, 1);
	look(&b, &one, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
}

static void an_operator_may_declare_a_booting_host_off(void **state)
{
	(void)state;
	struct bench b = proven_dead();
	const char *off = "SfW";

	look(&b, &off, 1);
	assert_int_equal(b.host[0].verdict, DETECTOR_DOWN_LIKELY);
}

static void a_host_that_boots_does_not_hold_the_next(void **state)
{
	(void)state;
	struct bench b = {0};
	const char *seen[4] = {"Sf", "Ua", "Ua", "Ua"};

	for (int i = 0; i < 5; i++)
		look(&b, seen, 4);
	detector_power_on(&b.host[0], b.now);
	seen[1] = "Sf";
	for (int i = 0; i < 5; i++)
		look(&b, seen, 4);
	assert_false(b.brake.on);
	assert_int_equal(b.host[1].verdict, DETECTOR_DOWN_LIKELY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_alone_is_a_suspicion_that_a_probe_must_share),
		cmocka_unit_test(a_resolved_alert_starts_the_stable_while),
		cmocka_unit_test(collector_and_probe_together_make_it_down),
		cmocka_unit_test(a_probe_from_before_the_suspicion_does_not_agree),
		cmocka_unit_test(one_channel_is_only_silence),
		cmocka_unit_test(one_missed_reading_changes_nothing),
		cmocka_unit_test(a_silent_collector_is_no_witness),
		cmocka_unit_test(
			a_silent_collector_and_a_claim_are_enough_with_the_probe),
		cmocka_unit_test(a_claim_alone_is_not_enough),
		cmocka_unit_test(who_answers_is_alive_whatever_anybody_says),
		cmocka_unit_test(an_answer_ends_suspicion_even_if_a_channel_says_dead),
		cmocka_unit_test(
			somebody_who_saw_it_off_is_believed_when_nothing_answers),
		cmocka_unit_test(it_comes_back_and_is_ok_after_a_stable_while),
		cmocka_unit_test(a_stumble_while_coming_back_starts_the_while_again),
		cmocka_unit_test(the_same_heartbeat_counts_once),
		cmocka_unit_test(an_old_probe_says_nothing),
		cmocka_unit_test(maintenance_is_not_silence),
		cmocka_unit_test(many_silent_at_once_are_held),
		cmocka_unit_test(one_host_of_two_is_not_held),
		cmocka_unit_test(a_few_of_many_are_not_held),
		cmocka_unit_test(a_death_that_is_dealt_with_does_not_hold_the_next),
		cmocka_unit_test(an_operator_who_saw_it_off_passes_the_brake),
		cmocka_unit_test(a_host_that_boots_is_not_down),
		cmocka_unit_test(what_failed_before_it_was_switched_on_does_not_count),
		cmocka_unit_test(an_operator_may_declare_a_booting_host_off),
		cmocka_unit_test(a_host_that_boots_does_not_hold_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
