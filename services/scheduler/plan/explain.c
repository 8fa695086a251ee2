/* Puts a choice into words: short sentences, with numbers and their units. */
#include "plan/parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REASONS = 24, TEXT = 32, FULL_STORIES = 8 };

/* --- reasons of one candidate --- */

struct reasons {
	Vrsas__V1__Reason *reason[MAX_REASONS];
	size_t n;
};

enum tone { FOR, AGAINST, OUT };

static void say(struct reasons *r, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct reasons *r, enum tone tone, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	if (r->n == MAX_REASONS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	Vrsas__V1__Reason *one = vrs_calloc(1, sizeof(*one));
	vrsas__v1__reason__init(one);
	one->in_favour = tone == FOR;
	one->rules_out = tone == OUT;
	one->text = vrs_strdup(text);
	r->reason[r->n++] = one;
}

static double pct(double ratio)
{
	return ratio * 100;
}

/* "peak in the next 4 h 81 % at P90 + 3 % promised + 6 % of this VM = 90 %" */
static void sum_text(char *buf, size_t size, const struct plan_frame *f,
		     const struct look *l, bool p90)
{
	const struct fit *fit = &l->fit;
	const struct outlook *o = fit->of_cluster ? &f->of_cluster[l->host->cluster]
						  : &f->of_host[l->host - f->w->host];
	char base[96], promised[48] = "";

	if (o->seen == SEEN_FORECAST)
		(void)snprintf(base, sizeof(base), "peak in the next %u h %.0f %% at %s",
			       fleet_horizon_min[l->horizon] / 60,
			       pct(p90 ? fit->base_p90 : fit->base_p50),
			       p90 ? "P90" : "P50");
	else if (p90)
		(void)snprintf(base, sizeof(base), "%.0f %% now and %.0f %% for doubt",
			       pct(fit->base_p50), pct(fit->base_p90 - fit->base_p50));
	else
		(void)snprintf(base, sizeof(base), "%.0f %% now", pct(fit->base_p50));
	if (fit->promised >= 0.0005)
		(void)snprintf(promised, sizeof(promised),
			       " + %.1f %% promised to others", pct(fit->promised));
	(void)snprintf(buf, size, "%s %s: %s%s + %.1f %% of this VM = %.0f %%",
		       fit->of_cluster ? "cluster" : "host",
		       fit->of_cluster ? l->cluster->name : l->host->name, base, promised,
		       pct(fit->demand), pct(p90 ? fit->p90 : fit->p50));
}

static void say_standing(struct reasons *r, const struct plan_frame *f,
			 const struct look *l)
{
	char t[TEXT];

	if (l->host->life == FLEET_BACK)
		say(r, OUT, "host %s came back a moment ago and is not trusted yet",
		    l->host->name);
	else if (l->out & OUT_LIFE)
		say(r, OUT, "host %s is %s%s%s", l->host->name,
		    fleet_life_name(l->host->life),
		    l->host->detail && l->host->detail[0] ? ": " : "",
		    l->host->detail ? l->host->detail : "");
	if ((l->out & OUT_COLLECTOR) && l->cluster->beat_at_ms)
		say(r, OUT,
		    "the collector of %s has been silent for %s: nothing known of it is "
		    "fresh",
		    l->cluster->name,
		    fleet_time_text(t, sizeof(t), f->w->at_ms - l->cluster->beat_at_ms));
	else if (l->out & OUT_COLLECTOR)
		say(r, OUT, "the collector of %s was never heard", l->cluster->name);
	if (l->out & OUT_SITE)
		say(r, OUT, "host %s is not in the site file", l->host->name);
	if (l->out & OUT_ACCEPT)
		say(r, OUT, "cluster %s takes no VMs of other clusters",
		    l->cluster->name);
	if (l->out & OUT_OWN)
		say(r, OUT,
		    f->ask->source_alive
			    ? "a move within cluster %s is that cluster's own affair"
			    : "restarts within cluster %s are switched off",
		    l->cluster->name);
	if (l->out & OUT_PIN)
		say(r, OUT, "the operator chose cluster %s", f->ask->pinned_cluster);
	if (l->out & OUT_TRIED)
		say(r, OUT, "it was tried for this failure and did not work");
	if (l->out & OUT_SSH)
		say(r, OUT, "the site file names no ssh address to copy to");
}

static void say_room(struct reasons *r, const struct plan_frame *f,
		     const Vrsas__V1__VmFacts *vm, const struct look *l)
{
	char need[TEXT], left[TEXT];

	if (l->out & OUT_VCPUS)
		say(r, OUT, "the VM has %u vCPUs, the host only %u", vm->vcpus,
		    l->host->vcpus_total);
	fleet_bytes_text(need, sizeof(need), l->ram_need);
	fleet_bytes_text(left, sizeof(left), l->ram_free);
	if (l->out & OUT_RAM_UNKNOWN)
		say(r, OUT, "how much RAM is free is not known");
	else
		say(r, l->out & OUT_RAM ? OUT : FOR, "RAM: %s needed, %s free", need,
		    left);
	if (l->local || (l->out & OUT_SITE))
		return;
	fleet_bytes_text(need, sizeof(need), l->disk_need);
	fleet_bytes_text(left, sizeof(left), l->disk_free);
	if (l->out & OUT_DISK_UNKNOWN)
		say(r, OUT, "how much disk is free in %s is not known",
		    l->cluster->site->images ? l->cluster->site->images : "its images");
	else
		say(r, l->out & OUT_DISK ? OUT : FOR,
		    "disk: %s needed%s, %s free after %.0f %% reserve", need,
		    l->convert ? " (the copy and its new format)" : "", left,
		    pct(f->rules->disk_reserve_ratio));
}

static void say_devices(struct reasons *r, const struct plan_frame *f,
			const Vrsas__V1__VmFacts *vm, const struct look *l)
{
	if (l->out & OUT_NETWORK)
		say(r, OUT, "cluster %s has no network that stands for %s of %s",
		    l->cluster->name, l->network, f->home->name);
	if (l->out & OUT_FORMAT)
		say(r, OUT, "disk format %s cannot be turned into %s",
		    vm->n_disk && vm->disk[0]->format[0] ? vm->disk[0]->format
							 : "(unknown)",
		    l->cluster->site && l->cluster->site->format
			    ? l->cluster->site->format
			    : "(unknown)");
	if (!(l->out & OUT_READ))
		return;
	if (fleet_vm_readable(vm, f->home->site) == VRSAS__V1__ANSWER__ANSWER_YES)
		say(r, OUT, "no living host of %s can read the disks", f->home->name);
	else
		say(r, OUT,
		    "the disks lie on %s/%s only: nobody can read them while it is dead",
		    f->home->name, f->source->name);
}

static void say_cpu(struct reasons *r, const struct plan_frame *f, const struct look *l)
{
	const struct outlook *o = l->fit.of_cluster ? &f->of_cluster[l->host->cluster]
						    : &f->of_host[l->host - f->w->host];
	char sum[200];

	if (l->out & OUT_CPU) {
		say(r, OUT, "there is neither a forecast nor a fresh CPU reading of it");
		return;
	}
	sum_text(sum, sizeof(sum), f, l, true);
	say(r, l->admitted ? FOR : AGAINST, "%s %s limit %.0f %%", sum,
	    l->admitted ? "<=" : ">", pct(l->limit));
	if (o->doubt)
		say(r, AGAINST, "%s: little is behind this figure", o->doubt);
	if (l->out || l->rank > FULL_STORIES)
		return;
	say(r, FOR, "ranked by %.0f %%, the %s of the peak with this VM on it",
	    pct(l->score), o->low ? "P90 (for doubt)" : "P50");
}

static void say_time(struct reasons *r, const struct plan_frame *f,
		     const Vrsas__V1__VmFacts *vm, const struct look *l)
{
	char bytes[TEXT], mid[TEXT], low[TEXT], high[TEXT], queued[TEXT];
	const uint32_t sees_min = fleet_horizon_min[FLEET_HORIZONS - 1];

	if (l->stay_ms > (int64_t)sees_min * 60000 * 5 / 4)
		say(r, AGAINST, "the VM would stay about %s; the forecast sees %u h",
		    fleet_time_text(mid, sizeof(mid), l->stay_ms), sees_min / 60);
	if (l->local) {
		say(r, FOR,
		    "its disks are on storage that this host sees: no copy, back "
		    "in about %s",
		    fleet_time_text(mid, sizeof(mid), l->outage_ms));
		return;
	}
	fleet_bytes_text(bytes, sizeof(bytes), fleet_vm_disk_bytes(vm));
	fleet_bytes_text(queued, sizeof(queued), l->queued);
	fleet_time_text(mid, sizeof(mid), l->transfer.mid_ms);
	fleet_time_text(low, sizeof(low), l->transfer.low_ms);
	fleet_time_text(high, sizeof(high), l->transfer.high_ms);
	say(r, AGAINST, "copy of %s takes %s (%s to %s), rate %s%s%s%s", bytes, mid, low,
	    high, f->rate[l->host->cluster].source, l->queued ? ", behind " : "",
	    l->queued ? queued : "", l->queued ? " of other VMs" : "");
}

static Vrsas__V1__Candidate *candidate(const struct plan_frame *f,
				       const Vrsas__V1__VmFacts *vm, double cores,
				       const struct look *l)
{
	Vrsas__V1__Candidate *c = vrs_calloc(1, sizeof(*c));
	const struct outlook *o = &f->of_cluster[l->host->cluster];
	const struct outlook *tight =
		l->fit.of_cluster ? o : &f->of_host[l->host - f->w->host];
	struct reasons r = {0};

	vrsas__v1__candidate__init(c);
	c->cluster = vrs_strdup(l->cluster->name);
	c->host = vrs_strdup(l->host->name);
	c->fits = !l->out && l->admitted;
	c->rank = l->rank;
	c->score = l->out & OUT_CPU ? NAN : l->score;
	c->peak_p50_ratio = l->out & OUT_CPU ? NAN : l->fit.base_p50;
	c->peak_p90_ratio = l->out & OUT_CPU ? NAN : l->fit.base_p90;
	c->demand_cores = cores;
	c->capacity_cores = l->host->vcpus_total;
	c->ram_free_bytes = l->ram_free;
	c->disk_free_bytes = l->local ? l->host->disk_free_bytes : l->disk_free;
	if (tight->method && tight->method[0])
		c->forecast_method = vrs_strdup(tight->method);
	c->confidence = tight->seen == SEEN_NOT ? VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE
			: tight->low            ? VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW
						: VRSAS__V1__CONFIDENCE__CONFIDENCE_OK;
	c->transfer_ms = l->transfer.mid_ms;
	c->transfer_high_ms = l->transfer.high_ms;
	c->outage_ms = l->outage_ms;

	say_standing(&r, f, l);
	say_devices(&r, f, vm, l);
	/* of those that are out for good, their room is of no interest */
	bool open = !(l->out & (OUT_LIFE | OUT_PIN | OUT_OWN | OUT_ACCEPT | OUT_SITE));
	if (open)
		say_cpu(&r, f, l);
	if (l->rank > FULL_STORIES)
		open = false; /* far down the list, the peak says why */
	if (!l->out && open)
		say_time(&r, f, vm, l);
	if (open)
		say_room(&r, f, vm, l);
	c->n_reason = r.n;
	c->reason = vrs_calloc(r.n, sizeof(Vrsas__V1__Reason *));
	memcpy(c->reason, r.reason, r.n * sizeof(Vrsas__V1__Reason *));
	return c;
}

/* --- the decision as a whole --- */

/* What stands in the way of most candidates, for the one sentence of a hold. */
static const char *main_obstacle(const struct look *look, size_t n)
{
	static const struct {
		unsigned out;
		const char *text;
	} words[] = {
		{OUT_DISK | OUT_DISK_UNKNOWN, "no disk room"},
		{OUT_RAM | OUT_RAM_UNKNOWN, "no RAM"},
		{OUT_NETWORK, "no matching network"},
		{OUT_FORMAT, "no usable disk format"},
		{OUT_CPU | OUT_VCPUS, "no known CPU room"},
		{OUT_TRIED, "tried and failed"},
		{OUT_LIFE | OUT_COLLECTOR, "not answering"},
		{OUT_ACCEPT | OUT_OWN, "not open to it"},
		{OUT_PIN, "not the cluster that the operator chose"},
	};
	size_t best = 0, best_count = 0;

	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++) {
		size_t count = 0;

		for (size_t i = 0; i < n; i++)
			count += (look[i].out & words[k].out) != 0;
		if (count > best_count) {
			best = k;
			best_count = count;
		}
	}
	return best_count ? words[best].text : "no host is left";
}

