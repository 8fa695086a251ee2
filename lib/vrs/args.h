/* args.h - the command line of a program with commands: one table parses it, checks it,
 * and prints the help, the manual page and the completion.
 *
 *   NAME [OPTIONS] COMMAND [OPERANDS]   --key value, --key=value, -k value, flags, and --
 *   NAME help COMMAND, --help, --version, --man, --completion bash
 *
 * An option that the command does not have, a missing operand or a value that does not
 * fit is one line on stderr that says what to do, and exit code 2. */
#ifndef VRS_ARGS_H
#define VRS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/value.h"

struct vrs_ctl; /* one call of a program, what its commands are given: each program
		   defines its own */

struct vrs_args_option {
	const char *name;  /* long name; a table ends with NULL */
	char letter;       /* 0: none */
	const char *value; /* what it takes: "URL"; "[S]": may stand after '='; NULL: a
			      flag; the words of a CHOICE: "auto|off" */
	const char *help;  /* NULL: accepted, not listed */
	enum vrs_opt_type type;
	double min, max; /* as vrs_value_rule's */
	bool required;
};

struct vrs_args_command {
	const char *name;     /* "host list"; a table ends with NULL */
	const char *operands; /* "HOST", "[FROM [TO]]", "": these many, checked */
	const struct vrs_args_option *options; /* beside the global ones; NULL: none */
	const char *summary;                   /* one line, no full stop */
	const char *text;     /* what one must know and could not guess; NULL: nothing */
	const char *examples; /* lines, each a command */
	int (*run)(struct vrs_ctl *ctl); /* returns the exit code */
};

struct vrs_args_program {
	const char *name;    /* as it is typed */
	const char *summary; /* of the page's NAME line: lower case, no full stop */
	const char *text;
	const struct vrs_args_command *commands;
	const struct vrs_args_option *options;     /* of every command */
	const struct vrs_args_option *environment; /* names and help; NULL: none */
	const char *examples;
	const char *exit_codes;
	const char *see_also; /* pages beside vrsas(7), roff; NULL: none */
};

enum { VRS_ARGS_MAX_OPERANDS = 4, VRS_ARGS_MAX_GIVEN = 96 };

struct vrs_args {
	const struct vrs_args_program *program;
	const struct vrs_args_command *command; /* NULL: none was given */
	const char *operand[VRS_ARGS_MAX_OPERANDS];
	size_t n_operands;
	struct {
		const struct vrs_args_option *option;
		const char *value; /* NULL: flag, or "[S]" without a value */
		int64_t number;    /* value as its type says; of a CHOICE its index */
	} given[VRS_ARGS_MAX_GIVEN];
	size_t n_given;
	bool help; /* asked for help, the version, the page or the completion */
};

/* VRS_EINVAL with one line that says what is wrong and, where it can, what was meant; ret
 * then holds what came before. */
int vrs_args_parse(struct vrs_args *ret, const struct vrs_args_program *program, int argc,
		   char *const *argv, struct vrs_err *err);
/* The same at the top of main(): prints help, version, page and completion, and errors.
 * -1: run ret->command; else the exit code. */
int vrs_args_begin(struct vrs_args *ret, const struct vrs_args_program *program, int argc,
		   char *const *argv);
/* "NAME COMMAND: what is wrong (see NAME COMMAND --help)" on stderr; returns 2. */
int vrs_args_wrong(const struct vrs_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* For a daemon that has commands, too: true for the service (no word, a setting or
 * "serve", which is taken out). */
bool vrs_args_serve(int *argc, char ***argv);

bool vrs_args_has(const struct vrs_args *a, const char *option);
/* The value given last; NULL when the option was not given. */
const char *vrs_args_value(const struct vrs_args *a, const char *option);
/* The same, "" when it was not given. */
const char *vrs_args_text(const struct vrs_args *a, const char *option);
/* The same as a number, by the option's type. */
int64_t vrs_args_number(const struct vrs_args *a, const char *option, int64_t otherwise);
/* The i-th value of all that were given; NULL behind the last one. */
const char *vrs_args_nth(const struct vrs_args *a, const char *option, size_t i);

/* The exit code of all programs for a VRS_E* code: 0 ok, 1 failed, 2 usage, 3 not found,
 * 4 refused, 5 unreachable, 6 timeout. */
int vrs_exit_code(int status);

#endif
