/* What operators declared about a host, in Redis at vrsas:v1:claim:{cluster}. A claim
 * stays until it is withdrawn or has served its purpose, whichever scheduler is active.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

/* If a host still answers this long after it was declared dead, the claim is dropped: it
 * must not count as evidence for a failure that happens much later. */
enum { UNBELIEVED_MS = 15 * 60 * 1000 };

static void forget(struct host *h)
{
	h->claim.kind = DETECTOR_NO_CLAIM;
	h->claim.by[0] = h->claim.reason[0] = '\0';
	h->claim.at_ms = 0;
	h->claim.applied = false;
}

int operator_claim_put(struct engine *e, struct host *h,
		       const Vrsas__V1__FailOrder *order, const char *actor,
		       struct vrs_err *err)
{
	Vrsas__V1__OperatorClaim w = VRSAS__V1__OPERATOR_CLAIM__INIT;
	Vrsas__V1__FailOrder o = *order;
	size_t n;

	o.host = h->name;
	w.order = &o;
	w.actor = actor;
	w.at_ms = vrs_now_wall_ms();
	struct vrs_key key = vrs_key_operator_claim(h->cluster);
	void *bytes = vrs_msg_pack(&w.base, &n);
	const struct vrs_arg argv[] = {
		VRS_ARG("HSET"), VRS_ARG(key.text), VRS_ARG(h->name), {bytes, n}};
	int status = vrs_store_do(engine_store(e), NULL, argv, 4, err);
	free(bytes);
	if (status < 0)
		return status;
	h->claim.kind = o.confirm_off ? DETECTOR_CLAIM_OFF : DETECTOR_CLAIM_DEAD;
	h->claim.at_ms = w.at_ms;
	h->claim.stored = true;
	h->claim.applied = false;
	(void)vrs_strcpy(h->claim.by, sizeof(h->claim.by), actor);
	(void)vrs_strcpy(h->claim.reason, sizeof(h->claim.reason), o.reason);
	return 0;
}

int operator_claim_drop(struct engine *e, struct host *h, struct vrs_err *err)
{

	struct vrs_key key = vrs_key_operator_claim(h->cluster);
	const struct vrs_arg argv[] = {VRS_ARG("HDEL"), VRS_ARG(key.text),
				       VRS_ARG(h->name)};
	int status = vrs_store_do(engine_store(e), NULL, argv, 3, err);
	if (status < 0)
		return status;
	forget(h);
	h->claim.stored = false;
	return 0;
}

static void take(struct host *h, const struct vrs_reply *r)
{
	struct vrs_msg *msg = NULL;
	struct vrs_err err = {0};

	if (vrs_msg_unpack(&msg, &vrsas__v1__operator_claim__descriptor, r->bytes, r->len,
			   &err) < 0) {
		log_warn("ignoring an unreadable operator claim: %s host=%s/%s", err.text,
			 h->cluster, h->name);
		return;
	}
	const Vrsas__V1__OperatorClaim *w = (const void *)vrs_msg_get(msg);
	if (w->order) {
		h->claim.kind =
			w->order->confirm_off ? DETECTOR_CLAIM_OFF : DETECTOR_CLAIM_DEAD;
		h->claim.at_ms = w->at_ms;
		h->claim.stored = true;
		(void)vrs_strcpy(h->claim.by, sizeof(h->claim.by), w->actor);
		(void)vrs_strcpy(h->claim.reason, sizeof(h->claim.reason),
				 w->order->reason);
		log_notice("operator claim loaded by=%s host=%s/%s off=%d", w->actor,
			   h->cluster, h->name, w->order->confirm_off);
	}
	vrs_msg_free(msg);
}

int operator_claims_load(struct engine *e, struct vrs_err *err)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++) {
		struct host *h = engine_nth_host(e, i);
		struct vrs_reply *r;

		struct vrs_key key = vrs_key_operator_claim(h->cluster);
		const struct vrs_arg argv[] = {VRS_ARG("HGET"), VRS_ARG(key.text),
					       VRS_ARG(h->name)};
		int status = vrs_store_do(engine_store(e), &r, argv, 3, err);
		if (status < 0)
			return status;
		forget(h);
		h->claim.stored = false;
		if (r->type == VRS_REPLY_BYTES)
			take(h, r);
		vrs_reply_free(r);
	}
	return 0;
}

/* --- applying a claim --- */

unsigned operator_claim_spread(struct engine *e, const struct reloc_place *p,
			       struct reloc_event *ev)
{
	const struct fleet *w = engine_last_fleet(e);
	unsigned n = 0;

	for (size_t i = 0; i < engine_n_entries(e); i++) {
		struct entry *en = engine_nth_entry(e, i);
		int at = reloc_copy_at(&en->r, p->cluster, p->host);

		if (at < 0 || reloc_refuses(&en->r, ev) ||
		    (at == 0 && w && engine_left_alone(w, en, NULL)))
			continue;
		ev->place = *p;
		n += engine_feed(e, en, ev, NULL);
	}
	return n;
}

static void records_for(struct engine *e, struct fleet *w, const struct reloc_place *p)
{
	struct fleet_host *wh = fleet_host(w, p->cluster, p->host);
	size_t n = 0;

	if (!wh)
		return;
	const Vrsas__V1__VmFacts **vm = plan_vms_of(w, wh, &n);
	for (size_t i = 0; i < n; i++)
		if (!engine_entry(e, vm[i]->id))
			(void)engine_entry_new(e, vm[i], p);
	free(vm);
}

unsigned operator_claim_apply(struct engine *e, struct fleet *w, struct host *h)
{
	bool off = h->claim.kind == DETECTOR_CLAIM_OFF;
	struct reloc_event ev = {.kind = off ? RELOC_OPERATOR_CONFIRM_OFF
					     : RELOC_OPERATOR_FAIL};
	struct reloc_place p;

	(void)vrs_strcpy(p.cluster, sizeof(p.cluster), h->cluster);
	(void)vrs_strcpy(p.host, sizeof(p.host), h->name);
	(void)vrs_strcpy(ev.by, sizeof(ev.by), h->claim.by);
	(void)snprintf(ev.text, sizeof(ev.text), "%s declared %s %s: %.100s", ev.by,
		       p.host, off ? "off" : "dead", h->claim.reason);
	records_for(e, w, &p);
	h->claim.applied = true;
	engine_report_host(e, h, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "operator.claim",
			   "%s", ev.text);
	return operator_claim_spread(e, &p, &ev);
}

void operator_claims_watch(struct engine *e, struct fleet *w)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++) {
		struct host *h = engine_nth_host(e, i);
		bool dead =
			h->memory.verdict == DETECTOR_DOWN_LIKELY &&
			(!h->site->probe || !h->site->probe[0] || h->probes_failed > 0);
		int64_t age_ms = vrs_now_wall_ms() - h->claim.at_ms;

		if (h->claim.kind == DETECTOR_NO_CLAIM) {
			if (h->claim.stored) /* it has served its purpose */
				(void)operator_claim_drop(e, h, NULL);
		} else if (!h->claim.applied && dead) {
			/* stored by a scheduler that died before it had applied it
			 * to all records */
			(void)operator_claim_apply(e, w, h);
		} else if (h->memory.answers_since_ms > 0 && age_ms > UNBELIEVED_MS &&
			   operator_claim_drop(e, h, NULL) == 0) {
			engine_report_host(e, h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE,
					   "operator.claim",
					   "%s/%s still answers: the operator claim is "
					   "dropped",
					   h->cluster, h->name);
		}
	}
}
