/* The collector against pretend hosts (tests/fault/README.md), on a real loop. */
#include "poll/poller.h"

#include <math.h>
#include <signal.h>

#include "backfill/playback.h"
#include "check.h"
#include "readers/host_state.h"
#include "ship/shipper.h"
#include "vrs/clock.h"
#include "vrs/hv.h"
#include "world.h"

enum { INTERVAL = 1000, GIVE_UP_MS = 60000 };

struct test {
	char *world;
	struct vrs_loop *loop;
	struct vrs_site_cluster cluster;
	struct vrs_site_host host[2];
	const struct vrs_site_host *hosts[2];
	struct vrs_site_vm rule;
	struct vrs_site site;
	struct sink sink;
	bool (*enough)(struct test *t);
	bool disk_full;

	/* what was told */
	unsigned n_tables, n_batches, n_inventories, n_beats;
	int64_t first_at_ms, last_at_ms;
	bool steps_missing;
	struct gauge gauge[2]; /* of the last batch */
	uint32_t silent[2];    /* of the last heartbeat */
	char vm[40];           /* first VM of the last inventory */
	bool autostart;
};

static void take_batch(struct test *t, const Vrsas__V1__SampleBatch *b)
{
	assert_int_equal(b->at_ms % b->interval_ms, 0);
	if (t->n_batches > 0 && b->at_ms != t->last_at_ms + b->interval_ms)
		t->steps_missing = true;
	if (t->n_batches++ == 0)
		t->first_at_ms = b->at_ms;
	t->last_at_ms = b->at_ms;
	for (size_t i = 0; i < b->n_host && i < 2; i++)
		t->gauge[i] = (struct gauge){.state = b->state[i],
					     .cpu_ratio = b->cpu_ratio[i],
					     .mem_ratio = b->mem_ratio[i],
					     .vcpus_used = b->vcpus_used[i]};
}

static void stop_if_enough(struct test *t)
{
	if (t->enough(t))
		vrs_loop_stop(t->loop);
}

/* Takes the place of the shipper's: the records end here. */
int shipper_put(struct shipper *s, Vrsas__V1__Record *const *records, size_t n,
		struct vrs_err *err)
{
	struct test *t = (struct test *)s;

	if (t->disk_full)
		return vrs_fail(err, VRS_ENOSPC, "no space");
	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Record *r = records[i];

		if (r->body_case == VRSAS__V1__RECORD__BODY_HOSTS) {
			t->n_tables++;
		} else if (r->body_case == VRSAS__V1__RECORD__BODY_SAMPLES) {
			assert_true(t->n_tables > 0); /* or nobody could read it */
			take_batch(t, r->samples);
		} else {
			t->n_inventories++;
			if (r->inventory->n_vm > 0) {
				vrs_strcpy(t->vm, sizeof(t->vm), r->inventory->vm[0]->id);
				t->autostart = r->inventory->vm[0]->autostart;
			}
		}
	}
	stop_if_enough(t);
	return 0;
}

static int beat(void *arg, Vrsas__V1__Heartbeat *hb, struct vrs_err *err)
{
	struct test *t = arg;

	(void)err;
	t->n_beats++;
	for (size_t i = 0; i < hb->n_host && i < 2; i++)
		t->silent[i] = hb->host[i]->silent_samples;
	stop_if_enough(t);
	return 0;
}

static int setup(void **state)
{
	struct test *t = vrs_calloc(1, sizeof(*t));
	struct vrs_err err = {0};

	t->world = world_make();
	assert_ok(vrs_loop_open(&t->loop, &err), &err);
	t->cluster =
		(struct vrs_site_cluster){.name = (char *)"c1", .images = (char *)"/"};
	t->rule = (struct vrs_site_vm){
		.pattern = (char *)"*", .protect = true, .vm_class = 1};
	t->site = (struct vrs_site){.vm = &t->rule, .n_vms = 1};
	for (int i = 0; i < 2; i++) {
		char name[] = {'h', (char)('1' + i), '\0'};

		world_host(t->world, name);
		t->host[i] = (struct vrs_site_host){
			.cluster = (char *)"c1",
			.name = vrs_strdup(name),
			.address = (char *)"127.0.0.1",
			.uri = vrs_asprintf("command:%s %s/%s",
					    world_program("pretend-hv"), t->world, name)};
		t->hosts[i] = &t->host[i];
	}
	t->sink = (struct sink){
		.shipper = (struct shipper *)t, .heartbeat = beat, .arg = t};
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;

	vrs_loop_close(t->loop);
	for (int i = 0; i < 2; i++) {
		free(t->host[i].name);
		free(t->host[i].uri);
	}
	world_remove(t->world);
	free(t);
	return 0;
}

