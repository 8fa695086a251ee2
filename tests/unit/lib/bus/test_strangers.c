/* Bytes from strangers on a listening socket (docs/ARCHITECTURE.md, "Bus"). */
#include "bus_jobs.h"

#include "folder.h"

#include <sys/stat.h>

static const char any_tcp[] = "tcp://127.0.0.1:0";

struct service {
	struct replica replica;
	struct vrs_rep *rep;
};

static void service_open(struct service *s, const char *url)
{
	struct vrs_err err = {0};

	*s = (struct service){.replica = {.name = "0"}};
	assert_ok(vrs_loop_open(&s->replica.loop, &err), &err);
	assert_ok(vrs_rep_open(&s->rep, s->replica.loop,
			       &(struct vrs_rep_conf){
				       .url = url,
				       .listen = true,
				       .max_open = 4,
				       .type = &vrsas__v1__forecast_job__descriptor,
				       .fn = on_job,
				       .arg = &s->replica},
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

	assert_ok(vrs_req_open(
			  &a.req, a.loop,
			  &(struct vrs_req_conf){
				  .url = vrs_rep_url(s->rep),
				  .reply_type = &vrsas__v1__forecast_answer__descriptor},
			  &err),
		  &err);
	ask_many(&a, a.wait_for = 1, 1);
	assert_true(run_until(a.loop, jobs_are_done, &a));
	assert_int_equal(a.errors, 0);
	vrs_req_close(a.req);
}

static void a_length_of_8_gib_is_rejected(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_of_8_gib_is_rejected),
		cmocka_unit_test(empty_messages_by_the_hundred_thousand_are_refused),
		cmocka_unit_test(garbage_and_half_greetings_are_harmless),
		cmocka_unit_test(an_ipc_listener_heals_after_a_plain_connect),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
