/* What takes its time on the control socket: events, forecasts. */
#include "control_world.h"

static void *tell_later(void *arg)
{
	struct vrs_store *own = redis_store(arg);
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.kind = "host.silent";
	ev.vm_name = "web1";
	ev.text = "late news";
	(void)vrs_event_put(own, &ev, NULL);
	vrs_store_close(own);
	return NULL;
}

static void events_are_waited_for(void **state)
{
	(void)state;
	Vrsas__V1__EventQuery q = VRSAS__V1__EVENT_QUERY__INIT;
	pthread_t teller;
	REQUEST(r, "", EVENTS);
	r.events = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	char next[64];
	(void)snprintf(next, sizeof(next), "%s", reply->events->next_id);
	assert_string_equal(next, "0-0");
	done(reply);

	assert_int_equal(pthread_create(&teller, NULL, tell_later, &redis), 0);
	q.after_id = next;
	q.wait_ms = 5000;
	reply = ask(&r);
	(void)pthread_join(teller, NULL);
	assert_int_equal(reply->events->n_event, 1);
	assert_string_equal(reply->events->event[0]->text, "late news");
	(void)snprintf(next, sizeof(next), "%s", reply->events->next_id);
	done(reply);

	q.wait_ms = 0;
	reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	assert_string_equal(reply->events->next_id, next);
	done(reply);
	q.after_id = "1; FLUSHALL";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_USAGE);
	done(reply);
	q.after_id = "";
	q.vm = "other";
	reply = ask(&r);
	assert_int_equal(reply->events->n_event, 0);
	done(reply);
}

static void without_a_predictor_the_stored_forecast_is_shown(void **state)
{
	(void)state;
	Vrsas__V1__ForecastQuery q = VRSAS__V1__FORECAST_QUERY__INIT;
	Vrsas__V1__Forecast fc = VRSAS__V1__FORECAST__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	size_t n;
	REQUEST(r, "", FORECAST);
	r.forecast = &q;
	q.target = "c1/h1";
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE);
	done(reply);

	fc.cluster = "c1";
	fc.host = "h1";
	fc.method = "slevel";
	void *bytes = vrs_msg_pack(&fc.base, &n);
	assert_ok(
		vrs_store_cmd(own, NULL, &err, "HSET " VRS_KEY "fc:{c1} h1 %b", bytes, n),
		&err);
	free(bytes);
	vrs_store_close(own);
	reply = ask(&r);
	assert_int_equal(reply->forecasts->n_forecast, 1);
	assert_string_equal(reply->forecasts->forecast[0]->method, "slevel");
	assert_non_null(strstr(reply->forecasts->forecast[0]->reason, "no predictor"));
	done(reply);
	q.target = "h1";
	reply = ask(&r);
	assert_int_equal(reply->forecasts->n_forecast, 1);
	done(reply);
	q.target = "nowhere";
	reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_NOT_FOUND);
	done(reply);
}

/* A predictor that writes one forecast for everything and counts its jobs. */
struct oracle {
	struct vrs_loop *loop;
	struct vrs_store *store;
	struct vrs_rep *rep;
	unsigned jobs, targets;
};

static void on_job(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	struct oracle *o = arg;
	const Vrsas__V1__ForecastJob *job = (const void *)msg;
	Vrsas__V1__ForecastAnswer answer = VRSAS__V1__FORECAST_ANSWER__INIT;
	Vrsas__V1__Forecast one = VRSAS__V1__FORECAST__INIT;
	struct vrs_err err = {0};
	size_t n;

	__atomic_add_fetch(&o->jobs, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&o->targets, (unsigned)job->n_target, __ATOMIC_SEQ_CST);
	one.method = "lstm";
	one.last_ratio = 0.5f;
	one.cluster = job->target[0]->cluster;
	void *bytes = vrs_msg_pack(&one.base, &n);
	if (vrs_store_cmd(o->store, NULL, &err, "HSET " VRS_KEY "fc:{%s} %b %b",
			  one.cluster, "", (size_t)0, bytes, n) == 0)
		answer.written_at_ms = 1;
	free(bytes);
	answer.job_id = job->job_id;
	answer.error = err.text;
	vrs_bus_answer(token, &answer.base);
}

static void predictors_are_asked_for_everything_and_for_one(void **state)
{
	(void)state;
	struct oracle o = {0};
	struct loop_thread predictor, scheduler;
	struct vrs_err err = {0};
	Vrsas__V1__ForecastQuery q = VRSAS__V1__FORECAST_QUERY__INIT;
	REQUEST(r, "", FORECAST);
	r.forecast = &q;
	q.target = "c1";

	o.store = redis_store(&redis);
	assert_ok(vrs_loop_open(&o.loop, &err), &err);
	assert_ok(vrs_rep_open(&o.rep, o.loop,
			       &(struct vrs_rep_conf){
				       .url = forecasts_url(forecasts),
				       .max_open = 4,
				       .type = &vrsas__v1__forecast_job__descriptor,
				       .fn = on_job,
				       .arg = &o},
			       &err),
		  &err);
	loop_thread_start(&predictor, o.loop);
	/* the first round comes by itself once a predictor is there */
	loop_thread_start(&scheduler, loop);
	for (int i = 0; i < 1000 && __atomic_load_n(&o.targets, __ATOMIC_SEQ_CST) < 5;
	     i++)
		(void)poll(NULL, 0, 10);
	loop_thread_stop(&scheduler);
	assert_int_equal(__atomic_load_n(&o.targets, __ATOMIC_SEQ_CST), 5);
	assert_int_equal(__atomic_load_n(&o.jobs, __ATOMIC_SEQ_CST), 1);

	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, VRSAS__V1__CONTROL_CODE__CONTROL_OK);
	assert_string_equal(reply->forecasts->forecast[0]->method, "lstm");
	assert_string_equal(reply->forecasts->forecast[0]->reason, "");
	done(reply);
	loop_thread_stop(&predictor);
	vrs_rep_close(o.rep);
	vrs_store_close(o.store);
	vrs_loop_close(o.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_waited_for),
		cmocka_unit_test(without_a_predictor_the_stored_forecast_is_shown),
		cmocka_unit_test(predictors_are_asked_for_everything_and_for_one),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
