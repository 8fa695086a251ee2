/* Transfers: their status as movers write it in Redis, orders about them, and predicted
 * against actual times of past ones. */
#include "control/parts.h"

#include "vrs/event.h"
#include "vrs/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 200, MAX_TIMES = 100 };

/* --- reading --- */

static void *arena_give(void *mem, size_t n)
{
	return vrs_arena_alloc(mem, n);
}

static void arena_keep(void *mem, void *p)
{
	(void)mem;
	(void)p;
}

/* Lives as long as the reply; NULL: absent or unreadable. */
static Vrsas__V1__TransferStatus *unpack(struct reply *a, const struct vrs_reply *r)
{
	ProtobufCAllocator in_answer = {arena_give, arena_keep, a->mem};

	return r->bytes && r->len ? vrsas__v1__transfer_status__unpack(
					    &in_answer, r->len, (const uint8_t *)r->bytes)
				  : NULL;
}

static bool is_over(const Vrsas__V1__TransferStatus *t)
{
	return t->ended_at_ms != 0;
}

static bool has_name(const Vrsas__V1__TransferStatus *t, const char *name)
{
	return strcmp(t->job_id, name) == 0 || strcmp(t->vm_name, name) == 0 ||
	       strcmp(t->vm_id, name) == 0;
}

/* The newest transfers, newest first; n of them in *ret. False: refused. */
static bool read_all(struct control *c, struct reply *a, Vrsas__V1__TransferStatus ***ret,
		     size_t *ret_n)
{
	struct vrs_store *s = c->svc->store;
	struct vrs_reply *jobs = NULL, *recs = NULL;
	struct vrs_err err = {0};

	*ret_n = 0;
	if (vrs_store_cmd(s, &jobs, &err, "ZREVRANGE " VRS_KEY_TRANSFERS " 0 %d",
			  MAX_SHOWN - 1) < 0) {
		control_refuse_err(a, &err, "check that Redis is running");
		return false;
	}
	*ret = control_reply_alloc(a, jobs->n_items, sizeof(**ret));
	size_t n = 0;
	for (size_t i = 0; i < jobs->n_items; i++)
		if (jobs->item[i].bytes && vrs_id_ok(jobs->item[i].bytes)) {
			vrs_store_addf(s, "HGET %s rec",
				       vrs_key_transfer(jobs->item[i].bytes).text);
			n++;
		}
	int status = n ? vrs_store_run(s, &recs, &err) : 0;
	vrs_reply_free(jobs);
	if (status < 0) {
		control_refuse_err(a, &err, "check that Redis is running");
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__TransferStatus *t = unpack(a, &recs->item[i]);

		if (t)
			(*ret)[(*ret_n)++] = t;
	}
	vrs_reply_free(recs);
	return true;
}

/* --- showing --- */

static bool job_ok(const char *job, struct reply *a)
{
	if (vrs_id_ok(job))
		return true;
	control_refuse(a, CODE(USAGE), "vrsctl transfer list",
		       "transfer: the name of a job or VM is required");
	return false;
}

void control_transfers(struct control *c, const Vrsas__V1__ControlRequest *req,
		       struct reply *a)
{
	const Vrsas__V1__TransferQuery *q = req->transfers;
	Vrsas__V1__TransferViews *v = control_reply_alloc(a, 1, sizeof(*v));
	Vrsas__V1__TransferStatus **all;
	size_t n;

	if ((q->job[0] && !job_ok(q->job, a)) || !read_all(c, a, &all, &n))
		return;
	vrsas__v1__transfer_views__init(v);
	v->transfer = control_reply_alloc(a, n, sizeof(*v->transfer));
	for (int over = 0; over < 2; over++) /* running ones first */
		for (size_t i = 0; i < n; i++) {
			if (is_over(all[i]) != over || (over && q->open_only) ||
			    (q->job[0] && !has_name(all[i], q->job)))
				continue;
			if (!control_reply_fits(a, &all[i]->base))
				break;
			v->transfer[v->n_transfer++] = all[i];
		}
	if (q->job[0] && v->n_transfer == 0) {
		control_refuse(
			a, CODE(NOT_FOUND),
			"vrsctl transfer list shows the transfers of the last days",
			"transfer %s: not found", q->job);
		return;
	}
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_TRANSFERS;
	a->reply.transfers = v;
}

