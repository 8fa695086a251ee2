#include "poll/poller.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readers/reader.h"
#include "ship/encode.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	MAX_THREADS = 64,
	LONGEST_WAIT_MS = 10000,
	SHORTEST_POLL_MS = 1000,
	INVENTORY_EVERY_MS = 600000,
	LOAD_EVERY_MS = 60000,
	INVENTORY_MAX_BYTES = 900 * 1024,
};

/* One host and its current poll, if one is running. */
struct poll {
	struct poller *m;
	struct reader *reader;
	char lane[32];
	bool busy;
	unsigned round; /* round of the poll */
	int64_t at_ms, poll_ms;

	/* filled by the worker */
	struct reading reading;
	int status;
	struct vrs_err err;

	bool answered; /* in this round, with a reading or a failure */
	struct gauge gauge;
	uint64_t sent, sent_load; /* hashes of the last inventory sent */
	int64_t sent_mono_ms;
	struct vrs_complaint silence;
};

struct poller {
	struct vrs_loop *loop;
	struct vrs_workers *workers;
	struct poller_conf conf;
	struct pending pending;
	struct encode_host *host; /* n_hosts */
	struct poll *poll;        /* the same hosts */
	unsigned round;
	bool open_round, first_round;
	int64_t at_ms; /* start of the open round */
	uint32_t table_version;
	bool table_is_new;
	struct vrs_timer *tick, *deadline, *heartbeat;
	struct poller_counts counts;
};

static void arm(struct poller *m);

static int64_t wait_ms(const struct poller *m)
{
	int64_t most = m->conf.interval_ms * 8 / 10;

	return most < LONGEST_WAIT_MS ? most : LONGEST_WAIT_MS;
}

static void send_heartbeat(void *arg)
{
	struct poller *m = arg;
	Vrsas__V1__Heartbeat *hb =
		encode_heartbeat(m->host, m->conf.n_hosts, vrs_now_wall_ms());

	(void)m->pending.sink.heartbeat(m->pending.sink.arg, hb, NULL);
	encode_free_heartbeat(hb);
}

static void poll_failed(struct poll *p, const char *why)
{
	struct encode_host *host = &p->m->host[p - p->m->poll];

	host_state_silent(&host->state, why, &p->gauge);
	vrs_complain(&p->silence, VRS_WARN,
		     "host does not answer, retrying at the next interval host=%s: %s",
		     host->site->name, why);
	p->m->counts.failures++;
}

/* --- a round ends: gauges become a batch --- */

static void close_round(struct poller *m)
{
	m->open_round = false;
	vrs_timer_cancel(m->deadline);
	m->deadline = NULL;
	for (size_t i = 0; i < m->conf.n_hosts; i++) {
		struct poll *p = &m->poll[i];
		char why[80];

		if (p->answered)
			continue;
		(void)snprintf(why, sizeof(why), "no answer within %lld ms",
			       (long long)wait_ms(m));
		poll_failed(p, why);
	}
	if (m->table_is_new) {
		m->table_version++;
		pending_add_take(&m->pending, encode_hosts(m->host, m->conf.n_hosts,
							   m->table_version));
		m->table_is_new = false;
	}
	if (!m->first_round) {
		struct gauge *gauge = vrs_calloc(m->conf.n_hosts, sizeof(*gauge));

		for (size_t i = 0; i < m->conf.n_hosts; i++)
			gauge[i] = m->poll[i].gauge;
		pending_add_take(&m->pending,
				 encode_batch(gauge, m->conf.n_hosts, m->at_ms,
					      m->conf.interval_ms, m->table_version));
		free(gauge);
		m->counts.batches++;
	}
	m->first_round = false;
	(void)pending_flush(&m->pending);
	send_heartbeat(m);
}

static void on_deadline(void *arg)
{
	struct poller *m = arg;

	m->deadline = NULL;
	close_round(m);
}

static void close_round_if_all_answered(struct poller *m)
{
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (!m->poll[i].answered)
			return;
	close_round(m);
}

/* --- a poll --- */

static void poll_host(void *arg)
{
	struct poll *p = arg;

	p->err = (struct vrs_err){0};
	p->status = reader_read(p->reader, p->at_ms, p->poll_ms, &p->reading, &p->err);
}

static void add_inventory(struct poller *m, size_t i, const float *cores)
{
	struct poll *p = &m->poll[i];
	int64_t now = vrs_now_mono_ms();

	if (!p->reading.has_vms)
		return;
	struct encode_site of = {m->conf.site, m->conf.cluster, m->host[i].site};
	Vrsas__V1__Record *r = encode_inventory(&of, &p->reading, cores,
						vrs_now_wall_ms(), INVENTORY_MAX_BYTES);
	uint64_t print = encode_fingerprint(r->inventory),
		 load = encode_load(r->inventory);
	int64_t age_ms = now - p->sent_mono_ms;
	bool is_news = print != p->sent || age_ms >= INVENTORY_EVERY_MS ||
		       (load != p->sent_load && age_ms >= LOAD_EVERY_MS);
	if (!is_news) {
		encode_free(r);
		return;
	}
	p->sent = print;
	p->sent_load = load;
	p->sent_mono_ms = now;
	pending_add_take(&m->pending, r);
}

