/* Jobs between two other hosts, done by a vrs-mover at the source's: a real sshd, one
 * machine that is both. */
#include "service_world.h"

#include <stdlib.h>

enum { SLOW = 5 * MIB };

struct host {
	struct world w; /* first: who has the world has the host */
	int hold;       /* the sshd ends with it */
	pid_t shell;
	char config[80], mover[80];
};

static struct host *host_of(struct world *w)
{
	return (struct host *)w;
}

/* What a test in a shell would do; ends with its standard input. */
static const char script[] =
	". %s/kit/tap.sh; . %s/kit/shell/sshd.sh\n"
	"export HOME=%s/ssh; mkdir -m 700 $HOME; SSHD_EXTRA=\"SetEnv HOME=$HOME\"\n"
	"sshd_start $HOME || exit 1\n"
	"sed 's/test-host/dst/' $SSHD_CONFIG > $HOME/config\n"
	"sed 's/test-host/src/' $SSHD_CONFIG > $HOME/near\n" /* the mover knows no dst */
	"printf '#!/bin/sh\\necho >> %%s/begun\\n' $HOME > $HOME/mover\n"
	"printf 'exec %%s \"$@\" -F %%s/config\\n' %s $HOME >> $HOME/mover\n"
	"chmod +x $HOME/mover\n"
	"echo ready; cat > /dev/null; sshd_stop\n";

static void start_sshd(struct host *h)
{
	char exe[400], text[2000], c;
	int in[2], out[2];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 40);

	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	strcpy(strrchr(exe, '/'), "/bin/vrs-mover");
	(void)snprintf(text, sizeof(text), script, TEST_DIR, TEST_DIR, h->w.dir, exe);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	h->shell = fork();
	if (h->shell == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		execlp("bash", "bash", "-c", text, NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 1);
	(void)close(out[0]);
	h->hold = in[1];
	(void)snprintf(h->config, sizeof(h->config), "--ssh_config=%s/ssh/near",
		       h->w.dir);
	(void)snprintf(h->mover, sizeof(h->mover), "--host_vrs_mover=%s/ssh/mover",
		       h->w.dir);
}

static int set_up_host(void **state)
{
	struct host *h = vrs_calloc(1, sizeof(*h));
	void *world = NULL;

	if (set_up(&world) < 0)
		return -1;
	h->w = *(struct world *)world;
	free(world);
	start_sshd(h);
	*state = h;
	return 0;
}

static int tear_down_host(void **state)
{
	struct host *h = *state;

	(void)close(h->hold);
	(void)waitpid(h->shell, NULL, 0);
	return tear_down(state);
}

static void start(struct world *w, int i)
{
	const char *options[] = {host_of(w)->config, host_of(w)->mover, "--direct=yes",
				 NULL};

	start_mover_with(w, i, NULL, vrs_req_url(w->req), options);
}

static void give(struct world *w, struct order *o, uint64_t token, uint64_t rate)
{
	static const char *source[] = {"src"}, *target[] = {"dst"};
	struct asked a;

	(void)make_job(w, o, token);
	o->job.source = source;
	o->job.target = target;
	o->job.rate_limit_bytes_per_s = rate;
	hand_out(w, &o->job, &a);
	assert_true(a.accepted);
}

static void word(struct world *w, const char *field, const char *value)
{
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(w->store, NULL, &err, "HSET " VRS_KEY "xfer:job-1 %s %s",
				field, value),
		  &err);
}

static void await_state(struct world *w, Vrsas__V1__TransferState state)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		Vrsas__V1__TransferStatus *s = read_status(w);
		bool is = s && s->state == state;

		status_free(s);
		if (is)
			return;
		(void)poll(NULL, 0, 20);
	}
	fail_msg("the job does not come to state %d", (int)state);
}

/* What was written of the part; room that was only taken does not count. */
static uint64_t part_bytes(struct world *w)
{
	char part[120];
	off_t end, at = 0;
	uint64_t n = 0;

	(void)snprintf(part, sizeof(part), "%s/.target.raw.vrs-part", w->dir);
	int fd = open(part, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		n += (uint64_t)(end - at);
		at = end;
	}
	if (fd >= 0)
		(void)close(fd);
	return n;
}

