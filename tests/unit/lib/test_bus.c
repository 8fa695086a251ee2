/* The rules of the bus, each held by a test (docs/ARCHITECTURE.md, "Bus"). */
#include "bus_world.h"

#include <sys/stat.h>

#include "folder.h"
#include "vrsas/v1/forecast.pb-c.h"
#include "vrsas/v1/sample.pb-c.h"

static const char any_tcp[] = "tcp://127.0.0.1:0";

/* --- the other process --- */

struct replica {
	struct vrs_loop *loop;
	const char *name;
	int64_t delay_ms;
	int exit_after; /* requests; 0: never */
};

struct held_answer {
	struct replica *replica;
	struct vrs_req_token *token;
	char job[64];
};

static void answer_now(void *arg)
{
	struct held_answer *h = arg;
	Vrsas__V1__ForecastAnswer answer = VRSAS__V1__FORECAST_ANSWER__INIT;

	answer.job_id = h->job;
	answer.predictor = h->replica->name;
	vrs_bus_answer(h->token, &answer.base);
	free(h);
}

static void on_job(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	const Vrsas__V1__ForecastJob *job = (const Vrsas__V1__ForecastJob *)msg;
	struct replica *r = arg;
	struct held_answer *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->replica = r;
	h->token = token;
	(void)snprintf(h->job, sizeof(h->job), "%s", job->job_id);
	if (r->delay_ms > 0)
		(void)vrs_loop_after(r->loop, r->delay_ms, answer_now, h);
	else
		answer_now(h);
}

/* replica URL NAME DELAY_MS dial|listen: answers jobs until it is killed. */
static int replica_main(char **argv)
{
	struct replica r = {.name = argv[3], .delay_ms = atoi(argv[4])};
	struct vrs_rep *rep;
	struct vrs_err err = {0};

	if (vrs_loop_open(&r.loop, &err) < 0 ||
	    vrs_rep_open(&rep, r.loop, argv[2], strcmp(argv[5], "listen") == 0, 8,
			 &vrsas__v1__forecast_job__descriptor, on_job, &r, &err) < 0) {
		(void)fprintf(stderr, "replica: %s\n", err.text);
		return 1;
	}
	(void)vrs_loop_run(r.loop, &err);
	return 0;
}

static pid_t replica_start(const char *url, const char *name, const char *delay_ms,
			   const char *how)
{
	const char *argv[] = {"test_bus", "replica", url, name, delay_ms, how, NULL};

	return spawn_self(argv);
}

/* --- asking many times --- */

struct asker {
	struct vrs_loop *loop;
	struct vrs_req *req;
	int to_ask, asked, done, errors, last_code;
	int64_t timeout_ms, worst_ms;
	int by_name[8]; /* replicas are called "0", "1", ... */
	int wait_for;   /* peers, or jobs done */
};

struct asked {
	struct asker *asker;
	int64_t at_mono_ms;
	char job[32];
};

static void ask_next(struct asker *a);

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct asked *q = arg;
	struct asker *a = q->asker;
	int64_t took = mono_ms() - q->at_mono_ms;

	if (reply) {
		const Vrsas__V1__ForecastAnswer *answer =
			(const Vrsas__V1__ForecastAnswer *)reply;

		assert_string_equal(answer->job_id, q->job);
		a->by_name[answer->predictor[0] & 7]++;
		if (took > a->worst_ms)
			a->worst_ms = took;
	} else {
		a->errors++;
		a->last_code = err->code;
	}
	a->done++;
	free(q);
	ask_next(a);
}

static void ask_next(struct asker *a)
{
	Vrsas__V1__ForecastJob job = VRSAS__V1__FORECAST_JOB__INIT;
	struct vrs_err err = {0};

	if (a->asked >= a->to_ask)
		return;
	struct asked *q = calloc(1, sizeof(*q));
	assert_non_null(q);
	q->asker = a;
	q->at_mono_ms = mono_ms();
	(void)snprintf(q->job, sizeof(q->job), "job-%d", a->asked++);
	job.job_id = q->job;
	assert_ok(vrs_req_send(a->req, &job.base, a->timeout_ms, on_answer, q, &err),
		  &err);
}

