/* The door to Redis, against a real one that is killed and started again. */
#include "redis.h"

#include "vrs/event.h"

static struct redis redis;

static int start(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

static void a_strange_address_is_refused(void **state)
{
	(void)state;
	static const char *const addresses[] = {"",         "redis",     "unix:relative",
						"tcp:host", "tcp::6379", "tcp:host:"};
	struct vrs_err err = {0};
	struct vrs_store *s = NULL;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct vrs_store_conf conf = {.address = addresses[i]};

		assert_fails(vrs_store_open(&s, &conf, &err), VRS_EINVAL, &err);
		assert_null(s);
	}
}

static void values_are_bytes(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;

	assert_int_equal(vrs_store_generation(s), 0);
	assert_ok(vrs_store_cmd(s, NULL, &err, "SET k %b", "a\0\r\n", (size_t)4), &err);
	assert_ok(vrs_store_cmd(s, &r, &err, "GET k"), &err);
	assert_int_equal(r->type, VRS_REPLY_BYTES);
	assert_int_equal(r->len, 4);
	assert_memory_equal(r->bytes, "a\0\r\n", 5); /* and a 0 behind it */
	vrs_reply_free(r);
	assert_ok(vrs_store_cmd(s, &r, &err, "GET nothing"), &err);
	assert_int_equal(r->type, VRS_REPLY_NIL);
	vrs_reply_free(r);
	struct vrs_arg argv[] = {VRS_ARG("STRLEN"), VRS_ARG("k")};
	assert_ok(vrs_store_do(s, &r, argv, 2, &err), &err);
	assert_int_equal(r->integer, 4);
	vrs_reply_free(r);
	assert_int_equal(vrs_store_generation(s), 1);
	vrs_store_close(s);
}

static void a_pipeline_answers_in_order(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;

	for (int i = 0; i < 1000; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "pipe:%d", i);
		struct vrs_arg argv[] = {VRS_ARG("APPEND"), VRS_ARG(key), VRS_ARG("xy")};
		vrs_store_add(s, argv, 3);
	}
	vrs_store_addf(s, "GET %s", "pipe:999");
	assert_ok(vrs_store_run(s, &r, &err), &err);
	assert_int_equal(r->n_items, 1001);
	assert_int_equal(r->item[0].integer, 2);
	assert_string_equal(r->item[1000].bytes, "xy");
	vrs_reply_free(r);
	assert_ok(vrs_store_run(s, NULL, &err), &err); /* nothing added: nothing done */
	vrs_store_close(s);
}

static void a_pipeline_reports_its_first_error_and_runs_the_rest(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;

	vrs_store_addf(s, "SET text abc");
	vrs_store_addf(s, "LPUSH text x");
	vrs_store_addf(s, "SET behind done");
	assert_fails(vrs_store_run(s, &r, &err), VRS_ECONFLICT, &err);
	assert_null(r);
	assert_ok(vrs_store_cmd(s, &r, &err, "GET behind"), &err);
	assert_string_equal(r->bytes, "done");
	vrs_reply_free(r);
	vrs_store_close(s);
}

static void a_script_is_loaded_when_the_server_has_forgotten_it(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;
	struct vrs_arg key = VRS_ARG("scripted"), arg = VRS_ARG("7");
	const char *script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

	for (int i = 1; i <= 4; i++) {
		assert_ok(vrs_store_eval(s, &r,
					 &(struct vrs_script){.text = script,
							      .keys = &key,
							      .n_keys = 1,
							      .args = &arg,
							      .n_args = 1},
					 &err),
			  &err);
		assert_int_equal(r->integer, 7 * i);
		vrs_reply_free(r);
		if (i == 2)
			assert_ok(vrs_store_cmd(s, NULL, &err, "SCRIPT FLUSH"), &err);
	}
	assert_fails(vrs_store_eval(s, &r,
				    &(struct vrs_script){
					    .text = "return redis.error_reply('no')"},
				    &err),
		     VRS_EIO, &err);
	vrs_store_close(s);
}

static void the_servers_time_is_now(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	int64_t at = 0;

	assert_ok(vrs_store_time_ms(s, &at, &err), &err);
	assert_true(at > 1600000000000);
	vrs_store_close(s);
}

