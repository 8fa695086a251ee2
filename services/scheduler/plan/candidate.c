#include "plan/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- projected load --- */

static bool forecast_counts(const struct plan_context *f, const struct fleet_forecast *fc)
{
	return fc->made_at_ms > 0 &&
	       f->w->at_ms - fc->made_at_ms <= f->rules->forecast_max_age_ms &&
	       fc->confidence != VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE &&
	       (isfinite(fc->peak[0].p90) || isfinite(fc->peak[1].p90));
}

static void from_forecast(const struct fleet_forecast *fc, struct projected_load *o)
{
	o->seen = SEEN_FORECAST;
	o->method = fc->method;
	o->low = fc->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW;
	if (o->low)
		o->doubt = fc->reason && fc->reason[0] ? fc->reason : "short history";
	for (size_t i = 0; i < FLEET_HORIZONS; i++) {
		/* a horizon without a forecast takes the peak of the other one */
		const struct fleet_peak *p =
			isfinite(fc->peak[i].p90) ? &fc->peak[i] : &fc->peak[1 - i];

		o->p90[i] = p->p90;
		o->p50[i] = isfinite(p->p50) ? p->p50 : p->p90;
	}
}

static void from_reading(const struct plan_context *f, double ratio,
			 struct projected_load *o)
{
	o->seen = SEEN_LAST;
	o->method = "last";
	o->low = true;
	for (size_t i = 0; i < FLEET_HORIZONS; i++) {
		o->p50[i] = ratio;
		o->p90[i] = fmin(1, ratio + f->rules->blind_ratio);
	}
}

static const char *no_forecast(const struct plan_context *f,
			       const struct fleet_forecast *fc)
{
	if (fc->made_at_ms == 0)
		return "no forecast";
	if (f->w->at_ms - fc->made_at_ms > f->rules->forecast_max_age_ms)
		return "the forecast is too old";
	return "the predictor could not compute one";
}

static void project_host(const struct plan_context *f, const struct fleet_host *h,
			 struct projected_load *o)
{
	*o = (struct projected_load){.cores = h->vcpus_total};
	if (forecast_counts(f, &h->forecast)) {
		from_forecast(&h->forecast, o);
		return;
	}
	if (isfinite(h->cpu_ratio) && h->sample_at_ms > 0 &&
	    f->w->at_ms - h->sample_at_ms <= f->rules->sample_max_age_ms)
		from_reading(f, h->cpu_ratio, o);
	o->doubt = no_forecast(f, &h->forecast);
}

/* The mean of the hosts that are up, for a cluster that lost some. */
static void mean_of_hosts(const struct plan_context *f, const struct fleet_cluster *c,
			  struct projected_load *o)
{
	for (size_t i = 0; i < c->n_hosts; i++) {
		size_t k = c->first_host + i;
		const struct projected_load *h = &f->of_host[k];

		if (f->w->host[k].life != FLEET_UP || h->seen == SEEN_NOT ||
		    (&f->w->host[k] == f->source && !f->ask->source_alive))
			continue; /* in a trial plan the source is still up */
		if (o->seen == SEEN_NOT || h->seen < o->seen)
			o->seen = h->seen;
		o->low |= h->low;
		o->doubt = h->doubt ? h->doubt : o->doubt;
		o->method = h->method;
		for (size_t j = 0; j < FLEET_HORIZONS; j++) {
			o->p50[j] += h->p50[j] * h->cores;
			o->p90[j] += h->p90[j] * h->cores;
		}
		o->cores += h->cores;
	}
	for (size_t j = 0; j < FLEET_HORIZONS && o->cores > 0; j++) {
		o->p50[j] /= o->cores;
		o->p90[j] /= o->cores;
	}
}

static void project_cluster(const struct plan_context *f, const struct fleet_cluster *c,
			    struct projected_load *o)
{
	bool whole = c != f->home;
	double cores = 0;

	*o = (struct projected_load){0};
	for (size_t i = 0; i < c->n_hosts; i++) {
		const struct fleet_host *h = &f->w->host[c->first_host + i];

		cores += h->vcpus_total;
		whole &= h->life == FLEET_UP;
	}
	if (whole && forecast_counts(f, &c->forecast)) {
		o->cores = cores;
		from_forecast(&c->forecast, o);
	} else {
		mean_of_hosts(f, c, o);
	}
}