static bool peers_are_there(void *arg)
{
	struct asker *a = arg;

	return vrs_req_peers(a->req) == a->wait_for;
}

static bool jobs_are_done(void *arg)
{
	struct asker *a = arg;

	return a->done >= a->wait_for;
}

static void asker_open(struct asker *a, const char *url, bool listen, int64_t silence_ms)
{
	struct vrs_err err = {0};

	*a = (struct asker){.timeout_ms = PATIENCE_MS};
	assert_ok(vrs_loop_open(&a->loop, &err), &err);
	assert_ok(vrs_req_open(&a->req, a->loop, url, listen, silence_ms,
			       &vrsas__v1__forecast_answer__descriptor, &err),
		  &err);
}

static void asker_close(struct asker *a)
{
	vrs_req_close(a->req);
	vrs_loop_close(a->loop);
}

static void ask_many(struct asker *a, int n, int at_a_time)
{
	a->to_ask += n;
	for (int i = 0; i < at_a_time; i++)
		ask_next(a);
}

/* --- publish and subscribe --- */

struct hearer {
	struct vrs_loop *loop;
	struct vrs_sub *sub;
	struct vrs_pub *pub;
	uint64_t heard, last_seq, wait_for;
};

static void on_live(void *arg, const ProtobufCMessage *msg)
{
	const Vrsas__V1__Heartbeat *hb = (const Vrsas__V1__Heartbeat *)msg;
	struct hearer *h = arg;

	h->heard++;
	h->last_seq = hb->head_seq;
}

static bool heard_the_last(void *arg)
{
	struct hearer *h = arg;

	return h->last_seq == h->wait_for;
}

/* On both sides: what is published in between vanishes. */
static bool is_connected(void *arg)
{
	struct vrs_bus_counts here, there;
	struct hearer *h = arg;

	vrs_sub_counts(h->sub, &here);
	vrs_pub_counts(h->pub, &there);
	return here.peers > 0 && there.peers > 0;
}

static void hearer_open(struct hearer *h, struct vrs_pub **pub)
{
	struct vrs_err err = {0};

	*h = (struct hearer){0};
	assert_ok(vrs_loop_open(&h->loop, &err), &err);
	assert_ok(vrs_sub_open(&h->sub, h->loop, any_tcp,
			       &vrsas__v1__heartbeat__descriptor, on_live, h, &err),
		  &err);
	assert_ok(vrs_pub_open(pub, vrs_sub_url(h->sub), &err), &err);
	h->pub = *pub;
	assert_true(run_until(h->loop, is_connected, h));
}

static void publish(struct vrs_pub *pub, uint64_t from, uint64_t to)
{
	Vrsas__V1__Heartbeat hb = VRSAS__V1__HEARTBEAT__INIT;
	struct vrs_err err = {0};

	for (hb.head_seq = from; hb.head_seq <= to; hb.head_seq++)
		assert_ok(vrs_pub_send(pub, &hb.base, &err), &err);
}

static void hearer_close(struct hearer *h, struct vrs_pub *pub)
{
	vrs_pub_close(pub);
	vrs_sub_close(h->sub);
	vrs_loop_close(h->loop);
}

static void a_stalled_subscriber_misses_nothing_that_its_queue_holds(void **state)
{
	(void)state;
	struct hearer h;
	struct vrs_pub *pub;

	hearer_open(&h, &pub);
	publish(pub, 1, 3000); /* nobody runs the loop meanwhile */
	h.wait_for = 3000;
	assert_true(run_until(h.loop, heard_the_last, &h));
	assert_int_equal(h.heard, 3000);
	hearer_close(&h, pub);
}

