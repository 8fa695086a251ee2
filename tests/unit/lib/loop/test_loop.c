/* The loop, its timers, its workers, and child processes. */
#include "check.h"

#include <string.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/loop.h"
#include "vrs/proc.h"

struct counter {
	struct vrs_loop *loop;
	struct vrs_timer *timer;
	int calls, stop_at, fd;
	char order[64];
};

static void count(void *arg)
{
	struct counter *c = arg;

	if (++c->calls >= c->stop_at)
		vrs_loop_stop(c->loop);
}

static void count_then_cancel(void *arg)
{
	struct counter *c = arg;

	vrs_timer_cancel(c->timer);
	count(c);
}

static void a_timer_repeats_until_cancelled(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct counter every = {.stop_at = 3}, once = {.stop_at = 100},
		       gone = {.stop_at = 100};

	assert_ok(vrs_loop_open(&every.loop, &err), &err);
	once.loop = gone.loop = every.loop;
	(void)vrs_loop_every(every.loop, 2, count, &every);
	(void)vrs_loop_after(every.loop, 1, count, &once);
	gone.timer = vrs_loop_every(every.loop, 1, count_then_cancel, &gone);
	assert_ok(vrs_loop_run(every.loop, &err), &err);
	assert_int_equal(every.calls, 3);
	assert_int_equal(once.calls, 1);
	assert_int_equal(gone.calls, 1);
	vrs_loop_close(every.loop);
}

static void read_byte(void *arg)
{
	struct counter *c = arg;
	char b;

	assert_int_equal(read(c->fd, &b, 1), 1);
	count(c);
}

static void a_readable_descriptor_is_reported(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct counter c = {.stop_at = 3};
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	c.fd = fds[0];
	assert_ok(vrs_loop_open(&c.loop, &err), &err);
	assert_ok(vrs_loop_watch(c.loop, c.fd, read_byte, &c, &err), &err);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	assert_ok(vrs_loop_run(c.loop, &err), &err);
	assert_int_equal(c.calls, 3);
	vrs_loop_forget(c.loop, c.fd);
	vrs_loop_close(c.loop);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

struct task {
	struct counter *c;
	int number;
	int worked;
};

static void work(void *arg)
{
	((struct task *)arg)->worked++;
}

static void done(void *arg)
{
	struct task *t = arg;

	assert_int_equal(t->worked, 1);
	t->c->order[t->c->calls] = (char)('a' + t->number);
	count(t->c);
}

static void work_of_one_lane_is_done_in_order(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct counter c = {.stop_at = 20};
	struct vrs_workers *w = NULL;
	struct task tasks[20] = {0};

	assert_ok(vrs_loop_open(&c.loop, &err), &err);
	assert_ok(vrs_workers_open(&w, c.loop, 4, &err), &err);
	for (int i = 0; i < 20; i++) {
		tasks[i] = (struct task){.c = &c, .number = i};
		vrs_workers_submit(w, "host-1", work, done, &tasks[i]);
	}
	assert_ok(vrs_loop_run(c.loop, &err), &err);
	assert_string_equal(c.order, "abcdefghijklmnopqrst");
	vrs_workers_close(w);
	vrs_loop_close(c.loop);
}

static int gate[2];

static void wait_for_gate(void *arg)
{
	char b;

	assert_int_equal(read(gate[0], &b, 1), 1);
	work(arg);
}

static void open_gate(void *arg)
{
	assert_int_equal(write(gate[1], "x", 1), 1);
	work(arg);
}

static void a_stuck_lane_does_not_hold_up_another(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct counter c = {.stop_at = 1};
	struct vrs_workers *w = NULL;
	struct task warm = {.c = &c, .number = 2};
	struct task stuck = {.c = &c, .number = 0}, other = {.c = &c, .number = 1};

	assert_int_equal(pipe(gate), 0);
	assert_ok(vrs_loop_open(&c.loop, &err), &err);
	assert_ok(vrs_workers_open(&w, c.loop, 2, &err), &err);
	vrs_workers_submit(w, "warm", work, done, &warm); /* leaves one idle thread */
	assert_ok(vrs_loop_run(c.loop, &err), &err);
	c.stop_at = 3;
	vrs_workers_submit(w, "stuck", wait_for_gate, done, &stuck);
	vrs_workers_submit(w, "other", open_gate, done, &other);
	assert_ok(vrs_loop_run(c.loop, &err), &err);
	assert_int_equal(c.calls, 3);
	vrs_workers_close(w);
	vrs_loop_close(c.loop);
	(void)close(gate[0]);
	(void)close(gate[1]);
}

static void a_child_gets_its_input_and_gives_its_output(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "cat; echo oops >&2; exit 7",
					   NULL};
	struct vrs_proc_result r = {0};
	struct vrs_err err = {0};

	assert_ok(vrs_proc_run(&(struct vrs_proc){.argv = argv,
						  .in = "hello",
						  .n_in = 5,
						  .timeout_ms = 10000},
			       &r, &err),
		  &err);
	assert_int_equal(r.exit_code, 7);
	assert_string_equal(r.out.text, "hello");
	assert_string_equal(r.err.text, "oops\n");
	vrs_proc_result_fini(&r);
}

static void a_child_that_does_not_end_is_killed(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "sleep 1000 & sleep 1000", NULL};
	struct vrs_proc_result r = {0};
	struct vrs_err err = {0};

	assert_fails(vrs_proc_run(&(struct vrs_proc){.argv = argv, .timeout_ms = 100}, &r,
				  &err),
		     VRS_ETIMEOUT, &err);
}

static void output_of_a_child_is_bounded(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "head -c 3000000 /dev/zero", NULL};
	struct vrs_proc_result r = {0};
	struct vrs_err err = {0};

	assert_ok(vrs_proc_run(&(struct vrs_proc){.argv = argv, .timeout_ms = 20000}, &r,
			       &err),
		  &err);
	assert_int_equal(r.exit_code, 0);
	assert_int_equal(r.out.len, 1 << 20);
	vrs_proc_result_fini(&r);
}

static void a_missing_program_is_an_error(void **state)
{
	(void)state;
	static const char *const argv[] = {"/nonexistent/agent", NULL};
	struct vrs_proc_result r = {0};
	struct vrs_err err = {0};

	assert_fails(vrs_proc_run(&(struct vrs_proc){.argv = argv, .timeout_ms = 1000},
				  &r, &err),
		     VRS_ENOENT, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_repeats_until_cancelled),
		cmocka_unit_test(a_readable_descriptor_is_reported),
		cmocka_unit_test(work_of_one_lane_is_done_in_order),
		cmocka_unit_test(a_stuck_lane_does_not_hold_up_another),
		cmocka_unit_test(a_child_gets_its_input_and_gives_its_output),
		cmocka_unit_test(a_child_that_does_not_end_is_killed),
		cmocka_unit_test(output_of_a_child_is_bounded),
		cmocka_unit_test(a_missing_program_is_an_error),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
