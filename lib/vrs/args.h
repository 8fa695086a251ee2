/* args.h - the command line: verbs, their operands and options, from one table.
 *
 * Pure. The same table is the help, the manual page and the completion (help.c). */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

struct ctl;

struct opt {
	const char *name;  /* long name; a table ends with NULL */
	char letter;       /* 0: none */
	const char *value; /* what it takes: "URL"; "[S]": may stand after '='; NULL: a
			      flag */
	const char *help;
};

struct verb {
	const char *name;            /* "host list"; a table ends with NULL */
	const char *operands;        /* "HOST", "[FILE]", "" */
	size_t min, max;             /* how many */
	const struct opt *options;   /* beside the global ones; NULL: none */
	const char *summary;         /* one line, no full stop */
	const char *text;            /* what one must know and could not guess */
	const char *examples;        /* lines, each a command */
	int (*run)(struct ctl *ctl); /* returns the exit code */
};

enum { ARGS_MAX_OPERANDS = 4, ARGS_MAX_OPTIONS = 32 };

struct args {
	const struct verb *verb; /* NULL: none was given */
	const char *operand[ARGS_MAX_OPERANDS];
	size_t n_operands;
	struct {
		const struct opt *opt;
		const char *value; /* NULL: flag, or "[S]" without a value */
	} given[ARGS_MAX_OPTIONS];
	size_t n_given;
};

/* VRS_EINVAL with one line that says what is wrong and, where it can, what was meant.
 * Counting of operands is left out when "help" is among the options given. */
int args_parse(struct args *ret, const struct verb *verbs, const struct opt *globals,
	       int argc, char *const *argv, struct vrs_err *err);

bool args_has(const struct args *a, const char *option);
/* The value given last; NULL when the option was not given. */
const char *args_value(const struct args *a, const char *option);

/* The known word that is nearest to a mistyped one; NULL when none is near. Words end
 * with NULL. */
const char *args_nearest(const char *word, const char *const *words);

#endif
