#include "engine/base/counters.h"

#include <math.h>
#include <string.h>

#include "engine/engine.h"

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

void numbers_init(struct numbers *n)
{
	static const double outage[] = {5,   10,  20,  30,  45,   60,   90,
					120, 180, 300, 600, 1800, 3600, 14400};

	*n = (struct numbers){.scorer = scorer_new()};
	vrs_histogram_init(&n->outage_seconds, outage, LENGTH(outage));
	vrs_histogram_init(&n->eta_error_ratio, vrs_bounds_ratio,
			   LENGTH(vrs_bounds_ratio));
	vrs_histogram_init(&n->decision_seconds, vrs_bounds_seconds,
			   LENGTH(vrs_bounds_seconds));
}

void numbers_fini(struct numbers *n)
{
	scorer_free(n->scorer);
	n->scorer = NULL;
}

/* What the decision said the transfer would take; 0: it said nothing. */
static int64_t predicted_transfer_ms(const Vrsas__V1__Relocation *msg)
{
	const Vrsas__V1__Decision *d = msg ? msg->decision : NULL;

	for (size_t i = 0; d && i < d->n_candidate; i++)
		if (d->candidate[i]->rank == 1)
			return d->candidate[i]->transfer_ms;
	return 0;
}

void numbers_change(struct numbers *n, const struct reloc *was, const struct reloc *now,
		    const Vrsas__V1__Relocation *msg)
{
	if (now->state != was->state) {
		n->reached[now->state]++;
		if (now->state == RELOC_PROTECTED &&
		    (was->state == RELOC_CLEANUP || was->state == RELOC_RESTORING_HOME))
			n->home++;
	}
	if (now->bytes_moved > was->bytes_moved)
		n->bytes_out += now->bytes_moved - was->bytes_moved;
	if (now->fb_bytes_moved > was->fb_bytes_moved)
		n->bytes_home += now->fb_bytes_moved - was->fb_bytes_moved;
	if (now->alive_ms > 0 && was->alive_ms == 0 && now->silent_since_ms > 0 &&
	    !now->planned)
		vrs_histogram_add(&n->outage_seconds,
				  (double)(now->alive_ms - now->silent_since_ms) / 1e3);
	int64_t real_ms = now->copied_ms - now->copy_started_ms;
	int64_t said_ms = predicted_transfer_ms(msg);
	if (now->copied_ms > 0 && was->copied_ms == 0 && now->copy_started_ms > 0 &&
	    real_ms > 0 && said_ms > 0)
		vrs_histogram_add(&n->eta_error_ratio,
				  fabs((double)(said_ms - real_ms)) / (double)real_ms);
}

void numbers_decided(struct numbers *n, const Vrsas__V1__Decision *d)
{
	if ((size_t)d->verdict < LENGTH(n->verdicts))
		n->verdicts[d->verdict]++;
}

void numbers_event(struct numbers *n, Vrsas__V1__Severity severity)
{
	if ((size_t)severity < LENGTH(n->events))
		n->events[severity]++;
}

/* --- now and then --- */

static struct numbers_moving *moving_of(struct numbers *n, const char *vm_id,
					int64_t mono_ms)
{
	for (size_t i = 0; i < n->n_moving; i++)
		if (strcmp(n->moving[i].vm_id, vm_id) == 0)
			return &n->moving[i];
	if (n->n_moving == NUMBERS_MAX_MOVING)
		return NULL;
	struct numbers_moving *m = &n->moving[n->n_moving++];
	*m = (struct numbers_moving){.mono_ms = mono_ms};
	(void)vrs_strcpy(m->vm_id, sizeof(m->vm_id), vm_id);
	return m;
}

static void watch_transfers(struct numbers *n, const struct engine *e, int64_t mono_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_moving; i++)
		n->moving[i].seen = false;
	for (size_t i = 0; i < engine_n_records(e); i++) {
		const Vrsas__V1__Relocation *r = engine_record(e, i);
		const Vrsas__V1__TransferStatus *t = engine_transfer(e, r->vm_id);

		if (!r->moving)
			continue;
		struct numbers_moving *m = moving_of(n, r->vm_id, mono_ms);
		uint64_t bytes = t ? t->bytes_done + t->bytes_compared : 0;
		if (!m)
			continue;
		if (bytes != m->bytes)
			m->mono_ms = mono_ms;
		m->bytes = bytes;
		m->seen = true;
	}
	for (size_t i = 0; i < n->n_moving; i++)
		if (n->moving[i].seen)
			n->moving[kept++] = n->moving[i];
	n->n_moving = kept;
}

static double cluster_ratio(const struct fleet *w, const struct fleet_cluster *c)
{
	double used = 0, cores = 0;

	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *h = &w->host[c->first_host + i];

		if (!isfinite(h->cpu_ratio) || h->life == FLEET_DOWN)
			continue;
		used += h->cpu_ratio * h->vcpus_total;
		cores += h->vcpus_total;
	}
	return cores > 0 ? used / cores : NAN;
}

void numbers_watch(struct numbers *n, struct engine *e, int64_t mono_ms)
{
	const struct fleet *w = engine_active(e) ? engine_fleet(e) : NULL;

	watch_transfers(n, e, mono_ms);
	for (size_t i = 0; w && i < w->n_clusters; i++) {
		const struct fleet_cluster *c = &w->cluster[i];

		if (c->forecast.made_at_ms > 0)
			scorer_forecast(n->scorer, c->name, c->forecast.origin_ms,
					c->forecast.peak[0].p50, c->forecast.peak[0].p90);
		scorer_reading(n->scorer, c->name, c->sample_at_ms, cluster_ratio(w, c));
	}
}
