/* Request and reply: the rules of the bus, each held by a test (docs/ARCHITECTURE.md,
 * "Bus"); see also test_bus_*.c. */
#include "bus_jobs.h"

#include "folder.h"

static const char any_tcp[] = "tcp://127.0.0.1:0";

static void replicas_share_the_jobs(void **state)
{
	(void)state;
	struct asker a;
	pid_t pid[4];
	const char *name[] = {"0", "1", "2", "3"};

	asker_open(&a, any_tcp, true, 2000);
	for (int i = 0; i < 4; i++)
		pid[i] = replica_start(vrs_req_url(a.req), name[i], "1", "dial");
	a.wait_for = 4;
	assert_true(run_until(a.loop, peers_are_there, &a));
	ask_many(&a, a.wait_for = 200, 8);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	for (int i = 0; i < 4; i++)
		assert_in_range(a.by_name[i], 10, 120);
	for (int i = 0; i < 4; i++)
		reap(&pid[i], SIGKILL);
	asker_close(&a);
}

static void a_killed_replica_loses_no_job(void **state)
{
	(void)state;
	struct asker a;
	pid_t pid[4];
	const char *name[] = {"0", "1", "2", "3"};

	asker_open(&a, any_tcp, true, PATIENCE_MS);
	for (int i = 0; i < 4; i++)
		pid[i] = replica_start(vrs_req_url(a.req), name[i], "5", "dial");
	a.wait_for = 4;
	assert_true(run_until(a.loop, peers_are_there, &a));
	ask_many(&a, 400, 8);
	a.wait_for = 100;
	assert_true(run_until(a.loop, jobs_are_done, &a));
	reap(&pid[1], SIGKILL);
	a.wait_for = 400;
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	assert_true(a.worst_ms < PATIENCE_MS / 2); /* nobody was waited for as silent */
	for (int i = 0; i < 4; i++)
		reap(&pid[i], SIGKILL);
	asker_close(&a);
}

static void a_stopped_replica_loses_its_connection_and_no_job(void **state)
{
	(void)state;
	struct vrs_bus_counts counts;
	struct asker a;
	pid_t pid[4];
	const char *name[] = {"0", "1", "2", "3"};

	asker_open(&a, any_tcp, true, 300);
	for (int i = 0; i < 4; i++)
		pid[i] = replica_start(vrs_req_url(a.req), name[i], "5", "dial");
	a.wait_for = 4;
	assert_true(run_until(a.loop, peers_are_there, &a));
	ask_many(&a, 800, 8);
	a.wait_for = 100;
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(kill(pid[2], SIGSTOP), 0);
	a.wait_for = 800;
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	/* silence was waited for, NNG's own minute was not */
	assert_true(a.worst_ms >= 250 && a.worst_ms < PATIENCE_MS);
	vrs_req_counts(a.req, &counts);
	assert_true(counts.requeued > 0);
	for (int i = 0; i < 4; i++)
		reap(&pid[i], SIGKILL);
	asker_close(&a);
}

/* NNG 1.5.2 ends the process when a receive posted before its send times out (#1702). */
static void a_hundred_timeouts_without_a_peer_are_survived(void **state)
{
	(void)state;
	struct vrs_bus_counts counts;
	struct asker a;

	asker_open(&a, any_tcp, true, 1000);
	a.timeout_ms = 5;
	ask_many(&a, a.wait_for = 100, 4);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 100);
	assert_int_equal(a.last_code, VRS_ETIMEOUT);
	vrs_req_counts(a.req, &counts);
	assert_int_equal(counts.timeouts, 100);
	asker_close(&a);
}

static void drop_it(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	int *dropped = arg;

	(void)msg;
	(*dropped)++;
	vrs_bus_answer(token, NULL);
}

static void a_hundred_timeouts_with_a_silent_peer_are_survived(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct vrs_rep *rep;
	struct asker a;
	int dropped = 0;

	asker_open(&a, any_tcp, true, 0);
	assert_ok(vrs_rep_open(&rep, a.loop,
			       &(struct vrs_rep_conf){
				       .url = vrs_req_url(a.req),
				       .max_open = 4,
				       .type = &vrsas__v1__forecast_job__descriptor,
				       .fn = drop_it,
				       .arg = &dropped},
			       &err),
		  &err);
	a.wait_for = 1;
	assert_true(run_until(a.loop, peers_are_there, &a));
	a.timeout_ms = 10;
	ask_many(&a, a.wait_for = 100, 2);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 100);
	assert_true(dropped > 50);
	vrs_rep_close(rep);
	asker_close(&a);
}

static void more_requests_than_contexts_wait_their_turn(void **state)
{
	(void)state;
	struct asker a;

	asker_open(&a, any_tcp, true, 0);
	pid_t pid = replica_start(vrs_req_url(a.req), "0", "0", "dial");
	ask_many(&a, a.wait_for = 500, 500);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	reap(&pid, SIGKILL);

	/* and those that wait too long end like the others */
	a.timeout_ms = 50;
	ask_many(&a, 200, 200);
	a.wait_for = 700;
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 200);
	asker_close(&a);
}

