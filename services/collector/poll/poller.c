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
	SHORTEST_LOOK_MS = 1000,
	INVENTORY_EVERY_MS = 600000,
	LOAD_EVERY_MS = 60000,
	INVENTORY_MAX_BYTES = 900 * 1024,
};

/* One host, and the one look at it that may be under way. */
struct post {
	struct measure *m;
	struct source *source;
	char lane[32];
	bool busy;
	unsigned round; /* that the look belongs to */
	int64_t at_ms, look_ms;

	/* filled by the worker */
	struct reading reading;
	unsigned tamed;
	int status;
	struct vrs_err err;

	bool answered; /* in this round, for better or worse */
	struct gauge gauge;
	uint64_t told, told_load; /* fingerprints of the inventory told last */
	int64_t told_mono_ms;
	struct vrs_complaint silence;
};

struct measure {
	struct vrs_loop *loop;
	struct vrs_workers *workers;
	struct measure_conf conf;
	struct outbox outbox;
	struct tell_host *host; /* n_hosts */
	struct post *post;      /* the same hosts */
	unsigned round;
	bool open_round, first_round;
	int64_t at_ms; /* of the open round */
	uint32_t table_version;
	bool table_is_new;
	struct vrs_timer *tick, *deadline, *heartbeat;
	struct measure_counts counts;
};

static void arm(struct measure *m);

static int64_t wait_ms(const struct measure *m)
{
	int64_t most = m->conf.interval_ms * 8 / 10;

	return most < LONGEST_WAIT_MS ? most : LONGEST_WAIT_MS;
}

static void send_heartbeat(void *arg)
{
	struct measure *m = arg;
	Vrsas__V1__Heartbeat *hb =
		tell_heartbeat(m->host, m->conf.n_hosts, vrs_now_wall_ms());

	(void)m->outbox.sink.heartbeat(m->outbox.sink.arg, hb, NULL);
	tell_free_heartbeat(hb);
}

/* --- a round ends: gauges become a batch --- */

static void close_round(struct measure *m)
{
	m->open_round = false;
	vrs_timer_cancel(m->deadline);
	m->deadline = NULL;
	for (size_t i = 0; i < m->conf.n_hosts; i++) {
		struct post *p = &m->post[i];
		char why[80];

		if (p->answered)
			continue;
		(void)snprintf(why, sizeof(why), "no answer within %lld ms",
			       (long long)wait_ms(m));
		track_silence(&m->host[i].track, why, &p->gauge);
		vrs_complain(&p->silence, VRS_WARN,
			     "host is silent, asked again next time host=%s: %s",
			     m->host[i].site->name, why);
		m->counts.failures++;
	}
	if (m->table_is_new) {
		m->table_version++;
		outbox_add_take(&m->outbox,
				tell_hosts(m->host, m->conf.n_hosts, m->table_version));
		m->table_is_new = false;
	}
	if (!m->first_round) {
		struct gauge *gauge = vrs_calloc(m->conf.n_hosts, sizeof(*gauge));

		for (size_t i = 0; i < m->conf.n_hosts; i++)
			gauge[i] = m->post[i].gauge;
		outbox_add_take(&m->outbox,
				tell_batch(gauge, m->conf.n_hosts, m->at_ms,
					   m->conf.interval_ms, m->table_version));
		free(gauge);
		m->counts.batches++;
	}
	m->first_round = false;
	(void)outbox_flush(&m->outbox);
	send_heartbeat(m);
}

static void on_deadline(void *arg)
{
	struct measure *m = arg;

	m->deadline = NULL;
	close_round(m);
}

static void close_round_if_all_answered(struct measure *m)
{
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (!m->post[i].answered)
			return;
	close_round(m);
}

/* --- a look --- */

static void look(void *arg)
{
	struct post *p = arg;

	p->err = (struct vrs_err){0};
	p->tamed = 0;
	p->status = source_read(p->source, p->at_ms, p->look_ms, &p->reading, &p->tamed,
				&p->err);
}

static void tell_what_is_new(struct measure *m, size_t i, const float *cores)
{
	struct post *p = &m->post[i];
	int64_t now = vrs_now_mono_ms();

	if (!p->reading.has_vms)
		return;
	Vrsas__V1__Record *r = tell_inventory(m->conf.site, m->conf.cluster,
					      m->host[i].site, &p->reading, cores,
					      vrs_now_wall_ms(), INVENTORY_MAX_BYTES);
	uint64_t print = tell_fingerprint(r->inventory), load = tell_load(r->inventory);
	int64_t age_ms = now - p->told_mono_ms;
	bool is_news = print != p->told || age_ms >= INVENTORY_EVERY_MS ||
		       (load != p->told_load && age_ms >= LOAD_EVERY_MS);
	if (!is_news) {
		tell_free(r);
		return;
	}
	p->told = print;
	p->told_load = load;
	p->told_mono_ms = now;
	outbox_add_take(&m->outbox, r);
}

static void take_answer(struct measure *m, size_t i)
{
	struct post *p = &m->post[i];
	struct track *t = &m->host[i].track;
	struct track before = *t;
	float *cores = vrs_calloc(p->reading.n_vms, sizeof(*cores));

	track_answer(t, &p->reading, vrs_now_mono_ms(), &p->gauge, cores);
	if (t->vcpus != before.vcpus || t->ram_bytes != before.ram_bytes ||
	    strcmp(t->address, before.address) != 0)
		m->table_is_new = true;
	vrs_complaint_over(&p->silence, "host answers again host=%s",
			   m->host[i].site->name);
	if (p->tamed > 0)
		log_notice("start at boot switched off host=%s vms=%u",
			   m->host[i].site->name, p->tamed);
	tell_what_is_new(m, i, cores);
	free(cores);
	m->counts.answers++;
}

