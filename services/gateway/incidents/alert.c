#include "incidents/alert.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

static void refuse(struct alert *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void refuse(struct alert *a, const char *fmt, ...)
{
	va_list ap;

	if (a->refused[0])
		return; /* the first reason counts */
	va_start(ap, fmt);
	(void)vsnprintf(a->refused, sizeof(a->refused), fmt, ap);
	va_end(ap);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* One line of plain text, cut at a character. */
static void words(char *ret, size_t size, const char *s)
{
	(void)vrs_strcpy(ret, size, s);
	size_t n = strlen(ret);
	if (((unsigned char)s[n] & 0xc0) == 0x80) { /* cut within a character */
		while (n > 0 && ((unsigned char)ret[n - 1] & 0xc0) == 0x80)
			n--;
		n -= n > 0;
		ret[n] = '\0';
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ret[i] < ' ' || ret[i] == 0x7f)
			ret[i] = ' ';
}

static void read_name(struct alert *a, const json_t *labels, const char *key, char *ret,
		      size_t size)
{
	const char *value = text_of(labels, key);

	if (!value[0])
		refuse(a, "label %s is missing", key);
	else if (!vrs_name_ok(value))
		refuse(a, "label %s is not a valid name", key);
	else
		(void)vrs_strcpy(ret, size, value);
}

static void read_times(struct alert *a, const json_t *json, bool resolved)
{
	a->starts_at_ms = vrs_time_parse(text_of(json, "startsAt"));
	if (a->starts_at_ms <= 0) {
		a->starts_at_ms = 0;
		refuse(a, "startsAt is not a valid time");
	}
	if (!resolved)
		return;
	a->ends_at_ms = vrs_time_parse(text_of(json, "endsAt"));
	if (a->ends_at_ms < a->starts_at_ms || a->ends_at_ms <= 0)
		a->ends_at_ms = a->starts_at_ms;
	if (a->ends_at_ms <= 0)
		a->ends_at_ms = 1;
}

static void read_alert(struct alert *a, const json_t *json, bool resolved)
{
	const json_t *labels = json_object_get(json, "labels");
	const json_t *notes = json_object_get(json, "annotations");
	const char *print = text_of(json, "fingerprint");
	const char *event = text_of(labels, "vrsas_event");
	const char *summary = text_of(notes, "summary");

	if (vrs_name_ok(print))
		(void)vrs_strcpy(a->fingerprint, sizeof(a->fingerprint), print);
	else
		refuse(a, "fingerprint is missing or invalid");
	words(a->name, sizeof(a->name), text_of(labels, "alertname"));
	words(a->severity, sizeof(a->severity), text_of(labels, "severity"));
	words(a->summary, sizeof(a->summary),
	      summary[0] ? summary : text_of(notes, "description"));
	if (strcmp(event, "host_down") != 0)
		refuse(a, "label vrsas_event is not host_down");
	read_name(a, labels, "cluster", a->cluster, sizeof(a->cluster));
	read_name(a, labels, "host", a->host, sizeof(a->host));
	read_times(a, json, resolved);
	(void)snprintf(a->id, sizeof(a->id), "%s-%" PRId64, a->fingerprint,
		       a->starts_at_ms);
}

static int list_of(const json_t *array, struct alert **ret, struct vrs_err *err)
{
	size_t n = json_array_size(array);

	if (!json_is_array(array))
		return vrs_fail(err, VRS_EPARSE, "alerts: not a list");
	if (n > ALERTS_MAX)
		return vrs_fail(err, VRS_ENOSPC,
				"alerts: %zu in one message exceed the limit of %d", n,
				ALERTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!json_is_object(json_array_get(array, i)))
			return vrs_fail(err, VRS_EPARSE,
					"alerts: alert %zu is not an object", i + 1);
	*ret = vrs_calloc(n + 1, sizeof(**ret));
	return 0;
}

static json_t *parse(const void *bytes, size_t n, struct vrs_err *err)
{
	json_error_t why;
	json_t *json = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &why);

	if (!json)
		(void)vrs_fail(err, VRS_EPARSE, "alerts: invalid JSON: %.120s", why.text);
	return json;
}

int alert_webhook(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
		  struct vrs_err *err)
{
	json_t *json = parse(bytes, n, err);
	const json_t *alerts = json_object_get(json, "alerts");
	struct alert *list = NULL;
	int status;

	if (!json)
		return VRS_EPARSE;
	if (strcmp(text_of(json, "version"), "4") != 0)
		status = vrs_fail(
			err, VRS_EPARSE,
			"alerts: not an Alertmanager webhook message of version 4");
	else
		status = list_of(alerts, &list, err);
	for (size_t i = 0; status == 0 && i < json_array_size(alerts); i++) {
		const json_t *one = json_array_get(alerts, i);
		const char *state = text_of(one, "status");
		bool resolved = strcmp(state, "resolved") == 0;

		if (!resolved && strcmp(state, "firing") != 0)
			refuse(&list[i], "status is neither firing nor resolved");
		read_alert(&list[i], one, resolved);
	}
	if (status == 0) {
		*ret = list;
		*ret_n = json_array_size(alerts);
	}
	json_decref(json);
	return status;
}

int alert_list(const void *bytes, size_t n, struct alert **ret, size_t *ret_n,
	       struct vrs_err *err)
{
	json_t *json = parse(bytes, n, err);
	struct alert *list = NULL;
	int status;

	if (!json)
		return VRS_EPARSE;
	status = list_of(json, &list, err);
	for (size_t i = 0; status == 0 && i < json_array_size(json); i++) {
		const json_t *one = json_array_get(json, i);
		const char *state = text_of(json_object_get(one, "status"), "state");

		if (strcmp(state, "active") != 0)
			refuse(&list[i], "its state in Alertmanager is %.20s",
			       state[0] ? state : "missing");
		read_alert(&list[i], one, false);
	}
	if (status == 0) {
		*ret = list;
		*ret_n = json_array_size(json);
	}
	json_decref(json);
	return status;
}
