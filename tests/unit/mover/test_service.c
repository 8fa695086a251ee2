/* The service as it is: processes of vrs-mover, a real Redis, and this program in the
 * scheduler's place. Both ends of a copy are this machine. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "loop_thread.h"
#include "redis.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrsas/v1/transfer.pb-c.h"

enum { MIB = 1 << 20, DATA = 40 * MIB, SIZE = 200 * MIB, PATIENCE_MS = 60000 };

struct world {
	struct redis redis;
	struct vrs_store *store;
	struct vrs_loop *loop;
	struct loop_thread thread;
	struct vrs_req *req;
	char dir[40], source[80], target[80];
	pid_t mover[2];
};

/* --- the scheduler's part --- */

struct asked {
	struct world *w;
	Vrsas__V1__TransferJob *job;
	_Atomic int done;
	bool accepted;
	char reason[500];
};

static void on_accept(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct asked *a = arg;
	const Vrsas__V1__TransferAccept *r = (const void *)reply;

	a->accepted = r && r->accepted;
	(void)vrs_strcpy(a->reason, sizeof(a->reason), r ? r->reason : err->text);
	atomic_store(&a->done, 1);
}

static void ask_on_loop(void *arg)
{
	struct asked *a = arg;
	struct vrs_err err = {0};

	assert_ok(vrs_req_send(a->w->req, &a->job->base, PATIENCE_MS, on_accept, a, &err),
		  &err);
}

static void hand_out(struct world *w, Vrsas__V1__TransferJob *job, struct asked *ret)
{
	*ret = (struct asked){.w = w, .job = job};
	vrs_loop_post(w->loop, ask_on_loop, ret);
	while (!atomic_load(&ret->done))
		(void)poll(NULL, 0, 5);
}

struct order {
	Vrsas__V1__TransferJob job;
	Vrsas__V1__DiskCopy disk, *disks[1];
	const char *ends[1];
};

static Vrsas__V1__TransferJob *make_job(struct world *w, struct order *o, uint64_t token)
{
	vrsas__v1__transfer_job__init(&o->job);
	vrsas__v1__disk_copy__init(&o->disk);
	o->ends[0] = "local";
	o->disks[0] = &o->disk;
	o->disk.source_path = w->source;
	o->disk.target_path = w->target;
	o->disk.source_format = o->disk.target_format = "raw";
	o->job.job_id = "job-1";
	o->job.token = token;
	o->job.vm_name = "web1";
	o->job.source_cluster = "c1";
	o->job.target_cluster = "c2";
	o->job.n_source = o->job.n_target = o->job.n_disk = 1;
	o->job.source = o->job.target = o->ends;
	o->job.disk = o->disks;
	return &o->job;
}

static Vrsas__V1__TransferStatus *read_status(struct world *w)
{
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	Vrsas__V1__TransferStatus *s = NULL;

	assert_ok(vrs_store_cmd(w->store, &r, &err, "HGET " VRS_KEY "xfer:job-1 rec"),
		  &err);
	if (r->bytes)
		s = vrsas__v1__transfer_status__unpack(NULL, r->len,
						       (const uint8_t *)r->bytes);
	vrs_reply_free(r);
	return s;
}

static void status_free(Vrsas__V1__TransferStatus *s)
{
	vrsas__v1__transfer_status__free_unpacked(s, NULL);
}

/* Until the record of this token has ended; the caller frees it. */
static Vrsas__V1__TransferStatus *await_end(struct world *w, uint64_t token)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		Vrsas__V1__TransferStatus *s = read_status(w);

		if (s && s->token == token && s->ended_at_ms)
			return s;
		status_free(s);
		(void)poll(NULL, 0, 20);
	}
	fail_msg("no end of token %llu", (unsigned long long)token);
	return NULL;
}

static void await_bytes(struct world *w, uint64_t n)
{
	char part[120];
	struct stat st;

	(void)snprintf(part, sizeof(part), "%s/.target.raw.vrs-part", w->dir);
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (stat(part, &st) == 0 && (uint64_t)st.st_blocks * 512 >= n)
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("the copy does not get on");
}

/* --- the world --- */