static char *why_hold(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
		      const struct look *look, size_t n)
{
	char repair[TEXT];
	size_t full = 0;

	fleet_time_text(repair, sizeof(repair), f->repair_ms);
	if (!f->ask->source_alive &&
	    fleet_vm_readable(vm, f->home->site) != VRSAS__V1__ANSWER__ANSWER_YES)
		return vrs_asprintf(
			"%s: its disks lie on %s/%s only and cannot be read while that "
			"host is dead; choose: repair the host (expected in %s), make "
			"its storage readable from another host of %s, or restore the "
			"VM from a backup",
			vm->name, f->home->name, f->source->name, repair, f->home->name);
	if (!f->ask->source_alive && !f->reader_lives)
		return vrs_asprintf(
			"%s: no living host of %s can read its disks; choose: bring one "
			"host of %s back (expected in %s), or restore the VM from a "
			"backup",
			vm->name, f->home->name, f->home->name, repair);
	for (size_t i = 0; i < n; i++)
		full += !look[i].out;
	if (full)
		return vrs_asprintf(
			"%s: %zu host%s could take it, but the CPU peak would pass the "
			"limit on each, and class %u is not placed into an overload; "
			"choose: wait for %s (expected in %s), or name a cluster",
			vm->name, full, full == 1 ? "" : "s", vm->vm_class,
			f->source->name, repair);
	return vrs_asprintf("%s: none of %zu hosts can take it, most often because: %s; "
			    "choose: wait for %s (expected in %s), or make room",
			    vm->name, n, main_obstacle(look, n), f->source->name, repair);
}

