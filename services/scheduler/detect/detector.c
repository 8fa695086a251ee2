#include "detect/detector.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *detector_verdict_name(enum detector_verdict v)
{
	static const char *const names[] = {
		[DETECTOR_OK] = "ok",           [DETECTOR_SILENT] = "silent",
		[DETECTOR_SUSPECT] = "suspect", [DETECTOR_BRAKE] = "brake",
		[DETECTOR_BACK] = "back",       [DETECTOR_DOWN_LIKELY] = "down likely",
	};

	return names[v];
}

/* What each channel reports now. */
struct channels {
	bool collector_dead, collector_silent, collector_up;
	bool unread; /* by the collector; counts from before it came on, too */
	bool probe_dead, probe_alive;
	bool claim_dead, claim_off;
};

static void count_beats(const struct detector_seen *s, struct detector_host *h)
{
	if (s->beat_at_ms == 0 || s->beat_at_ms == h->last_beat_ms)
		return; /* counted already */
	h->last_beat_ms = s->beat_at_ms;
	if (s->collector_says_up)
		h->beats = 0;
	else if (s->silent_samples > 0 && h->beats < UINT32_MAX)
		h->beats++;
}

static struct channels read_channels(const struct detector_rules *r, int64_t now_ms,
				     const struct detector_seen *s,
				     const struct detector_host *h)
{
	bool fresh = s->can_probe && s->probe_at_ms > 0 &&
		     now_ms - s->probe_at_ms <= r->probe_fresh_ms;

	return (struct channels){
		.collector_silent = !s->collector_alive,
		.collector_up = s->collector_alive && s->collector_says_up,
		.unread = s->collector_alive && !s->collector_says_up &&
			  s->silent_samples + h->silent_before > 0,
		.collector_dead = s->collector_alive && !s->collector_says_up &&
				  s->silent_samples >= r->silent_samples &&
				  h->beats >= r->silent_beats,
		.probe_dead = fresh && s->probes_failed >= r->failed_probes,
		.probe_alive = fresh && s->probes_failed == 0,
		.claim_dead = s->claim != DETECTOR_NO_CLAIM || s->alert,
		.claim_off = s->claim == DETECTOR_CLAIM_OFF,
	};
}