static void a_full_queue_drops_the_oldest_and_counts(void **state)
{
	(void)state;
	struct vrs_bus_counts counts = {0};
	struct hearer h;
	struct vrs_pub *pub;

	hearer_open(&h, &pub);
	/* Twice what fits, in steps that the publisher's own queue holds. */
	for (uint64_t n = 0; n < 60000 && counts.dropped < 1000; n += 500) {
		publish(pub, n + 1, n + 500);
		h.wait_for = n + 500;
		(void)poll(NULL, 0, 5);
		vrs_sub_counts(h.sub, &counts);
	}
	assert_true(counts.dropped >= 1000);
	assert_true(run_until(h.loop, heard_the_last, &h));
	vrs_sub_counts(h.sub, &counts);
	assert_int_equal(counts.received, h.heard);
	assert_true(h.heard >= 8000 && h.heard + counts.dropped <= h.wait_for);
	hearer_close(&h, pub);
}

static void without_a_subscriber_publishing_succeeds_and_vanishes(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct vrs_pub *pub;

	assert_ok(vrs_pub_open(&pub, "tcp://127.0.0.1:1", &err), &err);
	publish(pub, 1, 20000);
	vrs_pub_close(pub);
}

/* --- request and reply --- */

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
	assert_ok(vrs_rep_open(&rep, a.loop, vrs_req_url(a.req), false, 4,
			       &vrsas__v1__forecast_job__descriptor, drop_it, &dropped,
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
	assert_ok(vrs_rep_open(&rep, a.loop, vrs_req_url(a.req), false, 1,
			       &vrsas__v1__forecast_job__descriptor, keep_token, &token,
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

static void a_listener_that_was_away_is_found_again(void **state)
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

static void a_program_without_a_loop_can_ask(void **state)
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
	assert_fails(vrs_bus_ask(url, &job.base, 2000,
				 &vrsas__v1__forecast_answer__descriptor, &reply, &err),
		     VRS_ECONN, &err);
	pid_t pid = replica_start(url, "0", "0", "listen");
	for (int i = 0; i < 1000 && status == VRS_ECONN; i++) {
		(void)poll(NULL, 0, 10);
		status = vrs_bus_ask(url, &job.base, 5000,
				     &vrsas__v1__forecast_answer__descriptor, &reply,
				     &err);
	}
	assert_ok(status, &err);
	assert_string_equal(((Vrsas__V1__ForecastAnswer *)reply)->job_id, "j");
	protobuf_c_message_free_unpacked(reply, NULL);

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_fails(vrs_bus_ask(url, &job.base, 100,
				 &vrsas__v1__forecast_answer__descriptor, &reply, &err),
		     VRS_ETIMEOUT, &err);
	reap(&pid, SIGKILL);
	remove_tree(dir);
}

/* --- bytes from strangers --- */

struct service {
	struct replica replica;
	struct vrs_rep *rep;
};

static void service_open(struct service *s, const char *url)
{
	struct vrs_err err = {0};

	*s = (struct service){.replica = {.name = "0"}};
	assert_ok(vrs_loop_open(&s->replica.loop, &err), &err);
	assert_ok(vrs_rep_open(&s->rep, s->replica.loop, url, true, 4,
			       &vrsas__v1__forecast_job__descriptor, on_job, &s->replica,
			       &err),
		  &err);
}

static void service_close(struct service *s)
{
	vrs_rep_close(s->rep);
	vrs_loop_close(s->replica.loop);
}

/* A good peer still gets its answer. */
static void assert_serves(struct service *s)
{
	struct vrs_err err = {0};
	struct asker a = {.loop = s->replica.loop, .timeout_ms = PATIENCE_MS};

	assert_ok(vrs_req_open(&a.req, a.loop, vrs_rep_url(s->rep), false, 0,
			       &vrsas__v1__forecast_answer__descriptor, &err),
		  &err);
	ask_many(&a, a.wait_for = 1, 1);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	vrs_req_close(a.req);
}

static void a_length_of_8_gib_is_not_believed(void **state)
{
	(void)state;
	unsigned char head[8];
	struct service s;

	service_open(&s, any_tcp);
	uint64_t before = address_space_bytes();
	int fd = tcp_connect(vrs_rep_url(s.rep));
	sp_hello(fd, 0x30);
	sp_length(head, 8ull << 30);
	assert_int_equal(send(fd, head, 8, MSG_NOSIGNAL), 8);
	assert_hung_up(fd);
	assert_true(address_space_bytes() < before + (1ull << 30));
	(void)close(fd);
	assert_serves(&s);
	service_close(&s);
}

static bool one_was_refused(void *arg)
{
	struct vrs_bus_counts counts;

	vrs_rep_counts(((struct service *)arg)->rep, &counts);
	return counts.refused == 1;
}

static void empty_messages_by_the_hundred_thousand_are_refused(void **state)
{
	(void)state;
	static unsigned char bytes[200 * 1024];
	struct vrs_msg *msg = NULL;
	struct vrs_err err = {0};
	struct service s;

	for (size_t i = 0; i < sizeof(bytes); i += 2)
		bytes[i] = 3 << 3 | 2; /* ForecastJob.target, empty */
	assert_fails(vrs_msg_unpack(&msg, &vrsas__v1__forecast_job__descriptor, bytes,
				    sizeof(bytes), &err),
		     VRS_EPARSE, &err);

	service_open(&s, any_tcp);
	int fd = tcp_connect(vrs_rep_url(s.rep));
	sp_hello(fd, 0x30);
	sp_send(fd, true, bytes, sizeof(bytes));
	assert_true(run_until(s.replica.loop, one_was_refused, &s));
	(void)close(fd);
	assert_serves(&s);
	service_close(&s);
}

static void garbage_and_half_greetings_are_harmless(void **state)
{
	(void)state;
	static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	unsigned char noise[256];
	struct service s;

	service_open(&s, any_tcp);
	srandom(1);
	for (int i = 0; i < 60; i++) {
		int fd = tcp_connect(vrs_rep_url(s.rep));

		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (unsigned char)random();
		if (i % 3 == 0)
			(void)send(fd, http, sizeof(http) - 1, MSG_NOSIGNAL);
		else if (i % 3 == 1)
			(void)send(fd, noise, (size_t)(i % 8), MSG_NOSIGNAL);
		else {
			sp_hello(fd, 0x30);
			(void)send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		}
		(void)close(fd);
	}
	assert_serves(&s);
	service_close(&s);
}

/* One plain connect and close stops NNG 1.5.2's ipc listener for ever (#1518). */
static void an_ipc_listener_heals_after_a_plain_connect(void **state)
{
	(void)state;
	char dir[] = "/tmp/vrs-bus-XXXXXX", url[64];
	struct service s;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
	service_open(&s, url);
	assert_int_equal(stat(url + strlen("ipc://"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_serves(&s);
	for (int i = 0; i < 2; i++) {
		(void)close(ipc_connect(url));
		assert_serves(&s);
	}
	service_close(&s);
	remove_tree(dir);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "replica") == 0)
		return replica_main(argv);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_stalled_subscriber_misses_nothing_that_its_queue_holds),
		cmocka_unit_test(a_full_queue_drops_the_oldest_and_counts),
		cmocka_unit_test(without_a_subscriber_publishing_succeeds_and_vanishes),
		cmocka_unit_test(replicas_share_the_jobs),
		cmocka_unit_test(a_killed_replica_loses_no_job),
		cmocka_unit_test(a_stopped_replica_loses_its_connection_and_no_job),
		cmocka_unit_test(a_hundred_timeouts_without_a_peer_are_survived),
		cmocka_unit_test(a_hundred_timeouts_with_a_silent_peer_are_survived),
		cmocka_unit_test(more_requests_than_contexts_wait_their_turn),
		cmocka_unit_test(closing_with_open_requests_cancels_them),
		cmocka_unit_test(a_message_above_the_limit_is_refused_where_it_is_sent),
		cmocka_unit_test(a_listener_that_was_away_is_found_again),
		cmocka_unit_test(a_program_without_a_loop_can_ask),
		cmocka_unit_test(a_length_of_8_gib_is_not_believed),
		cmocka_unit_test(empty_messages_by_the_hundred_thousand_are_refused),
		cmocka_unit_test(garbage_and_half_greetings_are_harmless),
		cmocka_unit_test(an_ipc_listener_heals_after_a_plain_connect),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
