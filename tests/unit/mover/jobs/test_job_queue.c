/* Who copies when: limits, priorities, several movers and schedulers, words of people. */
#include "service_world.h"

#include <fcntl.h>

enum { SLOW = 10 * MIB };

static void word(struct world *w, const char *job, const char *field, const char *value)
{
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(w->store, NULL, &err, "HSET " VRS_KEY "xfer:%s %s %s",
				job, field, value),
		  &err);
}

static Vrsas__V1__TransferStatus *await_state(struct world *w, const char *job,
					      Vrsas__V1__TransferState state)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		Vrsas__V1__TransferStatus *s = read_status_of(w, job);

		if (s && s->state == state)
			return s;
		status_free(s);
		(void)poll(NULL, 0, 20);
	}
	fail_msg("%s does not come to state %d", job, (int)state);
	return NULL;
}

static void await_only(struct world *w, const char *job, Vrsas__V1__TransferState state)
{
	status_free(await_state(w, job, state));
}

/* Until the record was written once more. */
static int64_t await_beat(struct world *w, const char *job, int64_t after_ms)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		Vrsas__V1__TransferStatus *s = read_status_of(w, job);
		int64_t beat = s ? s->beat_at_ms : 0;

		status_free(s);
		if (beat > after_ms)
			return beat;
		(void)poll(NULL, 0, 20);
	}
	fail_msg("%s is not heard of", job);
	return 0;
}

static void give(struct world *w, struct order *o, const char *job, uint32_t priority,
		 uint64_t rate)
{
	struct asked a;

	make_other(w, o, job)->priority = priority;
	o->job.rate_limit_bytes_per_s = rate;
	hand_out(w, &o->job, &a);
	assert_true(a.accepted);
}

static void what_waits_says_so_and_the_most_urgent_goes_first(void **state)
{
	static const char *const one_a_link[] = {"--link_jobs=1", NULL};
	struct world *w = *state;
	struct order a, b, c;

	start_mover_with(w, 0, NULL, vrs_req_url(w->req), one_a_link);
	give(w, &a, "first", 0, SLOW);
	await_only(w, "first", TRANSFER_STATE(COPYING));
	give(w, &b, "second", 0, 0);
	await_only(w, "second", TRANSFER_STATE(QUEUED));
	give(w, &c, "urgent", 7, 0);
	Vrsas__V1__TransferStatus *s = await_state(w, "urgent", TRANSFER_STATE(QUEUED));
	assert_int_equal(s->priority, 7);
	status_free(s);
	/* waiting is not silence */
	int64_t beat = await_beat(w, "second", 0);
	beat = await_beat(w, "second", beat);
	beat = await_beat(w, "second", beat);
	s = read_status_of(w, "second");
	assert_int_equal(s->state, TRANSFER_STATE(QUEUED));
	assert_string_equal(s->waits_for, "link c1 > c2 at its limit, 1 ahead");
	status_free(s);
	word(w, "first", "rate", "0");

	s = await_state(w, "second", TRANSFER_STATE(DONE));
	int64_t second_ms = s->started_at_ms;
	status_free(s);
	s = await_state(w, "urgent", TRANSFER_STATE(DONE));
	assert_true(s->ended_at_ms <= second_ms);
	status_free(s);
	await_only(w, "first", TRANSFER_STATE(DONE));
}

static void limits_hold_for_all_movers_together(void **state)
{
	static const char *const one_a_source[] = {"--source_jobs=1", NULL};
	struct world *w = *state;
	struct order a, b;

	start_mover_with(w, 0, NULL, vrs_req_url(w->req), one_a_source);
	start_mover_with(w, 1, NULL, vrs_req_url(w->req), one_a_source);
	while (vrs_req_peers(w->req) < 2)
		(void)poll(NULL, 0, 10);
	give(w, &a, "first", 0, SLOW);
	await_only(w, "first", TRANSFER_STATE(COPYING));
	give(w, &b, "second", 0, 0); /* whoever gets it */
	Vrsas__V1__TransferStatus *s = await_state(w, "second", TRANSFER_STATE(QUEUED));
	int64_t beat = await_beat(w, "second", s->beat_at_ms);
	status_free(s);
	(void)await_beat(w, "second", beat);
	s = read_status_of(w, "second");
	assert_int_equal(s->state, TRANSFER_STATE(QUEUED));
	assert_non_null(strstr(s->waits_for, "source local"));
	status_free(s);
	word(w, "first", "rate", "0");
	await_only(w, "second", TRANSFER_STATE(DONE));
}

static void an_idle_mover_takes_over_what_waits_at_a_busy_one(void **state)
{
	static const char *const one_hand[] = {"--jobs=1", NULL};
	struct world *w = *state;
	struct order a, b;

	start_mover_with(w, 0, NULL, vrs_req_url(w->req), one_hand);
	give(w, &a, "first", 0, SLOW);
	give(w, &b, "second", 0, 0);
	await_only(w, "first", TRANSFER_STATE(COPYING));
	await_only(w, "second", TRANSFER_STATE(QUEUED));
	start_mover_with(w, 1, NULL, vrs_req_url(w->req), one_hand);
	Vrsas__V1__TransferStatus *s = await_state(w, "second", TRANSFER_STATE(DONE));
	assert_string_equal(s->mover, "m1");
	assert_true(same_files(w->source, b.target));
	status_free(s);
	s = read_status_of(w, "first");
	assert_string_equal(s->mover, "m0");
	status_free(s);
	word(w, "first", "rate", "0");
	await_only(w, "first", TRANSFER_STATE(DONE));
	s = read_status_of(w, "second"); /* m0 did not do it again */
	assert_string_equal(s->mover, "m1");
	status_free(s);
}