static void await_part(struct world *w, uint64_t n)
{
	for (int ms = 0; ms < PATIENCE_MS && part_bytes(w) < n; ms += 10)
		(void)poll(NULL, 0, 10);
	assert_true(part_bytes(w) >= n);
}

/* How often a vrs-mover was begun at the source. */
static int64_t times_begun(struct world *w)
{
	char path[80];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/ssh/begun", w->dir);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void assert_done(struct world *w, uint64_t token)
{
	Vrsas__V1__TransferStatus *s = await_end(w, token);

	if (s->state != TRANSFER_STATE(DONE))
		fail_msg("%s", s->error);
	assert_int_equal(s->bytes_total, DATA);
	assert_string_equal(s->disk[0]->source_hash, s->disk[0]->target_hash);
	status_free(s);
	assert_true(same_files(w->source, w->target));
}

static void a_held_job_rests_at_the_source_and_goes_on(void **state)
{
	struct world *w = *state;
	struct order o;
	uint64_t was = 0;

	start(w, 0);
	give(w, &o, 1, SLOW);
	await_part(w, 4 * MIB);
	word(w, "pause", "1");
	await_state(w, TRANSFER_STATE(PAUSED));
	for (int same = 0; same < 60; same = part_bytes(w) == was ? same + 1 : 0) {
		was = part_bytes(w);
		(void)poll(NULL, 0, 20);
	}
	assert_true(was < DATA);
	word(w, "rate", "0");
	word(w, "pause", "0");
	assert_done(w, 1);
	assert_int_equal(times_begun(w), 1);
}

static void a_cancelled_job_leaves_nothing_at_the_target(void **state)
{
	struct world *w = *state;
	struct order o;
	size_t before = n_files(w);

	start(w, 0);
	give(w, &o, 1, SLOW);
	await_part(w, 4 * MIB);
	word(w, "cancel", "1");
	await_state(w, TRANSFER_STATE(CANCELLED));
	assert_int_equal(n_files(w), before);
}

static void after_a_kill_another_mover_goes_on_with_all_disks(void **state)
{
	struct world *w = *state;
	struct order o;
	Vrsas__V1__DiskCopy second = VRSAS__V1__DISK_COPY__INIT, *disks[2];
	char path[80];
	static const char *source[] = {"src"}, *target[] = {"dst"};
	struct asked a;

	start(w, 0);
	give(w, &o, 1, SLOW);
	await_part(w, 8 * MIB);
	end_mover(w, 0, SIGKILL);
	start(w, 1);
	(void)make_job(w, &o, 2);
	(void)snprintf(path, sizeof(path), "%s/second.raw", w->dir);
	second.source_path = w->source;
	second.target_path = path;
	second.source_format = second.target_format = "raw";
	disks[0] = &o.disk;
	disks[1] = &second;
	o.job.disk = disks;
	o.job.n_disk = 2;
	o.job.source = source;
	o.job.target = target;
	hand_out(w, &o.job, &a);
	assert_true(a.accepted);
	Vrsas__V1__TransferStatus *s = await_end(w, 2);
	if (s->state != TRANSFER_STATE(DONE))
		fail_msg("%s", s->error);
	assert_int_equal(s->n_disk, 2);
	/* what was there stayed */
	assert_in_range(s->disk[0]->bytes_sent, 0, DATA - 4 * MIB);
	assert_int_equal(s->disk[1]->bytes_sent, DATA);
	status_free(s);
	assert_true(same_files(w->source, w->target));
	assert_true(same_files(w->source, path));
	assert_int_equal(times_begun(w), 2);
}

int main(void)
{
#define IN_WORLD(fn) cmocka_unit_test_setup_teardown(fn, set_up_host, tear_down_host)
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_held_job_rests_at_the_source_and_goes_on),
		IN_WORLD(a_cancelled_job_leaves_nothing_at_the_target),
		IN_WORLD(after_a_kill_another_mover_goes_on_with_all_disks),
	};

	if (access("/usr/sbin/sshd", X_OK) < 0) {
		print_message("no sshd here, skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
