#include "check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/assets.h"
#include "http/tokens.h"
#include "incidents/incident_view.h"
#include "live/risk.h"
#include "sinks/cloudevent.h"
#include "sinks/hmac.h"
#include "vrs/http/parts.h"

/* --- tokens --- */

static void a_token_has_one_role_and_others_have_none(void **state)
{
	(void)state;
	struct tokens t = {0};
	struct vrs_err err = {0};

	assert_int_equal(tokens_add(&t, "# a comment", &err), 0);
	assert_int_equal(tokens_add(&t, "read grafana 0123456789abcdef\n", &err), 0);
	assert_int_equal(tokens_add(&t, "operate ann fedcba9876543210\n", &err), 0);
	assert_int_equal(tokens_find(&t, "0123456789abcdef")->role, ROLE_READ);
	assert_string_equal(tokens_find(&t, "fedcba9876543210")->name, "ann");
	assert_null(tokens_find(&t, "0123456789abcdeF"));
	assert_null(tokens_find(&t, "0123456789abcde"));
	assert_null(tokens_find(&t, ""));
	assert_null(tokens_find(&t, NULL));
}

static void a_wrong_line_of_tokens_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"read grafana",
		"read grafana short",
		"admin ann 0123456789abcdef",
		"read ../ann 0123456789abcdef",
		"read ann 0123456789abcdef more",
		"read ann 0123456789;abcdef",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct tokens t = {0};
		struct vrs_err err = {0};

		assert_fails(tokens_add(&t, lines[i], &err), VRS_EPARSE, &err);
		assert_int_equal(t.n, 0);
	}
}

static void a_file_of_tokens_that_all_can_read_is_refused(void **state)
{
	(void)state;
	char path[] = "/tmp/tokens-XXXXXX";
	int fd = mkstemp(path);
	struct tokens t = {.n = 3};
	struct vrs_err err = {0};
	static const char line[] = "read ann 0123456789abcdef\n";

	assert_true(fd >= 0);
	assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_fails(tokens_load(&t, path, &err), VRS_EDENIED, &err);
	assert_int_equal(t.n, 3);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(tokens_load(&t, path, &err), 0);
	assert_int_equal(t.n, 1);
	(void)close(fd);
	(void)unlink(path);
}

/* --- what comes from outside --- */

static void what_is_escaped_is_decoded_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out; /* NULL: refused */
	} table[] = {
		{"/api/v1/relocations/web%3a1", "/api/v1/relocations/web:1"},
		{"a%2Fb", "a/b"},
		{"%", NULL},
		{"%2", NULL},
		{"%zz", NULL},
		{"%00", NULL},
		{"a%0ab", NULL},
		{"a\x01", NULL},
		{"%7f", NULL},
		{"%c3%a4", "\xc3\xa4"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char s[64];

		(void)snprintf(s, sizeof(s), "%s", table[i].in);
		assert_int_equal(vrs_httpd_decode(s), table[i].out != NULL);
		if (table[i].out)
			assert_string_equal(s, table[i].out);
	}
}

static void a_file_of_the_page_is_found_by_its_whole_name_only(void **state)
{
	(void)state;
	char dir[] = "/tmp/www-XXXXXX", path[64];
	struct assets *a = NULL;
	struct vrs_err err = {0};
	static const char *const names[] = {"index.html", "app.0123abcd.js",
					    "app.0123abcd.js.gz", "secret.conf"};

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		(void)fputs(names[i], f);
		(void)fclose(f);
	}
	assert_int_equal(assets_load(&a, dir, &err), 0);
	assert_string_equal(assets_find(a, "/", false)->bytes, "index.html");
	assert_string_equal(assets_find(a, "/app.0123abcd.js", false)->bytes,
			    "app.0123abcd.js");
	assert_true(assets_find(a, "/app.0123abcd.js", true)->gzip);
	assert_true(assets_find(a, "/app.0123abcd.js", true)->for_ever);
	assert_false(assets_find(a, "/index.html", true)->gzip);
	assert_null(assets_find(a, "/secret.conf", false));
	assert_null(assets_find(a, "/../etc/passwd", false));
	assert_null(assets_find(a, "//index.html", false));
	assert_null(assets_find(a, "/app.0123abcd.js.gz", false));
	assets_free(a);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

/* --- what goes out --- */

static void an_event_goes_out_as_a_cloudevent(void **state)
{
	(void)state;
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	ev.id = "123-4";
	ev.at_ms = 1795421700123;
	ev.kind = "relocation.state";
	ev.vm_name = "web1";
	ev.incident = "ab-1";
	char *text = cloudevent_json(&ev, "gw1");
	json_t *json = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "specversion")),
			    "1.0");
	assert_string_equal(json_string_value(json_object_get(json, "id")), "123-4");
	assert_string_equal(json_string_value(json_object_get(json, "source")),
			    "/vrsas/gw1");
	assert_string_equal(json_string_value(json_object_get(json, "type")),
			    "io.vrsas.relocation.state.v1");
	assert_string_equal(json_string_value(json_object_get(json, "subject")), "web1");
	assert_string_equal(json_string_value(json_object_get(json, "time")),
			    "2026-11-23T08:15:00.123Z");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(json, "data"), "incident")),
			    "ab-1");
	json_decref(json);
	free(text);
}

