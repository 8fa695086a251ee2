#include "jobs/job_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/place.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

extern const char lua_job_limits[];

static int run(struct vrs_store *s, const struct vrs_arg *args, size_t n_args,
	       size_t n_want, struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_arg key = VRS_ARG(VRS_KEY_JOB_LIMITS);
	int status = vrs_store_eval(s, ret,
				    &(struct vrs_script){.text = lua_job_limits,
							 .keys = &key,
							 .n_keys = 1,
							 .args = args,
							 .n_args = n_args},
				    err);

	if (status < 0)
		return status;
	bool sound = (*ret)->n_items == n_want;
	for (size_t i = 0; sound && i < n_want; i++)
		sound = (*ret)->item[i].bytes != NULL;
	if (sound)
		return 0;
	vrs_reply_free(*ret);
	return vrs_fail(err, VRS_EPARSE, "store: an answer makes no sense");
}

/* The machine alone: two users of one host share its disk. */
static const char *host_of(char buf[256], const char *end)
{
	struct place p;

	if (!end || place_parse(&p, end, NULL) < 0 || !*p.host)
		return "local";
	(void)vrs_strcpy(buf, 256, p.host);
	return buf;
}

int job_limits_ask(struct vrs_store *s, const Vrsas__V1__TransferJob *job,
		   const char *mover, bool can_begin,
		   const struct job_limits_limits *limits, struct job_limits_answer *ret,
		   struct vrs_err *err)
{
	char source[256], target[256], link[160], priority[16], n[3][16];
	struct vrs_reply *r = NULL;

	(void)snprintf(link, sizeof(link), "%.70s > %.70s", job->source_cluster,
		       job->target_cluster);
	(void)snprintf(priority, sizeof(priority), "%u", job->priority);
	(void)snprintf(n[0], sizeof(n[0]), "%d", limits->source);
	(void)snprintf(n[1], sizeof(n[1]), "%d", limits->target);
	(void)snprintf(n[2], sizeof(n[2]), "%d", limits->link);
	const char *from = host_of(source, job->n_source ? job->source[0] : NULL);
	const char *to = host_of(target, job->n_target ? job->target[0] : NULL);
	struct vrs_arg args[] = {VRS_ARG("ask"), VRS_ARG(job->job_id),
				 VRS_ARG(mover), VRS_ARG(priority),
				 VRS_ARG(from),  VRS_ARG(to),
				 VRS_ARG(link),  VRS_ARG(can_begin ? "1" : "0"),
				 VRS_ARG(n[0]),  VRS_ARG(n[1]),
				 VRS_ARG(n[2])};
	int status = run(s, args, 11, 5, &r, err);
	if (status < 0)
		return status;
	*ret = (struct job_limits_answer){.go = strcmp(r->item[0].bytes, "go") == 0};
	ret->beside = (uint32_t)strtoul(r->item[1].bytes, NULL, 10);
	ret->since_ms = strtoll(r->item[4].bytes, NULL, 10);
	if (!ret->go) {
		const char *why = r->item[2].bytes;

		(void)snprintf(ret->waits_for, sizeof(ret->waits_for),
			       "%s%.90s has no room, %s before it",
			       *why ? "" : "the mover", why, r->item[3].bytes);
	}
	vrs_reply_free(r);
	return 0;
}

int job_limits_leave(struct vrs_store *s, const char *job, const char *mover,
		     struct vrs_err *err)
{
	struct vrs_arg args[] = {VRS_ARG("leave"), VRS_ARG(job), VRS_ARG(mover)};
	struct vrs_reply *r = NULL;
	int status = run(s, args, 3, 1, &r, err);

	if (status == 0)
		vrs_reply_free(r);
	return status;
}

int job_limits_find(struct vrs_store *s, const char *mover,
		    const struct job_limits_limits *limits, char ret_job[132],
		    struct vrs_err *err)
{
	char n[3][16];
	struct vrs_reply *r = NULL;

	(void)snprintf(n[0], sizeof(n[0]), "%d", limits->source);
	(void)snprintf(n[1], sizeof(n[1]), "%d", limits->target);
	(void)snprintf(n[2], sizeof(n[2]), "%d", limits->link);
	struct vrs_arg args[] = {VRS_ARG("find"), VRS_ARG(mover), VRS_ARG(n[0]),
				 VRS_ARG(n[1]), VRS_ARG(n[2])};
	int status = run(s, args, 5, 1, &r, err);
	if (status < 0)
		return status;
	(void)vrs_strcpy(ret_job, 132, r->item[0].bytes);
	vrs_reply_free(r);
	return 0;
}