static char *why_wait(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
		      const struct choice *c)
{
	const struct look *other = c->relocate ? c->relocate : c->local;
	char wait[TEXT], move[TEXT];

	fleet_time_text(wait, sizeof(wait), c->wait_ms);
	fleet_time_text(move, sizeof(move), other ? other->outage_ms : 0);
	return vrs_asprintf("%s waits for the repair of %s: back in %s; moving it to %s "
			    "would take %s, which gains too little",
			    vm->name, f->source->name, wait,
			    other ? other->cluster->name : "another cluster", move);
}

static char *why_there(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
		       const struct choice *c)
{
	const struct look *l = c->chosen;
	char outage[TEXT], wait[TEXT];

	fleet_time_text(outage, sizeof(outage), l->outage_ms);
	fleet_time_text(wait, sizeof(wait), c->wait_ms);
	if (c->overloads)
		return vrs_asprintf(
			"warning: no host admits %s; class %u goes to %s/%s, where it "
			"overloads least (%.0f %% at P90, limit %.0f %%), in about %s",
			vm->name, vm->vm_class, l->cluster->name, l->host->name,
			pct(l->fit.p90), pct(l->limit), outage);
	if (f->ask->source_alive)
		return vrs_asprintf("%s moves to %s/%s: peak with it %.0f %% at P90 "
				    "(limit %.0f %%), away for about %s",
				    vm->name, l->cluster->name, l->host->name,
				    pct(l->fit.p90), pct(l->limit), outage);
	return vrs_asprintf("%s %s %s/%s: peak with it %.0f %% at P90 (limit %.0f %%), "
			    "back in %s instead of %s by waiting",
			    vm->name, l->local ? "restarts on" : "moves to",
			    l->cluster->name, l->host->name, pct(l->fit.p90),
			    pct(l->limit), outage, wait);
}

