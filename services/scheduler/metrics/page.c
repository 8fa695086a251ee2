/* The page itself: families in the order of docs/METRICS.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fleet/load.h"
#include "metrics/metrics.h"
#include "vrs/svc.h"

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

/* --- clusters --- */

static void add_hosts(const struct fleet *w, const struct fleet_cluster *c,
		      struct vrs_page *page)
{
	static const char name[] = "vrsas_vms";
	static const char help[] = "VMs in inventories.";
	unsigned life[FLEET_DOWN + 1] = {0}, running = 0, vms = 0;

	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *h = &w->host[c->first_host + i];

		life[h->life]++;
		vms += (unsigned)h->n_vms;
		for (size_t k = 0; k < h->n_vms; k++)
			running += w->vm[h->first_vm + k].facts->state ==
				   VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	}
	for (int i = FLEET_UNKNOWN; i <= FLEET_DOWN; i++)
		vrs_page_add(page, VRS_GAUGE, "vrsas_hosts", "Hosts, by state.", life[i],
			     "cluster", c->name, "state",
			     fleet_life_name((enum fleet_life)i), NULL);
	vrs_page_add(page, VRS_GAUGE, name, help, running, "cluster", c->name, "state",
		     "running", NULL);
	vrs_page_add(page, VRS_GAUGE, name, help, vms - running, "cluster", c->name,
		     "state", "off", NULL);
}

static void add_gauge(const struct fleet_cluster *c, const char *name, const char *help,
		      double value, struct vrs_page *page)
{
	vrs_page_add(page, VRS_GAUGE, name, help, value, "cluster", c->name, NULL);
}

static void add_headroom(const struct fleet_cluster *c, const char *at, double cores,
			 double of_cores, struct vrs_page *page)
{
	if (!(cores > 0))
		cores = isnan(cores) ? NAN : 0;
	vrs_page_add(page, VRS_GAUGE, "vrsas_cluster_headroom_cores",
		     "Free cores, now and at the forecast peak of the next 4 h.", cores,
		     "cluster", c->name, "at", at, NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_cluster_headroom_ratio",
		     "Free cores as a share of all cores, now and at the forecast peak "
		     "of the next 4 h.",
		     of_cores > 0 ? cores / of_cores : NAN, "cluster", c->name, "at", at,
		     NULL);
}

/* Capacity counts hosts that are up. */
static void add_capacity(const struct fleet *w, const struct fleet_cluster *c,
			 struct vrs_page *page)
{
	double cores = 0, used = 0, memory = 0;

	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *h = &w->host[c->first_host + i];

		if (h->life != FLEET_UP)
			continue;
		cores += h->vcpus_total;
		used += h->cpu_ratio * h->vcpus_total; /* NAN: not known */
		memory += (1 - h->mem_ratio) * (double)h->ram_total_bytes;
	}
	double worst =
		c->forecast.made_at_ms > 0 ? cores * (1 - c->forecast.peak[1].p90) : NAN;

	add_gauge(c, "vrsas_cluster_capacity_cores", "Cores of hosts that are up.", cores,
		  page);
	add_gauge(c, "vrsas_cluster_cpu_ratio",
		  "CPU load of all hosts that are up, in the latest reading.",
		  cores > 0 ? used / cores : NAN, page);
	add_headroom(c, "now", cores - used - c->promise.cores, cores, page);
	add_headroom(c, "worst", worst - c->promise.cores, cores, page);
	add_gauge(c, "vrsas_cluster_memory_free_bytes",
		  "Free memory of hosts that are up, minus reservations.",
		  fmax(memory - (double)c->promise.ram_bytes, 0), page);
	if (c->sample_at_ms > 0)
		add_gauge(c, "vrsas_cluster_sample_age_seconds",
			  "Time since the beginning of the newest stored interval.",
			  (double)(w->at_ms - c->sample_at_ms) / 1e3, page);
}

static void add_cluster(const struct engine *e, const struct fleet *w,
			const struct fleet_cluster *c, struct vrs_page *page)
{
	const struct detector_brake *brake = engine_brake(e, c->name);

	add_hosts(w, c, page);
	add_gauge(c, "vrsas_cluster_collector_up",
		  "1 if the collector's heartbeat is fresh.", c->collector_alive, page);
	add_gauge(c, "vrsas_cluster_brake",
		  "1 if too many hosts are silent at once, so failovers are stopped.",
		  brake && brake->on, page);
	add_capacity(w, c, page);
}

/* --- forecasts --- */

static void add_peaks(const struct fleet_cluster *c, struct vrs_page *page)
{
	static const char *const horizons[FLEET_HORIZONS] = {"2h", "4h"};
	static const char *const percentiles[] = {"50", "90", "99"};

	for (size_t h = 0; h < FLEET_HORIZONS; h++) {
		const struct fleet_peak *p = &c->forecast.peak[h];
		const double value[] = {p->p50, p->p90, p->p99};

		for (size_t i = 0; i < LENGTH(value); i++)
			vrs_page_add(page, VRS_GAUGE, "vrsas_forecast_peak_ratio",
				     "Highest 5-minute mean within the horizon.",
				     value[i], "cluster", c->name, "horizon", horizons[h],
				     "percentile", percentiles[i], NULL);
	}
}

