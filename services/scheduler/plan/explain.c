/* A decision in short sentences, with figures and units. */
#include "plan/parts.h"
#include "plan/reject.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REASONS = 24, TEXT = 32, FULLY_EXPLAINED = 8 };

/* --- reasons of one candidate --- */

struct reasons {
	Vrsas__V1__Reason *reason[MAX_REASONS];
	size_t n;
};

enum tone { FOR, AGAINST, REJECTED };

__attribute__((format(printf, 3, 4))) static void add(struct reasons *r, enum tone tone,
						      const char *fmt, ...)
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
	one->rules_out = tone == REJECTED;
	one->text = vrs_strdup(text);
	r->reason[r->n++] = one;
}

static double pct(double ratio)
{
	return ratio * 100;
}

/* RAM and disk space that suffice; a shortage is a rejection reason. */
static void add_capacity(struct reasons *r, const struct plan_context *f,
			 const struct candidate *l)
{
	char need[TEXT], left[TEXT], disk[120];

	if (l->ram_known && l->ram_need <= l->ram_free)
		add(r, FOR, "RAM: %s needed, %s free",
		    fleet_bytes_text(need, sizeof(need), l->ram_need),
		    fleet_bytes_text(left, sizeof(left), l->ram_free));
	if (candidate_is_copied_to(l) && l->host->store_known &&
	    l->disk_need <= l->disk_free)
		add(r, FOR, "%s", candidate_disk_text(disk, sizeof(disk), f, l));
}

static void add_cpu(struct reasons *r, const struct plan_context *f,
		    const struct candidate *l)
{
	const struct projected_load *o = l->fit.of_cluster
						 ? &f->of_cluster[l->host->cluster]
						 : &f->of_host[l->host - f->w->host];
	char sum[200];

	if (!l->cpu_known)
		return;
	if (l->admitted) {
		candidate_cpu_text(sum, sizeof(sum), f, l);
		add(r, FOR, "%s <= limit %.0f %%", sum, pct(l->max_cpu_ratio));
	}
	if (o->doubt)
		add(r, AGAINST, "low confidence: %s", o->doubt);
	if (l->rejected || l->rank > FULLY_EXPLAINED)
		return;
	add(r, FOR, "ranked by %.0f %%, the %s of the peak including this VM",
	    pct(l->score), o->low ? "P90 (low confidence)" : "P50");
}

static void add_time(struct reasons *r, const struct plan_context *f,
		     const Vrsas__V1__VmFacts *vm, const struct candidate *l)
{
	char bytes[TEXT], mid[TEXT], low[TEXT], high[TEXT], queued[TEXT];
	const uint32_t sees_min = fleet_horizon_min[FLEET_HORIZONS - 1];

	if (l->stay_ms > (int64_t)sees_min * 60000 * 5 / 4)
		add(r, AGAINST, "expected stay %s, but the forecast covers only %u h",
		    fleet_time_text(mid, sizeof(mid), l->stay_ms), sees_min / 60);
	if (l->local) {
		add(r, FOR, "shared storage: no copy, running again in about %s",
		    fleet_time_text(mid, sizeof(mid), l->outage_ms));
		return;
	}
	fleet_bytes_text(bytes, sizeof(bytes), fleet_vm_disk_bytes(vm));
	fleet_bytes_text(queued, sizeof(queued), l->queued);
	fleet_time_text(mid, sizeof(mid), l->transfer.mid_ms);
	fleet_time_text(low, sizeof(low), l->transfer.low_ms);
	fleet_time_text(high, sizeof(high), l->transfer.high_ms);
	add(r, AGAINST, "copy of %s takes %s (%s to %s), rate %s%s%s%s", bytes, mid, low,
	    high, f->rate[l->host->cluster].source, l->queued ? ", behind " : "",
	    l->queued ? queued : "", l->queued ? " of other VMs" : "");
}

static Vrsas__V1__Candidate *explain_candidate(const struct plan_context *f,
					       const Vrsas__V1__VmFacts *vm, double cores,
					       const struct candidate *l)
{
	Vrsas__V1__Candidate *c = vrs_calloc(1, sizeof(*c));
	const struct projected_load *o = &f->of_cluster[l->host->cluster];
	const struct projected_load *tight =
		l->fit.of_cluster ? o : &f->of_host[l->host - f->w->host];
	struct reasons r = {0};
	char text[PLAN_TEXT_MAX];

	vrsas__v1__candidate__init(c);
	c->cluster = vrs_strdup(l->cluster->name);
	c->host = vrs_strdup(l->host->name);
	c->fits = !l->rejected && l->admitted;
	c->rank = l->rank;
	c->score = l->cpu_known ? l->score : NAN;
	c->peak_p50_ratio = l->cpu_known ? l->fit.base_p50 : NAN;
	c->peak_p90_ratio = l->cpu_known ? l->fit.base_p90 : NAN;
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

	for (size_t i = 0; reject_code(i); i++) {
		enum reject_effect e = reject_text(i, f, vm, l, text);

		if (e == REJECT_NOT || r.n == MAX_REASONS)
			continue;
		add(&r, e == REJECT_RULED_OUT ? REJECTED : AGAINST, "%s", text);
		r.reason[r.n - 1]->code = vrs_strdup(reject_code(i));
	}
	bool open = !reject_is_final(l);
	if (open)
		add_cpu(&r, f, l);
	if (l->rank > FULLY_EXPLAINED)
		open = false; /* far down the list only the peak is explained */
	if (!l->rejected && open)
		add_time(&r, f, vm, l);
	if (open)
		add_capacity(&r, f, l);
	c->n_reason = r.n;
	c->reason = vrs_calloc(r.n, sizeof(Vrsas__V1__Reason *));
	memcpy(c->reason, r.reason, r.n * sizeof(Vrsas__V1__Reason *));
	return c;
}

