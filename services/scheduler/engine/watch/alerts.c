/* What the monitoring reports about hosts: incidents that the gateway keeps in Redis.
 * Read at every tick, so a restart loses nothing. An alert is one piece of evidence: the
 * detector weighs it like an operator's claim that the host is dead, never as a proof. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrsas/v1/incident.pb-c.h"

/* If a host still answers this long after its alert, the alert is ignored: it must not
 * count as evidence for a failure that happens much later. */
enum { UNBELIEVED_MS = 15 * 60 * 1000, MAX_OPEN = 1000 };

static void take(struct engine *e, const Vrsas__V1__Incident *in)
{
	struct reloc_place p;

	(void)vrs_strcpy(p.cluster, sizeof(p.cluster), in->cluster);
	(void)vrs_strcpy(p.host, sizeof(p.host), in->host);
	struct host *h = engine_host_of(e, &p);
	if (!h || in->ends_at_ms || strcmp(h->void_alert_id, in->id) == 0)
		return;
	if (h->memory.answers_since_ms > 0 &&
	    vrs_now_mono_ms() - h->memory.answers_since_ms > UNBELIEVED_MS &&
	    vrs_now_wall_ms() - in->received_at_ms > UNBELIEVED_MS) {
		(void)vrs_strcpy(h->void_alert_id, sizeof(h->void_alert_id), in->id);
		engine_report_host(
			e, h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "alert.void",
			"%s/%s still answers: its alert %s is ignored from now on",
			h->cluster, h->name, in->alert);
		return;
	}
	(void)vrs_strcpy(h->alert_id, sizeof(h->alert_id), in->id);
	(void)vrs_strcpy(h->incident, sizeof(h->incident), in->id);
	(void)snprintf(h->alert, sizeof(h->alert), "alert %.64s%s%.100s", in->alert,
		       in->summary[0] ? ": " : "", in->summary);
}

static bool has_relocation(const struct engine *e, const struct host *h)
{
	if (h->alert_id[0] || h->handled || h->memory.verdict != DETECTOR_OK)
		return true;
	for (size_t i = 0; i < engine_n_entries(e); i++) {
		const struct reloc *r = &engine_nth_entry(e, i)->r;

		if (r->state != RELOC_PROTECTED &&
		    strcmp(r->copy[0].place.host, h->name) == 0 &&
		    strcmp(r->copy[0].place.cluster, h->cluster) == 0)
			return true;
	}
	return false;
}

static void take_all(struct engine *e, const struct vrs_reply *list)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++)
		engine_nth_host(e, i)->alert[0] = engine_nth_host(e, i)->alert_id[0] =
			'\0';
	for (size_t i = 0; i < list->n_items; i++) {
		struct vrs_msg *msg;

		if (list->item[i].type != VRS_REPLY_BYTES ||
		    vrs_msg_unpack(&msg, &vrsas__v1__incident__descriptor,
				   list->item[i].bytes, list->item[i].len, NULL) < 0)
			continue;
		take(e, (const void *)vrs_msg_get(msg));
		vrs_msg_free(msg);
	}
	for (size_t i = 0; i < engine_n_hosts(e); i++)
		if (engine_nth_host(e, i)->incident[0] &&
		    !has_relocation(e, engine_nth_host(e, i)))
			engine_nth_host(e, i)->incident[0] = '\0';
}

/* What cannot be read now stays as it was. */
void alerts_read(struct engine *e)
{
	struct vrs_reply *ids, *list;

	if (vrs_store_cmd(engine_store(e), &ids, NULL,
			  "SMEMBERS " VRS_KEY_INCIDENTS_OPEN) < 0)
		return;
	size_t n = ids->n_items < MAX_OPEN ? ids->n_items : MAX_OPEN;
	if (n == 0) {
		take_all(e, ids);
		vrs_reply_free(ids);
		return;
	}
	struct vrs_arg *argv = vrs_calloc(n + 2, sizeof(*argv));
	argv[0] = VRS_ARG("HMGET");
	argv[1] = VRS_ARG(VRS_KEY_INCIDENTS);
	for (size_t i = 0; i < n; i++)
		argv[i + 2] = (struct vrs_arg){ids->item[i].bytes, ids->item[i].len};
	if (vrs_store_do(engine_store(e), &list, argv, n + 2, NULL) == 0) {
		take_all(e, list);
		vrs_reply_free(list);
	}
	free(argv);
	vrs_reply_free(ids);
}