static void looked(void *arg)
{
	struct post *p = arg;
	struct measure *m = p->m;
	size_t i = (size_t)(p - m->post);
	bool in_time = m->open_round && p->round == m->round && !p->answered;

	p->busy = false;
	if (!in_time) {
		m->counts.late++;
	} else if (p->status == 0) {
		take_answer(m, i);
		p->answered = true;
	} else {
		track_silence(&m->host[i].track, p->err.text, &p->gauge);
		vrs_complain(&p->silence, VRS_WARN,
			     "host is silent, asked again next time host=%s: %s",
			     m->host[i].site->name, p->err.text);
		m->counts.failures++;
		p->answered = true;
	}
	if (p->status == 0)
		reading_fini(&p->reading);
	if (in_time)
		close_round_if_all_answered(m);
}

static void open_round(struct measure *m, int64_t at_ms, int64_t most_ms)
{
	int64_t look_ms = wait_ms(m);

	if (m->open_round)
		close_round(m);
	m->round++;
	m->open_round = true;
	m->at_ms = at_ms;
	m->deadline = vrs_loop_after(m->loop, most_ms, on_deadline, m);
	for (size_t i = 0; i < m->conf.n_hosts; i++) {
		struct post *p = &m->post[i];

		p->answered = false;
		if (p->busy)
			continue; /* its last look is not over: silent */
		p->busy = true;
		p->round = m->round;
		p->at_ms = at_ms;
		p->look_ms = look_ms > SHORTEST_LOOK_MS ? look_ms : SHORTEST_LOOK_MS;
		vrs_workers_submit(m->workers, p->lane, look, looked, p);
	}
}

static void on_tick(void *arg)
{
	struct measure *m = arg;
	int64_t at_ms = track_interval(vrs_now_wall_ms(), m->conf.interval_ms);

	m->tick = NULL;
	/* The first look may take its time to connect. After that: the clock may have
	 * been set back, an interval is told once. */
	if (m->first_round && m->open_round)
		log_debug("hosts are still being connected");
	else if (at_ms > m->at_ms || at_ms < m->at_ms - 10 * m->conf.interval_ms)
		open_round(m, at_ms, wait_ms(m));
	arm(m);
}

static void arm(struct measure *m)
{
	int64_t now = vrs_now_wall_ms();

	m->tick = vrs_loop_after(m->loop, m->conf.interval_ms - now % m->conf.interval_ms,
				 on_tick, m);
}

/* --- open and close --- */

static void free_all(struct measure *m)
{
	for (size_t i = 0; m->post && i < m->conf.n_hosts; i++) {
		source_close(m->post[i].source);
		track_fini(&m->host[i].track);
	}
	outbox_fini(&m->outbox);
	free(m->post);
	free(m->host);
	free(m);
}

int measure_open(struct measure **ret, struct vrs_loop *loop,
		 const struct measure_conf *conf, const struct sink *sink,
		 struct vrs_err *err)
{
	struct measure *m = vrs_calloc(1, sizeof(*m));
	int status = 0;

	m->loop = loop;
	m->conf = *conf;
	m->outbox.sink = *sink;
	m->host = vrs_calloc(conf->n_hosts, sizeof(*m->host));
	m->post = vrs_calloc(conf->n_hosts, sizeof(*m->post));
	m->first_round = m->table_is_new = true;
	/* Above every version that an earlier process of this collector gave. */
	m->table_version = (uint32_t)(vrs_now_wall_ms() / 1000);
	for (size_t i = 0; i < conf->n_hosts && status == 0; i++) {
		m->host[i].site = conf->host[i];
		m->post[i].m = m;
		(void)snprintf(m->post[i].lane, sizeof(m->post[i].lane), "host%zu", i);
		status = source_open(&m->post[i].source, conf->site, conf->cluster,
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
	m->at_ms = track_interval(vrs_now_wall_ms(), conf->interval_ms);
	/* The first look tells inventories at once and takes the
	 * counters' first stand. */
	open_round(m, m->at_ms, LONGEST_WAIT_MS);
	arm(m);
	m->heartbeat = vrs_loop_every(loop, conf->heartbeat_ms, send_heartbeat, m);
	*ret = m;
	return 0;
}

bool measure_close(struct measure *m)
{
	if (!m)
		return true;
	vrs_timer_cancel(m->tick);
	vrs_timer_cancel(m->deadline);
	vrs_timer_cancel(m->heartbeat);
	m->tick = m->deadline = m->heartbeat = NULL;
	m->open_round = false;
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (m->post[i].busy)
			return false;
	vrs_workers_close(m->workers);
	free_all(m);
	return true;
}

void measure_counts(const struct measure *m, struct measure_counts *ret)
{
	*ret = m->counts;
	ret->dropped = m->outbox.lost;
	ret->hosts = m->conf.n_hosts;
	ret->up = 0;
	for (size_t i = 0; i < m->conf.n_hosts; i++)
		if (m->host[i].track.state == VRSAS__V1__HOST_STATE__HOST_STATE_UP)
			ret->up++;
}
