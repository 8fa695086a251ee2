/* The program itself, against a pretend scheduler that answers on a
 * socket of this test. */
#include "check.h"
#include "loop_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vrs/bus.h"
#include "vrs/mem.h"
#include "vrs/proc.h"
#include "vrsas/v1/control.pb-c.h"

static struct {
	struct vrs_loop *loop;
	struct vrs_rep *rep;
	char dir[64], url[128], program[512];
	int follow_looks; /* how often the story of "mover1" was asked for */
	int orders;       /* that were not dry runs */
	char actor[64], request_id[64];
} world;

/* --- the pretend scheduler --- */

static void answer_status(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	Vrsas__V1__StatusView view = VRSAS__V1__STATUS_VIEW__INIT;
	Vrsas__V1__ClusterView c = VRSAS__V1__CLUSTER_VIEW__INIT, *clusters[] = {&c};
	Vrsas__V1__ServiceView s = VRSAS__V1__SERVICE_VIEW__INIT, *services[] = {&s};
	const char *reasons[] = {"c1/h2 is silent"};

	view.health = "WARNING";
	view.n_reason = 1;
	view.reason = reasons;
	view.at_ms = 1795421700000;
	c.name = "c1";
	c.hosts = 2;
	c.hosts_up = 1;
	c.ram_total_bytes = 64ULL << 30;
	c.cpu_ratio = 0.25;
	c.last_sample_at_ms = view.at_ms - 5000;
	s.name = "etl";
	s.instance = "m1";
	s.seen_at_ms = view.at_ms - 1000;
	view.n_cluster = view.n_service = 1;
	view.cluster = clusters;
	view.service = services;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_STATUS;
	reply->status = &view;
	vrs_bus_answer(token, &reply->base);
}

/* web1 cannot move to c2; db1 can move to both. */
static void answer_preflight(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply,
			     bool all)
{
	Vrsas__V1__PreflightView view = VRSAS__V1__PREFLIGHT_VIEW__INIT;
	Vrsas__V1__PreflightVm web1 = VRSAS__V1__PREFLIGHT_VM__INIT, db1 = web1;
	Vrsas__V1__PreflightVm *vms[] = {&db1, &web1};
	Vrsas__V1__PreflightTarget c2 = VRSAS__V1__PREFLIGHT_TARGET__INIT, c3 = c2,
				   free = c2;
	Vrsas__V1__PreflightTarget *targets[] = {&c2, &c3}, *one[] = {&free};
	Vrsas__V1__PreflightFinding f = VRSAS__V1__PREFLIGHT_FINDING__INIT,
				    *found[] = {&f};

	f.code = "snapshot";
	f.kind = "stops the move";
	f.text = "has 1 snapshot";
	f.remedy = "delete it";
	c2.cluster = free.cluster = "c2";
	c3.cluster = "c3";
	c2.finding = c3.finding = found;
	c2.n_finding = c3.n_finding = 1;
	free.is_possible = db1.is_movable = 1;
	web1.name = "web1";
	db1.name = "db1";
	web1.cluster = db1.cluster = "c1";
	web1.host = db1.host = "h1";
	web1.target = targets;
	web1.n_target = 2;
	db1.target = one;
	db1.n_target = 1;
	view.vm = vms;
	view.n_vm = all ? 2 : 1;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_PREFLIGHT;
	reply->preflight = &view;
	vrs_bus_answer(token, &reply->base);
}

