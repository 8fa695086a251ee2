/* What people see on the control socket, and the orders that they give there. */
#include "control_world.h"

static void status_tells_health_and_why(void **state)
{
	(void)state;
	Vrsas__V1__StatusQuery q = VRSAS__V1__STATUS_QUERY__INIT;
	REQUEST(r, "s1", STATUS);
	r.status = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);

	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_string_equal(reply->status->health, "WARNING");
	assert_int_equal(reply->status->n_cluster, 2);
	assert_int_equal(reply->status->cluster[0]->hosts, 2);
	assert_int_equal(reply->status->cluster[0]->vms_protected, 1);
	assert_float_equal(reply->status->cluster[0]->cpu_ratio, 0.55, 1e-9);
	bool predictor = false;
	for (size_t i = 0; i < reply->status->n_reason; i++)
		predictor |= strstr(reply->status->reason[i], "no predictor") != NULL;
	assert_true(predictor);
	done(reply);
}

static void a_story_that_waits_for_a_person_is_critical(void **state)
{
	(void)state;
	Vrsas__V1__Relocation rec = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__StatusQuery q = VRSAS__V1__STATUS_QUERY__INIT;
	REQUEST(r, "s2", STATUS);
	r.status = &q;
	rec.vm_id = "id-1";
	rec.vm_name = "web1";
	rec.state = VRSAS__V1__RELOCATION_STATE__HOLD_OPERATOR;
	rec.hold_reason = "nobody can prove that h1 is off";
	engine.record = &rec;
	Vrsas__V1__ControlReply *reply = ask(&r);
	engine.record = NULL;

	assert_string_equal(reply->status->health, "CRITICAL");
	assert_string_equal(
		reply->status->reason[0],
		"web1: waits for an operator: nobody can prove that h1 is off");
	assert_int_equal(reply->status->n_open, 1);
	done(reply);
}

static bool gives_reason(const Vrsas__V1__ControlReply *reply, const char *text)
{
	for (size_t i = 0; i < reply->status->n_reason; i++)
		if (strstr(reply->status->reason[i], text))
			return true;
	return false;
}

static void on_standby_nothing_old_is_shown(void **state)
{
	(void)state;
	Vrsas__V1__StatusQuery sq = VRSAS__V1__STATUS_QUERY__INIT;
	Vrsas__V1__RelocationQuery rq = VRSAS__V1__RELOCATION_QUERY__INIT;
	REQUEST(status, "b1", STATUS);
	REQUEST(list, "b2", RELOCATIONS);
	status.status = &sq;
	list.relocations = &rq;
	engine.standby = true;
	engine.refreshes = 0;
	Vrsas__V1__ControlReply *reply = ask(&status);
	assert_true(gives_reason(reply, "manager-2 is the active one"));
	done(reply);
	done(ask(&list));
	assert_int_equal(engine.refreshes, 2); /* the records were read anew */

	engine.unread = true;
	reply = ask(&status);
	assert_string_equal(reply->status->health, "CRITICAL");
	assert_true(gives_reason(reply, "cannot read the relocation records"));
	done(reply);
	reply = ask(&list);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE);
	done(reply);
	engine.standby = engine.unread = false;
}

static void hosts_and_vms_are_listed(void **state)
{
	(void)state;
	Vrsas__V1__HostQuery hq = VRSAS__V1__HOST_QUERY__INIT;
	Vrsas__V1__VmQuery vq = VRSAS__V1__VM_QUERY__INIT;
	REQUEST(r, "", HOSTS);
	r.hosts = &hq;
	hq.cluster = "c1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->hosts->n_host, 2);
	assert_string_equal(reply->hosts->host[0]->state, "up");
	done(reply);

	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY_VMS;
	r.vms = &vq;
	vq.host = "c1/h1";
	reply = ask(&r);
	assert_int_equal(reply->vms->n_vm, 1);
	assert_string_equal(reply->vms->vm[0]->facts->native, "");
	assert_int_equal(reply->vms->vm[0]->relocation,
			 VRSAS__V1__RELOCATION_STATE__PROTECTED);
	done(reply);
	vq.host = "h9";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	assert_string_equal(reply->hint, "vrsctl host list");
	done(reply);
}

