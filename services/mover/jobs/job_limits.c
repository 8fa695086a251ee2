#include "jobs/job_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/script.h"
#include "ssh/place.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

extern const char lua_job_limits[];

enum { MAX_ARGS = 11, N_LIMITS = 3, NUMBER_BYTES = 16, REQUEST_ITEMS = 5 };

/* Runs a function of the script: its name, its arguments (NULL ends them), the limits. */
static int run(struct vrs_store *s, const struct job_limits *limits,
	       const char *const *texts, struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_arg key = VRS_ARG(VRS_KEY_JOB_LIMITS), args[MAX_ARGS];
	int limit[N_LIMITS] = {limits->source, limits->target, limits->link};
	char number[N_LIMITS][NUMBER_BYTES];
	size_t n = 0;

	for (; texts[n]; n++)
		args[n] = VRS_ARG(texts[n]);
	for (size_t i = 0; i < N_LIMITS; i++) {
		(void)snprintf(number[i], NUMBER_BYTES, "%d", limit[i]);
		args[n++] = VRS_ARG(number[i]);
	}
	struct vrs_script script = {.text = lua_job_limits,
				    .keys = &key,
				    .n_keys = 1,
				    .args = args,
				    .n_args = n};
	size_t n_items = strcmp(texts[0], "request") == 0 ? REQUEST_ITEMS : 1;
	return script_run(s, &script, n_items, ret, err);
}

/* Without user and port: all users of a host share its disk. */
static const char *host_of(char buf[256], const char *place)
{
	struct place p;

	if (!place || place_parse(&p, place, NULL) < 0 || !*p.host)
		return "local";
	(void)vrs_strcpy(buf, 256, p.host);
	return buf;
}

int job_limits_request(struct vrs_store *s, const struct job_limits *limits,
		       const Vrsas__V1__TransferJob *job, struct job_limits_result *ret,
		       struct vrs_err *err)
{
	char source[256], target[256], link[160], priority[NUMBER_BYTES];
	struct vrs_reply *r = NULL;

	(void)snprintf(link, sizeof(link), "%.70s > %.70s", job->source_cluster,
		       job->target_cluster);
	(void)snprintf(priority, sizeof(priority), "%u", job->priority);
	const char *texts[] = {"request",
			       job->job_id,
			       limits->mover,
			       priority,
			       host_of(source, job->n_source ? job->source[0] : NULL),
			       host_of(target, job->n_target ? job->target[0] : NULL),
			       link,
			       ret->ready ? "1" : "0",
			       NULL};
	int status = run(s, limits, texts, &r, err);
	if (status < 0)
		return status;
	ret->go = strcmp(r->item[0].bytes, "go") == 0;
	ret->beside = (uint32_t)strtoul(r->item[1].bytes, NULL, 10);
	ret->since_ms = strtoll(r->item[4].bytes, NULL, 10);
	ret->waits_for[0] = '\0';
	if (!ret->go)
		(void)snprintf(ret->waits_for, sizeof(ret->waits_for),
			       "%s%.90s at its limit, %s ahead",
			       *r->item[2].bytes ? "" : "mover", r->item[2].bytes,
			       r->item[3].bytes);
	vrs_reply_free(r);
	return 0;
}

int job_limits_leave(struct vrs_store *s, const struct job_limits *limits,
		     const char *job, struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status = run(s, limits, (const char *[]){"leave", job, limits->mover, NULL},
			 &r, err);

	if (status == 0)
		vrs_reply_free(r);
	return status;
}

int job_limits_find(struct vrs_store *s, const struct job_limits *limits,
		    char ret_job[132], struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status =
		run(s, limits, (const char *[]){"find", limits->mover, NULL}, &r, err);

	if (status < 0)
		return status;
	(void)vrs_strcpy(ret_job, 132, r->item[0].bytes);
	vrs_reply_free(r);
	return 0;
}
