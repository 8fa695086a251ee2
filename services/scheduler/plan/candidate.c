#include "plan/parts.h"

#include <math.h>
#include <string.h>

/* --- how the CPU will run --- */

static bool forecast_counts(const struct plan_frame *f, const struct fleet_forecast *fc)
{
	return fc->made_at_ms > 0 &&
	       f->w->at_ms - fc->made_at_ms <= f->rules->forecast_max_age_ms &&
	       fc->confidence != VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE &&
	       (isfinite(fc->peak[0].p90) || isfinite(fc->peak[1].p90));
}

static void from_forecast(const struct fleet_forecast *fc, struct outlook *o)
{
	o->seen = SEEN_FORECAST;
	o->method = fc->method;
	o->low = fc->confidence == VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW;
	if (o->low)
		o->doubt = fc->reason && fc->reason[0] ? fc->reason
						       : "little history behind it";
	for (size_t i = 0; i < FLEET_HORIZONS; i++) {
		/* a horizon that was not forecast borrows the other one's peak */
		const struct fleet_peak *p =
			isfinite(fc->peak[i].p90) ? &fc->peak[i] : &fc->peak[1 - i];

		o->p90[i] = p->p90;
		o->p50[i] = isfinite(p->p50) ? p->p50 : p->p90;
	}
}

static void from_reading(const struct plan_frame *f, double ratio, struct outlook *o)
{
	o->seen = SEEN_LAST;
	o->method = "last";
	o->low = true;
	for (size_t i = 0; i < FLEET_HORIZONS; i++) {
		o->p50[i] = ratio;
		o->p90[i] = fmin(1, ratio + f->rules->blind_ratio);
	}
}

static const char *no_forecast(const struct plan_frame *f,
			       const struct fleet_forecast *fc)
{
	if (fc->made_at_ms == 0)
		return "there is no forecast";
	if (f->w->at_ms - fc->made_at_ms > f->rules->forecast_max_age_ms)
		return "the forecast is too old";
	return "the predictor could not tell";
}

static void outlook_of_host(const struct plan_frame *f, const struct fleet_host *h,
			    struct outlook *o)
{
	*o = (struct outlook){.cores = h->vcpus_total};
	if (forecast_counts(f, &h->forecast)) {
		from_forecast(&h->forecast, o);
		return;
	}
	if (isfinite(h->cpu_ratio) && h->sample_at_ms > 0 &&
	    f->w->at_ms - h->sample_at_ms <= f->rules->sample_max_age_ms)
		from_reading(f, h->cpu_ratio, o);
	o->doubt = no_forecast(f, &h->forecast);
}

/* The mean of the hosts that live: what is left of a cluster that lost some. */
static void mean_of_hosts(const struct plan_frame *f, const struct fleet_cluster *c,
			  struct outlook *o)
{
	for (size_t i = 0; i < c->n_hosts; i++) {
		size_t k = c->first_host + i;
		const struct outlook *h = &f->of_host[k];

		if (f->w->host[k].life != FLEET_UP || h->seen == SEEN_NOT ||
		    (&f->w->host[k] == f->source && !f->ask->source_alive))
			continue; /* the source may still look up when a plan is tried */
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

static void outlook_of_cluster(const struct plan_frame *f, const struct fleet_cluster *c,
			       struct outlook *o)
{
	bool whole = c != f->home;
	double cores = 0;

	*o = (struct outlook){0};
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

void plan_outlooks(struct plan_frame *f)
{
	const struct fleet *w = f->w;

	for (size_t i = 0; i < w->n_hosts; i++)
		outlook_of_host(f, &w->host[i], &f->of_host[i]);
	for (size_t i = 0; i < w->n_clusters; i++)
		outlook_of_cluster(f, &w->cluster[i], &f->of_cluster[i]);
	for (size_t i = 0; i < w->n_hosts; i++) {
		/* a host without any figure of its own is taken for its cluster's mean */
		const struct outlook *c = &f->of_cluster[w->host[i].cluster];

		if (f->of_host[i].seen == SEEN_NOT && c->seen == SEEN_FORECAST) {
			double cores = f->of_host[i].cores;

			f->of_host[i] = *c;
			f->of_host[i].cores = cores;
			f->of_host[i].low = true;
			f->of_host[i].doubt = "it has no forecast of its own; its "
					      "cluster's was taken";
		}
	}
}

/* --- does the VM fit? --- */

static bool fit_of(const struct outlook *o, const struct fleet_promise *p, double cores,
		   unsigned horizon, bool of_cluster, struct fit *ret)
{
	if (o->seen == SEEN_NOT || o->cores <= 0)
		return false;
	ret->of_cluster = of_cluster;
	ret->base_p50 = o->p50[horizon];
	ret->base_p90 = o->p90[horizon];
	ret->promised = p->cores / o->cores;
	ret->demand = cores / o->cores;
	ret->p50 = ret->base_p50 + ret->promised + ret->demand;
	ret->p90 = ret->base_p90 + ret->promised + ret->demand;
	return true;
}

static void look_at_cpu(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
			double cores, struct look *l)
{
	const struct outlook *oh = &f->of_host[l->host - f->w->host];
	const struct outlook *oc = &f->of_cluster[l->host->cluster];
	struct fit host, cluster;

	if (vm->vcpus > l->host->vcpus_total)
		l->out |= OUT_VCPUS;
	if (!fit_of(oh, &l->host->promise, cores, l->horizon, false, &host)) {
		l->out |= OUT_CPU;
		return;
	}
	l->fit = host;
	l->score = oh->low ? host.p90 : host.p50;
	if (fit_of(oc, &l->cluster->promise, cores, l->horizon, true, &cluster)) {
		double score = oc->low ? cluster.p90 : cluster.p50;

		if (cluster.p90 > host.p90)
			l->fit = cluster;
		l->score = fmax(l->score, score);
	}
	l->margin = l->limit - l->fit.p90;
	l->admitted = l->margin >= 0;
	l->score_key = lround(l->score * 200);
	l->margin_key = lround(l->margin * 200);
}

static void look_at_ram(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
			struct look *l)
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
		l->out |= OUT_RAM_UNKNOWN;
		return;
	}
	double left = total - used - (double)h->promise.ram_bytes -
		      f->rules->ram_reserve_ratio * total;
	l->ram_free = left > 0 ? (uint64_t)left : 0;
	if (l->ram_need > l->ram_free)
		l->out |= OUT_RAM;
}

static void look_at_disk(const struct plan_frame *f, struct look *l)
{
	const struct fleet_host *h = l->host;

	if (!h->store_known) {
		l->out |= OUT_DISK_UNKNOWN;
		return;
	}
	double left = (double)h->disk_free_bytes - (double)h->promise.disk_bytes -
		      f->rules->disk_reserve_ratio * (double)h->disk_total_bytes;
	l->disk_free = left > 0 ? (uint64_t)left : 0;
	if (l->disk_need > l->disk_free)
		l->out |= OUT_DISK;
}

static bool format_known(const char *format)
{
	static const char *const known[] = {"raw", "qcow2", "vmdk", "vhdx"};

	for (size_t i = 0; format && i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(format, known[i]) == 0)
			return true;
	return false;
}

static void look_at_devices(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
			    struct look *l)
{
	const struct vrs_site_cluster *to = l->cluster->site;

