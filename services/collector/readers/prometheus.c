#include "readers/prometheus.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/conf.h"
#include "vrs/http.h"
#include "vrs/json_prom.h"
#include "vrs/mem.h"

static const char scheme[] = "prometheus:";

enum {
	MAX_ANSWER_BYTES = 8 << 20,
	RANGE_MS = 60000, /* timeout of one range query */
};

struct prometheus {
	char *base;    /* http://HOST:9090 */
	char *matcher; /* instance="h1:9100",job="node" */
	char *token_file, *ca_file;
};

bool prometheus_is_uri(const char *uri)
{
	return strncmp(uri, scheme, sizeof(scheme) - 1) == 0;
}

/* --- the URI --- */

static bool is_label(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static void add_matcher(struct vrs_text *t, const char *label, const char *value)
{
	vrs_text_add(t, "%s%s=\"", t->len ? "," : "", label);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			vrs_text_add(t, "\\");
		vrs_text_add_bytes(t, value, 1);
	}
	vrs_text_add(t, "\"");
}

static int read_labels(struct prometheus *p, char *text, struct vrs_err *err)
{
	struct vrs_text matcher = {0};
	char *save = NULL;
	int status = 0;

	for (char *word = strtok_r(text, "&", &save); word && status == 0;
	     word = strtok_r(NULL, "&", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (!value || !*value || !is_label(word)) {
			status = vrs_fail(err, VRS_EINVAL, "'%s' is not label=value",
					  word);
		} else if (strcmp(word, "token_file") == 0) {
			free(p->token_file);
			p->token_file = vrs_strdup(value);
		} else if (strcmp(word, "ca_file") == 0) {
			free(p->ca_file);
			p->ca_file = vrs_strdup(value);
		} else {
			add_matcher(&matcher, word, value);
		}
	}
	if (status == 0 && matcher.len == 0)
		status = vrs_fail(err, VRS_EINVAL,
				  "labels are missing; expected ?instance=HOST:9100");
	p->matcher = matcher.text;
	return status;
}

int prometheus_open(struct prometheus **ret, const char *uri, struct vrs_err *err)
{
	struct prometheus *p = vrs_calloc(1, sizeof(*p));
	const char *base = uri + sizeof(scheme) - 1;
	int status = 0;

	p->base = vrs_strdup(base);
	char *labels = strchr(p->base, '?');
	if (labels)
		*labels++ = '\0';
	size_t len = strlen(p->base);
	if (len > 0 && p->base[len - 1] == '/')
		p->base[len - 1] = '\0';
	if (strncmp(p->base, "http://", 7) != 0 && strncmp(p->base, "https://", 8) != 0)
		status = vrs_fail(err, VRS_EINVAL,
				  "expected http://HOST:PORT?LABEL=VALUE");
	else if (strpbrk(p->base, " \t\"#"))
		status = vrs_fail(err, VRS_EINVAL,
				  "contains a character that is not valid in a URL");
	else
		status = read_labels(p, labels ? labels : (char[]){""}, err);
	if (status < 0) {
		vrs_context(err, "%s", uri);
		prometheus_close(p);
		return status;
	}
	*ret = p;
	return 0;
}

void prometheus_close(struct prometheus *p)
{
	if (!p)
		return;
	free(p->base);
	free(p->matcher);
	free(p->token_file);
	free(p->ca_file);
	free(p);
}

/* --- queries --- */

static void add_encoded(struct vrs_text *t, const char *s)
{
	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			vrs_text_add_bytes(t, s, 1);
		else
			vrs_text_add(t, "%%%02X", (unsigned char)*s);
}

struct query {
	const char *path, *promql;
	const char *form; /* further form fields: "" or "&start=..." */
	int64_t timeout_ms;
};

static int run_query(const struct prometheus *p, const struct query *q,
		     struct vrs_prom_answer *ret, struct vrs_err *err)
{
	struct vrs_text body = {0};
	struct vrs_http_reply reply = {0};
	char *url = vrs_asprintf("%s%s", p->base, q->path), *token = NULL;
	int status = 0;

	vrs_text_add(&body, "query=");
	add_encoded(&body, q->promql);
	vrs_text_add(&body, "%s", q->form);
	if (p->token_file)
		status = vrs_secret_read(p->token_file, &token, err);
	const struct vrs_http_request req = {
		.url = url,
		.bearer = token,
		.content_type = "application/x-www-form-urlencoded",
		.body = body.text,
		.n_body = body.len,
		.ca_file = p->ca_file,
		.timeout_ms = q->timeout_ms,
		.max_bytes = MAX_ANSWER_BYTES,
	};
	if (status == 0)
		status = vrs_http(&req, &reply, err);
	/* an error response is JSON as well, with its reason */
	if (status == 0)
		status = vrs_prom_parse(ret, reply.body, reply.n_body, err);
	if (status == VRS_EPARSE && reply.status != 200)
		status = vrs_fail(err, VRS_EIO, "prometheus: HTTP status %d",
				  reply.status);
	vrs_http_reply_fini(&reply);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	free(url);
	vrs_text_fini(&body);
	return status;
}

/* The recording rule where it exists, else node_exporter's own series. */
static char *cpu_query(const struct prometheus *p)
{
	return vrs_asprintf(
		"avg(instance:node_cpu_busy:ratio_rate1m{%s}) or "
		"(1 - sum(rate(node_cpu_seconds_total{mode=~\"idle|iowait\","
		"%s}[2m])) / count(node_cpu_seconds_total{mode=\"idle\",%s}))",
		p->matcher, p->matcher, p->matcher);
}

static char *mem_query(const struct prometheus *p)
{
	return vrs_asprintf("avg(instance:node_memory_used:ratio{%s}) or "
			    "(1 - avg(node_memory_MemAvailable_bytes{%s}) / "
			    "avg(node_memory_MemTotal_bytes{%s}))",
			    p->matcher, p->matcher, p->matcher);
}

static double value_of(const struct vrs_prom_answer *a, const char *what)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->series[i].what, what) == 0 && a->series[i].n == 1)
			return a->series[i].point[0].value;
	return NAN;
}

