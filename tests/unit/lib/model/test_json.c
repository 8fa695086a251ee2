#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/json.h"
#include "vrsas/v1/control.pb-c.h"

static char *text_of(const ProtobufCMessage *msg)
{
	json_t *json = vrs_json_of_message(msg);
	char *text = vrs_json_text(json, true);

	json_decref(json);
	return text;
}

static void says(const ProtobufCMessage *msg, const char *part)
{
	char *text = text_of(msg);

	if (!strstr(text, part))
		fail_msg("%s has no %s", text, part);
	free(text);
}

static void every_field_appears_under_its_own_name(void **state)
{
	Vrsas__V1__HostView h = VRSAS__V1__HOST_VIEW__INIT;
	json_t *json = vrs_json_of_message(&h.base);

	(void)state;
	assert_int_equal(json_object_size(json), h.base.descriptor->n_fields);
	json_decref(json);
}

static void a_point_in_time_is_text_and_a_duration_a_number(void **state)
{
	Vrsas__V1__Decision d = VRSAS__V1__DECISION__INIT;
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__Forecast f = VRSAS__V1__FORECAST__INIT;

	(void)state;
	d.at_ms = 1795421700123;
	d.stay_ms = 1500;
	says(&d.base, "\"at\":\"2026-11-23T08:15:00.123Z\"");
	says(&d.base, "\"stay_ms\":1500");
	r.silent_since_ms = 1795421700123;
	says(&r.base, "\"silent_since\":\"2026-11-23T08:15:00.123Z\"");
	says(&r.base, "\"fenced_at\":null");
	f.origin_ms = 1795421700123;
	says(&f.base, "\"origin_at\":\"2026-11-23T08:15:00.123Z\"");
	says(&f.base, "\"step_ms\":0");
}

static void a_ratio_has_no_float_noise(void **state)
{
	Vrsas__V1__Peak p = VRSAS__V1__PEAK__INIT;
	Vrsas__V1__ClusterView c = VRSAS__V1__CLUSTER_VIEW__INIT;

	(void)state;
	p.p50 = 0.42F;
	p.p90 = NAN;
	says(&p.base, "\"p50\":0.42,\"p90\":null");
	c.cpu_ratio = (double)0.1F;
	c.mem_ratio = (double)INFINITY;
	says(&c.base, "\"cpu_ratio\":0.1,\"mem_ratio\":null");
}

static void an_enum_loses_the_prefix_that_all_its_names_share(void **state)
{
	Vrsas__V1__TransferStatus t = VRSAS__V1__TRANSFER_STATUS__INIT;
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;

	(void)state;
	t.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING;
	says(&t.base, "\"state\":\"COPYING\"");
	t.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_UNSPECIFIED;
	says(&t.base, "\"state\":null");
	t.state = (Vrsas__V1__TransferState)99;
	says(&t.base, "\"state\":99");
	r.state = VRSAS__V1__RELOCATION_STATE__RUNNING_AWAY;
	says(&r.base, "\"state\":\"RUNNING_AWAY\"");
}

static void large_numbers_stay_exact(void **state)
{
	Vrsas__V1__Record r = VRSAS__V1__RECORD__INIT;

	(void)state;
	r.epoch = UINT64_MAX;
	r.seq = INT64_MAX;
	says(&r.base, "\"epoch\":\"18446744073709551615\",\"seq\":9223372036854775807");
}

static void only_the_chosen_member_of_a_oneof_appears(void **state)
{
	Vrsas__V1__ControlReply reply = VRSAS__V1__CONTROL_REPLY__INIT;
	Vrsas__V1__HostViews hosts = VRSAS__V1__HOST_VIEWS__INIT;

	(void)state;
	reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_HOSTS;
	reply.hosts = &hosts;
	says(&reply.base, "\"hosts\":{\"host\":[]}");
	char *text = text_of(&reply.base);
	assert_null(strstr(text, "\"vms\""));
	free(text);
}

static void lists_and_messages_nest(void **state)
{
	Vrsas__V1__Decision d = VRSAS__V1__DECISION__INIT;
	Vrsas__V1__Candidate c = VRSAS__V1__CANDIDATE__INIT, *candidates[] = {&c};
	Vrsas__V1__Reason r = VRSAS__V1__REASON__INIT, *reasons[] = {&r};
	float path[] = {0.5F, 0.25F};
	Vrsas__V1__Forecast f = VRSAS__V1__FORECAST__INIT;

	(void)state;
	r.text = "has headroom";
	r.in_favour = 1;
	c.n_reason = 1;
	c.reason = reasons;
	d.n_candidate = 1;
	d.candidate = candidates;
	says(&d.base, "\"reason\":[{\"in_favour\":true,\"rules_out\":false,"
		      "\"text\":\"has headroom\",\"code\":\"\"}]");
	f.n_p50 = 2;
	f.p50 = path;
	says(&f.base, "\"p50\":[0.5,0.25]");
}

static void text_that_is_not_utf8_keeps_its_readable_part(void **state)
{
	Vrsas__V1__HostView h = VRSAS__V1__HOST_VIEW__INIT;

	(void)state;
	h.note = "bad \xff byte";
	says(&h.base, "\"note\":\"bad ? byte\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_appears_under_its_own_name),
		cmocka_unit_test(a_point_in_time_is_text_and_a_duration_a_number),
		cmocka_unit_test(a_ratio_has_no_float_noise),
		cmocka_unit_test(an_enum_loses_the_prefix_that_all_its_names_share),
		cmocka_unit_test(large_numbers_stay_exact),
		cmocka_unit_test(only_the_chosen_member_of_a_oneof_appears),
		cmocka_unit_test(lists_and_messages_nest),
		cmocka_unit_test(text_that_is_not_utf8_keeps_its_readable_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
