/* args.c - see args.h. */
#include "cli/args.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vrs/clock.h"

void args_wrong(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "vrs-predictor %s: ", c->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, " (see vrs-predictor %s --help)\n", c->name);
	exit(2);
}

static void help(const struct command *c, const struct arg *table)
{
	printf("Usage: vrs-predictor %s [options]\n%s\n\n", c->name, c->does);
	for (const struct arg *a = table; a->name; a++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "--%s%s%s%s", a->name,
			       a->what ? " " : "", a->what ? a->what : "",
			       a->list ? "..." : "");
		printf("  %-24s %s\n", left, a->help);
	}
	exit(0);
}

static void take(const struct command *c, const struct arg *a, const char *value)
{
	char *end;

	if (a->text) {
		*a->text = value;
	} else if (a->list) {
		int n = 0;

		while (a->list[n])
			n++;
		if (n + 1 >= ARGS_MAX_LIST)
			args_wrong(c, "--%s: more than %d", a->name, ARGS_MAX_LIST - 1);
		a->list[n] = value;
	} else if (a->time_ms) {
		*a->time_ms = vrs_time_parse(value);
		if (*a->time_ms < 0)
			args_wrong(c,
				   "--%s: '%s' is not a time like 2026-01-31T12:00:00Z",
				   a->name, value);
	} else {
		*a->number = strtoll(value, &end, 10);
		if (*value == '\0' || *end != '\0' || *a->number < a->low ||
		    *a->number > a->high)
			args_wrong(c, "--%s: '%s' is not a number from %lld to %lld",
				   a->name, value, (long long)a->low, (long long)a->high);
	}
}

void args_parse(const struct command *c, const struct arg *table, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *equals = strchr(word, '=');
		const struct arg *a = table;

		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
			help(c, table);
		if (strncmp(word, "--", 2) != 0)
			args_wrong(c, "unexpected argument '%s'", word);
		size_t len = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
		while (a->name &&
		       (strlen(a->name) != len || strncmp(a->name, word + 2, len) != 0))
			a++;
		if (!a->name)
			args_wrong(c, "unknown option %s", word);
		if (a->flag) {
			*a->flag = true;
			continue;
		}
		if (!equals && i + 1 >= argc)
			args_wrong(c, "--%s requires %s", a->name, a->what);
		take(c, a, equals ? equals + 1 : argv[++i]);
		while (a->list && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
			take(c, a, argv[++i]);
	}
}

void args_json_number(const char *name, double value)
{
	if (isfinite(value))
		printf("\"%s\":%.7g,", name, value);
	else
		printf("\"%s\":null,", name);
}

void args_progress(const char *what, double share, const char *note)
{
	enum { WIDTH = 30 };
	int full = (int)(share * WIDTH);

	if (!isatty(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r%s [%.*s%*s] %3.0f %% %s\033[K%s", what, full,
		      "##############################", WIDTH - full, "", share * 100,
		      note, share >= 1 ? "\n" : "");
}