static double ratio(double v)
{
	return v < 0 ? 0 : v > 1 ? 1 : v; /* NAN stays */
}

static int take_reading(const struct prometheus *p, const struct vrs_prom_answer *a,
			struct reading *ret, struct vrs_err *err)
{
	double hosts = value_of(a, "hosts"), total = value_of(a, "total");
	double cpus = value_of(a, "cpus"), mem = ratio(value_of(a, "mem"));

	if (!(hosts >= 1))
		return vrs_fail(err, VRS_ENOENT,
				"prometheus: no recent reading with {%s}", p->matcher);
	if (hosts > 1)
		return vrs_fail(err, VRS_EINVAL, "prometheus: {%s} matches %.0f hosts",
				p->matcher, hosts);
	ret->cpu_ratio = ratio(value_of(a, "cpu"));
	if (cpus >= 1 && cpus < 1e6)
		ret->host.vcpus = (uint32_t)cpus;
	if (total > 0 && total < 1e18) {
		ret->host.ram_total_bytes = (uint64_t)total;
		if (!isnan(mem))
			ret->host.ram_used_bytes = (uint64_t)(mem * total);
	}
	return 0;
}

int prometheus_read(const struct prometheus *p, int64_t timeout_ms, struct reading *ret,
		    struct vrs_err *err)
{
	char *cpu = cpu_query(p), *mem = mem_query(p);
	struct vrs_prom_answer a = {0};
	char *query = vrs_asprintf(
		"label_replace(%s,\"what\",\"cpu\",\"\",\"\") or "
		"label_replace(%s,\"what\",\"mem\",\"\",\"\") or "
		"label_replace(count(node_memory_MemTotal_bytes{%s}),\"what\",\"hosts\","
		"\"\",\"\") or "
		"label_replace(max(node_memory_MemTotal_bytes{%s}),\"what\",\"total\","
		"\"\",\"\") or "
		"label_replace(count(node_cpu_seconds_total{mode=\"idle\",%s}),\"what\","
		"\"cpus\",\"\",\"\")",
		cpu, mem, p->matcher, p->matcher, p->matcher);
	int status = run_query(p, &(struct query){"/api/v1/query", query, "", timeout_ms},
			       &a, err);

	if (status == 0)
		status = take_reading(p, &a, ret, err);
	vrs_prom_fini(&a);
	free(query);
	free(cpu);
	free(mem);
	return status;
}

/* A value at the end of an interval belongs to that interval. */
static int read_range(const struct prometheus *p, const char *promql,
		      const struct prometheus_span *span, float *ret, struct vrs_err *err)
{
	int64_t from_ms = span->from_ms, interval_ms = span->interval_ms;
	size_t n = span->n;
	struct vrs_prom_answer a = {0};
	char *form =
		vrs_asprintf("&start=%lld&end=%lld&step=%lld",
			     (long long)((from_ms + interval_ms) / 1000),
			     (long long)((from_ms + (int64_t)n * interval_ms) / 1000),
			     (long long)(interval_ms / 1000));
	int status = run_query(
		p, &(struct query){"/api/v1/query_range", promql, form, RANGE_MS}, &a,
		err);

	for (size_t i = 0; i < n; i++)
		ret[i] = NAN;
	for (size_t i = 0; status == 0 && i < a.n; i++)
		for (size_t k = 0; k < a.series[i].n; k++) {
			const struct vrs_prom_point *point = &a.series[i].point[k];
			int64_t at = (point->at_ms - from_ms) / interval_ms - 1;

			if (at >= 0 && at < (int64_t)n)
				ret[at] = (float)ratio(point->value);
		}
	vrs_prom_fini(&a);
	free(form);
	return status;
}

int prometheus_range(const struct prometheus *p, const struct prometheus_span *span,
		     float *cpu_ratio, float *mem_ratio, struct vrs_err *err)
{
	char *cpu = cpu_query(p), *mem = mem_query(p);
	int status = read_range(p, cpu, span, cpu_ratio, err);

	if (status == 0)
		status = read_range(p, mem, span, mem_ratio, err);
	free(cpu);
	free(mem);
	return status;
}
