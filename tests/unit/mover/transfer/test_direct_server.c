/* `vrs-mover direct` as it is: what it does without a word from the mover that started
 * it, and when that one is gone. Both ends of the copy are this machine. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transfer/direct_messages.h"
#include "vrs/bus.h"
#include "vrs/mem.h"

enum { MIB = 1 << 20, DATA = 24 * MIB, RATE = 4 * MIB, PATIENCE_MS = 60000 };

extern char **environ;

struct world {
	char dir[40], source[60], target[60], part[80];
	pid_t pid;
	int in, out; /* its standard input and output */
	struct direct_reader reader;
	int n_reports;
	bool connected;
	uint64_t sent;
	Vrsas__V1__TransferState state;
	size_t n_disks;
};

static int on_report(void *arg, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	struct world *w = arg;
	struct vrs_msg *msg;
	int status = vrs_msg_unpack(&msg, &vrsas__v1__direct_report__descriptor, bytes, n,
				    err);

	if (status < 0)
		return status;
	const Vrsas__V1__DirectReport *report =
		(const Vrsas__V1__DirectReport *)vrs_msg_get(msg);
	assert_string_equal(report->version, VRS_VERSION);
	w->n_reports++;
	w->connected = report->connected;
	w->sent = report->status->bytes_sent;
	w->state = report->status->state;
	w->n_disks = report->status->n_disk;
	vrs_msg_free(msg);
	return 0;
}

/* The next report; false: its output has ended. */
static bool hear(struct world *w)
{
	int before = w->n_reports;

	while (w->n_reports == before) {
		struct pollfd p = {.fd = w->out, .events = POLLIN};
		struct vrs_err err = {0};
		uint8_t buf[4096];

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t n = read(w->out, buf, sizeof(buf));
		if (n <= 0)
			return false;
		assert_ok(direct_reader_feed(&w->reader, buf, (size_t)n, &err), &err);
	}
	return true;
}

static void send_message(struct world *w, const ProtobufCMessage *message)
{
	size_t n;
	uint8_t *bytes = direct_pack(message, &n);

	assert_int_equal(write(w->in, bytes, n), n);
	free(bytes);
}

static void send_control(struct world *w, uint64_t rate, bool cancel)
{
	Vrsas__V1__DirectControl word = VRSAS__V1__DIRECT_CONTROL__INIT;

	word.rate_limit_bytes_per_s = rate;
	word.cancel = cancel;
	send_message(w, &word.base);
}

static void send_order(struct world *w)
{
	Vrsas__V1__DirectOrder order = VRSAS__V1__DIRECT_ORDER__INIT;
	Vrsas__V1__TransferJob job = VRSAS__V1__TRANSFER_JOB__INIT;
	Vrsas__V1__DiskCopy disk = VRSAS__V1__DISK_COPY__INIT, *disks[] = {&disk};
	const char *elsewhere[] = {"nobody@192.0.2.1"}, *here[] = {"local"};

	disk.source_path = w->source;
	disk.target_path = w->target;
	disk.source_format = disk.target_format = "raw";
	job.job_id = "job-1";
	job.token = 7;
	job.n_source = job.n_target = job.n_disk = 1;
	job.source = elsewhere; /* is not looked at: it is where it is */
	job.target = here;
	job.disk = disks;
	order.job = &job;
	order.pack = AUTO_COMPRESS_NEVER;
	order.rate_limit_bytes_per_s = RATE;
	send_message(w, &order.base);
}