static void a_plan_is_only_a_plan(void **state)
{
	(void)state;
	Vrsas__V1__PlanQuery q = VRSAS__V1__PLAN_QUERY__INIT;
	REQUEST(r, "", PLAN);
	r.plan = &q;
	q.host = "c1/h1";
	for (int i = 0; i < 2; i++) {
		Vrsas__V1__ControlReply *reply = ask(&r);

		assert_int_equal(reply->plan->n_decision, 1);
		const Vrsas__V1__Decision *d = reply->plan->decision[0];
		assert_int_equal(d->verdict, VRSAS__V1__VERDICT__VERDICT_RELOCATE);
		assert_string_equal(d->cluster, "c2");
		assert_int_equal(d->candidate[0]->rank, 1);
		done(reply);
	}
	assert_int_equal(world->host[2].promise.vms, 0);
	assert_int_equal(world->n_queues, 0);
}

static Vrsas__V1__ControlReply *preflight(const char *name, const char *to)
{
	Vrsas__V1__PreflightQuery q = VRSAS__V1__PREFLIGHT_QUERY__INIT;
	REQUEST(r, "", PREFLIGHT);

	r.preflight = &q;
	q.vm = q.host = name;
	q.to_cluster = to;
	return ask(&r);
}

static void preflight_names_what_stops_a_move(void **state)
{
	(void)state;
	Vrsas__V1__ControlReply *reply = preflight("", "");
	const Vrsas__V1__PreflightVm *v = reply->preflight->vm[0];

	assert_int_equal(reply->preflight->n_vm, 1);
	assert_string_equal(v->name, "web1");
	assert_string_equal(v->host, "h1");
	assert_int_equal(v->n_target, 2); /* c1 by a restart, c2 */
	assert_true(v->is_movable && v->target[0]->is_restart);
	done(reply);
	vm.snapshots = 1;
	reply = preflight("h1", "c2");
	v = reply->preflight->vm[0];
	assert_int_equal(v->n_target, 1);
	assert_false(v->is_movable || v->target[0]->is_possible);
	const Vrsas__V1__PreflightFinding *f = v->target[0]->finding[0];
	assert_string_equal(f->code, "snapshot");
	assert_string_equal(f->kind, "stops the move");
	assert_string_equal(f->text, "has 1 snapshot");
	assert_true(f->remedy[0]);
	done(reply);
	vm.snapshots = 0;
	reply = preflight("h9", "");
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	assert_string_equal(reply->error, "no VM or host is named h9");
	done(reply);
	reply = preflight("web1", "c9");
	assert_string_equal(reply->error, "cluster c9: not found");
	done(reply);
}

static void a_vm_that_cannot_move_is_a_warning(void **state)
{
	(void)state;
	struct movability_vm v = {.id = "id-1",
				  .name = "web1",
				  .reason = "snapshot",
				  .text = "has 1 snapshot"};
	struct movability_vm *list[] = {&v};
	Vrsas__V1__StatusQuery q = VRSAS__V1__STATUS_QUERY__INIT;
	REQUEST(r, "", STATUS);

	r.status = &q;
	engine.movability = (struct movability){.vm = list, .n = 1};
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_true(gives_reason(reply, "1 protected VM cannot be moved, first web1: "
					"has 1 snapshot; see vrsctl preflight"));
	done(reply);
	Vrsas__V1__VmQuery vq = VRSAS__V1__VM_QUERY__INIT;
	REQUEST(list_vms, "", VMS);
	list_vms.vms = &vq;
	reply = ask(&list_vms);
	assert_string_equal(reply->vms->vm[0]->note, "cannot be moved: has 1 snapshot");
	done(reply);
	engine.movability = (struct movability){0};
}