	if (!format_known(to->format))
		l->out |= OUT_FORMAT;
	for (size_t i = 0; i < vm->n_disk; i++) {
		if (!format_known(vm->disk[i]->format))
			l->out |= OUT_FORMAT;
		else if (to->format && strcmp(vm->disk[i]->format, to->format) != 0)
			l->convert = true;
	}
	for (size_t i = 0; i < vm->n_nic && f->home->site; i++)
		if (!fleet_network(f->home->site, to, vm->nic[i]->network)) {
			l->out |= OUT_NETWORK;
			l->network = vm->nic[i]->network;
		}
}

static unsigned standing(const struct plan_frame *f, const struct look *l)
{
	const struct plan_ask *ask = f->ask;
	unsigned out = 0;

	if (l->host->life != FLEET_UP)
		out |= OUT_LIFE;
	if (!l->cluster->collector_alive)
		out |= OUT_COLLECTOR;
	if (!l->cluster->site || !l->host->site)
		out |= OUT_SITE;
	else if (!l->local && !l->cluster->site->accept)
		out |= OUT_ACCEPT;
	if (l->local && (ask->source_alive || !f->rules->local_restart))
		out |= OUT_OWN;
	if (ask->pinned_cluster && ask->pinned_cluster[0] &&
	    strcmp(ask->pinned_cluster, l->cluster->name) != 0)
		out |= OUT_PIN;
	if (!l->local && l->host->site && !l->host->site->ssh)
		out |= OUT_SSH;
	for (size_t i = 0; i < ask->n_tried; i++) {
		size_t n = strlen(l->cluster->name);

		if (strncmp(ask->tried[i], l->cluster->name, n) == 0 &&
		    ask->tried[i][n] == '/' &&
		    strcmp(ask->tried[i] + n + 1, l->host->name) == 0)
			out |= OUT_TRIED;
	}
	return out;
}

static void look_at_time(const struct plan_frame *f, uint64_t bytes, struct look *l)
{
	const struct worth_rules *wr = &f->rules->worth;

	if (!l->local) {
		l->queued = fleet_queued(f->w, f->home->name, l->cluster->name);
		worth_transfer(wr, &f->rate[l->host->cluster], bytes, l->queued,
			       &l->transfer);
	}
	l->outage_ms = l->transfer.mid_ms + wr->boot_ms;
	/* until it is home again: the repair, proof that it lasts, and the way back */
	l->stay_ms = f->repair_ms + f->rules->stable_ms + l->outage_ms;
	l->horizon = l->stay_ms <= (int64_t)fleet_horizon_min[0] * 60000 ? 0 : 1;
}

void plan_look(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm, double cores,
	       struct look *l)
{
	uint64_t bytes = fleet_vm_disk_bytes(vm);
	bool readable =
		fleet_vm_readable(vm, f->home->site) == VRSAS__V1__ANSWER__ANSWER_YES;

	l->limit = l->cluster->site ? l->cluster->site->max_cpu_ratio : 0;
	l->out = standing(f, l);
	if (!f->ask->source_alive && (!readable || (!l->local && !f->reader_lives)))
		l->out |= OUT_READ;
	look_at_time(f, bytes, l);
	look_at_cpu(f, vm, cores, l);
	look_at_ram(f, vm, l);
	if (l->local || (l->out & OUT_SITE))
		return; /* same storage, same networks, nothing to copy */
	look_at_devices(f, vm, l);
	/* while it is converted, both the copy and its new form exist */
	l->disk_need = l->convert ? 2 * bytes : bytes;
	look_at_disk(f, l);
}
