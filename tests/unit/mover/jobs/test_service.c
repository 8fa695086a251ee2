/* What one mover does with its jobs. */
#include "service_world.h"

#include <sys/file.h>

/* --- what is true --- */

/* Until this mover said after that time that it has nothing to do. */
static void await_idle(struct world *w, const char *mover, int64_t since_ms)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		struct vrs_reply *r = NULL;
		struct vrs_err err = {0};

		assert_ok(vrs_store_cmd(w->store, &r, &err,
					"HGET " VRS_KEY "svc:mover %s", mover),
			  &err);
		bool idle = r->bytes && atoll(r->bytes) > since_ms &&
			    strstr(r->bytes, " 0 transfers");
		vrs_reply_free(r);
		if (idle)
			return;
		(void)poll(NULL, 0, 20);
	}
	fail_msg("%s does not come to rest", mover);
}

static void a_job_is_taken_at_once_and_its_result_stands_in_redis(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	Vrsas__V1__Event **events;
	size_t n;

	start_mover(w, 0, NULL);
	hand_out(w, make_job(w, &o, 1), &a);
	assert_true(a.accepted);
	Vrsas__V1__TransferStatus *s = await_end(w, 1);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_int_equal(s->n_disk, 1);
	assert_string_equal(s->disk[0]->source_hash, s->disk[0]->target_hash);
	assert_int_equal(strlen(s->disk[0]->source_hash), 32);
	assert_int_equal(s->disk[0]->virtual_bytes, SIZE);
	assert_int_equal(s->bytes_sent, DATA);
	assert_int_equal(s->bytes_total, DATA);
	assert_int_equal(s->bytes_done, DATA);
	assert_int_equal(s->bytes_resent, 0);
	assert_string_equal(s->mover, "m0");
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(n_files(w), 2);

	hand_out(w, make_job(w, &o, 1), &a); /* twice is once */
	assert_true(a.accepted);
	for (int ms = 0;; ms += 10) { /* what it took is kept, and told */
		assert_ok(vrs_store_cmd(w->store, &r, &err,
					"LRANGE " VRS_KEY "rate:{c1}:{c2} 0 -1"),
			  &err);
		bool there = r->n_items == 1;

		if (there)
			assert_int_equal(atoll(r->item[0].bytes), DATA);
		vrs_reply_free(r);
		if (there)
			break;
		assert_true(ms < PATIENCE_MS);
		(void)poll(NULL, 0, 10);
	}
	assert_ok(vrs_event_read(w->store, "", 100, &events, &n, &err), &err);
	assert_true(n >= 2);
	assert_string_equal(events[0]->kind, "transfer.started");
	assert_string_equal(events[n - 1]->kind, "transfer.done");
	vrs_events_free(events, n);
	s = read_status(w);
	assert_int_equal(s->bytes_sent, DATA);
	status_free(s);
}

static void a_killed_mover_s_job_is_ended_by_another(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;

	start_mover(w, 0, "mover.chunk=kill@6");
	hand_out(w, make_job(w, &o, 1), &a);
	await_death(w, 0);
	assert_int_equal(access(w->target, F_OK), -1);
	start_mover(w, 1, NULL);
	hand_out(w, make_job(w, &o, 2), &a);
	assert_true(a.accepted);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_true(s->disk[0]->bytes_sent < DATA);
	assert_true(s->bytes_resent <= 32 * MIB); /* what may be on its way */
	assert_string_equal(s->mover, "m1");
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(n_files(w), 2);
}

/* It sleeps between two writes: who sleeps within one is waited for. */
static void put_to_sleep(struct world *w, int i)
{
	char map[120];
	int how;

	(void)snprintf(map, sizeof(map), "%s/.target.raw.vrs-map", w->dir);
	for (;;) {
		assert_int_equal(kill(w->mover[i], SIGSTOP), 0);
		assert_int_equal(waitpid(w->mover[i], &how, WUNTRACED), w->mover[i]);
		assert_true(WIFSTOPPED(how));
		int fd = open(map, O_RDONLY);
		assert_true(fd >= 0);
		bool free_now = flock(fd, LOCK_EX | LOCK_NB) == 0;
		(void)close(fd);
		if (free_now)
			return;
		assert_int_equal(kill(w->mover[i], SIGCONT), 0);
	}
}

