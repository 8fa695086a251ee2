/* print.c - see print.h. */
#include "cli/print.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

void print_json_number(const char *name, double value)
{
	if (isfinite(value))
		printf("\"%s\":%.7g,", name, value);
	else
		printf("\"%s\":null,", name);
}

void print_progress(const char *what, double share, const char *note)
{
	enum { WIDTH = 30 };
	int full = (int)(share * WIDTH);

	if (!isatty(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r%s [%.*s%*s] %3.0f %% %s\033[K%s", what, full,
		      "##############################", WIDTH - full, "", share * 100,
		      note, share >= 1 ? "\n" : "");
}