/* RFC 4231, test case 2. */
static void signatures_are_hmac_sha_256(void **state)
{
	(void)state;
	char mac[65];

	sign_hmac("Jefe", "what do ya want for nothing?", 28, mac);
	assert_string_equal(
		mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void risk_counts_what_becomes_of_each_vm(void **state)
{
	(void)state;
	Vrsas__V1__Decision d[4];
	Vrsas__V1__Decision *list[4];
	static const Vrsas__V1__Verdict verdict[] = {
		VRSAS__V1__VERDICT__VERDICT_LOCAL, VRSAS__V1__VERDICT__VERDICT_RELOCATE,
		VRSAS__V1__VERDICT__VERDICT_WAIT, VRSAS__V1__VERDICT__VERDICT_HOLD};
	Vrsas__V1__PlanView plan = VRSAS__V1__PLAN_VIEW__INIT;
	Vrsas__V1__RiskView v;
	struct vrs_arena *mem = vrs_arena_new(4096);

	for (int i = 0; i < 4; i++) {
		vrsas__v1__decision__init(&d[i]);
		d[i].verdict = verdict[i];
		d[i].vm_name = "web1";
		d[i].summary = "no room";
		list[i] = &d[i];
	}
	plan.cluster = "c1";
	plan.host = "h1";
	plan.decision = list;
	plan.n_decision = 4;
	risk_of_plan(&plan, mem, &v);
	assert_int_equal(v.vms, 4);
	assert_int_equal(v.local, 1);
	assert_int_equal(v.relocate, 1);
	assert_int_equal(v.wait, 1);
	assert_int_equal(v.hold, 1);
	assert_int_equal(v.n_why, 2);
	assert_string_equal(v.why[0], "web1: no room");
	vrs_arena_free(mem);
}

/* --- incidents --- */

static void an_incident_is_listed_once_with_its_next_step(void **state)
{
	(void)state;
	Vrsas__V1__Incident in = VRSAS__V1__INCIDENT__INIT;
	const Vrsas__V1__Incident *one[] = {&in};
	const struct incidents told = {.one = one, .n = 1, .n_open = 1};
	Vrsas__V1__HostView h[2] = {VRSAS__V1__HOST_VIEW__INIT,
				    VRSAS__V1__HOST_VIEW__INIT};
	Vrsas__V1__HostView *hosts[] = {&h[0], &h[1]};
	Vrsas__V1__HostViews down = VRSAS__V1__HOST_VIEWS__INIT;
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__RelocationView rv = VRSAS__V1__RELOCATION_VIEW__INIT;
	Vrsas__V1__RelocationView *open[] = {&rv};
	Vrsas__V1__StatusView status = VRSAS__V1__STATUS_VIEW__INIT;
	struct vrs_arena *mem = vrs_arena_new(65536);

	in.id = "ab-1";
	in.alert = "HostDown";
	in.cluster = h[0].cluster = h[1].cluster = r.home_cluster = "c1";
	in.host = h[0].name = "h1";
	h[0].state = "fenced";
	h[1].name = r.home_host = "h2";
	h[1].state = "suspect";
	down.host = hosts;
	down.n_host = 2;
	r.vm_name = "web1";
	r.state = VRSAS__V1__RELOCATION_STATE__HOLD_OPERATOR;
	r.hold_reason = "no proof that it is off";
	rv.record = &r;
	rv.meaning = "waits for an operator";
	rv.severity = VRSAS__V1__SEVERITY__SEVERITY_ERROR;
	status.open = open;
	status.n_open = 1;

	const Vrsas__V1__IncidentViews *v = incident_views(mem, &told, &status, &down);
	assert_int_equal(v->n_incident, 2); /* the relocation belongs to the second */
	assert_string_equal(v->incident[0]->origin, "alert");
	assert_non_null(strstr(v->incident[0]->next, "repair the host"));
	assert_string_equal(v->incident[1]->id, "host-c1-h2");
	assert_string_equal(v->incident[1]->next,
			    "web1: waits for an operator: no proof that it is off");
	assert_int_equal(v->incident[1]->n_vm, 1);

	v = incident_views(mem, &told, NULL, NULL);
	assert_int_equal(v->n_incident, 1);
	assert_non_null(strstr(v->incident[0]->next, "the scheduler does not reply"));
	vrs_arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_has_one_role_and_others_have_none),
		cmocka_unit_test(a_wrong_line_of_tokens_is_refused),
		cmocka_unit_test(a_file_of_tokens_that_all_can_read_is_refused),
		cmocka_unit_test(what_is_escaped_is_decoded_strictly),
		cmocka_unit_test(a_file_of_the_page_is_found_by_its_whole_name_only),
		cmocka_unit_test(an_event_goes_out_as_a_cloudevent),
		cmocka_unit_test(signatures_are_hmac_sha_256),
		cmocka_unit_test(risk_counts_what_becomes_of_each_vm),
		cmocka_unit_test(an_incident_is_listed_once_with_its_next_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
