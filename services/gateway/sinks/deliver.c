#include "sinks/deliver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/cloudevent.h"
#include "sinks/hmac.h"
#include "vrs/clock.h"
#include "vrs/conf.h"
#include "vrs/http.h"
#include "vrs/mem.h"
#include "vrs/proc.h"

enum { MAX_WORDS = 32 };

struct delivery {
	struct deliver_to to;
	char *json;
	char why[300]; /* "": delivered */
};

static void replace(char **to, char *value)
{
	free(*to);
	*to = value;
}

int deliver_set(struct deliver_to *to, const char *key, const char *value,
		struct vrs_err *err)
{
	char *secret = NULL;
	int status = 0;

	if (strcmp(key, "url") == 0)
		replace(&to->url, vrs_strdup(value));
	else if (strcmp(key, "command") == 0)
		replace(&to->command, vrs_strdup(value));
	else if (strcmp(key, "ca_file") == 0)
		replace(&to->ca_file, vrs_strdup(value));
	else if (strcmp(key, "secret_file") == 0 || strcmp(key, "token_file") == 0)
		status = value[0] ? vrs_secret_read(value, &secret, err) : 0;
	else
		return vrs_fail(err, VRS_EINVAL,
				"unknown key %s: expected url, command, secret_file, "
				"token_file, ca_file or severity",
				key);
	if (secret)
		replace(key[0] == 's' ? &to->secret : &to->token, secret);
	return status;
}

int deliver_ready(const struct deliver_to *to, struct vrs_err *err)
{
	bool url = to->url && to->url[0], command = to->command && to->command[0];

	if (url == command)
		return vrs_fail(err, VRS_EINVAL,
				"exactly one of url and command is required");
	if (url && strncmp(to->url, "http://", 7) != 0 &&
	    strncmp(to->url, "https://", 8) != 0)
		return vrs_fail(err, VRS_EINVAL, "url = %s: expected http:// or https://",
				to->url);
	if (command && to->command[0] != '/')
		return vrs_fail(err, VRS_EINVAL,
				"command = %s: expected an absolute path", to->command);
	return 0;
}

void deliver_fini(struct deliver_to *to)
{
	free(to->url);
	free(to->command);
	free(to->secret);
	free(to->token);
	free(to->ca_file);
	*to = (struct deliver_to){0};
}

static char *dup_or_null(const char *s)
{
	return s && s[0] ? vrs_strdup(s) : NULL;
}

struct delivery *deliver_new(const struct deliver_to *to, const Vrsas__V1__Event *ev,
			     const char *source)
{
	struct delivery *d = vrs_calloc(1, sizeof(*d));

	d->to = (struct deliver_to){
		.url = dup_or_null(to->url),
		.command = dup_or_null(to->command),
		.secret = dup_or_null(to->secret),
		.token = dup_or_null(to->token),
		.ca_file = dup_or_null(to->ca_file),
	};
	d->json = cloudevent_json(ev, source);
	(void)vrs_strcpy(d->why, sizeof(d->why), "not tried");
	return d;
}

void deliver_free(struct delivery *d)
{
	if (!d)
		return;
	deliver_fini(&d->to);
	free(d->json);
	free(d);
}

const char *deliver_why(const struct delivery *d)
{
	return d->why[0] ? d->why : NULL;
}

static void fail(struct delivery *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void fail(struct delivery *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
}

static char *signature_of(const struct delivery *d)
{
	int64_t seconds = vrs_now_wall_ms() / 1000;
	char mac[65];

	if (!d->to.secret)
		return NULL;
	char *text = vrs_asprintf("%lld.%s", (long long)seconds, d->json);
	sign_hmac(d->to.secret, text, strlen(text), mac);
	free(text);
	return vrs_asprintf("X-Vrsas-Signature: t=%lld,v1=%s", (long long)seconds, mac);
}

static void post(struct delivery *d)
{
	struct vrs_http_reply reply = {0};
	struct vrs_err err = {0};
	char *signature = signature_of(d);
	const struct vrs_http_request req = {
		.url = d->to.url,
		.header = {signature},
		.bearer = d->to.token,
		.content_type = "application/cloudevents+json",
		.body = d->json,
		.n_body = strlen(d->json),
		.ca_file = d->to.ca_file,
		.timeout_ms = DELIVER_TIMEOUT_MS,
	};

	if (vrs_http(&req, &reply, &err) < 0)
		fail(d, "%s", err.text);
	else if (reply.status < 200 || reply.status > 299)
		fail(d, "replied with status %d", reply.status);
	else
		d->why[0] = '\0';
	vrs_http_reply_fini(&reply);
	free(signature);
}

static void call(struct delivery *d)
{
	struct vrs_proc_result r = {0};
	struct vrs_err err = {0};
	char *words = vrs_strdup(d->to.command), *rest = NULL;
	const char *argv[MAX_WORDS + 1] = {0};
	size_t n = 0;

	for (char *w = strtok_r(words, " \t", &rest); w && n < MAX_WORDS;
	     w = strtok_r(NULL, " \t", &rest))
		argv[n++] = w;
	if (vrs_proc_run(&(struct vrs_proc){.argv = argv,
					    .in = d->json,
					    .n_in = strlen(d->json),
					    .timeout_ms = DELIVER_TIMEOUT_MS},
			 &r, &err) < 0) {
		fail(d, "%s", err.text);
	} else {
		if (r.exit_code == 0)
			d->why[0] = '\0';
		else
			fail(d, "%s exited with status %d", argv[0], r.exit_code);
		vrs_proc_result_fini(&r);
	}
	free(words);
}

void deliver_run(struct delivery *d)
{
	if (d->to.url)
		post(d);
	else
		call(d);
}
