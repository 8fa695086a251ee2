#include "vrs/json_prom.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

void vrs_prom_fini(struct vrs_prom_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->series[i].point);
	free(answer->series);
	*answer = (struct vrs_prom_answer){0};
}

static int no_answer(struct vrs_err *err, const char *what)
{
	return vrs_fail(err, VRS_EPARSE, "prometheus: invalid response: %s", what);
}

/* [1700000000.123, "0.25"] */
static int add_point(struct vrs_prom_series *s, const json_t *pair, struct vrs_err *err)
{
	const json_t *at = json_array_get(pair, 0), *value = json_array_get(pair, 1);
	const char *text = json_string_value(value);
	char *end = NULL;

	if (json_array_size(pair) != 2 || !json_is_number(at) || !text || !*text)
		return no_answer(err, "malformed point");
	double at_s = json_number_value(at), number = strtod(text, &end);
	if (*end || !(at_s > 0 && at_s < 1e11))
		return no_answer(err, "malformed point");
	if (isfinite(number))
		s->point[s->n++] = (struct vrs_prom_point){llround(at_s * 1e3), number};
	return 0;
}

static int read_series(struct vrs_prom_series *s, const json_t *item, bool range,
		       struct vrs_err *err)
{
	const json_t *metric = json_object_get(item, "metric");
	const json_t *points = json_object_get(item, range ? "values" : "value");
	const char *what = json_string_value(json_object_get(metric, "what"));
	size_t n = range ? json_array_size(points) : 1;
	int status = 0;

	if (!json_is_object(metric) || !json_is_array(points))
		return no_answer(err, "series without points");
	if (n > VRS_PROM_MAX_POINTS)
		return vrs_fail(err, VRS_ENOSPC,
				"prometheus: too many points in a series: %zu", n);
	(void)vrs_strcpy(s->what, sizeof(s->what), what ? what : "");
	s->point = vrs_calloc(n + 1, sizeof(*s->point));
	for (size_t i = 0; i < n && status == 0; i++)
		status = add_point(s, range ? json_array_get(points, i) : points, err);
	return status;
}

static int read_result(struct vrs_prom_answer *a, const json_t *root, struct vrs_err *err)
{
	const json_t *data = json_object_get(root, "data");
	const json_t *result = json_object_get(data, "result");
	const char *state = json_string_value(json_object_get(root, "status"));
	const char *why = json_string_value(json_object_get(root, "error"));
	const char *type = json_string_value(json_object_get(data, "resultType"));
	size_t n = json_array_size(result);
	int status = 0;

	if (state && strcmp(state, "error") == 0)
		return vrs_fail(err, VRS_EIO, "prometheus: %.300s", why ? why : "error");
	bool range = type && strcmp(type, "matrix") == 0;
	if (!state || strcmp(state, "success") != 0 || !json_is_array(result) ||
	    (!range && (!type || strcmp(type, "vector") != 0)))
		return no_answer(err, "neither a vector nor a matrix");
	if (n > VRS_PROM_MAX_SERIES)
		return vrs_fail(err, VRS_ENOSPC, "prometheus: too many series: %zu", n);
	a->series = vrs_calloc(n + 1, sizeof(*a->series));
	while (a->n < n && status == 0) {
		struct vrs_prom_series *s = &a->series[a->n];

		status = read_series(s, json_array_get(result, a->n), range, err);
		a->n++;
	}
	return status;
}

int vrs_prom_parse(struct vrs_prom_answer *ret, const char *text, size_t n,
		   struct vrs_err *err)
{
	struct vrs_prom_answer a = {0};
	json_error_t why;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);

	if (!root)
		return no_answer(err, why.text);
	int status = read_result(&a, root, err);
	json_decref(root);
	if (status < 0) {
		vrs_prom_fini(&a);
		return status;
	}
	*ret = a;
	return 0;
}
