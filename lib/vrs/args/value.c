#include "vrs/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"

static bool parse_number(const char *text, double *ret, const char **ret_rest)
{
	char *end;

	errno = 0;
	double v = strtod(text, &end);
	if (end == text || errno != 0 || !isfinite(v))
		return false;
	while (isspace((unsigned char)*end))
		end++;
	*ret = v;
	*ret_rest = end;
	return true;
}

int vrs_parse_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1},     {"", 1000},    {"s", 1000},       {"m", 60e3},
		     {"min", 60e3}, {"h", 3600e3}, {"d", 24 * 3600e3}};
	const char *rest;
	double v;

	if (!parse_number(text, &v, &rest) || v < 0)
		return VRS_EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(rest, units[i].unit) == 0 && v * units[i].ms < 9e15) {
			*ret_ms = llround(v * units[i].ms);
			return 0;
		}
	return VRS_EINVAL;
}

int vrs_parse_bytes(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *rest;
	double v, scale = 1;

	if (!parse_number(text, &v, &rest) || v < 0)
		return VRS_EINVAL;
	if (*rest) {
		const char *u = strchr(units, toupper((unsigned char)*rest));

		if (!u)
			return VRS_EINVAL;
		for (const char *k = units; k <= u; k++)
			scale *= 1024;
		rest++;
		if (strcmp(rest, "iB") != 0 && strcmp(rest, "B") != 0 && *rest)
			return VRS_EINVAL;
	}
	if (v * scale >= 9e18)
		return VRS_EINVAL;
	*ret_bytes = llround(v * scale);
	return 0;
}

static bool parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*ret = true;
			return true;
		}
		if (strcasecmp(text, no[i]) == 0) {
			*ret = false;
			return true;
		}
	}
	return false;
}

static void format_bound(char buf[32], const struct vrs_value_rule *rule, double v)
{
	if (rule->type == VRS_OPT_DURATION)
		(void)snprintf(buf, 32, v < 1000 ? "%.0fms" : "%gs",
			       v < 1000 ? v : v / 1000);
	else
		(void)snprintf(buf, 32, "%.15g", v);
}

void vrs_value_range(char buf[80], const struct vrs_value_rule *rule)
{
	char lo[32], hi[32];

	buf[0] = '\0';
	if (rule->min == 0 && rule->max == 0)
		return;
	format_bound(lo, rule, rule->min);
	format_bound(hi, rule, rule->max);
	(void)snprintf(buf, 80, "%s..%s", lo, hi);
}

static int check_range(const struct vrs_value_rule *rule, double v, struct vrs_err *err)
{
	char range[80];

	if (v >= rule->min && (v <= rule->max || rule->max == 0))
		return 0;
	if (rule->max == 0 && rule->min == 0)
		return vrs_fail(err, VRS_EINVAL, "must not be negative");
	if (rule->max == 0) {
		format_bound(range, rule, rule->min);
		return vrs_fail(err, VRS_EINVAL, "must be at least %s", range);
	}
	vrs_value_range(range, rule);
	return vrs_fail(err, VRS_EINVAL, "must be in the range %s", range);
}

int vrs_value_read(const struct vrs_value_rule *rule, const char *text, void *ret,
		   struct vrs_err *err)
{
	bool is_whole = rule->type == VRS_OPT_INT;
	const char *rest;
	double number;
	int64_t whole = 0;
	int status;

	switch (rule->type) {
	case VRS_OPT_BOOL:
		if (!parse_bool(text, ret))
			return vrs_fail(err, VRS_EINVAL, "must be yes or no");
		return 0;
	case VRS_OPT_DOUBLE:
	case VRS_OPT_INT:
		if (!parse_number(text, &number, &rest) || *rest ||
		    (is_whole && number != trunc(number)))
			return vrs_fail(err, VRS_EINVAL, "must be a%s number",
					is_whole ? " whole" : "");
		status = check_range(rule, number, err);
		if (status == 0 && is_whole)
			*(int64_t *)ret = (int64_t)number;
		else if (status == 0)
			*(double *)ret = number;
		return status;
	case VRS_OPT_DURATION:
		if (vrs_parse_duration(text, &whole) < 0)
			return vrs_fail(err, VRS_EINVAL,
					"must be a duration such as 500ms, 5s, 2m, 4h");
		break;
	case VRS_OPT_BYTES:
		if (vrs_parse_bytes(text, &whole) < 0)
			return vrs_fail(err, VRS_EINVAL,
					"must be a size such as 512, 64K, 2G");
		break;
	case VRS_OPT_TIME:
		whole = vrs_time_parse(text);
		if (whole < 0)
			return vrs_fail(err, VRS_EINVAL,
					"must be a time such as 2026-01-31T12:00:00Z");
		break;
	default:
		return vrs_fail(err, VRS_EINTERNAL, "unknown option type");
	}
	status = check_range(rule, (double)whole, err);
	if (status == 0)
		*(int64_t *)ret = whole;
	return status;
}