static void give_up(void *arg)
{
	(void)arg;
	fail_msg("waited %d ms", GIVE_UP_MS);
}

static void run_until(struct test *t, bool (*enough)(struct test *t))
{
	struct vrs_timer *timer = vrs_loop_after(t->loop, GIVE_UP_MS, give_up, NULL);
	struct vrs_err err = {0};

	t->enough = enough;
	assert_ok(vrs_loop_run(t->loop, &err), &err);
	vrs_timer_cancel(timer);
}

static struct poller *measure(struct test *t)
{
	const struct poller_conf conf = {.site = &t->site,
					 .cluster = &t->cluster,
					 .host = t->hosts,
					 .n_hosts = 2,
					 .interval_ms = INTERVAL,
					 .heartbeat_ms = 100};
	struct poller *m = NULL;
	struct vrs_err err = {0};

	t->enough = NULL;
	assert_ok(poller_open(&m, t->loop, &conf, &t->sink, &err), &err);
	return m;
}

static void stop(void *loop)
{
	vrs_loop_stop(loop);
}

/* The last look may still be under way: its answer comes on the loop. */
static void end(struct test *t, struct poller *m)
{
	struct vrs_err err = {0};

	while (!poller_close(m)) {
		(void)vrs_loop_after(t->loop, 10, stop, t->loop);
		assert_ok(vrs_loop_run(t->loop, &err), &err);
	}
}

static bool three_batches(struct test *t)
{
	return t->n_batches >= 3;
}

static void every_interval_has_its_batch(void **state)
{
	struct test *t = *state;

	world_write(t->world, "h1/load", "0.75");
	world_write(t->world, "h2/load", "0.25");
	struct poller *m = measure(t);
	run_until(t, three_batches);
	assert_false(t->steps_missing);
	assert_true(fabs(t->gauge[0].cpu_ratio - 0.75) < 0.05);
	assert_true(fabs(t->gauge[1].cpu_ratio - 0.25) < 0.05);
	assert_int_equal(t->n_tables, 1);
	assert_int_equal(t->n_inventories, 2); /* one a host, then nothing new */
	end(t, m);
}

static bool h2_is_silent_twice(struct test *t)
{
	return t->n_batches >= 3 && t->silent[1] >= 2;
}

static bool h2_has_cpu(struct test *t)
{
	return t->n_batches >= 3 && !isnan(t->gauge[1].cpu_ratio);
}

static void a_host_that_hangs_does_not_hold_up_the_others(void **state)
{
	struct test *t = *state;

	struct poller *m = measure(t);
	run_until(t, three_batches);
	world_write(t->world, "h2/hang", "");
	run_until(t, h2_is_silent_twice);
	assert_int_equal(t->gauge[0].state, VRSAS__V1__HOST_STATE__HOST_STATE_UP);
	assert_false(isnan(t->gauge[0].cpu_ratio));
	assert_int_equal(t->gauge[1].state,
			 VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE);
	assert_true(isnan(t->gauge[1].cpu_ratio));
	assert_int_equal(t->silent[0], 0);
	assert_false(t->steps_missing);

	char *hang = vrs_asprintf("%s/h2/hang", t->world);
	assert_int_equal(unlink(hang), 0);
	free(hang);
	run_until(t, h2_has_cpu);
	assert_int_equal(t->silent[1], 0);
	end(t, m);
}