/* --- orders --- */

/* The open transfer of that name; NULL: refused. */
static const Vrsas__V1__TransferStatus *find_open(struct control *c, const char *name,
						  struct reply *a)
{
	Vrsas__V1__TransferStatus **all;
	const Vrsas__V1__TransferStatus *found = NULL, *over = NULL;
	size_t n;

	if (!read_all(c, a, &all, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!has_name(all[i], name))
			continue;
		if (is_over(all[i])) {
			over = all[i];
		} else if (found) {
			control_refuse(a, CODE(USAGE),
				       "name the job: vrsctl transfer list",
				       "transfer %s: several match", name);
			return NULL;
		} else {
			found = all[i];
		}
	}
	if (!found)
		control_refuse(a, over ? CODE(REFUSED) : CODE(NOT_FOUND),
			       "vrsctl transfer list", "transfer %s: %s", name,
			       over ? "already ended" : "not found");
	return found;
}

/* A copy that a relocation waits for is cancelled with its relocation, not alone. */
static const Vrsas__V1__Relocation *owner_of(struct control *c, const char *job)
{
	for (size_t i = 0; i < engine_n_records(c->engine); i++) {
		const Vrsas__V1__Relocation *r = engine_record(c->engine, i);

		if (engine_is_open(r) && strcmp(r->transfer_job, job) == 0)
			return r;
	}
	return NULL;
}

static void publish_request(struct control *c, const Vrsas__V1__TransferStatus *t,
			    const char *actor, const char *what)
{
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
	char line[400];

	(void)snprintf(line, sizeof(line), "%.128s: %s, requested by %.64s",
		       t->vm_name[0] ? t->vm_name : t->job_id, what,
		       actor[0] ? actor : "an unknown user");
	ev.service = "scheduler";
	ev.severity = VRSAS__V1__SEVERITY__SEVERITY_NOTICE;
	ev.kind = "transfer.request";
	ev.cluster = t->target_cluster;
	ev.vm_id = t->vm_id;
	ev.vm_name = t->vm_name;
	ev.relocation = t->job_id;
	ev.text = line;
	(void)vrs_event_put(c->svc->store, &ev, NULL);
}

void control_transfer_order(struct control *c, const Vrsas__V1__TransferOrder *o,
			    const char *actor, struct reply *a)
{
	/* a field of the transfer's hash in Redis, which its mover reads */
	static const struct {
		const char *field, *what;
		long long value;
	} acts[] = {
		[VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_PAUSE] = {"pause",
								 "pause the copy", 1},
		[VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_RESUME] = {"pause",
								  "resume the copy", 0},
		[VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_CANCEL] = {"cancel",
								  "cancel the copy", 1},
		[VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_RATE] = {"rate",
								"change its rate limit",
								0},
	};
	bool rate = o->act == VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_RATE;
	struct vrs_err err = {0};

	if (!job_ok(o->job, a))
		return;
	if ((size_t)o->act >= sizeof(acts) / sizeof(*acts) || !acts[o->act].field) {
		control_refuse(a, CODE(USAGE), "",
			       "transfer: pause, resume, cancel or a rate is required");
		return;
	}
	const char *what = acts[o->act].what;
	const Vrsas__V1__TransferStatus *t = find_open(c, o->job, a);
	if (!t)
		return;
	const Vrsas__V1__Relocation *owner = owner_of(c, t->job_id);
	if (owner && o->act == VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_CANCEL) {
		control_refuse(a, CODE(REFUSED),
			       control_reply_text(a, "vrsctl relocation cancel %s",
						  owner->vm_name),
			       "transfer %s: the relocation of %s waits for it",
			       t->job_id, owner->vm_name);
		return;
	}
	if (vrs_store_cmd(c->svc->store, NULL, &err, "HSET %s %s %lld",
			  vrs_key_transfer(t->job_id).text, acts[o->act].field,
			  rate ? (long long)o->rate_bytes_per_s : acts[o->act].value) <
	    0) {
		control_refuse_err(a, &err, "check that Redis is running");
		return;
	}
	publish_request(c, t, actor, what);
	a->reply.done = control_reply_text(a, "%s: the mover will %s within a second",
					   t->job_id, what);
}