static void add_forecast(const struct metrics *m, const struct fleet *w,
			 const struct fleet_cluster *c, struct vrs_page *page)
{
	static const char *const methods[] = {"lstm", "slevel", "seasonal", "last",
					      "none"};
	static const char *const confidence[] = {"ok", "low", "none"};
	const struct fleet_forecast *f = &c->forecast;
	bool any = f->made_at_ms > 0;
	const char *method = any && f->method ? f->method : "none";
	struct forecast_score score;

	if (any) {
		add_gauge(c, "vrsas_forecast_age_seconds", "Age of the newest forecast.",
			  (double)(w->at_ms - f->made_at_ms) / 1e3, page);
		add_peaks(c, page);
	}
	for (size_t i = 0; i < LENGTH(methods); i++)
		vrs_page_add(page, VRS_GAUGE, "vrsas_forecast_method",
			     "1 for the method of the newest forecast.",
			     strcmp(method, methods[i]) == 0, "cluster", c->name,
			     "method", methods[i], NULL);
	for (size_t i = 0; i < LENGTH(confidence); i++) {
		int is = any ? (int)f->confidence
			     : (int)VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE;

		vrs_page_add(page, VRS_GAUGE, "vrsas_forecast_confidence",
			     "1 for the confidence of the newest forecast.",
			     is == (int)i + 1, "cluster", c->name, "confidence",
			     confidence[i], NULL);
	}
	forecast_accuracy_score(m->accuracy, c->name, &score);
	add_gauge(c, "vrsas_forecast_error_ratio",
		  "Mean difference between observed 2 h peaks and their forecast P50.",
		  score.error_ratio, page);
	add_gauge(c, "vrsas_forecast_coverage_ratio",
		  "Share of observed 2 h peaks at or below their forecast P90.",
		  score.coverage_ratio, page);
	add_gauge(c, "vrsas_forecast_scored",
		  "Forecasts of the last day that were compared with observed peaks.",
		  score.n, page);
}

static void add_jobs(const struct forecasts *f, struct vrs_page *page)
{
	static const char name[] = "vrsas_forecast_jobs_total";
	static const char help[] = "Forecast jobs, by result.";
	struct forecasts_counts c;

	forecasts_counts(f, &c);
	vrs_page_add(page, VRS_GAUGE, "vrsas_forecast_jobs_open",
		     "Forecast jobs in flight.", c.open, NULL);
	vrs_page_add(page, VRS_COUNTER, name, help, (double)c.ok, "result", "ok", NULL);
	vrs_page_add(page, VRS_COUNTER, name, help, (double)c.failed, "result", "failed",
		     NULL);
	vrs_page_histogram(page, "vrsas_forecast_job_seconds",
			   "Duration of a forecast job.", &c.seconds, NULL);
	vrs_page_bus(page, "forecast", &c.bus);
}

/* --- relocations --- */

static bool without_target(const Vrsas__V1__Relocation *r)
{
	bool waits = r->state == VRSAS__V1__RELOCATION_STATE__DECIDING ||
		     r->state == VRSAS__V1__RELOCATION_STATE__WAIT_REPAIR ||
		     r->state == VRSAS__V1__RELOCATION_STATE__HOLD_OPERATOR;

	if (!waits || !r->decision)
		return false;
	for (size_t i = 0; i < r->decision->n_candidate; i++)
		if (r->decision->candidate[i]->fits)
			return false;
	return true;
}

static void add_states(const struct engine *e, struct vrs_page *page)
{
	unsigned state[RELOC_N_STATES] = {0}, stuck = 0;

	for (size_t i = 0; i < engine_n_records(e); i++) {
		const Vrsas__V1__Relocation *r = engine_record(e, i);

		if ((size_t)r->state < LENGTH(state))
			state[r->state]++;
		stuck += without_target(r);
	}
	for (int i = RELOC_PROTECTED; i < RELOC_N_STATES; i++)
		if (reloc_state_name((enum reloc_state)i))
			vrs_page_add(page, VRS_GAUGE, "vrsas_relocations",
				     "Relocation records, by state.", state[i], "state",
				     reloc_state_name((enum reloc_state)i), NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_relocations_without_target",
		     "VMs for which every candidate is currently rejected.", stuck, NULL);
}

static void add_unmovable(const struct engine *e, struct vrs_page *page)
{
	static const char name[] = "vrsas_vm_unmovable";
	static const char help[] = "Protected VMs that no cluster can take, by reason.";
	const struct movability *m = engine_movability(e);

	for (unsigned i = 0; i < VRS_N_FINDINGS; i++) {
		const char *reason = vrs_finding_name((enum vrs_finding_code)i);

		if (vrs_finding_kind((enum vrs_finding_code)i) == VRS_STOPS_MOVE)
			vrs_page_add(page, VRS_GAUGE, name, help,
				     (double)movability_count(m, reason), "reason",
				     reason, NULL);
	}
	vrs_page_add(page, VRS_GAUGE, name, help,
		     (double)movability_count(m, "no-target"), "reason", "no-target",
		     NULL);
}

