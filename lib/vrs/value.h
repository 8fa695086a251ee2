/* value.h - values as people write them: numbers, durations, sizes, times. Pure. */
#ifndef VRS_VALUE_H
#define VRS_VALUE_H

#include <stdint.h>

#include "vrs/err.h"

enum vrs_opt_type {
	VRS_OPT_STRING,   /* settings: char *, owned by the table's target, freed by
			     vrs_conf_fini */
	VRS_OPT_INT,      /* int64_t within min..max */
	VRS_OPT_DOUBLE,   /* double within min..max */
	VRS_OPT_BOOL,     /* bool: yes/no/true/false/on/off/1/0 */
	VRS_OPT_DURATION, /* int64_t milliseconds: 500ms, 5s, 2m, 4h, 1d; a bare number is
			     seconds */
	VRS_OPT_BYTES,    /* int64_t bytes: 512, 64K, 1M, 2G (binary) */
	VRS_OPT_TIME,     /* int64_t Unix milliseconds: RFC 3339 */
	VRS_OPT_CHOICE, /* command line only: one of the words of its value, "auto|off" */
	VRS_OPT_LIST,   /* command line only: one or more words, and repeatable */
};

/* What a value may be. min and max both 0: any value >= 0; max 0: at least min. */
struct vrs_value_rule {
	enum vrs_opt_type type;
	double min, max;
};

/* Reads all types but STRING, CHOICE and LIST; ret points to what the type says. On
 * failure VRS_EINVAL with the reason alone ("must be a whole number"): the caller knows
 * the name. */
int vrs_value_read(const struct vrs_value_rule *rule, const char *text, void *ret,
		   struct vrs_err *err);
/* The bounds as a person would write them, "200ms..3600s"; "" without bounds. */
void vrs_value_range(char buf[80], const struct vrs_value_rule *rule);

int vrs_parse_duration(const char *text, int64_t *ret_ms);
int vrs_parse_bytes(const char *text, int64_t *ret_bytes);

#endif