/* --- predicted and actual times --- */

/* "AT_MS full|changes DATA_BYTES SENT_BYTES TOOK_MS PREDICTED_MS LOW_MS HIGH_MS LIMIT
 * BESIDE JOB", as movers store it. */
static bool read_time(struct reply *a, const char *line, Vrsas__V1__TransferPast *ret)
{
	char kind[16], job[132];
	long long at_ms, took, predicted, low, high;
	unsigned long long data, sent;

	if (strlen(line) > 400 ||
	    sscanf(line, "%lld %15s %llu %llu %lld %lld %lld %lld %*s %*s %131s", &at_ms,
		   kind, &data, &sent, &took, &predicted, &low, &high, job) != 9 ||
	    !vrs_id_ok(job))
		return false;
	vrsas__v1__transfer_past__init(ret);
	ret->job_id = control_reply_text(a, "%s", job);
	ret->at_ms = at_ms;
	ret->changes_only = strcmp(kind, "changes") == 0;
	ret->data_bytes = data;
	ret->sent_bytes = sent;
	ret->took_ms = took;
	ret->predicted_ms = predicted;
	ret->predicted_low_ms = low;
	ret->predicted_high_ms = high;
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const Vrsas__V1__TransferPast *const *x = a, *const *y = b;

	return ((*x)->at_ms < (*y)->at_ms) - ((*x)->at_ms > (*y)->at_ms);
}

static void add_times(struct reply *a, Vrsas__V1__TransferTimes *v, const char *from,
		      const char *to, const struct vrs_reply *list)
{
	for (size_t i = 0; i < list->n_items; i++) {
		Vrsas__V1__TransferPast *p = control_reply_alloc(a, 1, sizeof(*p));
		const char *line = list->item[i].bytes;

		if (!line || !read_time(a, line, p))
			continue;
		p->source_cluster = from;
		p->target_cluster = to;
		if (!control_reply_fits(a, &p->base))
			break;
		v->past[v->n_past++] = p;
	}
}

static bool matches(const char *want, const char *name)
{
	return !want[0] || strcmp(want, name) == 0;
}

void control_transfer_times(struct control *c, const Vrsas__V1__ControlRequest *req,
			    struct reply *a)
{
	const Vrsas__V1__TransferTimesQuery *q = req->transfer_times;
	Vrsas__V1__TransferTimes *v = control_reply_alloc(a, 1, sizeof(*v));
	const struct fleet *w = control_need_fleet(c, a);
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	size_t n = 0;

	if (!w)
		return;
	for (size_t i = 0; i < w->n_clusters; i++)
		for (size_t k = 0; k < w->n_clusters; k++)
			vrs_store_addf(
				c->svc->store, "LRANGE %s 0 %d",
				vrs_key_eta(w->cluster[i].name, w->cluster[k].name).text,
				MAX_TIMES - 1);
	if (vrs_store_run(c->svc->store, &r, &err) < 0) {
		control_refuse_err(a, &err, "check that Redis is running");
		return;
	}
	vrsas__v1__transfer_times__init(v);
	for (size_t i = 0; r && i < r->n_items; i++)
		n += r->item[i].n_items;
	v->past = control_reply_alloc(a, n, sizeof(*v->past));
	const struct vrs_reply *next = r ? r->item : NULL;
	for (size_t i = 0; next && i < w->n_clusters; i++)
		for (size_t k = 0; k < w->n_clusters; k++, next++)
			if (matches(q->source_cluster, w->cluster[i].name) &&
			    matches(q->target_cluster, w->cluster[k].name))
				add_times(a, v, w->cluster[i].name, w->cluster[k].name,
					  next);
	vrs_reply_free(r);
	if (v->n_past)
		qsort(v->past, v->n_past, sizeof(*v->past), newest_first);
	a->reply.body_case = VRSAS__V1__CONTROL_REPLY__BODY_TRANSFER_TIMES;
	a->reply.transfer_times = v;
}
