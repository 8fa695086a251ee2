/* conf.h - settings of a daemon, defined by one table of options.
 *
 * The table serves to parse and check the settings file, read the environment, print the
 * help and generate the manual page. The only door to inih.
 *
 * The file is an INI file. Each daemon reads the section with its name and [common].
 * Precedence, highest first: command line (--key=value), environment
 * (VRSAS_<SERVICE>_KEY, then VRSAS_KEY), file, default. An unknown key in one of these
 * two sections, a repeated key or a value out of range is an error that names file and
 * line. Sections of other daemons are ignored. */
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
	const char *fallback; /* default as text; NULL: required */
	double min, max;  /* INT, DOUBLE, DURATION (ms), BYTES; both 0: any value >= 0 */
	const char *help; /* one sentence */
};

/* Reads the defaults, then the file, the environment and the command line. On failure
 * target holds nothing to free. */
struct vrs_conf_sources {
	const char *service;
	const char *path;             /* of the file; NULL: none */
	const char *const *overrides; /* "key=value", ends with NULL; NULL: none */
};
int vrs_conf_load(const struct vrs_option *options, void *target,
		  const struct vrs_conf_sources *from, struct vrs_err *err);
void vrs_conf_fini(const struct vrs_option *options, void *target);

/* Sets one option from text, as when the file is read. */
int vrs_conf_set(const struct vrs_option *opt, void *target, const char *value,
		 struct vrs_err *err);

/* Prints the table for --help, or as the body of a manual page (roff). */
void vrs_conf_print_help(const struct vrs_option *options, bool roff);

/* Reads any INI file line by line, for formats with named sections. Section and key are
 * trimmed. The callback returns 0 or a VRS_E* and fills err, to which file and line are
 * added. A key that is repeated within its section is an error. */
struct vrs_ini_line {
	const char *section, *key, *value;
};
typedef int (*vrs_ini_fn)(void *arg, const struct vrs_ini_line *line,
			  struct vrs_err *err);
int vrs_ini_read(const char *path, vrs_ini_fn fn, void *arg, struct vrs_err *err);

/* Reads a secret: the first line of a file that other users cannot read. The caller frees
 * it. */
int vrs_secret_read(const char *path, char **ret, struct vrs_err *err);

#endif