static void keep_token(void *arg, const ProtobufCMessage *msg,
		       struct vrs_req_token *token)
{
	struct vrs_req_token **kept = arg;

	(void)msg;
	*kept = token;
}

static bool token_is_there(void *arg)
{
	return *(struct vrs_req_token **)arg != NULL;
}

static void closing_with_open_requests_cancels_them(void **state)
{
	(void)state;
	struct vrs_req_token *token = NULL;
	struct vrs_err err = {0};
	struct vrs_rep *rep;
	struct asker a;

	asker_open(&a, any_tcp, true, 0);
	assert_ok(vrs_rep_open(&rep, a.loop,
			       &(struct vrs_rep_conf){
				       .url = vrs_req_url(a.req),
				       .max_open = 1,
				       .type = &vrsas__v1__forecast_job__descriptor,
				       .fn = keep_token,
				       .arg = &token},
			       &err),
		  &err);
	ask_many(&a, 100, 100);
	assert_true(run_until(a.loop, token_is_there, &token));
	vrs_rep_close(rep);
	vrs_bus_answer(token, NULL); /* late, and harmless */
	vrs_req_close(a.req);
	assert_int_equal(a.done, 100);
	assert_int_equal(a.errors, 100);
	assert_int_equal(a.last_code, VRS_ECANCELLED);
	vrs_loop_close(a.loop);
}

static void a_message_above_the_limit_is_refused_where_it_is_sent(void **state)
{
	(void)state;
	Vrsas__V1__ForecastJob job = VRSAS__V1__FORECAST_JOB__INIT;
	char *text = malloc(VRS_BUS_MAX_BYTES + 1);
	struct vrs_err err = {0};
	struct asker a;

	assert_non_null(text);
	memset(text, 'x', VRS_BUS_MAX_BYTES);
	text[VRS_BUS_MAX_BYTES] = '\0';
	job.job_id = text;
	asker_open(&a, any_tcp, true, 0);
	assert_fails(vrs_req_send(a.req, &job.base, 1000, on_answer, NULL, &err),
		     VRS_ENOSPC, &err);
	asker_close(&a);
	free(text);
}

static void a_restarted_listener_is_reconnected(void **state)
{
	(void)state;
	char dir[] = "/tmp/vrs-bus-XXXXXX", url[64];
	struct asker a;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
	asker_open(&a, url, false, 0);
	for (int round = 1; round <= 3; round++) {
		/* killed each time, so its socket file is in the way of the next one */
		pid_t pid = replica_start(url, "0", "0", "listen");

		ask_many(&a, 1, 1);
		a.wait_for = round;
		assert_true(run_until(a.loop, jobs_are_done, &a));
		assert_int_equal(a.errors, 0);
		reap(&pid, SIGKILL);
	}
	asker_close(&a);
	remove_tree(dir);
}

/* --- one question without a loop --- */

static void a_program_without_a_loop_can_send_a_request(void **state)
{
	(void)state;
	char dir[] = "/tmp/vrs-bus-XXXXXX", url[64];
	Vrsas__V1__ForecastJob job = VRSAS__V1__FORECAST_JOB__INIT;
	ProtobufCMessage *reply = NULL;
	struct vrs_err err = {0};
	int status = VRS_ECONN;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
	job.job_id = "j";
	assert_fails(
		vrs_bus_call(
			&(struct vrs_bus_call){url, &job.base, 2000,
					       &vrsas__v1__forecast_answer__descriptor},
			&reply, &err),
		VRS_ECONN, &err);
	pid_t pid = replica_start(url, "0", "0", "listen");
	for (int i = 0; i < 1000 && status == VRS_ECONN; i++) {
		(void)poll(NULL, 0, 10);
		status = vrs_bus_call(
			&(struct vrs_bus_call){url, &job.base, 5000,
					       &vrsas__v1__forecast_answer__descriptor},
			&reply, &err);
	}
	assert_ok(status, &err);
	assert_string_equal(((Vrsas__V1__ForecastAnswer *)reply)->job_id, "j");
	protobuf_c_message_free_unpacked(reply, NULL);

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_fails(
		vrs_bus_call(
			&(struct vrs_bus_call){url, &job.base, 100,
					       &vrsas__v1__forecast_answer__descriptor},
			&reply, &err),
		VRS_ETIMEOUT, &err);
	reap(&pid, SIGKILL);
	remove_tree(dir);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "replica") == 0)
		return replica_main(argv);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replicas_share_the_jobs),
		cmocka_unit_test(a_killed_replica_loses_no_job),
		cmocka_unit_test(a_stopped_replica_loses_its_connection_and_no_job),
		cmocka_unit_test(a_hundred_timeouts_without_a_peer_are_survived),
		cmocka_unit_test(a_hundred_timeouts_with_a_silent_peer_are_survived),
		cmocka_unit_test(more_requests_than_contexts_wait_their_turn),
		cmocka_unit_test(closing_with_open_requests_cancels_them),
		cmocka_unit_test(a_message_above_the_limit_is_refused_where_it_is_sent),
		cmocka_unit_test(a_restarted_listener_is_reconnected),
		cmocka_unit_test(a_program_without_a_loop_can_send_a_request),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