static void take_answer(struct poller *m, size_t i)
{
	struct poll *p = &m->poll[i];
	struct host_state *t = &m->host[i].state;
	struct host_state before = *t;
	float *cores = vrs_calloc(p->reading.n_vms, sizeof(*cores));

	host_state_answered(t, &p->reading, vrs_now_mono_ms(), &p->gauge, cores);
	if (t->vcpus != before.vcpus || t->ram_bytes != before.ram_bytes ||
	    strcmp(t->address, before.address) != 0)
		m->table_is_new = true;
	vrs_complaint_over(&p->silence, "host answers again host=%s",
			   m->host[i].site->name);
	if (p->reading.autostart_off > 0)
		log_notice("autostart of protected VMs switched off host=%s vms=%u",
			   m->host[i].site->name, p->reading.autostart_off);
	add_inventory(m, i, cores);
	free(cores);
	m->counts.answers++;
}

static void on_polled(void *arg)
{
	struct poll *p = arg;
	struct poller *m = p->m;
	size_t i = (size_t)(p - m->poll);
	bool in_time = m->open_round && p->round == m->round && !p->answered;

	p->busy = false;
	if (!in_time) {
		m->counts.late++;
	} else if (p->status == 0) {
		take_answer(m, i);
		p->answered = true;
	} else {
		poll_failed(p, p->err.text);
		p->answered = true;
	}
	if (p->status == 0)
		reading_fini(&p->reading);
	if (in_time)
		close_round_if_all_answered(m);
}

static void open_round(struct poller *m, int64_t at_ms, int64_t most_ms)
{
	int64_t poll_ms = wait_ms(m);

	if (m->open_round)
		close_round(m);
	m->round++;
	m->open_round = true;
	m->at_ms = at_ms;
	m->deadline = vrs_loop_after(m->loop, most_ms, on_deadline, m);
	for (size_t i = 0; i < m->conf.n_hosts; i++) {
		struct poll *p = &m->poll[i];

		p->answered = false;
		if (p->busy)
			continue; /* its last poll is still running: it counts as silent
				   */
		p->busy = true;
		p->round = m->round;
		p->at_ms = at_ms;
		p->poll_ms = poll_ms > SHORTEST_POLL_MS ? poll_ms : SHORTEST_POLL_MS;
		vrs_workers_submit(m->workers, p->lane, poll_host, on_polled, p);
	}
}

static void on_tick(void *arg)
{
	struct poller *m = arg;
	int64_t at_ms = host_state_interval(vrs_now_wall_ms(), m->conf.interval_ms);

	m->tick = NULL;
	/* Connecting in the first poll may take long. Later, the clock may have been set
	 * back, but an interval is sent only once. */
	if (m->first_round && m->open_round)
		log_debug("hosts are still being connected");
	else if (at_ms > m->at_ms || at_ms < m->at_ms - 10 * m->conf.interval_ms)
		open_round(m, at_ms, wait_ms(m));
	arm(m);
}

static void arm(struct poller *m)
{
	int64_t now = vrs_now_wall_ms();

	m->tick = vrs_loop_after(m->loop, m->conf.interval_ms - now % m->conf.interval_ms,
				 on_tick, m);
}

/* --- open and close --- */

static void free_all(struct poller *m)
{
	for (size_t i = 0; m->poll && i < m->conf.n_hosts; i++) {
		reader_close(m->poll[i].reader);
		host_state_fini(&m->host[i].state);
	}
	pending_fini(&m->pending);
	free(m->poll);
	free(m->host);
	free(m);
}

int poller_open(struct poller **ret, struct vrs_loop *loop,
		const struct poller_conf *conf, const struct sink *sink,
		struct vrs_err *err)
{
	struct poller *m = vrs_calloc(1, sizeof(*m));
	int status = 0;

	m->loop = loop;
	m->conf = *conf;
	m->pending.sink = *sink;
	m->host = vrs_calloc(conf->n_hosts, sizeof(*m->host));
	m->poll = vrs_calloc(conf->n_hosts, sizeof(*m->poll));
	m->first_round = m->table_is_new = true;
	/* Higher than any version of an earlier process of this collector. */
	m->table_version = (uint32_t)(vrs_now_wall_ms() / 1000);
	for (size_t i = 0; i < conf->n_hosts && status == 0; i++) {
		m->host[i].site = conf->host[i];
		m->poll[i].m = m;
		(void)snprintf(m->poll[i].lane, sizeof(m->poll[i].lane), "host%zu", i);
		status = reader_open(&m->poll[i].reader, conf->site, conf->cluster,
				     conf->host[i], err);
	}
	if (status == 0)
		status = vrs_workers_open(&m->workers, loop,
					  conf->n_hosts < MAX_THREADS ? (int)conf->n_hosts
								      : MAX_THREADS,
					  err);
	if (status < 0) {
		free_all(m);
		return status;
	}
	m->at_ms = host_state_interval(vrs_now_wall_ms(), conf->interval_ms);
	/* The first poll sends inventories and reads the counters that the second needs
	 * to compute CPU. */
	open_round(m, m->at_ms, LONGEST_WAIT_MS);
	arm(m);
	m->heartbeat = vrs_loop_every(loop, conf->heartbeat_ms, send_heartbeat, m);
	*ret = m;
	return 0;
}

bool poller_close(struct poller *m)
{
	if (!m)
		return true;
	vrs_timer_cancel(m->tick);
	vrs_timer_cancel(m->deadline);
	vrs_timer_cancel(m->heartbeat);
	m->tick = m->deadline = m->heartbeat = NULL;
	m->open_round = false;
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (m->poll[i].busy)
			return false;
	vrs_workers_close(m->workers);
	free_all(m);
	return true;
}

void poller_counts(const struct poller *m, struct poller_counts *ret)
{
	*ret = m->counts;
	ret->dropped = m->pending.lost;
	ret->hosts = m->conf.n_hosts;
	ret->up = 0;
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (m->host[i].state.state == VRSAS__V1__HOST_STATE__HOST_STATE_UP)
			ret->up++;
}