Vrsas__V1__Decision *plan_say(const struct plan_frame *f, const Vrsas__V1__VmFacts *vm,
			      double cores, const struct look *look, size_t n,
			      const struct choice *c)
{
	Vrsas__V1__Decision *d = vrs_calloc(1, sizeof(*d));
	const struct look *l = c->chosen ? c->chosen : c->relocate;

	vrsas__v1__decision__init(d);
	d->id = vrs_asprintf("%s@%lld", vm->id, (long long)f->w->at_ms);
	d->vm_id = vrs_strdup(vm->id);
	d->vm_name = vrs_strdup(vm->name);
	d->at_ms = f->w->at_ms;
	d->verdict = c->verdict;
	d->vm_class = vm->vm_class;
	d->expected_repair_ms = f->repair_ms;
	d->bytes_to_move = fleet_vm_disk_bytes(vm);
	if (c->chosen) {
		d->cluster = vrs_strdup(c->chosen->cluster->name);
		d->host = vrs_strdup(c->chosen->host->name);
		d->stay_ms = c->chosen->stay_ms;
		d->summary = why_there(f, vm, c);
	} else if (c->verdict == VRSAS__V1__VERDICT__VERDICT_WAIT) {
		d->summary = why_wait(f, vm, c);
	} else {
		d->summary = why_hold(f, vm, look, n);
	}
	if (l && !l->local) {
		d->rate_bytes_per_s = f->rate[l->host->cluster].mid;
		d->rate_source = vrs_strdup(f->rate[l->host->cluster].source);
	}
	d->candidate = vrs_calloc(n, sizeof(Vrsas__V1__Candidate *));
	if (c->chosen) /* is told first */
		d->candidate[d->n_candidate++] = candidate(f, vm, cores, c->chosen);
	for (size_t i = 0; i < n; i++)
		if (&look[i] != c->chosen)
			d->candidate[d->n_candidate++] =
				candidate(f, vm, cores, &look[i]);
	return d;
}