static void answer_plan(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	Vrsas__V1__PlanView plan = VRSAS__V1__PLAN_VIEW__INIT;
	Vrsas__V1__Decision d = VRSAS__V1__DECISION__INIT, *decisions[] = {&d};
	Vrsas__V1__Candidate out = VRSAS__V1__CANDIDATE__INIT;
	Vrsas__V1__Candidate in = VRSAS__V1__CANDIDATE__INIT, *candidates[] = {&out, &in};
	Vrsas__V1__Reason against = VRSAS__V1__REASON__INIT, *a[] = {&against};
	Vrsas__V1__Reason favour = VRSAS__V1__REASON__INIT, *f[] = {&favour};

	against.rules_out = 1;
	against.text = "20 MiB of disk are missing";
	favour.in_favour = 1;
	favour.text = "5.1 cores stay free at the peak";
	out.cluster = "c3";
	out.n_reason = in.n_reason = 1;
	out.reason = a;
	in.cluster = "c2";
	in.host = "h1";
	in.rank = 1;
	in.fits = 1;
	in.peak_p90_ratio = 0.55;
	in.outage_ms = 12500;
	in.reason = f;
	d.vm_name = "web1";
	d.verdict = VRSAS__V1__VERDICT__VERDICT_RELOCATE;
	d.cluster = "c2";
	d.host = "h1";
	d.bytes_to_move = 48ULL << 20;
	d.n_candidate = 2;
	d.candidate = candidates;
	plan.host = "h1";
	plan.n_decision = 1;
	plan.decision = decisions;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_PLAN;
	reply->plan = &plan;
	vrs_bus_answer(token, &reply->base);
}

/* The story of the VM goes one state further each time somebody looks. */
static void answer_story(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	static const Vrsas__V1__RelocationState story[] = {
		VRSAS__V1__RELOCATION_STATE__DECIDING,
		VRSAS__V1__RELOCATION_STATE__TRANSFERRING,
		VRSAS__V1__RELOCATION_STATE__STARTING,
		VRSAS__V1__RELOCATION_STATE__RUNNING_AWAY,
	};
	Vrsas__V1__RelocationViews views = VRSAS__V1__RELOCATION_VIEWS__INIT;
	Vrsas__V1__RelocationView view = VRSAS__V1__RELOCATION_VIEW__INIT,
				  *list[] = {&view};
	Vrsas__V1__Relocation record = VRSAS__V1__RELOCATION__INIT;
	int at = world.follow_looks < 3 ? world.follow_looks : 3;

	world.follow_looks++;
	record.vm_name = "web1";
	record.state = story[at];
	if (at == 3)
		view.phase = VRSAS__V1__RELOCATION_PHASE__PHASE_AWAY;
	view.record = &record;
	views.n_relocation = 1;
	views.relocation = list;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS;
	reply->relocations = &views;
	vrs_bus_answer(token, &reply->base);
}

static void answer_events(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	Vrsas__V1__EventViews views = VRSAS__V1__EVENT_VIEWS__INIT;
	Vrsas__V1__Event e = VRSAS__V1__EVENT__INIT, *list[] = {&e};

	e.at_ms = 1795421700000;
	e.service = "scheduler";
	e.severity = VRSAS__V1__SEVERITY__SEVERITY_NOTICE;
	e.text = "c1/h1 has failed";
	views.n_event = 1;
	views.event = list;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_EVENTS;
	reply->events = &views;
	vrs_bus_answer(token, &reply->base);
}

static void answer_transfers(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	Vrsas__V1__TransferViews views = VRSAS__V1__TRANSFER_VIEWS__INIT;
	Vrsas__V1__TransferStatus a = VRSAS__V1__TRANSFER_STATUS__INIT, b = a,
				  *list[] = {&a, &b};

	a.job_id = "web1-7";
	a.vm_name = "web1";
	a.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING;
	a.source_cluster = "c1";
	a.target_cluster = "c2";
	a.bytes_total = 4ULL << 30;
	a.bytes_done = 1ULL << 30;
	a.rate_now_bytes_per_s = 100 << 20;
	a.rate_avg_bytes_per_s = 90 << 20;
	a.started_at_ms = 1795421700000;
	a.eta_ms = 31000;
	a.eta_low_ms = 25000;
	a.eta_high_ms = 40000;
	a.predicted_ms = 42000;
	b.job_id = "db1-1";
	b.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_QUEUED;
	b.waits_for = "link c1 > c2 at its limit, 1 ahead";
	views.n_transfer = 2;
	views.transfer = list;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_TRANSFERS;
	reply->transfers = &views;
	vrs_bus_answer(token, &reply->base);
}

