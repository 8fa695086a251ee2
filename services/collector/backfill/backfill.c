#include "backfill/backfill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readers/prometheus.h"
#include "ship/encode.h"
#include "ship/pending.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	MINUTE_MS = 60000,
	DAY_MINUTES = 1440,
	READ_MS = 10000,
	RETRY_MS = 10000,
	STORED_CHECK_MS = 1000, /* between two checks that etl has stored it */
	AT_ONCE = 200,          /* batches per sync */
};

struct one {
	struct prometheus *prometheus;
	bool known; /* was read once: cores and memory are known */
	float *cpu, *mem;
};

struct backfill {
	struct vrs_loop *loop;
	struct vrs_workers *workers;
	struct shipper *shipper;
	struct encode_host *host;
	struct one *one; /* the same hosts */
	size_t n;
	char *collector, *spool_dir, *position_path;
	int64_t next_ms, end_ms; /* range still to be sent */
	size_t minutes;          /* of the current piece */
	bool busy, table_sent, stored;
	uint64_t n_sent;
	uint32_t table_version;
	struct vrs_timer *timer;
	struct vrs_complaint trouble;
	/* result of the worker */
	int status;
	struct vrs_err err;
	bool learnt; /* a new host is known */
};

/* --- the position: "NEXT END", in Unix ms, or "stored" --- */

static bool load_position(struct backfill *p, bool *ret_stored)
{
	long long next = 0, end = 0;
	FILE *f = fopen(p->position_path, "re");
	char line[64] = "";

	*ret_stored = false;
	if (!f)
		return false;
	bool any = fgets(line, sizeof(line), f) != NULL;
	(void)fclose(f);
	*ret_stored = any && strncmp(line, "stored", 6) == 0;
	if (!any || *ret_stored || sscanf(line, "%lld %lld", &next, &end) != 2 ||
	    next <= 0 || end < next)
		return false;
	p->next_ms = next;
	p->end_ms = end;
	return true;
}

/* An old position after a crash only means that some minutes are resent. */
static void save_position(struct backfill *p)
{
	char *next = vrs_asprintf("%s.next", p->position_path);
	FILE *f = fopen(next, "we");
	bool ok = f != NULL;

	if (ok && p->stored)
		ok = fputs("stored\n", f) >= 0;
	else if (ok)
		ok = fprintf(f, "%lld %lld\n", (long long)p->next_ms,
			     (long long)p->end_ms) > 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	if (!ok || rename(next, p->position_path) < 0)
		vrs_complain(&p->trouble, VRS_WARN,
			     "cannot save backfill position; a restart will resend some "
			     "data: %s",
			     p->position_path);
	free(next);
}

/* --- on the worker --- */

/* Reads cores and memory of each host, without which its readings are useless. */
static int learn(struct backfill *p, struct vrs_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct reading r = {.cpu_ratio = NAN};
		struct gauge gauge;

		if (!p->one[i].known &&
		    prometheus_read(p->one[i].prometheus, READ_MS, &r, err) == 0) {
			host_state_answered(&p->host[i].state, &r, 0, &gauge, NULL);
			p->one[i].known = true;
			p->learnt = true;
		}
		n += p->one[i].known;
	}
	return n > 0 ? 0 : err->code;
}

static void ask(void *arg)
{
	struct backfill *p = arg;
	struct prometheus_span span = {p->next_ms, MINUTE_MS, p->minutes};

	p->learnt = false;
	p->status = learn(p, &p->err);
	for (size_t i = 0; i < p->n && p->status == 0; i++)
		p->status = prometheus_range(p->one[i].prometheus, &span, p->one[i].cpu,
					     p->one[i].mem, &p->err);
}

/* --- on the loop --- */

static void go_on(void *arg);

static void again(struct backfill *p, int64_t in_ms)
{
	p->timer = vrs_loop_after(p->loop, in_ms, go_on, p);
}

/* Sends each minute with a value. */
static int ship_minutes(struct backfill *p, struct vrs_err *err)
{
	Vrsas__V1__Record *batch[AT_ONCE];
	struct gauge *gauge = vrs_calloc(p->n, sizeof(*gauge));
	size_t n = 0;
	int status = 0;

	if (!p->table_sent || p->learnt) {
		batch[n++] = encode_hosts(p->host, p->n, ++p->table_version);
		p->table_sent = true;
	}
	for (size_t m = 0; m < p->minutes && status == 0; m++) {
		bool any = false;

		for (size_t i = 0; i < p->n; i++) {
			const struct one *one = &p->one[i];
			bool here = one->known && !isnan(one->cpu[m]);

			gauge[i] = (struct gauge){
				.state =
					here ? VRSAS__V1__HOST_STATE__HOST_STATE_UP
					     : VRSAS__V1__HOST_STATE__HOST_STATE_UNSPECIFIED,
				.cpu_ratio = here ? one->cpu[m] : NAN,
				.mem_ratio = here ? one->mem[m] : NAN,
			};
			any |= here;
		}
		if (any) {
			batch[n++] = encode_batch(gauge, p->n,
						  p->next_ms + (int64_t)m * MINUTE_MS,
						  MINUTE_MS, p->table_version);
			p->n_sent++;
		}
		if (n == AT_ONCE || (m + 1 == p->minutes && n > 0)) {
			status = shipper_put(p->shipper, batch, n, err);
			while (n > 0)
				encode_free(batch[--n]);
		}
	}
	while (n > 0)
		encode_free(batch[--n]);
	free(gauge);
	return status;
}