static void start_mover(struct world *w, int i, const char *faults)
{
	char exe[400], transfer[200], redis[200], instance[40];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 40);

	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	strcpy(strrchr(exe, '/'), "/bin/vrs-mover");
	(void)snprintf(transfer, sizeof(transfer), "--transfer=%s", vrs_req_url(w->req));
	(void)snprintf(redis, sizeof(redis), "--redis=%s", w->redis.address);
	(void)snprintf(instance, sizeof(instance), "--instance=m%d", i);
	w->mover[i] = fork();
	if (w->mover[i] == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (faults)
			(void)setenv("VRSAS_FAULTS", faults, 1);
		execl(exe, exe, "serve", transfer, redis, instance, "--log_level=error",
		      (char *)NULL);
		_exit(127);
	}
}

static void end_mover(struct world *w, int i, int sig)
{
	if (w->mover[i] <= 0)
		return;
	(void)kill(w->mover[i], sig);
	(void)waitpid(w->mover[i], NULL, 0);
	w->mover[i] = 0;
}

/* Killed itself at a fault point. */
static void await_death(struct world *w, int i)
{
	int how;

	assert_int_equal(waitpid(w->mover[i], &how, 0), w->mover[i]);
	assert_true(WIFSIGNALED(how));
	w->mover[i] = 0;
}

static void make_source(const char *path)
{
	uint8_t *bytes = malloc(DATA);
	uint64_t x = 88172645463325252ull;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	for (size_t i = 0; i < DATA / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + 8 * i, &x, 8);
	}
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, bytes, DATA / 2, 0), DATA / 2);
	assert_int_equal(pwrite(fd, bytes + DATA / 2, DATA / 2, SIZE / 2), DATA / 2);
	(void)close(fd);
	free(bytes);
}

static int set_up(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	strcpy(w->dir, "/tmp/vrs-mover-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->source, sizeof(w->source), "%s/source.raw", w->dir);
	(void)snprintf(w->target, sizeof(w->target), "%s/target.raw", w->dir);
	make_source(w->source);
	redis_start(&w->redis);
	w->store = redis_store(&w->redis);
	assert_ok(vrs_loop_open(&w->loop, &err), &err);
	assert_ok(vrs_req_open(&w->req, w->loop, "tcp://127.0.0.1:0", true, 2000,
			       &vrsas__v1__transfer_accept__descriptor, &err),
		  &err);
	loop_thread_start(&w->thread, w->loop);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	end_mover(w, 0, SIGKILL);
	end_mover(w, 1, SIGKILL);
	loop_thread_stop(&w->thread);
	vrs_req_close(w->req);
	vrs_loop_close(w->loop);
	vrs_store_close(w->store);
	redis_stop(&w->redis);
	remove_tree(w->dir);
	free(w);
	return 0;
}

static size_t n_files(const struct world *w)
{
	DIR *d = opendir(w->dir);
	size_t n = 0;

	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return n;
}

static bool same_files(const char *a, const char *b)
{
	const char *argv[] = {"cmp", "-s", a, b, NULL};
	pid_t pid = fork();
	int how = 1;

	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)waitpid(pid, &how, 0);
	return how == 0;
}

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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
	assert_true(s->disk[0]->bytes_sent < DATA);
	assert_true(s->bytes_resent <= 4 * MIB);
	assert_string_equal(s->mover, "m1");
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(n_files(w), 2);
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
	assert_int_equal(kill(w->mover[0], SIGSTOP), 0);
	start_mover(w, 1, NULL);
	hand_out(w, make_job(w, &o, 2), &a);
	while (!a.accepted) /* the sleeper may have got it, and answers nothing */
		hand_out(w, make_job(w, &o, 2), &a);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_int_equal(kill(w->mover[0], SIGCONT), 0);
	/* it wakes, tries to write, is refused at both places and gives the job up */
	await_idle(w, "m0", vrs_wall_ms(vrs_clock_system()));
	s = read_status(w);
	assert_int_equal(s->token, 2);
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED);
	status_free(s);
	assert_int_equal(n_files(w), 1); /* the first one's part is gone, too */

	second.source_path = w->source;
	o.job.token = 2;
	hand_out(w, &o.job, &a);
	s = await_end(w, 2);
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE);
	assert_int_equal(s->n_disk, 2);
	assert_string_equal(s->disk[0]->target_hash, s->disk[1]->target_hash);
	status_free(s);
	assert_int_equal(n_files(w), 3);
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
	assert_int_equal(s->state, VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED);
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
		{"/x/../etc/shadow", "raw", "local", "refused"},
		{"/x/y", "iso", "local", "formats"},
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
		TEST(a_job_that_is_given_up_after_a_kill_leaves_nothing),
		TEST(what_is_no_job_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