static void a_dry_run_of_a_move_is_a_plan_too(void **state)
{
	(void)state;
	Vrsas__V1__RelocateOrder o = VRSAS__V1__RELOCATE_ORDER__INIT;
	REQUEST(r, "", RELOCATE);
	r.relocate = &o;
	o.vm = "web1";
	o.dry_run = true;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->plan->n_decision, 1);
	assert_int_equal(engine.relocates, 0);
	done(reply);
	/* what is off, paused or broken is not moved: before anything is touched */
	vm.state = VRSAS__V1__VM_STATE__VM_STATE_PAUSED;
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED);
	assert_non_null(strstr(reply->error, "would lose its memory"));
	done(reply);
	vm.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	o.to_cluster = "c9";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	done(reply);
}

static void an_order_acts_once_however_often_it_is_asked(void **state)
{
	(void)state;
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	REQUEST(r, "order-1", FAIL);
	r.actor = "ann";
	r.fail = &o;
	o.host = "c1/h1";
	unsigned before = engine.fails;
	char text[64];

	(void)snprintf(text, sizeof(text), "word number %u", before + 1);
	for (int i = 0; i < 3; i++) {
		Vrsas__V1__ControlReply *reply = ask(&r);

		assert_string_equal(reply->done, text);
		done(reply);
	}
	assert_int_equal(engine.fails, before + 1);

	o.host = "c1/h2"; /* the same id for something else */
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	assert_int_equal(engine.fails, before + 1);
	done(reply);
	r.request_id = "order-2";
	done(ask(&r));
	assert_int_equal(engine.fails, before + 2);
	assert_string_equal(engine.host, "c1/h2");
}

static void a_confirmation_needs_a_name_and_a_reason(void **state)
{
	(void)state;
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	REQUEST(r, "order-3", FAIL);
	r.actor = "ann";
	r.fail = &o;
	o.host = "h1";
	o.confirm_off = true;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "order-4";
	o.reason = "cord pulled";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_true(engine.confirm_off);
	assert_string_equal(engine.reason, "cord pulled");
	done(reply);
}

static void what_comes_from_outside_is_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {"",   "../x", "a b", "c1/h1/x",
					  "-h", "a\nb", "\x80"};
	Vrsas__V1__FailOrder o = VRSAS__V1__FAIL_ORDER__INIT;
	unsigned before = engine.fails;
	char id[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(id, sizeof(id), "bad-%zu", i);
		REQUEST(r, id, FAIL);
		r.actor = "ann";
		r.fail = &o;
		o.host = bad[i];
		Vrsas__V1__ControlReply *reply = ask(&r);
		assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
		assert_true(reply->error[0] != '\0');
		done(reply);
	}
	REQUEST(r, "x y", FAIL);
	r.fail = &o;
	o.host = "h1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "bad-reason";
	o.reason = "two\nlines";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	r.request_id = "nothing";
	r.body_case = VRSAS__V1__CONTROL_REQUEST__BODY__NOT_SET;
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	assert_int_equal(engine.fails, before);
}

static void a_refusal_of_the_engine_comes_through(void **state)
{
	(void)state;
	Vrsas__V1__RelocateOrder o = VRSAS__V1__RELOCATE_ORDER__INIT;
	REQUEST(r, "move-1", RELOCATE);
	r.relocate = &o;
	o.vm = "web1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_REFUSED);
	assert_string_equal(reply->error, "no");
	assert_string_equal(reply->hint, "wait");
	done(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_health_and_why),
		cmocka_unit_test(a_story_that_waits_for_a_person_is_critical),
		cmocka_unit_test(on_standby_nothing_old_is_shown),
		cmocka_unit_test(hosts_and_vms_are_listed),
		cmocka_unit_test(a_plan_is_only_a_plan),
		cmocka_unit_test(preflight_names_what_stops_a_move),
		cmocka_unit_test(a_vm_that_cannot_move_is_a_warning),
		cmocka_unit_test(a_dry_run_of_a_move_is_a_plan_too),
		cmocka_unit_test(an_order_acts_once_however_often_it_is_asked),
		cmocka_unit_test(a_confirmation_needs_a_name_and_a_reason),
		cmocka_unit_test(what_comes_from_outside_is_checked),
		cmocka_unit_test(a_refusal_of_the_engine_comes_through),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