static int set_up(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	w->reader = (struct direct_reader){.on_message = on_report, .arg = w};
	int in[2], out[2], fd;
	posix_spawn_file_actions_t files;
	char exe[400], *argv[] = {exe, (char[]){"direct"}, NULL};
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 40);
	char *data = vrs_calloc(1, DATA);

	(void)signal(SIGPIPE, SIG_IGN);
	assert_true(len > 0);
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';
	strcpy(strrchr(exe, '/'), "/bin/vrs-mover");
	(void)vrs_strcpy(w->dir, sizeof(w->dir), "/tmp/vrs-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->source, sizeof(w->source), "%s/a", w->dir);
	(void)snprintf(w->target, sizeof(w->target), "%s/b", w->dir);
	(void)snprintf(w->part, sizeof(w->part), "%s/.b.vrs-part", w->dir);
	for (size_t i = 0; i < DATA; i += 4096) /* no block like another */
		memcpy(data + i, &i, sizeof(i));
	data[0] = 1;
	fd = open(w->source, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, data, DATA), DATA);
	(void)close(fd);
	free(data);

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&w->pid, argv[0], &files, NULL, argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)close(in[0]);
	(void)close(out[1]);
	w->in = in[1];
	w->out = out[0];
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char *command = vrs_asprintf("rm -rf %s", w->dir);

	if (w->in >= 0)
		(void)close(w->in);
	(void)close(w->out);
	(void)waitpid(w->pid, NULL, 0);
	direct_reader_fini(&w->reader);
	assert_int_equal(system(command), 0);
	free(command);
	free(w);
	return 0;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Words go out with the report, until so much was sent. */
static void until_sent(struct world *w, uint64_t bytes)
{
	while (w->sent < bytes) {
		assert_true(hear(w));
		assert_true(w->state == TRANSFER_STATE(COPYING));
		send_control(w, RATE, false);
	}
}

static void without_a_word_it_rests_and_with_one_it_goes_on(void **state)
{
	struct world *w = *state;
	uint64_t was = 0;

	assert_true(hear(w)); /* it greets first */
	assert_false(w->connected);
	send_order(w);
	until_sent(w, 4 * MIB);
	assert_true(w->connected);
	for (int same = 0; same < 4; same = w->sent == was ? same + 1 : 0) {
		was = w->sent;
		assert_true(hear(w));
		assert_true(w->state == TRANSFER_STATE(COPYING));
	}
	assert_true(w->sent < DATA);
	send_control(w, 0, false); /* and at once */
	while (w->state != TRANSFER_STATE(DONE)) {
		assert_true(hear(w));
		send_control(w, 0, false);
	}
	assert_int_equal(w->n_disks, 1);
	assert_true(is_there(w->target));
	assert_false(is_there(w->part));
	while (hear(w))
		;
}

static void when_the_other_end_is_gone_it_stops_and_leaves_the_part(void **state)
{
	struct world *w = *state;
	int status;

	send_order(w);
	until_sent(w, 4 * MIB);
	(void)close(w->in);
	w->in = -1;
	while (hear(w))
		;
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	assert_true(w->sent < DATA);
	assert_true(is_there(w->part));
	assert_false(is_there(w->target));
}

static void a_cancelled_copy_takes_its_part_along(void **state)
{
	struct world *w = *state;

	send_order(w);
	until_sent(w, 4 * MIB);
	assert_true(is_there(w->part));
	send_control(w, RATE, true);
	while (w->state == TRANSFER_STATE(COPYING))
		assert_true(hear(w));
	assert_true(w->state == TRANSFER_STATE(CANCELLED));
	assert_false(is_there(w->part));
	assert_false(is_there(w->target));
}

static void what_is_no_order_is_no_order(void **state)
{
	struct world *w = *state;
	Vrsas__V1__DirectOrder order = VRSAS__V1__DIRECT_ORDER__INIT;

	send_message(w, &order.base);
	while (w->state != TRANSFER_STATE(FAILED))
		assert_true(hear(w));
	assert_false(w->connected);
}

int main(void)
{
#define IN_WORLD(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(without_a_word_it_rests_and_with_one_it_goes_on),
		IN_WORLD(when_the_other_end_is_gone_it_stops_and_leaves_the_part),
		IN_WORLD(a_cancelled_copy_takes_its_part_along),
		IN_WORLD(what_is_no_order_is_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
