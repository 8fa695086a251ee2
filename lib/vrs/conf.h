/* conf.h - settings: one table of options parses the file, checks it, reads the
 * environment, prints the help and feeds the manual page. The only door to inih.
 *
 * A file is INI. Keys of a daemon stand in the section of its name; [common] holds what
 * all of them share. Order of strength: command line (--key=value), environment
 * (VRSAS_KEY, or VRSAS_<SERVICE>_KEY), file, default. An unknown key in the daemon's own
 * section or in [common], a repeated key or a value out of range is an error that names
 * file and line. Sections of other daemons are passed over. */
#ifndef VRS_CONF_H
#define VRS_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/value.h"

struct vrs_option {
	const char *key; /* lower_case; the table ends with key == NULL */
	enum vrs_opt_type type;
	size_t offset;        /* into the settings struct */
	const char *fallback; /* default as text; NULL: must be given */
	double min, max;  /* INT, DOUBLE, DURATION (ms), BYTES; both 0: any value >= 0 */
	const char *help; /* one sentence */
};

/* Defaults, then file (NULL: none), then environment, then overrides ("key=value",
 * NULL-terminated array or NULL). On failure nothing is kept in target. */
int vrs_conf_load(const struct vrs_option *options, void *target, const char *service,
		  const char *path, const char *const *overrides, struct vrs_err *err);
void vrs_conf_fini(const struct vrs_option *options, void *target);

/* One value by the rules of its type, as the file would be read. */
int vrs_conf_set(const struct vrs_option *opt, void *target, const char *value,
		 struct vrs_err *err);

/* Lists the table: for --help, or as the body of a manual page (roff). */
void vrs_conf_print_help(const struct vrs_option *options, bool roff);

/* Any INI file, line by line, for formats with named sections. section and key are
 * trimmed; the callback returns 0 or a VRS_E* (err filled by it; file:line is put in
 * front). Repeated keys within a section are refused before the callback sees them. */
typedef int (*vrs_ini_fn)(void *arg, const char *section, const char *key,
			  const char *value, int line, struct vrs_err *err);
int vrs_ini_read(const char *path, vrs_ini_fn fn, void *arg, struct vrs_err *err);

/* A secret is a file's first line; refuses a file that others can read. Caller frees. */
int vrs_secret_read(const char *path, char **ret, struct vrs_err *err);

#endif