static void a_held_copy_makes_room_and_goes_on_where_it_was(void **state)
{
	static const char *const one_a_link[] = {"--link_jobs=1", "--jobs=1", NULL};
	struct world *w = *state;
	struct order a, b;

	start_mover_with(w, 0, NULL, vrs_req_url(w->req), one_a_link);
	give(w, &a, "first", 0, SLOW);
	await_only(w, "first", TRANSFER_STATE(COPYING));
	word(w, "first", "pause", "1");
	Vrsas__V1__TransferStatus *s = await_state(w, "first", TRANSFER_STATE(PAUSED));
	uint64_t sent = s->bytes_sent;
	status_free(s);
	give(w, &b, "second", 0, 0);
	await_only(w, "second", TRANSFER_STATE(DONE));
	s = read_status_of(w, "first");
	assert_int_equal(s->state, TRANSFER_STATE(PAUSED));
	assert_true(s->bytes_sent <= sent + 12 * MIB); /* what was on its way */
	assert_true(s->bytes_sent < DATA);
	status_free(s);
	word(w, "first", "rate", "0");
	word(w, "first", "pause", "0");
	s = await_state(w, "first", TRANSFER_STATE(DONE));
	assert_int_equal(s->bytes_sent, DATA);
	assert_int_equal(s->bytes_resent, 0);
	status_free(s);
	assert_true(same_files(w->source, a.target));
}

static void a_copy_that_waits_can_be_held_and_given_up(void **state)
{
	static const char *const one_a_link[] = {"--link_jobs=1", NULL};
	struct world *w = *state;
	struct order a, b, c;

	start_mover_with(w, 0, NULL, vrs_req_url(w->req), one_a_link);
	give(w, &a, "first", 0, SLOW);
	await_only(w, "first", TRANSFER_STATE(COPYING));
	give(w, &b, "second", 9, 0);
	await_only(w, "second", TRANSFER_STATE(QUEUED));
	word(w, "second", "pause", "1");
	await_only(w, "second", TRANSFER_STATE(PAUSED));
	give(w, &c, "third", 0, 0);
	word(w, "first", "rate", "0");
	await_only(w, "third",
		   TRANSFER_STATE(DONE)); /* although the second comes before it */
	word(w, "second", "cancel", "1");
	await_only(w, "second", TRANSFER_STATE(CANCELLED));
	assert_int_equal(access(b.target, F_OK), -1);
}

static void what_was_expected_is_kept_with_what_it_took(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct order o;
	char job[32];

	start_mover(w, 0, NULL);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(job, sizeof(job), "job-%d", i);
		give(w, &o, job, 0, 0);
		Vrsas__V1__TransferStatus *s = await_state(w, job, TRANSFER_STATE(DONE));
		assert_true(s->predicted_ms > 0);
		assert_true(s->predicted_low_ms < s->predicted_ms);
		assert_true(s->predicted_ms < s->predicted_high_ms);
		status_free(s);
	}
	for (int ms = 0;; ms += 10) {
		struct vrs_reply *r = NULL;

		assert_ok(vrs_store_cmd(w->store, &r, &err,
					"LRANGE " VRS_KEY "eta:{c1}:{c2} 0 -1"),
			  &err);
		size_t n = r->n_items;
		if (n == 4) {
			assert_non_null(strstr(r->item[0].bytes, " job-3"));
			assert_non_null(strstr(r->item[3].bytes, " full 41943040 "));
		}
		vrs_reply_free(r);
		if (n == 4)
			break;
		assert_true(ms < PATIENCE_MS);
		(void)poll(NULL, 0, 10);
	}
}

static void open_second(void *arg)
{
	struct world *w = arg;
	struct vrs_err err = {0};

	assert_ok(vrs_req_open(
			  &w->second, w->loop,
			  &(struct vrs_req_conf){
				  .url = "tcp://127.0.0.1:0",
				  .listen = true,
				  .silence_ms = 2000,
				  .reply_type = &vrsas__v1__transfer_accept__descriptor},
			  &err),
		  &err);
	atomic_store(&w->second_open, 1);
}

static void jobs_come_from_every_scheduler_that_is_named(void **state)
{
	struct world *w = *state;
	struct order a, b;
	char urls[300];

	vrs_loop_post(w->loop, open_second, w);
	while (!atomic_load(&w->second_open))
		(void)poll(NULL, 0, 5);
	(void)snprintf(urls, sizeof(urls), "%s, %s", vrs_req_url(w->req),
		       vrs_req_url(w->second));
	start_mover_with(w, 0, NULL, urls, NULL);
	give(w, &a, "first", 0, 0);
	struct vrs_req *one = w->req;
	w->req = w->second;
	give(w, &b, "second", 0, 0);
	w->req = one;
	await_only(w, "first", TRANSFER_STATE(DONE));
	await_only(w, "second", TRANSFER_STATE(DONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_waits_says_so_and_the_most_urgent_goes_first),
		TEST(limits_hold_for_all_movers_together),
		TEST(an_idle_mover_takes_over_what_waits_at_a_busy_one),
		TEST(a_held_copy_makes_room_and_goes_on_where_it_was),
		TEST(a_copy_that_waits_can_be_held_and_given_up),
		TEST(what_was_expected_is_kept_with_what_it_took),
		TEST(jobs_come_from_every_scheduler_that_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