__attribute__((format(printf, 2, 3))) static void note(struct detector_host *h,
						       const char *fmt, ...)
{
	size_t len = strlen(h->note);
	va_list ap;

	if (len && len + 3 < sizeof(h->note)) {
		memcpy(h->note + len, "; ", 3);
		len += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(h->note + len, sizeof(h->note) - len, fmt, ap);
	va_end(ap);
}

static void write_note(const struct channels *o, const struct detector_seen *s,
		       struct detector_host *h)
{
	h->note[0] = '\0';
	if (o->collector_silent)
		note(h, "its collector is silent, which proves nothing about the host");
	else if (o->collector_up)
		note(h, "its collector reads it");
	else if (s->silent_samples > 0)
		note(h, "%u readings in a row failed, reported in %u heartbeat%s",
		     s->silent_samples, h->beats, h->beats == 1 ? "" : "s");
	if (!s->can_probe)
		note(h, "no probe address is set");
	else if (s->probes_failed > 0)
		note(h, "%u probe%s in a row had no answer", s->probes_failed,
		     s->probes_failed == 1 ? "" : "s");
	else if (o->probe_alive)
		note(h, "it answers its probe");
	if (s->alert)
		note(h, "monitoring reports it dead: %s", s->alert);
	if (s->claim != DETECTOR_NO_CLAIM)
		note(h, "%s declared it %s", s->claim_by ? s->claim_by : "an operator",
		     o->claim_off ? "off" : "dead");
	if (o->claim_dead && (o->probe_alive || o->collector_up))
		note(h, "not accepted, because it answers");
}

static void set(struct detector_host *h, enum detector_verdict v, int64_t now_ms)
{
	if (h->inner == v && h->inner_since_ms)
		return;
	h->inner = v;
	h->inner_since_ms = now_ms;
	if (v == DETECTOR_OK || v == DETECTOR_DOWN_LIKELY)
		h->came_on = false;
}

/* No channel reports the host dead. */
static void all_quiet(const struct detector_rules *r, int64_t now_ms, bool answers,
		      struct detector_host *h)
{
	h->silent_since_ms = 0;
	if (!answers) { /* no evidence at all: neither dead nor back */
		h->up_since_ms = 0;
		if (!h->was_down)
			set(h, DETECTOR_OK, now_ms);
		return;
	}
	if (!h->up_since_ms)
		h->up_since_ms = now_ms;
	if (h->was_down && now_ms - h->up_since_ms < r->stable_ms) {
		set(h, DETECTOR_BACK, now_ms);
		return;
	}
	h->was_down = false;
	set(h, DETECTOR_OK, now_ms);
}

static void one_channel(int64_t now_ms, bool answers, struct detector_host *h)
{
	if (h->was_down && !answers)
		return; /* what was down stays down until it answers */
	if (h->inner == DETECTOR_SUSPECT && !answers)
		return; /* one channel fell silent; suspicion ends when the host answers
			 */
	set(h, DETECTOR_SILENT, now_ms);
}

static void two_channels(const struct detector_rules *r, int64_t now_ms,
			 const struct detector_seen *s, const struct channels *o,
			 struct detector_host *h)
{
	if (h->inner == DETECTOR_DOWN_LIKELY)
		return;
	set(h, DETECTOR_SUSPECT, now_ms);
	/* a probe that ended after suspicion began must confirm it; without one, only an
	 * operator's declaration that the host is off does */
	bool agreed = o->probe_dead && s->probe_at_ms >= h->inner_since_ms;
	if (now_ms - h->inner_since_ms >= r->suspect_ms && (agreed || o->claim_off)) {
		set(h, DETECTOR_DOWN_LIKELY, now_ms);
		h->was_down = true;
	}
}

enum { NOT_COUNTED = UINT32_MAX };

void detector_power_on(struct detector_host *h, int64_t now_ms)
{
	enum detector_verdict v = h->answers_since_ms ? DETECTOR_BACK : DETECTOR_SILENT;

	*h = (struct detector_host){.verdict = v,
				    .since_ms = now_ms,
				    .inner = v,
				    .inner_since_ms = now_ms,
				    .last_beat_ms = h->last_beat_ms,
				    .was_down = true,
				    .came_on = true,
				    .boot_since_ms = now_ms,
				    .silent_before = NOT_COUNTED};
	note(h, "it was switched on");
}

/* What was seen since the host came on: readings that failed before do not count. */
static struct detector_seen since_power_on(const struct detector_rules *r, int64_t now_ms,
					   const struct detector_seen *s,
					   struct detector_host *h)
{
	struct detector_seen ret = *s;

	if (h->silent_before == NOT_COUNTED)
		h->silent_before = s->silent_samples;
	if (s->silent_samples < h->silent_before)
		h->silent_before = 0; /* it was read since */
	ret.silent_samples -= h->silent_before;
	if (now_ms - h->boot_since_ms >= r->boot_ms ||
	    (s->collector_alive && s->collector_says_up))
		h->boot_since_ms = 0;
	return ret;
}

static void judge(const struct detector_rules *r, int64_t now_ms,
		  const struct detector_seen *all, struct detector_host *h)
{
	const struct detector_seen seen = since_power_on(r, now_ms, all, h), *s = &seen;

	count_beats(s, h);
	struct channels o = read_channels(r, now_ms, s, h);
	bool answers = o.collector_up || o.probe_alive;
	bool first_sign =
		s->probes_failed > 0 ||
		(s->collector_alive && !s->collector_says_up && s->silent_samples > 0);

	if (h->boot_since_ms)
		o.collector_dead = o.probe_dead = false;
	h->channels = (unsigned)o.collector_dead + (unsigned)o.probe_dead +
		      (unsigned)o.claim_dead + (unsigned)o.claim_off;
	if (!answers)
		h->answers_since_ms = 0;
	else if (!h->answers_since_ms)
		h->answers_since_ms = now_ms;
	if (answers && h->channels > 1)
		h->channels = 1; /* a host that answers is alive, whatever is declared */
	h->wants_probe =
		s->can_probe && (first_sign || o.claim_dead || o.collector_silent);
	write_note(&o, s, h);
	if (h->boot_since_ms)
		note(h,
		     "switched on %lld s ago: it may be booting, its silence is no "
		     "evidence",
		     (long long)((now_ms - h->boot_since_ms) / 1000));

	if (s->maintenance && !o.claim_off) {
		h->channels = 0;
		all_quiet(r, now_ms, answers, h);
		return;
	}
	if (h->channels == 0 && (!first_sign || h->boot_since_ms)) {
		all_quiet(r, now_ms, answers, h);
		if (o.unread || first_sign) /* it boots, but is not up yet */
			h->up_since_ms = 0;
		return;
	}
	h->up_since_ms = 0;
	if (!h->silent_since_ms)
		h->silent_since_ms = now_ms;
	if (h->channels >= 2)
		two_channels(r, now_ms, s, &o, h);
	else if (h->channels == 1)
		one_channel(now_ms, answers, h);
	/* a first sign alone changes no verdict: one reading may fail */
}

static bool is_silent(const struct detector_host *h)
{
	return h->inner == DETECTOR_SILENT || h->inner == DETECTOR_SUSPECT ||
	       h->inner == DETECTOR_DOWN_LIKELY;
}

static bool may_be_held(const struct detector_seen *s, const struct detector_host *h)
{
	return !s->handled && s->claim != DETECTOR_CLAIM_OFF &&
	       (h->inner == DETECTOR_SUSPECT || h->inner == DETECTOR_DOWN_LIKELY);
}

static void publish(int64_t now_ms, bool held, const struct detector_brake *b,
		    struct detector_host *h)
{
	enum detector_verdict v = held ? DETECTOR_BRAKE : h->inner;

	if (held)
		note(h, "held: %u of %u hosts are silent", b->silent, b->hosts);
	if (h->verdict != v || !h->since_ms)
		h->since_ms = held ? now_ms : h->inner_since_ms;
	h->verdict = v;
}

void detector_step(const struct detector_rules *rules, int64_t now_ms,
		   const struct detector_seen *seen, struct detector_host *host, size_t n,
		   struct detector_brake *ret_brake)
{
	struct detector_brake b = {0};

	for (size_t i = 0; i < n; i++) {
		judge(rules, now_ms, &seen[i], &host[i]);
		if (seen[i].handled || seen[i].maintenance || host[i].boot_since_ms)
			continue; /* known and dealt with: no evidence about the rest */
		b.hosts++;
		b.silent += is_silent(&host[i]);
	}
	b.on = b.silent >= rules->brake_hosts &&
	       (double)b.silent > rules->brake_ratio * (double)b.hosts;
	for (size_t i = 0; i < n; i++)
		publish(now_ms, b.on && may_be_held(&seen[i], &host[i]), &b, &host[i]);
	if (b.on)
		(void)snprintf(
			b.note, sizeof(b.note),
			"%u of %u hosts are silent at once: probably the network or the "
			"collector failed; no host is fenced without an operator",
			b.silent, b.hosts);
	*ret_brake = b;
}