static void a_killed_server_fails_one_call_and_then_goes_on(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;

	assert_ok(vrs_store_cmd(s, NULL, &err, "SET kept yes"), &err);
	redis_end(&redis, SIGTERM); /* everysec may lose the newest write to SIGKILL */
	redis_restart(&redis);
	redis_kill9(&redis);
	assert_fails(vrs_store_cmd(s, NULL, &err, "PING"), VRS_ECONN, &err);
	assert_fails(vrs_store_cmd(s, NULL, &err, "PING"), VRS_ECONN, &err);
	vrs_store_addf(s, "SET a 1");
	vrs_store_addf(s, "SET a 2");
	assert_fails(vrs_store_run(s, NULL, &err), VRS_ECONN, &err);
	assert_int_equal(vrs_store_generation(s), 1);

	redis_restart(&redis);
	assert_ok(vrs_store_cmd(s, &r, &err, "GET kept"), &err);
	assert_string_equal(r->bytes, "yes");
	vrs_reply_free(r);
	assert_int_equal(vrs_store_generation(s), 2);
	assert_ok(vrs_store_connect(s, &err), &err);
	assert_int_equal(vrs_store_generation(s), 2);
	vrs_store_close(s);
}

static void a_stopped_server_is_a_timeout(void **state)
{
	(void)state;
	struct vrs_store_conf conf = {.address = redis.address, .timeout_ms = 200};
	struct vrs_store *s = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_store_open(&s, &conf, &err), &err);
	assert_ok(vrs_store_cmd(s, NULL, &err, "PING"), &err);
	assert_int_equal(kill(redis.pid, SIGSTOP), 0);
	assert_fails(vrs_store_cmd(s, NULL, &err, "PING"), VRS_ETIMEOUT, &err);
	assert_int_equal(kill(redis.pid, SIGCONT), 0);
	assert_ok(vrs_store_cmd(s, NULL, &err, "PING"), &err);
	assert_int_equal(vrs_store_generation(s), 2);
	vrs_store_close(s);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void a_user_has_only_the_rights_it_was_given(void **state)
{
	(void)state;
	struct redis guarded = {0};
	struct vrs_err err = {0};
	struct vrs_store *s = NULL;
	char dir[] = "/tmp/vrs-acl-XXXXXX", acl[64], good[64], bad[64];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(acl, sizeof(acl), "%s/acl", dir);
	(void)snprintf(good, sizeof(good), "%s/good", dir);
	(void)snprintf(bad, sizeof(bad), "%s/bad", dir);
	write_file(acl, "user default off\n"
			"user etl on >secret ~m:* +set +ping\n");
	write_file(good, "secret\n");
	write_file(bad, "wrong\n");
	guarded.aclfile = acl;
	redis_start(&guarded);

	struct vrs_store_conf conf = {
		.address = guarded.address, .user = "etl", .password_file = good};
	assert_ok(vrs_store_open(&s, &conf, &err), &err);
	assert_ok(vrs_store_cmd(s, NULL, &err, "SET m:1 x"), &err);
	assert_fails(vrs_store_cmd(s, NULL, &err, "SET other x"), VRS_EDENIED, &err);
	assert_fails(vrs_store_cmd(s, NULL, &err, "FLUSHALL"), VRS_EDENIED, &err);
	vrs_store_close(s);

	conf.password_file = bad;
	assert_ok(vrs_store_open(&s, &conf, &err), &err);
	assert_fails(vrs_store_cmd(s, NULL, &err, "SET m:1 x"), VRS_EDENIED, &err);
	vrs_store_close(s);
	redis_stop(&guarded);
	remove_tree(dir);
}

static void events_are_kept_in_order(void **state)
{
	(void)state;
	struct vrs_store *s = redis_store(&redis);
	struct vrs_err err = {0};
	Vrsas__V1__Event **events = NULL;
	size_t n = 0;

	for (int i = 0; i < 5; i++) {
		char text[32];
		Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

		(void)snprintf(text, sizeof(text), "event %d", i);
		ev.service = "test";
		ev.text = text;
		assert_ok(vrs_event_put(s, &ev, &err), &err);
	}
	assert_ok(vrs_event_read(s, NULL, 3, &events, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_string_equal(events[0]->text, "event 2");
	assert_string_equal(events[2]->text, "event 4");
	assert_true(events[0]->at_ms > 0);
	char after[64];
	(void)snprintf(after, sizeof(after), "%s", events[1]->id);
	vrs_events_free(events, n);

	assert_ok(vrs_event_read(s, after, 10, &events, &n, &err), &err);
	assert_int_equal(n, 1);
	assert_string_equal(events[0]->text, "event 4");
	vrs_events_free(events, n);
	vrs_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strange_address_is_refused),
		cmocka_unit_test(values_are_bytes),
		cmocka_unit_test(a_pipeline_answers_in_order),
		cmocka_unit_test(a_pipeline_reports_its_first_error_and_runs_the_rest),
		cmocka_unit_test(a_script_is_loaded_when_the_server_has_forgotten_it),
		cmocka_unit_test(the_servers_time_is_now),
		cmocka_unit_test(a_killed_server_fails_one_call_and_then_goes_on),
		cmocka_unit_test(a_stopped_server_is_a_timeout),
		cmocka_unit_test(a_user_has_only_the_rights_it_was_given),
		cmocka_unit_test(events_are_kept_in_order),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
