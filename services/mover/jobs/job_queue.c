#include "jobs/job_queue.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/log.h"
#include "vrs/mem.h"

enum { MAX_JOBS = 256, MAX_THREADS = 128, ROUND_EVERY_MS = 1000 };

enum verdict { KEEP, BEGIN, DROP };

/* One pass over all waiting jobs. Its thread uses only this and the jobs in it. */
struct round {
	struct job_queue *q;
	struct job *job[MAX_JOBS];
	enum verdict verdict[MAX_JOBS];
	int n, workers;
	struct vrs_msg *found; /* a job taken over from another mover */
};

struct job_queue {
	struct vrs_loop *loop;
	const struct job_queue_conf *conf;
	struct vrs_workers *workers; /* one thread a copy */
	struct vrs_workers *poller;  /* one thread for the rounds, which wait for Redis */
	struct vrs_store *store;     /* of the poller */
	struct vrs_timer *timer;
	struct vrs_complaint trouble; /* of the poller */
	struct job *jobs;
	int n_jobs;
	struct round *round; /* under way */
	bool again;
};

static void start_round(struct job_queue *q);

/* --- counting --- */

const struct job *job_queue_jobs(const struct job_queue *q)
{
	return q->jobs;
}

int job_queue_working(const struct job_queue *q)
{
	int n = 0;

	for (const struct job *j = q->jobs; j; j = j->next)
		n += j->running;
	return n;
}

int job_queue_waiting(const struct job_queue *q)
{
	return q->n_jobs - job_queue_working(q);
}

/* The worker of a paused job counts as free. */
static int busy_workers(const struct job_queue *q)
{
	int n = 0;

	for (const struct job *j = q->jobs; j; j = j->next)
		n += j->running && !atomic_load(&j->held);
	return n;
}

static void take_out(struct job_queue *q, struct job *j)
{
	for (struct job **p = &q->jobs; *p; p = &(*p)->next)
		if (*p == j) {
			*p = j->next;
			q->n_jobs--;
			break;
		}
	job_free(j);
}

/* --- work --- */

struct run {
	struct job_queue *q;
	struct job *job;
};

static void work(void *arg)
{
	job_run(((struct run *)arg)->job);
}

static void on_worked(void *arg)
{
	struct run *s = arg;
	struct job_queue *q = s->q;

	q->conf->ended(q->conf->arg, s->job);
	take_out(q, s->job);
	free(s);
	q->conf->changed(q->conf->arg);
	start_round(q); /* a job may have waited for this worker */
}

static void begin(struct job_queue *q, struct job *j)
{
	struct run *s = vrs_calloc(1, sizeof(*s));

	*s = (struct run){q, j};
	j->running = true;
	vrs_workers_submit(q->workers, j->order->job_id, work, on_worked, s);
}

/* --- a round, on the thread of the poller --- */

static bool copies(const struct job *j)
{
	return j->order->n_remove_path == 0;
}

static enum verdict may_begin(struct round *r, struct job *j, struct vrs_err *err)
{
	struct job_orders orders = {0};
	int status = job_publish(j, r->q->store, TRANSFER_STATE(QUEUED), &orders, err);

	if (status == 0 && orders.cancel) {
		j->cancelled = true;
		return BEGIN; /* removes what earlier attempts left */
	}
	if (status == 0 && orders.paused) {
		status =
			job_publish(j, r->q->store, TRANSFER_STATE(PAUSED), &orders, err);
		job_leave_limits(j, r->q->store);
		return status == VRS_ECONFLICT ? DROP : KEEP;
	}
	j->limits.ready = r->workers > 0;
	if (status == 0 && copies(j))
		status = job_limits_request(r->q->store, &r->q->conf->job.limits,
					    j->order, &j->limits, err);
	else if (status == 0)
		j->limits.go = true;     /* a removal needs no capacity */
	if (status == 0 && j->limits.go) /* from now on it cannot be taken over */
		status = job_publish(j, r->q->store, TRANSFER_STATE(COPYING), &orders,
				     err);
	if (status == VRS_ECONFLICT) {
		job_leave_limits(j, r->q->store);
		return DROP;
	}
	if (status < 0 || !j->limits.go)
		return KEEP;
	r->workers -= copies(j);
	return BEGIN;
}

static enum verdict check_job(struct round *r, struct job *j)
{
	struct job_queue *q = r->q;
	struct vrs_err err = {0};
	enum verdict v = KEEP;
	int status = 0;

	if (atomic_load(&j->stop))
		return DROP;
	if (!j->claimed)
		status = job_claim(j, q->store, &err);
	if (status == 0)
		v = may_begin(r, j, &err);
	else if (status == VRS_ECONFLICT)
		v = DROP;
	if (v == DROP)
		log_notice("transfer dropped: %s", err.text);
	else if (err.code)
		vrs_complain(&q->trouble, VRS_WARN,
			     "store not available, transfers are waiting: %s", err.text);
	else
		vrs_complaint_over(&q->trouble, "store available again");
	return v;
}

