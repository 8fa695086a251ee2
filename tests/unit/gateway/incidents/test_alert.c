#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "incidents/alert.h"
#include "incidents/incident.h"

static const char payload[] =
	"{\"receiver\": \"vrsas\", \"status\": \"firing\", \"alerts\": [{\"status\": "
	"\"%s\", "
	"\"labels\": {\"alertname\": \"HostDown\", %s\"severity\": \"critical\"}, "
	"\"annotations\": {\"summary\": \"%s\"}, \"startsAt\": \"%s\", "
	"\"endsAt\": \"%s\", \"fingerprint\": \"9d2d74da21d8c5ef\"}], \"version\": "
	"\"4\"}";
static const char whose[] = "\"cluster\": \"c1\", \"host\": \"h1\", "
			    "\"vrsas_event\": \"host_down\", ";
static const char start[] = "2026-11-23T08:15:00.123Z";
static const char never[] = "0001-01-01T00:00:00Z";

static struct alert read_one(const char *status, const char *labels, const char *summary,
			     const char *from, const char *to)
{
	struct vrs_err err = {0};
	struct alert *list = NULL;
	size_t n = 0;
	char text[2048];

	(void)snprintf(text, sizeof(text), payload, status, labels, summary, from, to);
	assert_int_equal(alert_webhook(text, strlen(text), &list, &n, &err), 0);
	assert_int_equal(n, 1);
	struct alert a = list[0];
	free(list);
	return a;
}

static void an_alert_names_its_host_and_its_failure(void **state)
{
	(void)state;
	struct alert a = read_one("firing", whose, "no answer", start, never);

	assert_string_equal(a.refused, "");
	assert_string_equal(a.cluster, "c1");
	assert_string_equal(a.host, "h1");
	assert_string_equal(a.id, "9d2d74da21d8c5ef-1795421700123");
	assert_string_equal(a.summary, "no answer");
	assert_int_equal(a.ends_at_ms, 0);
	a = read_one("resolved", whose, "", start, "2026-11-23T08:16:00Z");
	assert_int_equal(a.ends_at_ms, 1795421760000);
	/* it has ended, whatever its end says */
	a = read_one("resolved", whose, "", start, never);
	assert_int_equal(a.ends_at_ms, a.starts_at_ms);
}

static void what_is_not_about_a_host_is_refused_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *status, *labels, *from, *why;
	} table[] = {
		{"firing", "", start, "label vrsas_event is not host_down"},
		{"firing", "\"vrsas_event\": \"host_down\", \"host\": \"h1\", ", start,
		 "label cluster is missing"},
		{"firing", "\"vrsas_event\": \"host_down\", \"cluster\": \"c1\", ", start,
		 "label host is missing"},
		{"firing",
		 "\"vrsas_event\": \"host_down\", \"cluster\": \"../c1\", \"host\": "
		 "\"h\", ",
		 start, "label cluster is not a valid name"},
		{"burning", whose, start, "status is neither firing nor resolved"},
		{"firing", whose, "yesterday", "startsAt is not a valid time"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct alert a = read_one(table[i].status, table[i].labels, "",
					  table[i].from, never);
		assert_string_equal(a.refused, table[i].why);
	}
}

static void words_are_one_line_and_cut_at_a_character(void **state)
{
	(void)state;
	char longer[700] = "";

	for (int i = 0; i < 150; i++)
		strcat(longer, "\xc3\xa4");
	struct alert a = read_one("firing", whose, longer, start, never);
	assert_int_equal(strlen(a.summary), 200);
	a = read_one("firing", whose, "a\\nb\\u0007c", start, never);
	assert_string_equal(a.summary, "a b c");
}

static void bytes_that_are_no_webhook_are_refused(void **state)
{
	(void)state;
	static const char *const table[] = {
		"",
		"{",
		"[]",
		"{\"version\": \"3\", \"alerts\": []}",
		"{\"version\": \"4\"}",
		"{\"version\": \"4\", \"alerts\": {}}",
		"{\"version\": \"4\", \"alerts\": [1]}",
		"{\"version\": \"4\", \"version\": \"4\", \"alerts\": []}",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct alert *list = NULL;
		struct vrs_err err = {0};
		size_t n = 7;

		assert_fails(alert_webhook(table[i], strlen(table[i]), &list, &n, &err),
			     VRS_EPARSE, &err);
		assert_null(list);
		assert_int_equal(n, 7);
	}
}

static void what_is_silenced_at_alertmanager_is_not_taken(void **state)
{
	(void)state;
	static const char text[] =
		"[{\"fingerprint\": \"ab\", \"startsAt\": \"2026-11-23T08:15:00Z\", "
		"\"labels\": {\"cluster\": \"c1\", \"host\": \"h1\", "
		"\"vrsas_event\": \"host_down\"}, \"status\": {\"state\": \"active\"}}, "
		"{\"fingerprint\": \"cd\", \"startsAt\": \"2026-11-23T08:15:00Z\", "
		"\"labels\": {\"cluster\": \"c1\", \"host\": \"h2\", "
		"\"vrsas_event\": \"host_down\"}, \"status\": {\"state\": "
		"\"suppressed\"}}]";
	struct alert *list = NULL;
	struct vrs_err err = {0};
	size_t n;

	assert_int_equal(alert_list(text, strlen(text), &list, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].refused, "");
	assert_string_equal(list[1].refused, "its state in Alertmanager is suppressed");
	free(list);
}

static void an_incident_keeps_when_it_was_first_told(void **state)
{
	(void)state;
	struct alert a = read_one("firing", whose, "no answer", start, never);
	Vrsas__V1__Incident first, second;

	incident_merge(&first, NULL, &a, "am", 1000);
	assert_int_equal(first.received_at_ms, 1000);
	assert_int_equal(first.words, 1);
	incident_merge(&second, &first, &a, "am", 2000);
	assert_int_equal(second.received_at_ms, 1000);
	assert_int_equal(second.last_at_ms, 2000);
	assert_int_equal(second.words, 2);
	assert_string_equal(second.id, first.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_names_its_host_and_its_failure),
		cmocka_unit_test(what_is_not_about_a_host_is_refused_with_the_reason),
		cmocka_unit_test(words_are_one_line_and_cut_at_a_character),
		cmocka_unit_test(bytes_that_are_no_webhook_are_refused),
		cmocka_unit_test(what_is_silenced_at_alertmanager_is_not_taken),
		cmocka_unit_test(an_incident_keeps_when_it_was_first_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