static bool vm_is_told(struct test *t)
{
	return t->vm[0] && !t->autostart;
}

static void a_protected_vm_is_reported_and_loses_its_autostart(void **state)
{
	struct test *t = *state;
	char *vms = vrs_asprintf("%s/h1/vms", t->world);

	assert_int_equal(mkdir(vms, 0755), 0);
	free(vms);
	world_write(t->world, "h1/vms/u1.json",
		    "{\"id\": \"u1\", \"name\": \"web1\", \"autostart\": true}");
	struct poller *m = measure(t);
	run_until(t, vm_is_told);
	assert_string_equal(t->vm, "u1");
	end(t, m);

	struct vrs_hv *hv = NULL;
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	struct vrs_err err = {0};
	assert_ok(vrs_hv_open(&hv, t->host[0].uri, 20000, &err), &err);
	assert_ok(vrs_hv_get(hv, 20000, "u1", vm, &err), &err);
	assert_false(vm->autostart);
	vrs_hv_vm_fini(vm);
	free(vm);
	vrs_hv_close(hv);
}

static bool some_beats(struct test *t)
{
	return t->n_beats >= 12;
}

static void readings_wait_in_order_while_the_disk_is_full(void **state)
{
	struct test *t = *state;

	t->disk_full = true;
	struct poller *m = measure(t);
	run_until(t, some_beats);
	assert_int_equal(t->n_batches, 0);
	t->disk_full = false;
	run_until(t, three_batches);
	assert_false(t->steps_missing);
	end(t, m);
}

static bool told_up_to_now(struct test *t)
{
	return t->n_batches > 0 && t->last_at_ms >= vrs_now_wall_ms() - 2 * 60000;
}

static bool told_half(struct test *t)
{
	return t->n_batches >= 700;
}

static struct playback *playback(struct test *t, const char *position)
{
	const struct playback_conf conf = {.site = &t->site,
					   .cluster = &t->cluster,
					   .host = t->hosts,
					   .n_hosts = 2,
					   .interval_ms = 60000,
					   .heartbeat_ms = 100,
					   .history_ms = 86400000,
					   .position_path = position};
	struct playback *p = NULL;
	struct vrs_err err = {0};

	assert_ok(playback_open(&p, t->loop, &conf, &t->sink, &err), &err);
	return p;
}

static void a_trace_is_played_from_its_history_to_now_and_resumes(void **state)
{
	struct test *t = *state;
	char *position = vrs_asprintf("%s/position", t->world);

	world_write(t->world, "t.csv",
		    "timestamp,entity,cpu_pct\n2026-01-01T00:00:00Z,a,10\n"
		    "2026-01-01T00:00:00Z,b,90\n");
	for (int i = 0; i < 2; i++) {
		free(t->host[i].uri);
		t->host[i].uri = vrs_asprintf("replay:%s/t.csv#%c", t->world, "ab"[i]);
	}
	struct playback *p = playback(t, position);
	run_until(t, told_half);
	playback_close(p);
	assert_true(t->n_batches < 1440);

	/* it may tell some minutes twice, but leaves none out */
	int64_t first = t->first_at_ms, last = t->last_at_ms;
	t->n_batches = 0;
	p = playback(t, position);
	run_until(t, told_up_to_now);
	playback_close(p);
	assert_false(t->steps_missing);
	assert_true(t->first_at_ms <= last + 60000);
	assert_true(t->last_at_ms - first >= 86400000 - 3 * 60000);
	assert_float_equal(t->gauge[0].cpu_ratio, 0.1, 1e-6);
	assert_float_equal(t->gauge[1].cpu_ratio, 0.9, 1e-6);
	free(position);
}

int main(void)
{
#define with_hosts(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		with_hosts(every_interval_has_its_batch),
		with_hosts(a_host_that_hangs_does_not_hold_up_the_others),
		with_hosts(a_protected_vm_is_reported_and_loses_its_autostart),
		with_hosts(readings_wait_in_order_while_the_disk_is_full),
		with_hosts(a_trace_is_played_from_its_history_to_now_and_resumes),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as daemons do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