void candidate_project_loads(struct plan_context *f)
{
	const struct fleet *w = f->w;

	for (size_t i = 0; i < w->n_hosts; i++)
		project_host(f, &w->host[i], &f->of_host[i]);
	for (size_t i = 0; i < w->n_clusters; i++)
		project_cluster(f, &w->cluster[i], &f->of_cluster[i]);
	for (size_t i = 0; i < w->n_hosts; i++) {
		/* a host without data of its own takes its cluster's mean */
		const struct projected_load *c = &f->of_cluster[w->host[i].cluster];

		if (f->of_host[i].seen == SEEN_NOT && c->seen == SEEN_FORECAST) {
			double cores = f->of_host[i].cores;

			f->of_host[i] = *c;
			f->of_host[i].cores = cores;
			f->of_host[i].low = true;
			f->of_host[i].doubt =
				"no forecast for the host; that for its cluster is used";
		}
	}
}

/* --- does the VM fit? --- */

static bool fit_of(const struct projected_load *o, const struct fleet_promise *p,
		   double cores, unsigned horizon, struct fit *ret)
{
	if (o->seen == SEEN_NOT || o->cores <= 0)
		return false;
	ret->base_p50 = o->p50[horizon];
	ret->base_p90 = o->p90[horizon];
	ret->promised = p->cores / o->cores;
	ret->demand = cores / o->cores;
	ret->p50 = ret->base_p50 + ret->promised + ret->demand;
	ret->p90 = ret->base_p90 + ret->promised + ret->demand;
	return true;
}

static void measure_cpu(const struct plan_context *f, double cores, struct candidate *l)
{
	const struct projected_load *oh = &f->of_host[l->host - f->w->host];
	const struct projected_load *oc = &f->of_cluster[l->host->cluster];
	struct fit host = {0}, cluster = {.of_cluster = true};

	l->cpu_known = fit_of(oh, &l->host->promise, cores, l->horizon, &host);
	if (!l->cpu_known)
		return;
	l->fit = host;
	l->score = oh->low ? host.p90 : host.p50;
	if (fit_of(oc, &l->cluster->promise, cores, l->horizon, &cluster)) {
		double score = oc->low ? cluster.p90 : cluster.p50;

		if (cluster.p90 > host.p90)
			l->fit = cluster;
		l->score = fmax(l->score, score);
	}
	l->margin = l->max_cpu_ratio - l->fit.p90;
	l->score_key = lround(l->score * 200);
	l->margin_key = lround(l->margin * 200);
}

static void measure_ram(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
			struct candidate *l)
{
	const struct fleet_host *h = l->host;
	double total = (double)h->ram_total_bytes, used = 0;

	l->ram_need = vm->ram_bytes;
	if (isfinite(h->mem_ratio) && h->sample_at_ms > 0) {
		used = h->mem_ratio * total;
	} else if (h->inventory_at_ms > 0) {
		for (size_t i = 0; i < h->n_vms; i++) {
			const Vrsas__V1__VmFacts *other = f->w->vm[h->first_vm + i].facts;

			if (other->state != VRSAS__V1__VM_STATE__VM_STATE_OFF)
				used += (double)other->ram_bytes;
		}
	} else {
		return;
	}
	double left = total - used - (double)h->promise.ram_bytes -
		      f->rules->ram_reserve_ratio * total;
	l->ram_known = true;
	l->ram_free = left > 0 ? (uint64_t)left : 0;
}

static void measure_disk(const struct plan_context *f, struct candidate *l)
{
	const struct fleet_host *h = l->host;

	if (!h->store_known)
		return;
	double left = (double)h->disk_free_bytes - (double)h->promise.disk_bytes -
		      f->rules->disk_reserve_ratio * (double)h->disk_total_bytes;
	l->disk_free = left > 0 ? (uint64_t)left : 0;
}

static void measure_devices(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
			    struct candidate *l)
{
	const struct vrs_site_cluster *to = l->cluster->site;

	for (size_t i = 0; i < vm->n_disk; i++)
		l->convert |= to->format && strcmp(vm->disk[i]->format, to->format) != 0;
	for (size_t i = 0; i < vm->n_nic && f->home->site; i++)
		if (!fleet_network(f->home->site, to, vm->nic[i]->network))
			l->network = vm->nic[i]->network;
}

