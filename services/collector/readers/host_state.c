#include "readers/host_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

/* Recent use of cores: an exponential mean with a time constant of five minutes, so that
 * placement does not depend on one busy or idle moment. */
static float cores_of(const struct host_state *t, const struct vrs_hv_vm *vm,
		      int64_t mono_ms)
{
	const double forget_s = 300;

	for (size_t i = 0; i < t->n_vms; i++) {
		const struct host_state_vm *old = &t->vm[i];

		if (strcmp(old->id, vm->id) != 0)
			continue;
		double span_s = (double)(mono_ms - old->mono_ms) / 1e3;
		double used_s = vm->cpu_time_s - old->cpu_time_s;
		/* less than before: the VM was restarted in between */
		if (span_s <= 0 || used_s < 0)
			return NAN;
		double cores = used_s / span_s;
		if (isnan(old->cores))
			return (float)cores;
		return (float)(old->cores +
			       (cores - old->cores) * (1 - exp(-span_s / forget_s)));
	}
	return NAN;
}

static void remember_vms(struct host_state *t, const struct reading *r, int64_t mono_ms,
			 const float *cores)
{
	t->n_vms = 0;
	if (r->n_vms == 0)
		return;
	t->vm = vrs_realloc(t->vm, r->n_vms, sizeof(*t->vm));
	for (size_t i = 0; i < r->n_vms; i++) {
		struct host_state_vm *v = &t->vm[t->n_vms];

		if (isnan(r->vm[i].cpu_time_s))
			continue;
		*v = (struct host_state_vm){.cpu_time_s = r->vm[i].cpu_time_s,
					    .mono_ms = mono_ms,
					    .cores = cores[i]};
		(void)vrs_strcpy(v->id, sizeof(v->id), r->vm[i].id);
		t->n_vms++;
	}
}

void host_state_answered(struct host_state *t, const struct reading *r, int64_t mono_ms,
			 struct gauge *ret, float *cpu_cores)
{
	const struct vrs_hv_host *h = &r->host;
	double ratio = r->cpu_ratio;

	if (isnan(ratio) && t->has_counters && t->silent_samples == 0)
		ratio = vrs_hv_cpu_ratio(&t->host, h);
	for (size_t i = 0; i < r->n_vms; i++)
		cpu_cores[i] = isnan(r->vm[i].cpu_time_s)
				       ? NAN
				       : cores_of(t, &r->vm[i], mono_ms);
	remember_vms(t, r, mono_ms, cpu_cores);
	t->host = *h;
	t->has_counters = h->cpu_known;
	t->silent_samples = 0;
	t->detail[0] = '\0';
	t->state = VRSAS__V1__HOST_STATE__HOST_STATE_UP;
	if (h->vcpus > 0)
		t->vcpus = h->vcpus;
	if (h->ram_total_bytes > 0)
		t->ram_bytes = h->ram_total_bytes;
	if (r->has_address)
		(void)vrs_strcpy(t->address, sizeof(t->address), r->address);

	*ret = (struct gauge){.state = t->state,
			      .cpu_ratio = (float)ratio,
			      .mem_ratio = NAN,
			      .vcpus_used = r->vcpus_used};
	if (h->ram_total_bytes > 0 && h->ram_used_bytes > 0) {
		double m = (double)h->ram_used_bytes / (double)h->ram_total_bytes;

		ret->mem_ratio = (float)(m > 1 ? 1 : m);
	}
}

void host_state_silent(struct host_state *t, const char *why, struct gauge *ret)
{
	t->silent_samples++;
	t->state = VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE;
	(void)vrs_strcpy(t->detail, sizeof(t->detail), why);
	*ret = (struct gauge){.state = t->state, .cpu_ratio = NAN, .mem_ratio = NAN};
}

void host_state_fini(struct host_state *t)
{
	free(t->vm);
	*t = (struct host_state){0};
}

int64_t host_state_interval(int64_t now_ms, int64_t interval_ms)
{
	return now_ms / interval_ms * interval_ms - interval_ms;
}
