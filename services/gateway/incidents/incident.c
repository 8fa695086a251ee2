#include "incidents/incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { TRIES = 8, CLOSED_KEPT = 1000, OPEN_MAX = 1000 };

extern const char lua_incident_put[];

const char *incident_result_name(enum incident_result r)
{
	static const char *const names[] = {"new", "repeated", "resolved"};

	return names[r];
}

void incident_merge(Vrsas__V1__Incident *ret, const Vrsas__V1__Incident *old,
		    const struct alert *a, const char *source, int64_t now_ms)
{
	vrsas__v1__incident__init(ret);
	ret->id = a->id;
	ret->fingerprint = a->fingerprint;
	ret->alert = a->name;
	ret->cluster = a->cluster;
	ret->host = a->host;
	ret->severity = a->severity;
	ret->summary = a->summary;
	ret->source = source;
	ret->starts_at_ms = a->starts_at_ms;
	ret->ends_at_ms = a->ends_at_ms;
	ret->received_at_ms = old ? old->received_at_ms : now_ms;
	ret->last_at_ms = now_ms;
	ret->words = old ? old->words + 1 : 1;
}

static enum incident_result result_of(const Vrsas__V1__Incident *old,
				      const struct alert *a)
{
	if (a->ends_at_ms)
		return INCIDENT_RESOLVED;
	return old ? INCIDENT_REPEATED : INCIDENT_NEW;
}

static int put(struct vrs_store *s, const Vrsas__V1__Incident *in,
	       const struct vrs_reply *old, struct vrs_err *err)
{
	const struct vrs_arg keys[] = {VRS_ARG(VRS_KEY_INCIDENTS),
				       VRS_ARG(VRS_KEY_INCIDENTS_OPEN),
				       VRS_ARG(VRS_KEY_INCIDENTS_CLOSED)};
	char ends[24], kept[16], open[16];
	struct vrs_reply *r;
	size_t n;

	(void)snprintf(ends, sizeof(ends), "%lld", (long long)in->ends_at_ms);
	(void)snprintf(kept, sizeof(kept), "%d", CLOSED_KEPT);
	(void)snprintf(open, sizeof(open), "%d", OPEN_MAX);
	void *bytes = vrs_msg_pack(&in->base, &n);
	const struct vrs_arg args[] = {VRS_ARG(in->id),
				       {old->type == VRS_REPLY_BYTES ? old->bytes : "",
					old->type == VRS_REPLY_BYTES ? old->len : 0},
				       {bytes, n},
				       VRS_ARG(ends),
				       VRS_ARG(kept),
				       VRS_ARG(open)};
	int status = vrs_store_eval(s, &r,
				    &(struct vrs_script){.text = lua_incident_put,
							 .keys = keys,
							 .n_keys = 3,
							 .args = args,
							 .n_args = 6},
				    err);
	free(bytes);
	if (status < 0)
		return status;
	status = r->integer == 1;
	if (r->integer == 2)
		status = vrs_fail(err, VRS_ENOSPC,
				  "incident %s: %d incidents are open already", in->id,
				  OPEN_MAX);
	vrs_reply_free(r);
	return status;
}

/* 1: written; 0: another gateway wrote it in between. */
static int try_once(struct vrs_store *s, const struct alert *a, const char *source,
		    enum incident_result *ret, struct vrs_err *err)
{
	Vrsas__V1__Incident in;
	struct vrs_msg *msg = NULL;
	struct vrs_reply *old;
	const struct vrs_arg get[] = {VRS_ARG("HGET"), VRS_ARG(VRS_KEY_INCIDENTS),
				      VRS_ARG(a->id)};
	int status = vrs_store_do(s, &old, get, 3, err);

	if (status < 0)
		return status;
	if (old->type == VRS_REPLY_BYTES)
		(void)vrs_msg_unpack(&msg, &vrsas__v1__incident__descriptor, old->bytes,
				     old->len, NULL);
	const Vrsas__V1__Incident *was = msg ? (const void *)vrs_msg_get(msg) : NULL;
	incident_merge(&in, was, a, source, vrs_now_wall_ms());
	*ret = result_of(was, a);
	status = put(s, &in, old, err);
	vrs_msg_free(msg);
	vrs_reply_free(old);
	return status;
}

int incident_report(struct vrs_store *s, const struct alert *a, const char *source,
		    enum incident_result *ret, struct vrs_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		int status = try_once(s, a, source, ret, err);

		if (status != 0)
			return status < 0 ? status : 0;
	}
	return vrs_fail(err, VRS_ECONFLICT,
			"incident %s: another writer keeps changing it", a->id);
}

/* --- reading --- */

static int ids_of(struct vrs_store *s, int64_t since_ms, struct vrs_reply **ret,
		  struct vrs_err *err)
{
	vrs_store_addf(s, "SMEMBERS " VRS_KEY_INCIDENTS_OPEN);
	vrs_store_addf(s, "ZREVRANGEBYSCORE " VRS_KEY_INCIDENTS_CLOSED " +inf %lld",
		       (long long)since_ms);
	return vrs_store_run(s, ret, err);
}

static void take(struct incidents *in, const struct vrs_reply *r)
{
	struct vrs_msg *msg;

	if (r->type != VRS_REPLY_BYTES ||
	    vrs_msg_unpack(&msg, &vrsas__v1__incident__descriptor, r->bytes, r->len,
			   NULL) < 0)
		return;
	in->msg[in->n] = msg;
	in->one[in->n] = (const void *)vrs_msg_get(msg);
	in->n_open += in->one[in->n]->ends_at_ms == 0;
	in->n++;
}

int incident_read(struct vrs_store *s, int64_t since_ms, struct incidents *ret,
		  struct vrs_err *err)
{
	struct incidents in = {0};
	struct vrs_reply *ids, *list = NULL;
	int status = ids_of(s, since_ms, &ids, err);

	if (status < 0)
		return status;
	size_t n = ids->item[0].n_items + ids->item[1].n_items;
	struct vrs_arg *argv = vrs_calloc(n + 2, sizeof(*argv));
	size_t argc = 0;
	argv[argc++] = VRS_ARG("HMGET");
	argv[argc++] = VRS_ARG(VRS_KEY_INCIDENTS);
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < ids->item[k].n_items; i++)
			argv[argc++] = (struct vrs_arg){ids->item[k].item[i].bytes,
							ids->item[k].item[i].len};
	if (n)
		status = vrs_store_do(s, &list, argv, argc, err);
	if (status == 0) {
		in.msg = vrs_calloc(n + 1, sizeof(struct vrs_msg *));
		in.one = vrs_calloc(n + 1, sizeof(const Vrsas__V1__Incident *));
		for (size_t i = 0; list && i < list->n_items; i++)
			take(&in, &list->item[i]);
		*ret = in;
	}
	free(argv);
	vrs_reply_free(list);
	vrs_reply_free(ids);
	return status;
}

void incident_fini(struct incidents *in)
{
	for (size_t i = 0; i < in->n; i++)
		vrs_msg_free(in->msg[i]);
	free(in->msg);
	free(in->one);
	*in = (struct incidents){0};
}