/* --- the decision as a whole --- */

static char *why_hold(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
		      const struct candidate *candidate, size_t n)
{
	char repair[TEXT];
	size_t full = 0;

	fleet_time_text(repair, sizeof(repair), f->repair_ms);
	if (!f->ask->source_alive &&
	    fleet_vm_readable(vm, f->home->site) != VRSAS__V1__ANSWER__ANSWER_YES)
		return vrs_asprintf(
			"%s: its disks are on %s/%s only and unreadable while it is "
			"down; options: repair the host (expected in %s), make its "
			"storage readable from another host of %s, or restore the VM "
			"from a backup",
			vm->name, f->home->name, f->source->name, repair, f->home->name);
	if (!f->ask->source_alive && !f->reader_lives)
		return vrs_asprintf(
			"%s: no running host of %s can read its disks; options: bring "
			"a host of %s back (expected in %s), or restore the VM from a "
			"backup",
			vm->name, f->home->name, f->home->name, repair);
	for (size_t i = 0; i < n; i++)
		full += !candidate[i].rejected;
	if (full)
		return vrs_asprintf(
			"%s: %zu host%s could take it, but its CPU peak would exceed "
			"the limit on each, and class %u may not overload a host; "
			"options: wait for %s (expected in %s), or name a cluster",
			vm->name, full, full == 1 ? "" : "s", vm->vm_class,
			f->source->name, repair);
	return vrs_asprintf("%s: none of %zu hosts can take it, most often because: %s; "
			    "options: wait for %s (expected in %s), or free capacity",
			    vm->name, n, reject_summary(candidate, n), f->source->name,
			    repair);
}

static char *why_wait(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
		      const struct choice *c)
{
	const struct candidate *other = c->relocate ? c->relocate : c->local;
	char wait[TEXT], move[TEXT];

	fleet_time_text(wait, sizeof(wait), c->wait_ms);
	fleet_time_text(move, sizeof(move), other ? other->outage_ms : 0);
	return vrs_asprintf("%s waits for the repair of %s: back in %s; moving it to %s "
			    "would take %s, which saves too little",
			    vm->name, f->source->name, wait,
			    other ? other->cluster->name : "another cluster", move);
}

static char *why_chosen(const struct plan_context *f, const Vrsas__V1__VmFacts *vm,
			const struct choice *c)
{
	const struct candidate *l = c->chosen;
	char outage[TEXT], wait[TEXT];

	fleet_time_text(outage, sizeof(outage), l->outage_ms);
	fleet_time_text(wait, sizeof(wait), c->wait_ms);
	if (c->overloads)
		return vrs_asprintf(
			"warning: %s exceeds the CPU limit on every host; class %u "
			"goes to %s/%s, the least overloaded (%.0f %% at P90, limit %.0f "
			"%%), in about %s",
			vm->name, vm->vm_class, l->cluster->name, l->host->name,
			pct(l->fit.p90), pct(l->max_cpu_ratio), outage);
	if (f->ask->source_alive)
		return vrs_asprintf("%s moves to %s/%s: peak with it %.0f %% at P90 "
				    "(limit %.0f %%), away for about %s",
				    vm->name, l->cluster->name, l->host->name,
				    pct(l->fit.p90), pct(l->max_cpu_ratio), outage);
	return vrs_asprintf("%s %s %s/%s: peak with it %.0f %% at P90 (limit %.0f %%), "
			    "back in %s instead of %s by waiting",
			    vm->name, l->local ? "restarts on" : "moves to",
			    l->cluster->name, l->host->name, pct(l->fit.p90),
			    pct(l->max_cpu_ratio), outage, wait);
}

Vrsas__V1__Decision *plan_explain(const struct plan_context *f,
				  const Vrsas__V1__VmFacts *vm, double cores,
				  const struct candidate *candidate, size_t n,
				  const struct choice *c)
{
	Vrsas__V1__Decision *d = vrs_calloc(1, sizeof(*d));
	const struct candidate *l = c->chosen ? c->chosen : c->relocate;

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
		d->summary = why_chosen(f, vm, c);
	} else if (c->verdict == VRSAS__V1__VERDICT__VERDICT_WAIT) {
		d->summary = why_wait(f, vm, c);
	} else {
		d->summary = why_hold(f, vm, candidate, n);
	}
	if (l && !l->local) {
		d->rate_bytes_per_s = f->rate[l->host->cluster].mid;
		d->rate_source = vrs_strdup(f->rate[l->host->cluster].source);
	}
	d->candidate = vrs_calloc(n, sizeof(Vrsas__V1__Candidate *));
	if (c->chosen) /* first in the list */
		d->candidate[d->n_candidate++] =
			explain_candidate(f, vm, cores, c->chosen);
	for (size_t i = 0; i < n; i++)
		if (&candidate[i] != c->chosen)
			d->candidate[d->n_candidate++] =
				explain_candidate(f, vm, cores, &candidate[i]);
	return d;
}