/* What its move would run into; the same for all hosts of a cluster but for the name. */
static void measure_obstacles(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
			      struct candidate *l)
{
	struct plan_preflight *p = &f->preflight[l->host->cluster];

	if (!p->done) {
		fleet_preflight(vm, f->home->site, l->local ? NULL : l->cluster->site,
				&p->found);
		p->mac_taken = !l->local && fleet_mac_taken(f->w, l->cluster, vm, NULL);
	}
	p->done = true;
	l->stop = vrs_findings_stop(&p->found);
	l->bad_format = vrs_findings_has(&p->found, VRS_FOUND_DISK_FORMAT);
	l->taken = fleet_name_taken(f->w, l->host, vm) ? "name"
		   : p->mac_taken                      ? "MAC address"
						       : NULL;
}

static void measure_time(const struct plan_context *f, uint64_t bytes,
			 struct candidate *l)
{
	const struct cost_model_rules *wr = &f->rules->cost;

	if (!l->local) {
		l->queued = fleet_queued(f->w, f->home->name, l->cluster->name);
		cost_model_transfer(wr, &f->rate[l->host->cluster], bytes, l->queued,
				    &l->transfer);
	}
	l->outage_ms = l->transfer.mid_ms + wr->boot_ms;
	/* until it is home again: repair, time until stable, and failback */
	l->stay_ms = f->repair_ms + f->rules->stable_ms + l->outage_ms;
	l->horizon = l->stay_ms <= (int64_t)fleet_horizon_min[0] * 60000 ? 0 : 1;
}

bool candidate_in_site(const struct candidate *l)
{
	return l->cluster->site && l->host->site;
}

bool candidate_is_copied_to(const struct candidate *l)
{
	return !l->local && candidate_in_site(l);
}

void candidate_measure(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
		       double cores, struct candidate *l)
{
	uint64_t bytes = fleet_vm_disk_bytes(vm);

	l->max_cpu_ratio = l->cluster->site ? l->cluster->site->max_cpu_ratio : 0;
	measure_time(f, bytes, l);
	measure_cpu(f, cores, l);
	measure_ram(f, vm, l);
	measure_obstacles(f, vm, l);
	if (!candidate_is_copied_to(l))
		return; /* same storage, same networks, nothing to copy */
	measure_devices(f, vm, l);
	/* during the conversion both images exist */
	l->disk_need = l->convert ? 2 * bytes : bytes;
	measure_disk(f, l);
}

/* --- what was measured, as text --- */

void candidate_cpu_text(char *buf, size_t size, const struct plan_context *f,
			const struct candidate *l)
{
	const struct fit *fit = &l->fit;
	const struct projected_load *o = fit->of_cluster
						 ? &f->of_cluster[l->host->cluster]
						 : &f->of_host[l->host - f->w->host];
	char base[96], promised[48] = "";

	if (o->seen == SEEN_FORECAST)
		(void)snprintf(base, sizeof(base),
			       "P90 of the peak in the next %u h: %.0f %%",
			       fleet_horizon_min[l->horizon] / 60, 100 * fit->base_p90);
	else
		(void)snprintf(base, sizeof(base), "%.0f %% now and %.0f %% margin",
			       100 * fit->base_p50,
			       100 * (fit->base_p90 - fit->base_p50));
	if (fit->promised >= 0.0005)
		(void)snprintf(promised, sizeof(promised),
			       " + %.1f %% reserved for others", 100 * fit->promised);
	(void)snprintf(buf, size, "%s %s: %s%s + %.1f %% for this VM = %.0f %%",
		       fit->of_cluster ? "cluster" : "host",
		       fit->of_cluster ? l->cluster->name : l->host->name, base, promised,
		       100 * fit->demand, 100 * fit->p90);
}

char *candidate_disk_text(char *buf, size_t size, const struct plan_context *f,
			  const struct candidate *l)
{
	char need[32], left[32];

	(void)snprintf(buf, size, "disk: %s needed%s, %s free after %.0f %% reserve",
		       fleet_bytes_text(need, sizeof(need), l->disk_need),
		       l->convert ? " (copy and converted image)" : "",
		       fleet_bytes_text(left, sizeof(left), l->disk_free),
		       100 * f->rules->disk_reserve_ratio);
	return buf;
}