static void a_mover_that_slept_finds_that_it_is_not_wanted(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;

	start_mover(w, 0, NULL);
	make_job(w, &o, 1)->rate_limit_bytes_per_s = 10 * MIB;
	hand_out(w, &o.job, &a);
	await_bytes(w, 4 * MIB);
	put_to_sleep(w, 0);
	start_mover(w, 1, NULL);
	hand_out(w, make_job(w, &o, 2), &a);
	while (!a.accepted) /* the sleeper may have got it, and answers nothing */
		hand_out(w, make_job(w, &o, 2), &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(kill(w->mover[0], SIGCONT), 0);
	/* it wakes, tries to write, is refused at both places and gives the job up */
	await_idle(w, "m0", vrs_now_wall_ms());
	s = read_status(w);
	assert_int_equal(s->token, 2);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_string_equal(s->mover, "m1");
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(n_files(w), 2);
}

static void an_older_hand_out_is_left_alone(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;

	assert_ok(vrs_store_cmd(w->store, NULL, &err,
				"HSET " VRS_KEY "xfer:job-1 token 9 mover other"),
		  &err);
	start_mover(w, 0, NULL);
	hand_out(w, make_job(w, &o, 8), &a);
	hand_out(w, make_job(w, &o, 10), &a); /* comes after it in the same lane */
	Vrsas__V1__TransferStatus *s = await_end(w, 10);
	assert_int_equal(s->bytes_sent, DATA);
	status_free(s);
	assert_ok(vrs_store_cmd(w->store, &r, &err, "HGET " VRS_KEY "xfer:job-1 token"),
		  &err);
	assert_string_equal(r->bytes, "10");
	vrs_reply_free(r);
	hand_out(w, make_job(w, &o, 10), &a);
	assert_true(a.accepted);
}

static void a_cancelled_copy_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_err err = {0};

	start_mover(w, 0, NULL);
	make_job(w, &o, 1)->rate_limit_bytes_per_s = 4 * MIB;
	hand_out(w, &o.job, &a);
	await_bytes(w, 2 * MIB);
	assert_ok(vrs_store_cmd(w->store, NULL, &err,
				"HSET " VRS_KEY "xfer:job-1 cancel 1"),
		  &err);
	Vrsas__V1__TransferStatus *s = await_end(w, 1);
	assert_int_equal(s->state, TRANSFER_STATE(CANCELLED));
	status_free(s);
	assert_int_equal(n_files(w), 1);
}

static void the_rate_of_a_running_copy_can_be_changed(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_err err = {0};

	start_mover(w, 0, NULL);
	make_job(w, &o, 1)->rate_limit_bytes_per_s = MIB / 4; /* would take minutes */
	hand_out(w, &o.job, &a);
	await_bytes(w, MIB / 4);
	assert_ok(vrs_store_cmd(w->store, NULL, &err,
				"HSET " VRS_KEY "xfer:job-1 rate 1000000000"),
		  &err);
	Vrsas__V1__TransferStatus *s = await_end(w, 1);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_true(s->ended_at_ms - s->started_at_ms < PATIENCE_MS);
	status_free(s);
}

static void a_failure_names_the_side_and_whether_to_try_again(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;

	start_mover(w, 0, NULL);
	make_job(w, &o, 1);
	o.disk.source_path = "/nonexistent/disk.raw";
	hand_out(w, &o.job, &a);
	assert_true(a.accepted);
	Vrsas__V1__TransferStatus *s = await_end(w, 1);
	assert_int_equal(s->state, TRANSFER_STATE(FAILED));
	assert_true(s->permanent);
	assert_non_null(strstr(s->error, "source"));
	assert_non_null(strstr(s->error, "/nonexistent"));
	status_free(s);
	assert_int_equal(n_files(w), 1);
}

static void several_disks_arrive_all_or_none(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	Vrsas__V1__DiskCopy second = VRSAS__V1__DISK_COPY__INIT, *disks[2];
	char path[100];

	start_mover(w, 0, NULL);
	make_job(w, &o, 1);
	(void)snprintf(path, sizeof(path), "%s/second.qcow2", w->dir);
	disks[0] = &o.disk;
	disks[1] = &second;
	second.source_path = "/nonexistent/disk.raw";
	second.target_path = path;
	second.source_format = "raw";
	second.target_format = "qcow2";
	o.job.disk = disks;
	o.job.n_disk = 2;
	hand_out(w, &o.job, &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 1);
	assert_int_equal(s->state, TRANSFER_STATE(FAILED));
	status_free(s);
	assert_int_equal(n_files(w), 1); /* the first one's part is gone, too */

	second.source_path = w->source;
	o.job.token = 2;
	hand_out(w, &o.job, &a);
	s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_int_equal(s->n_disk, 2);
	assert_string_equal(s->disk[0]->target_hash, s->disk[1]->target_hash);
	status_free(s);
	assert_int_equal(n_files(w), 3);
}