static void answer_times(struct vrs_req_token *token, Vrsas__V1__ControlReply *reply)
{
	Vrsas__V1__TransferTimes times = VRSAS__V1__TRANSFER_TIMES__INIT;
	Vrsas__V1__TransferPast a = VRSAS__V1__TRANSFER_PAST__INIT, b = a,
				*list[] = {&a, &b};

	a.source_cluster = b.source_cluster = "c1";
	a.target_cluster = b.target_cluster = "c2";
	a.at_ms = b.at_ms = 1795421700000;
	a.data_bytes = b.data_bytes = 1 << 30;
	a.took_ms = 10000;
	a.predicted_ms = 11000;
	a.predicted_low_ms = 8000;
	a.predicted_high_ms = 14000;
	b = a;
	b.took_ms = 20000;
	times.n_past = 2;
	times.past = list;
	reply->body_case = VRSAS__V1__CONTROL_REPLY__BODY_TRANSFER_TIMES;
	reply->transfer_times = &times;
	vrs_bus_answer(token, &reply->base);
}

static void answer_word(struct vrs_req_token *token, const Vrsas__V1__TransferOrder *o,
			Vrsas__V1__ControlReply *reply)
{
	static char done[100];

	(void)snprintf(done, sizeof(done), "%s: act %d rate %llu", o->job, (int)o->act,
		       (unsigned long long)o->rate_bytes_per_s);
	reply->done = done;
	vrs_bus_answer(token, &reply->base);
}

static void answer_relocate(struct vrs_req_token *token,
			    const Vrsas__V1__RelocateOrder *order,
			    Vrsas__V1__ControlReply *reply)
{
	if (order->dry_run) {
		answer_plan(token, reply);
		return;
	}
	if (strcmp(order->vm, "nope") == 0) {
		reply->code = VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND;
		reply->error = "no VM is called nope";
		reply->hint = "vrsctl vm list shows them all";
	} else if (strcmp(order->vm, "locked") == 0) {
		reply->code = VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED;
		reply->error = "locked is not protected";
	} else {
		world.orders++;
		reply->done = "web1 is on its way to c2";
	}
	vrs_bus_answer(token, &reply->base);
}

static void on_request(void *arg, const ProtobufCMessage *msg,
		       struct vrs_req_token *token)
{
	const Vrsas__V1__ControlRequest *req = (const Vrsas__V1__ControlRequest *)msg;
	Vrsas__V1__ControlReply reply = VRSAS__V1__CONTROL_REPLY__INIT;

