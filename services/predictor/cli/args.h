/* args.h - the words of a command: --name value, --name=value, --flag.
 *
 * One table a command parses, checks and prints its help. Wrong input is one line on
 * stderr and exit code 2. */
#ifndef PREDICTOR_CLI_ARGS_H
#define PREDICTOR_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGS_MAX_LIST = 64 };

struct arg {
	const char *name; /* without the dashes; the table ends with NULL */
	const char *what; /* "FILE", "N"; NULL: a flag */
	const char *help;
	const char **text; /* exactly one of these is set */
	int64_t *number;   /* low..high */
	int64_t *time_ms;  /* RFC 3339 */
	bool *flag;
	const char **list; /* up to ARGS_MAX_LIST values, NULL at the end */
	int64_t low, high;
};

/* Words that several commands have. */
#define ARG_TRACES(files)                                                                \
	{                                                                                \
		.name = "traces", .what = "FILE", .help = "CSV or CSV.gz",               \
		.list = (files)                                                          \
	}
#define ARG_ONE_ENTITY(entity)                                                           \
	{                                                                                \
		.name = "entity", .what = "NAME", .help = "the series (the first one)",  \
		.text = (entity)                                                         \
	}
#define ARG_FAILURE(until)                                                               \
	{                                                                                \
		.name = "until", .what = "TIME",                                         \
		.help = "the failure: tests from here on", .time_ms = (until)            \
	}

struct command {
	const char *name;
	const char *does; /* one sentence */
	int (*run)(int argc, char **argv);
};

/* Fills what the table points to. Ends the program on --help (0) and wrong input (2). */
void args_parse(const struct command *c, const struct arg *table, int argc, char **argv);
/* "vrs-predictor NAME: what is wrong", exit code 2. */
_Noreturn void args_wrong(const struct command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* `"name":value,` on standard output, null where it is not a number. */
void args_json_number(const char *name, double value);

/* A bar on stderr while work runs, on a terminal only. */
void args_progress(const char *what, double share, const char *note);

#endif
