#include "jobs/job_queue.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/log.h"
#include "vrs/mem.h"

#define STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

enum { MAX_JOBS = 256, MAX_THREADS = 128, ROUND_EVERY_MS = 1000 };

enum verdict { KEEP, BEGIN, DROP };

/* One look at everything that waits. Its thread touches only this, and the jobs in it. */
struct round {
	struct job_queue *q;
	struct job *job[MAX_JOBS];
	enum verdict verdict[MAX_JOBS];
	int n, hands;
	struct vrs_msg *found; /* a job taken over from another mover */
};

struct job_queue {
	struct vrs_loop *loop;
	const struct job_queue_conf *conf;
	void (*changed)(void *arg);
	void (*over)(void *arg, const struct job *j);
	void *arg;
	struct vrs_workers *workers; /* one thread a copy */
	struct vrs_workers *clerk;   /* one thread that asks Redis for those that wait */
	struct vrs_store *store;     /* the clerk's */
	struct vrs_timer *timer;
	struct vrs_complaint trouble; /* the clerk's */
	struct job *jobs;
	int n_jobs;
	struct round *round; /* under way */
	bool again;
};

static void begin_round(struct job_queue *q);

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

/* Those that are held keep nobody from work. */
static int busy_hands(const struct job_queue *q)
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

struct shift {
	struct job_queue *q;
	struct job *job;
};

static void work(void *arg)
{
	job_run(((struct shift *)arg)->job);
}

static void on_worked(void *arg)
{
	struct shift *s = arg;
	struct job_queue *q = s->q;

	q->over(q->arg, s->job);
	take_out(q, s->job);
	free(s);
	q->changed(q->arg);
	begin_round(q); /* whoever waited for this hand */
}

static void begin(struct job_queue *q, struct job *j)
{
	struct shift *s = vrs_calloc(1, sizeof(*s));

	*s = (struct shift){q, j};
	j->running = true;
	vrs_workers_submit(q->workers, j->order->job_id, work, on_worked, s);
}

/* --- a round, on the clerk's thread --- */

static bool copies(const struct job *j)
{
	return j->order->n_remove_path == 0;
}

static enum verdict may_begin(struct round *r, struct job *j, struct vrs_err *err)
{
	const struct job_queue_conf *c = r->q->conf;
	struct job_orders word = {0};
	int status = job_say(j, r->q->store, STATE(QUEUED), &word, err);

	if (status == 0 && word.cancel) {
		j->cancelled = true;
		return BEGIN; /* to take away what earlier tries left */
	}
	if (status == 0 && word.paused) {
		status = job_say(j, r->q->store, STATE(PAUSED), &word, err);
		(void)job_limits_leave(r->q->store, j->order->job_id, c->job.mover, NULL);
		return status == VRS_ECONFLICT ? DROP : KEEP;
	}
	if (status == 0 && copies(j))
		status = job_limits_ask(r->q->store, j->order, c->job.mover, r->hands > 0,
					&c->job.limits, &j->place, err);
	else if (status == 0)
		j->place.go = true;     /* taking files away is no load */
	if (status == 0 && j->place.go) /* from here on nobody takes it over */
		status = job_say(j, r->q->store, STATE(COPYING), &word, err);
	if (status == VRS_ECONFLICT) {
		(void)job_limits_leave(r->q->store, j->order->job_id, c->job.mover, NULL);
		return DROP;
	}
	if (status < 0 || !j->place.go)
		return KEEP;
	r->hands -= copies(j);
	return BEGIN;
}

static enum verdict look_at(struct round *r, struct job *j)
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
		log_notice("transfer is not ours, left alone: %s", err.text);
	else if (err.code)
		vrs_complain(&q->trouble, VRS_WARN,
			     "transfers wait for the store, trying on: %s", err.text);
	else
		vrs_complaint_over(&q->trouble, "the store answers again");
	return v;
}