static void answered(void *arg)
{
	struct backfill *p = arg;

	p->busy = false;
	if (p->status == 0)
		p->status = ship_minutes(p, &p->err);
	if (p->status < 0) {
		vrs_complain(&p->trouble, VRS_WARN,
			     "backfill failed, retrying in %d ms: %s", RETRY_MS,
			     p->err.text);
		again(p, RETRY_MS);
		return;
	}
	vrs_complaint_over(&p->trouble, "backfill continues");
	p->next_ms += (int64_t)p->minutes * MINUTE_MS;
	save_position(p);
	if (p->next_ms >= p->end_ms)
		log_notice("backfill sent minutes=%llu hosts=%zu",
			   (unsigned long long)p->n_sent, p->n);
	again(p, 1);
}

static void finish_when_stored(struct backfill *p)
{
	struct shipper_counts counts;

	shipper_counts(p->shipper, &counts);
	if (counts.stored_seq < counts.head_seq) {
		again(p, STORED_CHECK_MS);
		return;
	}
	p->stored = true;
	save_position(p);
	shipper_close(p->shipper);
	p->shipper = NULL;
	log_notice("backfill stored");
}

static void go_on(void *arg)
{
	struct backfill *p = arg;

	p->timer = NULL;
	if (p->next_ms >= p->end_ms) {
		finish_when_stored(p);
		return;
	}
	int64_t left = (p->end_ms - p->next_ms) / MINUTE_MS;
	p->minutes = left < DAY_MINUTES ? (size_t)left : DAY_MINUTES;
	p->busy = true;
	vrs_workers_submit(p->workers, "past", ask, answered, p);
}

/* --- opening --- */

static int open_hosts(struct backfill *p, const struct backfill_conf *conf,
		      struct vrs_err *err)
{
	int status = 0;

	p->host = vrs_calloc(conf->n_hosts + 1, sizeof(*p->host));
	p->one = vrs_calloc(conf->n_hosts + 1, sizeof(*p->one));
	for (size_t i = 0; i < conf->n_hosts && status == 0; i++) {
		if (!prometheus_is_uri(conf->host[i]->uri))
			continue;
		p->host[p->n].site = conf->host[i];
		p->one[p->n].cpu = vrs_calloc(DAY_MINUTES, sizeof(float));
		p->one[p->n].mem = vrs_calloc(DAY_MINUTES, sizeof(float));
		status = prometheus_open(&p->one[p->n].prometheus, conf->host[i]->uri,
					 err);
		p->n++;
	}
	return status;
}

int backfill_open(struct backfill **ret, struct vrs_loop *loop,
		  const struct backfill_conf *conf, struct vrs_err *err)
{
	struct backfill *p = vrs_calloc(1, sizeof(*p));
	bool stored = false;
	int status = open_hosts(p, conf, err);

	*ret = NULL;
	p->loop = loop;
	p->collector = vrs_asprintf("%.50s.past", conf->shipper.collector);
	p->spool_dir = vrs_asprintf("%s.past", conf->shipper.spool_dir);
	p->position_path = vrs_asprintf("%s.position", p->spool_dir);
	p->table_version = (uint32_t)(vrs_now_wall_ms() / 1000);
	if (status == 0 && p->n > 0 && conf->history_ms > 0 &&
	    !load_position(p, &stored)) {
		p->end_ms = host_state_interval(vrs_now_wall_ms(), MINUTE_MS);
		p->next_ms = p->end_ms - conf->history_ms / MINUTE_MS * MINUTE_MS;
	}
	if (status < 0 || p->n == 0 || conf->history_ms <= 0 || stored) {
		(void)backfill_close(p);
		return status;
	}
	struct shipper_conf shipper = conf->shipper;
	shipper.collector = p->collector;
	shipper.spool_dir = p->spool_dir;
	if ((status = vrs_workers_open(&p->workers, loop, 1, err)) < 0 ||
	    (status = shipper_open(&p->shipper, loop, &shipper, err)) < 0) {
		(void)backfill_close(p);
		return status;
	}
	again(p, 1);
	*ret = p;
	return 0;
}

bool backfill_close(struct backfill *p)
{
	if (!p)
		return true;
	if (p->busy)
		return false;
	vrs_timer_cancel(p->timer);
	vrs_workers_close(p->workers);
	shipper_close(p->shipper);
	for (size_t i = 0; i < p->n; i++) {
		prometheus_close(p->one[i].prometheus);
		free(p->one[i].cpu);
		free(p->one[i].mem);
		host_state_fini(&p->host[i].state);
	}
	free(p->one);
	free(p->host);
	free(p->collector);
	free(p->spool_dir);
	free(p->position_path);
	free(p);
	return true;
}
