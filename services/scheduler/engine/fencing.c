/* Proof of death by power: a host is powered off once, for all its VMs. The retry of a
 * failed fence is engine_fence_retry_ms, for power controllers and hypervisors alike. */
#include <stdio.h>

#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* A fence that proved nothing is retried after the setting fence_retry, at a constant
 * interval and without end: nothing else can free the VMs of this host. */
int64_t engine_fence_retry_ms(const struct engine *e)
{
	return engine_conf(e)->fence_retry_ms;
}

static void report_result(const struct host_job *j)
{
	const struct host *h = j->h;

	if (j->op.ok)
		engine_report_host(j->e, h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE,
				   "host.fenced", "%s/%s is off: %s", h->cluster, h->name,
				   j->op.text);
	else
		log_warn("fence failed, retry in %lld ms: %s host=%s/%s",
			 (long long)engine_fence_retry_ms(j->e), j->op.text, h->cluster,
			 h->name);
}

/* The result counts for every record that waited for this host before the fence began. */
static void give_result(struct host_job *j)
{
	struct engine *e = j->e;
	struct reloc_order order[RELOC_MAX_ORDERS];

	for (size_t i = 0; i < engine_n_entries(e) && host_job_is_current(j); i++) {
		struct entry *en = engine_nth_entry(e, i);
		size_t n = reloc_orders(&en->r, order);

		for (size_t k = 0; k < n && en->r.since_ms <= j->h->fence_began_ms; k++) {
			const struct reloc_place *p = &en->r.copy[order[k].copy].place;
			struct reloc_event ev = {
				.kind = RELOC_FENCE_RESULT,
				.op = order[k].op,
				.place = *p,
				.proof = j->op.ok ? RELOC_F1_POWER_OFF : RELOC_NO_PROOF,
			};

			if (order[k].kind != RELOC_DO_FENCE ||
			    engine_host_of(e, p) != j->h)
				continue;
			(void)snprintf(ev.by, sizeof(ev.by), "%.90s", j->h->site->fence);
			(void)vrs_strcpy(ev.text, sizeof(ev.text), j->op.text);
			(void)engine_feed(e, en, &ev, NULL);
			break;
		}
	}
}

static void fence_done(struct host_job *j)
{
	j->h->fencing = false;
	j->h->next_fence_mono_ms = vrs_now_mono_ms() + engine_fence_retry_ms(j->e);
	give_result(j);
	report_result(j);
	engine_pump_soon(j->e);
}

static void fence(struct engine *e, struct host *h)
{
	log_notice("fencing host=%s/%s agent=%s", h->cluster, h->name, h->site->fence);
	host_job_submit(host_job_new(sizeof(struct host_job), e, h, HOST_OP_FENCE, ""),
			fence_done);
}

/* Of a host that was fenced already the power is read: it may have been repaired and
 * switched on since. */
static void power_done(struct host_job *j)
{
	j->op.ok = j->op.power == VRS_POWER_OFF;
	if (j->op.power == VRS_POWER_UNKNOWN) {
		fence(j->e, j->h);
		return;
	}
	(void)snprintf(j->op.text, sizeof(j->op.text), "its power reads %s",
		       j->op.ok ? "off" : "on again");
	if (!j->op.ok)
		engine_host_is_on(j->e, j->h, j->h->fence_began_ms, j->op.text);
	fence_done(j);
}

bool engine_fence_waits(const struct host *h)
{
	bool declared =
		h->claim.kind != DETECTOR_NO_CLAIM && h->claim.at_ms > h->on_at_ms;

	return h->memory.came_on && !declared;
}

void engine_fence(struct engine *e, struct host *h)
{
	if (h->fencing || h->next_fence_mono_ms > vrs_now_mono_ms())
		return;
	h->fencing = true;
	h->fence_began_ms = vrs_now_wall_ms();
	if (h->handled)
		host_job_submit(
			host_job_new(sizeof(struct host_job), e, h, HOST_OP_POWER, ""),
			power_done);
	else
		fence(e, h);
}