static void help_others(struct round *r)
{
	const struct job_conf *c = &r->q->conf->job;
	struct vrs_err err = {0};
	char job[132];

	if (job_limits_find(r->q->store, c->mover, &c->limits, job, &err) < 0 || !*job)
		return;
	if (job_status_take_over(r->q->store, job, c->mover, &r->found, &err) == 0)
		log_notice("transfer taken over from a busy mover job=%s", job);
}

static void do_round(void *arg)
{
	struct round *r = arg;

	for (int i = 0; i < r->n; i++)
		r->verdict[i] = look_at(r, r->job[i]);
	if (r->hands > 0)
		help_others(r);
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

	/* in the order in which they shall begin */
	while (*p && (*p)->order->priority >= j->order->priority)
		p = &(*p)->next;
	j->next = *p;
	*p = j;
	q->n_jobs++;
	q->changed(q->arg);
}

static void add_found(struct job_queue *q, struct vrs_msg *msg)
{
	const Vrsas__V1__TransferJob *o = (const void *)vrs_msg_get(msg);
	struct vrs_err err = {0};

	if (transfer_check(o, &err) < 0) {
		log_warn("a job in the store makes no sense: %s", err.text);
		vrs_msg_free(msg);
	} else if (find(q, o->job_id)) {
		vrs_msg_free(msg);
	} else {
		add(q, msg);
		q->again = true;
	}
}

static void end_round(void *arg)
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
	q->changed(q->arg);
	if (q->again)
		begin_round(q);
}

static void begin_round(struct job_queue *q)
{
	q->again = q->round != NULL; /* once more when this one is over */
	if (q->round)
		return;
	struct round *r = vrs_calloc(1, sizeof(*r));
	r->q = q;
	r->hands = q->conf->hands - busy_hands(q);
	for (struct job *j = q->jobs; j; j = j->next)
		if (!j->running && r->n < MAX_JOBS)
			r->job[r->n++] = j;
	q->round = r;
	vrs_workers_submit(q->clerk, "queue", do_round, end_round, r);
}

static void on_time(void *arg)
{
	begin_round(arg);
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
		return 0; /* twice is once */
	if (there && there->order->token > order->token)
		return vrs_fail(err, VRS_ECONFLICT, "token %llu is older than %llu",
				(unsigned long long)order->token,
				(unsigned long long)there->order->token);
	if (q->n_jobs >= MAX_JOBS)
		return vrs_fail(err, VRS_ENOSPC, "%d transfers are waiting already",
				q->n_jobs);
	if (there)
		atomic_store(&there->stop, true);

	/* the request is gone when we return: keep a copy of its bytes */
	size_t n;
	struct vrs_msg *msg = NULL;
	void *bytes = vrs_msg_pack(&order->base, &n);
	status =
		vrs_msg_unpack(&msg, &vrsas__v1__transfer_job__descriptor, bytes, n, err);
	free(bytes);
	if (status < 0)
		return status;
	add(q, msg);
	begin_round(q);
	return 0;
}

int job_queue_open(struct job_queue **ret, struct vrs_loop *loop,
		   const struct job_queue_conf *conf, void (*changed)(void *arg),
		   void (*over)(void *arg, const struct job *j), void *arg,
		   struct vrs_err *err)
{
	struct job_queue *q = vrs_calloc(1, sizeof(*q));
	int status;

	*q = (struct job_queue){
		.loop = loop, .conf = conf, .changed = changed, .over = over, .arg = arg};
	if ((status = vrs_workers_open(&q->workers, loop, MAX_THREADS, err)) < 0 ||
	    (status = vrs_workers_open(&q->clerk, loop, 1, err)) < 0 ||
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
	vrs_workers_close(q->clerk);
	vrs_workers_close(q->workers);
	if (q->round)
		vrs_msg_free(q->round->found);
	free(q->round);
	vrs_store_close(q->store);
	free(q);
}
