#include "vrs/fault.h"

#ifdef VRS_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 64 };

struct point {
	char name[96];
	char action[16];
	int at; /* the n-th time; 0: every time */
	int passed;
};

static struct point points[MAX_POINTS];
static int n_points;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void read_environment(void)
{
	const char *env = getenv("VRSAS_FAULTS");

	if (!env)
		return;
	char *copy = strdup(env), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p && n_points < MAX_POINTS;
	     p = strtok_r(NULL, ",", &save)) {
		struct point *q = &points[n_points];
		int n = 1;

		if (sscanf(p, "%95[^=]=%15[a-z]@%d", q->name, q->action, &n) >= 2) {
			q->at = n;
			n_points++;
		}
	}
	free(copy);
}

int vrs_fault(const char *fmt, ...)
{
	char name[96];
	va_list ap;
	int result = 0;

	(void)pthread_once(&once, read_environment);
	if (n_points == 0)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);

	(void)pthread_mutex_lock(&lock);
	const char *action = "";
	for (int i = 0; i < n_points; i++)
		if (strcmp(points[i].name, name) == 0) {
			points[i].passed++;
			if (points[i].at == 0 || points[i].passed == points[i].at)
				action = points[i].action;
		}
	(void)pthread_mutex_unlock(&lock);

	if (strcmp(action, "kill") == 0)
		(void)raise(SIGKILL);
	else if (strcmp(action, "stop") == 0)
		(void)raise(SIGSTOP);
	else if (strcmp(action, "fail") == 0)
		result = 1;
	return result;
}

#else

/* An empty translation unit is not C. */
typedef int vrs_fault_is_not_built_in;

#endif
