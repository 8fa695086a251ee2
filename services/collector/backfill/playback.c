#include "backfill/playback.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "readers/reader.h"
#include "ship/encode.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

/* Intervals sent per turn of the loop, with one sync. */
enum { AT_ONCE = 200, PACE_MS = 100, RETRY_MS = 1000 };

struct playback {
	struct vrs_loop *loop;
	struct playback_conf conf;
	struct pending pending;
	struct encode_host *host;
	struct reader **reader;
	uint32_t table_version;
	bool table_sent;
	int64_t next_at_ms; /* start of the next interval to send */
	int64_t begun_mono_ms, begun_at_ms;
	struct vrs_timer *tick, *heartbeat;
	bool caught_up;
	struct vrs_complaint trouble;
};

/* --- the position --- */

static int64_t load_position(const char *path)
{
	long long at_ms = -1;
	FILE *f = path ? fopen(path, "re") : NULL;

	if (f) {
		if (fscanf(f, "%lld", &at_ms) != 1)
			at_ms = -1;
		(void)fclose(f);
	}
	return at_ms;
}

/* An old position after a crash only means that some intervals are resent. */
static void save_position(struct playback *p)
{
	char *next;
	FILE *f;

	if (!p->conf.position_path)
		return;
	next = vrs_asprintf("%s.next", p->conf.position_path);
	f = fopen(next, "we");
	bool ok = f && fprintf(f, "%lld\n", (long long)p->next_at_ms) > 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	if (!ok || rename(next, p->conf.position_path) < 0)
		vrs_complain(&p->trouble, VRS_WARN,
			     "cannot save playback position; a restart will resend some "
			     "data: %s",
			     p->conf.position_path);
	free(next);
}

/* --- playing --- */

static void play_interval(struct playback *p, int64_t at_ms)
{
	struct gauge *gauge = vrs_calloc(p->conf.n_hosts, sizeof(*gauge));
	bool changed = !p->table_sent;

	for (size_t i = 0; i < p->conf.n_hosts; i++) {
		struct host_state *t = &p->host[i].state;
		uint32_t vcpus = t->vcpus;
		struct reading r = {0};
		struct vrs_err err = {0};

		if (reader_read(p->reader[i], at_ms, 0, &r, &err) < 0) {
			host_state_silent(t, err.text, &gauge[i]);
			continue;
		}
		host_state_answered(t, &r, vrs_now_mono_ms(), &gauge[i], NULL);
		changed |= t->vcpus != vcpus;
		reading_fini(&r);
	}
	if (changed) {
		p->table_sent = true;
		pending_add_take(&p->pending, encode_hosts(p->host, p->conf.n_hosts,
							   ++p->table_version));
	}
	pending_add_take(&p->pending,
			 encode_batch(gauge, p->conf.n_hosts, at_ms, p->conf.interval_ms,
				      p->table_version));
	free(gauge);
}

/* The time up to which intervals may be sent now. */
static int64_t limit_ms(const struct playback *p)
{
	int64_t now = host_state_interval(vrs_now_wall_ms(), p->conf.interval_ms);

	if (p->caught_up || p->conf.history_speed <= 0)
		return now;
	double run_s = (double)(vrs_now_mono_ms() - p->begun_mono_ms) / 1000;
	int64_t paced = p->begun_at_ms +
			(int64_t)(run_s * p->conf.history_speed) * p->conf.interval_ms;
	return paced < now ? paced : now;
}

static void on_tick(void *arg)
{
	struct playback *p = arg;
	int64_t limit = limit_ms(p), wait_ms = 1;
	int64_t interval_ms = p->conf.interval_ms, now = vrs_now_wall_ms();

	p->tick = NULL;
	for (int i = 0; i < AT_ONCE && p->next_at_ms <= limit; i++) {
		play_interval(p, p->next_at_ms);
		p->next_at_ms += interval_ms;
	}
	if (pending_flush(&p->pending) < 0)
		wait_ms = RETRY_MS;
	else
		save_position(p);
	if (p->next_at_ms > host_state_interval(now, interval_ms)) {
		if (!p->caught_up)
			log_notice("playback has caught up with the clock hosts=%zu",
				   p->conf.n_hosts);
		p->caught_up = true;
		wait_ms = p->next_at_ms + interval_ms - now;
	} else if (p->next_at_ms > limit) {
		wait_ms = PACE_MS;
	}
	p->tick = vrs_loop_after(p->loop, wait_ms > 1 ? wait_ms : 1, on_tick, p);
}

static void send_heartbeat(void *arg)
{
	struct playback *p = arg;
	Vrsas__V1__Heartbeat *hb =
		encode_heartbeat(p->host, p->conf.n_hosts, vrs_now_wall_ms());

	(void)p->pending.sink.heartbeat(p->pending.sink.arg, hb, NULL);
	encode_free_heartbeat(hb);
}

int playback_open(struct playback **ret, struct vrs_loop *loop,
		  const struct playback_conf *conf, const struct sink *sink,
		  struct vrs_err *err)
{
	struct playback *p = vrs_calloc(1, sizeof(*p));
	int64_t now = vrs_now_wall_ms();
	int status = 0;

	p->loop = loop;
	p->conf = *conf;
	p->pending.sink = *sink;
	p->host = vrs_calloc(conf->n_hosts, sizeof(*p->host));
	p->reader = vrs_calloc(conf->n_hosts, sizeof(*p->reader));
	p->table_version = (uint32_t)(now / 1000);
	p->next_at_ms = load_position(conf->position_path);
	if (p->next_at_ms < 0)
		p->next_at_ms =
			host_state_interval(now - conf->history_ms, conf->interval_ms);
	p->begun_mono_ms = vrs_now_mono_ms();
	p->begun_at_ms = p->next_at_ms;
	for (size_t i = 0; i < conf->n_hosts && status == 0; i++) {
		p->host[i].site = conf->host[i];
		status = reader_open(&p->reader[i], conf->site, conf->cluster,
				     conf->host[i], err);
	}
	if (status < 0) {
		playback_close(p);
		return status;
	}
	p->tick = vrs_loop_after(loop, 1, on_tick, p);
	p->heartbeat = vrs_loop_every(loop, conf->heartbeat_ms, send_heartbeat, p);
	*ret = p;
	return 0;
}

void playback_close(struct playback *p)
{
	if (!p)
		return;
	vrs_timer_cancel(p->tick);
	vrs_timer_cancel(p->heartbeat);
	for (size_t i = 0; i < p->conf.n_hosts; i++) {
		reader_close(p->reader[i]);
		host_state_fini(&p->host[i].state);
	}
	pending_fini(&p->pending);
	free(p->reader);
	free(p->host);
	free(p);
}

uint64_t playback_dropped(const struct playback *p)
{
	return p->pending.lost;
}