static void add_results(const struct counters *n, struct vrs_page *page)
{
	const struct {
		const char *name;
		uint64_t value;
	} results[] = {
		{"away", n->reached[RELOC_RUNNING_AWAY]},
		{"home", n->home},
		{"held", n->reached[RELOC_HOLD_OPERATOR]},
		{"failed_start", n->reached[RELOC_START_FAILED]},
		{"split", n->reached[RELOC_SPLIT_SUSPECT]},
	};
	static const char *const verdicts[] = {"", "wait", "local", "relocate", "hold"};
	static const char *const severities[] = {"", "info", "notice", "warning",
						 "error"};
	static const char moved[] = "vrsas_relocation_moved_bytes_total";
	static const char moved_help[] = "Bytes of verified transfers.";

	for (size_t i = 0; i < LENGTH(results); i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_relocations_total",
			     "Relocations, by result.", (double)results[i].value,
			     "result", results[i].name, NULL);
	vrs_page_add(page, VRS_COUNTER, moved, moved_help, (double)n->bytes_out, "way",
		     "out", NULL);
	vrs_page_add(page, VRS_COUNTER, moved, moved_help, (double)n->bytes_home, "way",
		     "home", NULL);
	vrs_page_histogram(
		page, "vrsas_relocation_outage_seconds",
		"Time from the host's silence to the guest's answer elsewhere.",
		&n->outage_seconds, NULL);
	vrs_page_histogram(
		page, "vrsas_relocation_eta_error_ratio",
		"Error of the predicted transfer time, as a share of the actual time.",
		&n->eta_error_ratio, NULL);
	for (size_t i = 1; i < LENGTH(verdicts); i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_decisions_total",
			     "Decisions, by verdict.", (double)n->verdicts[i], "verdict",
			     verdicts[i], NULL);
	vrs_page_histogram(page, "vrsas_decision_seconds",
			   "Duration of one decision for all waiting VMs.",
			   &n->decision_seconds, NULL);
	for (size_t i = 1; i < LENGTH(severities); i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_events_total", "Events published.",
			     (double)n->events[i], "severity", severities[i], NULL);
}

static void add_transfer(const struct metrics_transfer *m, const struct engine *e,
			 int64_t mono_ms, struct vrs_page *page)
{
	const Vrsas__V1__TransferStatus *t = engine_transfer(e, m->vm_id);
	const Vrsas__V1__Relocation *r = engine_find(e, m->vm_id);
	const char *vm = r && r->vm_name[0] ? r->vm_name : m->vm_id;
	const struct {
		const char *name, *help;
		double value;
	} rows[] = {
		{"vrsas_relocation_progress_ratio", "Share of bytes copied.",
		 t && t->bytes_total ? (double)t->bytes_done / (double)t->bytes_total
				     : NAN},
		{"vrsas_relocation_moved_bytes", "Bytes copied.",
		 t ? (double)t->bytes_done : NAN},
		{"vrsas_relocation_rate_bytes_per_second", "Current rate.",
		 t ? t->rate_now_bytes_per_s : NAN},
		{"vrsas_relocation_eta_seconds", "Estimated time to completion.",
		 t && t->eta_ms >= 0 ? (double)t->eta_ms / 1e3 : NAN},
		{"vrsas_relocation_silence_seconds", "Time since the last progress.",
		 (double)(mono_ms - m->mono_ms) / 1e3},
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		vrs_page_add(page, VRS_GAUGE, rows[i].name, rows[i].help, rows[i].value,
			     "vm", vm, "vm_id", m->vm_id, NULL);
}

void metrics_collect(const struct metrics *m, int64_t mono_ms, struct vrs_page *page)
{
	struct engine *e = m->engine;
	struct vrs_bus_counts bus;
	const char *why;
	bool active = engine_active(e);

	vrs_page_add(page, VRS_COUNTER, "vrsas_scheduler_heartbeats_refused_total",
		     "Heartbeats in Redis without a valid signature of their cluster.",
		     (double)fleet_loader_refused(m->loader, &why), NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_scheduler_active",
		     "1 if this scheduler holds the lease and acts.", active, NULL);
	add_jobs(m->forecasts, page);
	engine_bus_counts(e, &bus);
	vrs_page_bus(page, "transfer", &bus);
	control_bus_counts(m->control, &bus);
	vrs_page_bus(page, "control", &bus);
	if (!active)
		return;
	const struct fleet *w = engine_fleet(e);
	for (size_t i = 0; w && i < w->n_clusters; i++) {
		add_cluster(e, w, &w->cluster[i], page);
		add_forecast(m, w, &w->cluster[i], page);
	}
	add_states(e, page);
	add_unmovable(e, page);
	add_results(engine_counters(e), page);
	for (size_t i = 0; i < m->n_transfers; i++)
		add_transfer(&m->transfer[i], e, mono_ms, page);
}
