/* Which transfers make progress, and how accurate forecasts were. */
#include <math.h>
#include <string.h>

#include "metrics/metrics.h"
#include "vrs/mem.h"

static struct metrics_transfer *transfer_of(struct metrics *m, const char *vm_id,
					    int64_t mono_ms)
{
	for (size_t i = 0; i < m->n_transfers; i++)
		if (strcmp(m->transfer[i].vm_id, vm_id) == 0)
			return &m->transfer[i];
	if (m->n_transfers == METRICS_MAX_TRANSFERS)
		return NULL;
	struct metrics_transfer *t = &m->transfer[m->n_transfers++];
	*t = (struct metrics_transfer){.mono_ms = mono_ms};
	(void)vrs_strcpy(t->vm_id, sizeof(t->vm_id), vm_id);
	return t;
}

static void watch_transfers(struct metrics *m, int64_t mono_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_transfers; i++)
		m->transfer[i].seen = false;
	for (size_t i = 0; i < engine_n_records(m->engine); i++) {
		const Vrsas__V1__Relocation *r = engine_record(m->engine, i);
		const Vrsas__V1__TransferStatus *st =
			engine_transfer(m->engine, r->vm_id);

		if (!r->moving)
			continue;
		struct metrics_transfer *t = transfer_of(m, r->vm_id, mono_ms);
		uint64_t bytes = st ? st->bytes_done + st->bytes_compared : 0;
		if (!t)
			continue;
		if (bytes != t->bytes)
			t->mono_ms = mono_ms;
		t->bytes = bytes;
		t->seen = true;
	}
	for (size_t i = 0; i < m->n_transfers; i++)
		if (m->transfer[i].seen)
			m->transfer[kept++] = m->transfer[i];
	m->n_transfers = kept;
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

void metrics_watch(struct metrics *m, int64_t mono_ms)
{
	struct engine *e = m->engine;
	const struct fleet *w = engine_active(e) ? engine_fleet(e) : NULL;

	watch_transfers(m, mono_ms);
	for (size_t i = 0; w && i < w->n_clusters; i++) {
		const struct fleet_cluster *c = &w->cluster[i];

		if (c->forecast.made_at_ms > 0)
			forecast_accuracy_add_forecast(
				m->accuracy, c->name, c->forecast.origin_ms,
				c->forecast.peak[0].p50, c->forecast.peak[0].p90);
		forecast_accuracy_add_reading(m->accuracy, c->name, c->sample_at_ms,
					      cluster_ratio(w, c));
	}
}