	(void)arg;
	(void)vrs_strcpy(world.actor, sizeof(world.actor), req->actor);
	(void)vrs_strcpy(world.request_id, sizeof(world.request_id), req->request_id);
	reply.request_id = req->request_id;
	switch (req->body_case) {
	case VRSAS__V1__CONTROL_REQUEST__BODY_STATUS:
		answer_status(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_PLAN:
		answer_plan(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_PREFLIGHT:
		answer_preflight(token, &reply, !req->preflight->host[0]);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATIONS:
		answer_story(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_EVENTS:
		answer_events(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_RELOCATE:
		answer_relocate(token, req->relocate, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFERS:
		answer_transfers(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_TIMES:
		answer_times(token, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_TRANSFER_ORDER:
		answer_word(token, req->transfer_order, &reply);
		return;
	case VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS:
		vrs_bus_answer(token, NULL); /* this one never answers */
		return;
	default:
		reply.code = VRSAS__V1__CONTROL_CODE__CONTROL_FAILED;
		reply.error = "not in this pretend world";
		vrs_bus_answer(token, &reply.base);
		return;
	}
}

static int start_world(void **state)
{
	struct vrs_err err = {0};
	char self[400] = "";

	(void)state;
	(void)!readlink("/proc/self/exe", self, sizeof(self) - 1);
	*strrchr(self, '/') = '\0';
	(void)snprintf(world.program, sizeof(world.program), "%s/../bin/vrsctl", self);
	(void)strcpy(world.dir, "/tmp/vrsctl-test.XXXXXX");
	if (!mkdtemp(world.dir))
		return -1;
	(void)snprintf(world.url, sizeof(world.url), "ipc://%s/control", world.dir);
	(void)unsetenv("VRSAS_CONTROL");
	if (vrs_loop_open(&world.loop, &err) < 0 ||
	    vrs_rep_open(&world.rep, world.loop,
			 &(struct vrs_rep_conf){
				 .url = world.url,
				 .listen = true,
				 .max_open = 8,
				 .type = &vrsas__v1__control_request__descriptor,
				 .fn = on_request,
				 .arg = NULL},
			 &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int stop_world(void **state)
{
	char path[160];

	(void)state;
	vrs_rep_close(world.rep);
	vrs_loop_close(world.loop);
	(void)snprintf(path, sizeof(path), "%s/control", world.dir);
	(void)unlink(path);
	return rmdir(world.dir);
}

/* --- running it --- */

enum { MAX_WORDS = 12 };

static struct vrs_proc_result vrsctl(const char *line)
{
	static char copy[200];
	const char *argv[MAX_WORDS + 4] = {world.program, "-s", world.url};
	struct vrs_proc_result r = {0};
	struct loop_thread scheduler;
	struct vrs_err err = {0};
	char *rest = copy;
	int argc = 3;

	(void)vrs_strcpy(copy, sizeof(copy), line);
	for (char *w; argc < MAX_WORDS && (w = strsep(&rest, " "));)
		argv[argc++] = w;
	loop_thread_start(&scheduler, world.loop);
	int status = vrs_proc_run(&(struct vrs_proc){.argv = argv, .timeout_ms = 60000},
				  &r, &err);
	loop_thread_stop(&scheduler);
	assert_ok(status, &err);
	return r;
}

static void expect(const char *line, int code, const char *out, const char *talk)
{
	struct vrs_proc_result r = vrsctl(line);

	if (r.exit_code != code)
		fail_msg("'%s' ended with %d, not %d: %s%s", line, r.exit_code, code,
			 r.out.text ? r.out.text : "", r.err.text ? r.err.text : "");
	if (out && !(r.out.text && strstr(r.out.text, out)))
		fail_msg("'%s' has no '%s' on stdout: %s", line, out,
			 r.out.text ? r.out.text : "");
	if (talk && !(r.err.text && strstr(r.err.text, talk)))
		fail_msg("'%s' has no '%s' on stderr: %s", line, talk,
			 r.err.text ? r.err.text : "");
	vrs_proc_result_fini(&r);
}

static void status_shows_health_first_and_why(void **state)
{
	struct vrs_proc_result r = vrsctl("status");

	(void)state;
	assert_string_equal(
		r.out.text,
		"WARNING\n"
		"  - c1/h2 is silent\n"
		"\n"
		"CLUSTER  HOSTS UP  VMS  PROTECTED  VCPUS     RAM   CPU  MEM  PEAK P50  "
		"PEAK P90  DISK FREE  LAST SAMPLE\n"
		"c1            1/2    0          0      0  64 GiB  25 %  0 %       0 %  "
		"     0 %        0 B  5 s ago\n"
		"\n"
		"SERVICE  INSTANCE  SEEN     NOTE\n"
		"etl      m1        1 s ago  -\n");
	vrs_proc_result_fini(&r);
}

static void json_is_the_reply_s_body(void **state)
{
	(void)state;
	expect("status -o json", 0, "\"health\": \"WARNING\"", NULL);
	expect("-o json plan h1", 0, "\"verdict\": \"RELOCATE\"", NULL);
	expect("relocate web1 --yes -o json", 0, "\"done\": \"web1 is on its way", NULL);
}

static void a_plan_shows_the_choice_and_what_was_ruled_out(void **state)
{
	(void)state;
	expect("plan h1", 0, "web1: relocate to c2/h1", NULL);
	expect("plan h1", 0, "+ 5.1 cores stay free at the peak", NULL);
	expect("plan h1", 0, "x 20 MiB of disk are missing", NULL);
	expect("plan h1", 0, "12.5 s", NULL);
}

static void a_preflight_fails_if_a_vm_cannot_move(void **state)
{
	(void)state;
	expect("preflight", 1, "all  stops the move  has 1 snapshot", NULL);
	expect("preflight --all", 1, "remedy: delete it", NULL);
	expect("preflight --all", 1, "1 of 2 VMs cannot be moved\n", NULL);
	expect("preflight -o json", 1, "\"code\": \"snapshot\"", NULL);
	expect("preflight c1/h1", 0, "1 of 1 VMs can be moved\n", NULL);
	expect("preflight db1 --all", 2, NULL, "--all and db1 cannot be combined");
}

static void errors_have_their_exit_codes_and_say_what_to_do(void **state)
{
	(void)state;
	expect("plan", 2, NULL, "plan: missing argument HOST");
	expect("relocate nope --yes", 3, NULL,
	       "vrsctl: no VM is called nope\nhint: vrsctl vm list shows them all\n");
	expect("relocate locked --yes", 4, NULL, "locked is not protected");
	expect("vm list", 1, NULL, "not in this pretend world");
	expect("host list --timeout 300ms", 6, NULL, "hint: ");
	expect("status -s ipc:///nonexistent/control", 5, NULL, "hint: ");
}

static void moving_data_needs_a_yes(void **state)
{
	int before = world.orders;

	(void)state;
	expect("relocate web1", 2, NULL, "--yes");
	expect("relocate web1 --dry-run", 0, "relocate to c2/h1", NULL);
	assert_int_equal(world.orders, before);
	expect("relocate web1 --yes", 0, "on its way", NULL);
	assert_int_equal(world.orders, before + 1);
}

static void transfers_show_their_rate_and_what_they_wait_for(void **state)
{
	(void)state;
	expect("transfer list", 0, "1.0 GiB of 4.0 GiB  100 MiB/s  90 MiB/s", NULL);
	expect("transfer list", 0, "31.0 s (25.0 s to 40.0 s)", NULL);
	expect("transfer list", 0, "waits: link c1 > c2 at its limit, 1 ahead", NULL);
	expect("transfer show web1", 0, "c1 > c2", NULL);
	expect("transfer list -o json", 0, "\"eta_high_ms\": 40000", NULL);
}

static void times_show_what_was_expected_and_how_often_it_was_right(void **state)
{
	(void)state;
	expect("transfer times c1 c2", 0, "11.0 s", NULL);
	expect("transfer times", 0, "+10 %", NULL);
	expect("transfer times", 0, "1 of 2 durations are within the 90", NULL);
}

static void a_copy_takes_words(void **state)
{
	(void)state;
	expect("transfer pause web1", 0, "web1: act 1 rate 0", NULL);
	expect("transfer resume web1", 0, "web1: act 2 rate 0", NULL);
	expect("transfer cancel web1", 0, "web1: act 3 rate 0", NULL);
	expect("transfer rate web1 50M", 0, "web1: act 4 rate 52428800", NULL);
	expect("transfer rate web1 none", 0, "web1: act 4 rate 0", NULL);
	expect("transfer rate web1 fast", 2, NULL, "invalid rate");
}

static void waiting_follows_the_story_to_its_rest(void **state)
{
	struct vrs_proc_result r;

	(void)state;
	world.follow_looks = 0;
	r = vrsctl("relocate web1 --yes --wait");
	assert_int_equal(r.exit_code, 0);
	assert_non_null(strstr(r.err.text, "DECIDING"));
	assert_non_null(strstr(r.err.text, "TRANSFERRING"));
	assert_non_null(strstr(r.err.text, "STARTING"));
	assert_non_null(strstr(r.err.text, "RUNNING_AWAY"));
	assert_null(strchr(r.err.text, '\r')); /* no bar: not a terminal */
	vrs_proc_result_fini(&r);
}

static void events_are_one_line_each(void **state)
{
	(void)state;
	expect("events", 0,
	       "2026-11-23 08:15:00Z  NOTICE   scheduler  c1/h1 has failed\n", NULL);
}

static void every_request_has_a_name_and_an_actor(void **state)
{
	char first[64];

	(void)state;
	expect("status", 0, NULL, NULL);
	(void)vrs_strcpy(first, sizeof(first), world.request_id);
	assert_int_equal(strlen(first), 32);
	assert_true(world.actor[0] != '\0');
	expect("status", 0, NULL, NULL);
	assert_string_not_equal(first, world.request_id);
}

static void one_line_and_the_exit_codes_of_monitoring_plugins(void **state)
{
	(void)state;
	expect("status --simple", 1,
	       "VRSAS WARNING - c1/h2 is silent | hosts_up=1;;;0;2 vms_protected=0;;;0 "
	       "relocations_open=0;;;0\n",
	       NULL);
	expect("status --simple -s ipc:///nonexistent/control", 3, "VRSAS UNKNOWN - ",
	       NULL);
}

static void explain_takes_the_name_of_anything(void **state)
{
	(void)state;
	expect("explain web1", 0, "x 20 MiB of disk are missing", NULL);
	expect("explain web1 -o json", 0, "\"verdict\": \"RELOCATE\"", NULL);
	expect("explain", 2, NULL, "explain: missing argument VM|HOST|CLUSTER");
}

static void a_gateway_that_cannot_be_asked_is_said(void **state)
{
	(void)state;
	expect("status -g http://127.0.0.1:1", 5, NULL, "--gateway URL");
	expect("status -g gopher://x", 2, NULL, "gopher");
	expect("status -g http://127.0.0.1:1 --token-file /nonexistent", 2, NULL,
	       "--token-file /nonexistent: No such file");
	expect("status -g http://127.0.0.1:1 --token-file /dev/null", 2, NULL,
	       "no token in the file");
}

static void bash_completes_verbs_and_options(void **state)
{
	static const struct {
		const char *words, *last, *reply;
	} cases[] = {
		{"vrsctl rel", "1", "relocate relocation\n"},
		{"vrsctl relocation ex", "2", "explain\n"},
		{"vrsctl status --si", "2", "--simple\n"},
		{"vrsctl --wat", "1", "--watch\n"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_proc_result r = {0};
		struct vrs_err err = {0};
		char *script = vrs_asprintf(
			"eval \"$('%s' --completion bash)\" && complete -p vrsctl >&2 && "
			"COMP_WORDS=(%s) COMP_CWORD=%s && _vrsctl && echo "
			"\"${COMPREPLY[@]}\"",
			world.program, cases[i].words, cases[i].last);
		const char *argv[] = {"/bin/bash", "-c", script, NULL};

		assert_ok(vrs_proc_run(
				  &(struct vrs_proc){.argv = argv, .timeout_ms = 60000},
				  &r, &err),
			  &err);
		assert_int_equal(r.exit_code, 0);
		assert_string_equal(r.out.text, cases[i].reply);
		assert_non_null(strstr(r.err.text, "_vrsctl vrsctl"));
		vrs_proc_result_fini(&r);
		free(script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_shows_health_first_and_why),
		cmocka_unit_test(json_is_the_reply_s_body),
		cmocka_unit_test(a_plan_shows_the_choice_and_what_was_ruled_out),
		cmocka_unit_test(a_preflight_fails_if_a_vm_cannot_move),
		cmocka_unit_test(errors_have_their_exit_codes_and_say_what_to_do),
		cmocka_unit_test(moving_data_needs_a_yes),
		cmocka_unit_test(transfers_show_their_rate_and_what_they_wait_for),
		cmocka_unit_test(times_show_what_was_expected_and_how_often_it_was_right),
		cmocka_unit_test(a_copy_takes_words),
		cmocka_unit_test(waiting_follows_the_story_to_its_rest),
		cmocka_unit_test(events_are_one_line_each),
		cmocka_unit_test(every_request_has_a_name_and_an_actor),
		cmocka_unit_test(one_line_and_the_exit_codes_of_monitoring_plugins),
		cmocka_unit_test(explain_takes_the_name_of_anything),
		cmocka_unit_test(a_gateway_that_cannot_be_asked_is_said),
		cmocka_unit_test(bash_completes_verbs_and_options),
	};

	return cmocka_run_group_tests(tests, start_world, stop_world);
}