static void what_is_not_what_it_should_be_is_kept_and_told(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	char kept[120];

	int fd = open(w->target, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, "mine", 4, MIB), 4);
	(void)close(fd);
	start_mover(w, 0, NULL);
	make_job(w, &o, 7);
	o.disk.base_path = o.target;
	o.disk.base_hash = "00112233445566778899aabbccddeeff";
	hand_out(w, &o.job, &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 7);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	(void)snprintf(kept, sizeof(kept), "%s.kept-7", w->target);
	assert_string_equal(s->disk[0]->kept_path, kept);
	assert_int_equal(access(kept, F_OK), 0);
	status_free(s);
	assert_true(same_files(w->source, w->target));
}

/* The job of two disks whose mover is killed when the first has its name. */
static void kill_between_two_names(struct world *w, struct order *o,
				   Vrsas__V1__DiskCopy *second,
				   Vrsas__V1__DiskCopy *disks[2], char path[100])
{
	struct asked a;

	start_mover(w, 0, "mover.target.group=kill@4"); /* record, two maps, a name */
	make_job(w, o, 1);
	(void)snprintf(path, 100, "%s/second.raw", w->dir);
	*second = o->disk;
	second->target_path = path;
	disks[0] = &o->disk;
	disks[1] = second;
	o->job.disk = disks;
	o->job.n_disk = 2;
	hand_out(w, &o->job, &a);
	await_death(w, 0);
	assert_int_equal(access(o->target, F_OK), 0);
	assert_int_equal(access(path, F_OK), -1);
	start_mover(w, 1, NULL);
	o->job.token = 2;
}

static void after_a_kill_between_two_names_the_next_try_gives_both(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	Vrsas__V1__DiskCopy second, *disks[2];
	char path[100];

	kill_between_two_names(w, &o, &second, disks, path);
	hand_out(w, &o.job, &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(DONE));
	assert_string_equal(s->disk[0]->target_hash, s->disk[1]->target_hash);
	assert_int_equal(s->disk[0]->bytes_sent + s->disk[1]->bytes_sent, 0);
	status_free(s);
	assert_int_equal(n_files(w), 3);
}

static void after_a_kill_between_two_names_a_cancelled_job_leaves_neither(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_err err = {0};
	Vrsas__V1__DiskCopy second, *disks[2];
	char path[100];

	kill_between_two_names(w, &o, &second, disks, path);
	assert_ok(vrs_store_cmd(w->store, NULL, &err,
				"HSET " VRS_KEY "xfer:job-1 cancel 1"),
		  &err);
	hand_out(w, &o.job, &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(CANCELLED));
	status_free(s);
	assert_int_equal(n_files(w), 1);
}

static void a_job_that_is_given_up_after_a_kill_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct order o;
	struct asked a;
	struct vrs_err err = {0};

	start_mover(w, 0, "mover.chunk=kill@4");
	hand_out(w, make_job(w, &o, 1), &a);
	await_death(w, 0);
	assert_true(n_files(w) > 1);
	assert_ok(vrs_store_cmd(w->store, NULL, &err,
				"HSET " VRS_KEY "xfer:job-1 cancel 1"),
		  &err);
	start_mover(w, 1, NULL);
	hand_out(w, make_job(w, &o, 2), &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, TRANSFER_STATE(CANCELLED));
	status_free(s);
	assert_int_equal(n_files(w), 1);
}

static void what_is_no_job_is_refused_with_the_reason(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *path, *format, *end, *why;
	} bad[] = {
		{"relative", "raw", "local", "absolute"},
		{"/x/../etc/shadow", "raw", "local", "not allowed"},
		{"/x/y", "iso", "local", "format"},
		{"/x/y", "raw", "-oProxyCommand=x", "is not"},
	};

	start_mover(w, 0, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct order o;
		struct asked a;

		make_job(w, &o, 1);
		o.disk.target_path = bad[i].path;
		o.disk.target_format = bad[i].format;
		o.ends[0] = bad[i].end;
		hand_out(w, &o.job, &a);
		assert_false(a.accepted);
		if (!strstr(a.reason, bad[i].why))
			fail_msg("case %zu: %s", i, a.reason);
	}
	assert_int_equal(n_files(w), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_job_is_taken_at_once_and_its_result_stands_in_redis),
		TEST(a_killed_mover_s_job_is_ended_by_another),
		TEST(a_mover_that_slept_finds_that_it_is_not_wanted),
		TEST(an_older_hand_out_is_left_alone),
		TEST(a_cancelled_copy_leaves_nothing),
		TEST(the_rate_of_a_running_copy_can_be_changed),
		TEST(a_failure_names_the_side_and_whether_to_try_again),
		TEST(several_disks_arrive_all_or_none),
		TEST(what_is_not_what_it_should_be_is_kept_and_told),
		TEST(after_a_kill_between_two_names_the_next_try_gives_both),
		TEST(after_a_kill_between_two_names_a_cancelled_job_leaves_neither),
		TEST(a_job_that_is_given_up_after_a_kill_leaves_nothing),
		TEST(what_is_no_job_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