static void take_from_others(struct round *r)
{
	const struct job_limits *limits = &r->q->conf->job.limits;
	struct vrs_err err = {0};
	char job[132];

	if (job_limits_find(r->q->store, limits, job, &err) < 0 || !*job)
		return;
	if (job_status_take_over(r->q->store, job, limits->mover, &r->found, &err) == 0)
		log_notice("transfer taken over from a busy mover job=%s", job);
}

static void do_round(void *arg)
{
	struct round *r = arg;

	for (int i = 0; i < r->n; i++)
		r->verdict[i] = check_job(r, r->job[i]);
	if (r->workers > 0)
		take_from_others(r);
}

/* --- a round, on the loop --- */

static struct job *find(struct job_queue *q, const char *job_id)
{
	for (struct job *j = q->jobs; j; j = j->next)
		if (strcmp(j->order->job_id, job_id) == 0 && !atomic_load(&j->stop))
			return j;
	return NULL;
}

static void add(struct job_queue *q, struct vrs_msg *msg)
{
	struct job *j = job_new(&q->conf->job, msg);
	struct job **p = &q->jobs;

	/* in the order in which they start */
	while (*p && (*p)->order->priority >= j->order->priority)
		p = &(*p)->next;
	j->next = *p;
	*p = j;
	q->n_jobs++;
	q->conf->changed(q->conf->arg);
}

static void add_found(struct job_queue *q, struct vrs_msg *msg)
{
	const Vrsas__V1__TransferJob *o = (const void *)vrs_msg_get(msg);
	struct vrs_err err = {0};

	if (transfer_check(o, &err) < 0) {
		log_warn("invalid job in the store: %s", err.text);
		vrs_msg_free(msg);
	} else if (find(q, o->job_id)) {
		vrs_msg_free(msg);
	} else {
		add(q, msg);
		q->again = true;
	}
}

static void finish_round(void *arg)
{
	struct round *r = arg;
	struct job_queue *q = r->q;

	q->round = NULL;
	for (int i = 0; i < r->n; i++) {
		if (r->verdict[i] == DROP)
			take_out(q, r->job[i]);
		else if (r->verdict[i] == BEGIN)
			begin(q, r->job[i]);
	}
	if (r->found)
		add_found(q, r->found);
	free(r);
	q->conf->changed(q->conf->arg);
	if (q->again)
		start_round(q);
}

static void start_round(struct job_queue *q)
{
	q->again = q->round != NULL; /* repeat when the current one has ended */
	if (q->round)
		return;
	struct round *r = vrs_calloc(1, sizeof(*r));
	r->q = q;
	r->workers = q->conf->workers - busy_workers(q);
	for (struct job *j = q->jobs; j; j = j->next)
		if (!j->running && r->n < MAX_JOBS)
			r->job[r->n++] = j;
	q->round = r;
	vrs_workers_submit(q->poller, "queue", do_round, finish_round, r);
}

static void on_time(void *arg)
{
	start_round(arg);
}

/* --- taking --- */

int job_queue_take(struct job_queue *q, const Vrsas__V1__TransferJob *order,
		   struct vrs_err *err)
{
	int status = transfer_check(order, err);
	struct job *there = status == 0 ? find(q, order->job_id) : NULL;

	if (status < 0)
		return status;
	if (there && there->order->token == order->token)
		return 0; /* repeated request */
	if (there && there->order->token > order->token)
		return vrs_fail(err, VRS_ECONFLICT,
				"superseded by token %llu, this one has %llu",
				(unsigned long long)there->order->token,
				(unsigned long long)order->token);
	if (q->n_jobs >= MAX_JOBS)
		return vrs_fail(err, VRS_ENOSPC, "queue is full (%d transfers)",
				q->n_jobs);
	if (there)
		atomic_store(&there->stop, true);

	/* the request is freed on return: a copy is kept */
	size_t n;
	struct vrs_msg *msg = NULL;
	void *bytes = vrs_msg_pack(&order->base, &n);
	status =
		vrs_msg_unpack(&msg, &vrsas__v1__transfer_job__descriptor, bytes, n, err);
	free(bytes);
	if (status < 0)
		return status;
	add(q, msg);
	start_round(q);
	return 0;
}

int job_queue_open(struct job_queue **ret, struct vrs_loop *loop,
		   const struct job_queue_conf *conf, struct vrs_err *err)
{
	struct job_queue *q = vrs_calloc(1, sizeof(*q));
	int status;

	*q = (struct job_queue){.loop = loop, .conf = conf};
	if ((status = vrs_workers_open(&q->workers, loop, MAX_THREADS, err)) < 0 ||
	    (status = vrs_workers_open(&q->poller, loop, 1, err)) < 0 ||
	    (status = vrs_store_open(&q->store, &conf->job.store, err)) < 0) {
		free(q);
		return status;
	}
	q->timer = vrs_loop_every(loop, ROUND_EVERY_MS, on_time, q);
	*ret = q;
	return 0;
}

void job_queue_close(struct job_queue *q)
{
	if (!q)
		return;
	vrs_timer_cancel(q->timer);
	vrs_workers_close(q->poller);
	vrs_workers_close(q->workers);
	if (q->round)
		vrs_msg_free(q->round->found);
	free(q->round);
	vrs_store_close(q->store);
	free(q);
}
