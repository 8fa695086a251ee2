/* VMs that went down with a host which was back before its silence was detected: they are
 * started at home again, under a new epoch, once every host of their cluster reports that
 * it does not run them. Redis keeps what ran where: vrsas:v1:ran:{cluster}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { ASK_AGAIN_MS = 2000 };

/* --- the memory in Redis --- */

static void *pack(const struct last_seen *r, size_t *ret_n)
{
	Vrsas__V1__HostRan m = VRSAS__V1__HOST_RAN__INIT;
	Vrsas__V1__RanVm *vm = vrs_calloc(r->n + 1, sizeof(*vm));
	Vrsas__V1__RanVm **list = vrs_calloc(r->n + 1, sizeof(*list));

	for (size_t i = 0; i < r->n; i++) {
		vrsas__v1__ran_vm__init(&vm[i]);
		vm[i].id = r->vm[i].id;
		vm[i].boot_id = r->vm[i].boot_id;
		list[i] = &vm[i];
	}
	m.n_vm = r->n;
	m.vm = list;
	void *bytes = vrs_msg_pack(&m.base, ret_n);
	free(list);
	free(vm);
	return bytes;
}

static int unpack(struct last_seen *r, const void *bytes, size_t n, struct vrs_err *err)
{
	struct vrs_msg *msg = NULL;
	int status =
		vrs_msg_unpack(&msg, &vrsas__v1__host_ran__descriptor, bytes, n, err);

	if (status < 0)
		return status;
	const Vrsas__V1__HostRan *m = (const void *)vrs_msg_get(msg);
	for (size_t i = 0; i < m->n_vm && i < LAST_SEEN_MAX_VMS; i++)
		if (vrs_id_ok(m->vm[i]->id) && !last_seen_find(r, m->vm[i]->id))
			last_seen_add(r, m->vm[i]->id, m->vm[i]->boot_id);
	vrs_msg_free(msg);
	return 0;
}

static void keep(struct engine *e, struct host *h)
{
	struct vrs_err err = {0};
	size_t n;

	struct vrs_key key = vrs_key_host_ran(h->cluster);
	void *bytes = pack(&h->ran, &n);
	const struct vrs_arg set[] = {
		VRS_ARG("HSET"), VRS_ARG(key.text), VRS_ARG(h->name), {bytes, n}};
	const struct vrs_arg del[] = {VRS_ARG("HDEL"), VRS_ARG(key.text),
				      VRS_ARG(h->name)};
	int status = h->ran.n > 0 ? vrs_store_do(engine_store(e), NULL, set, 4, &err)
				  : vrs_store_do(engine_store(e), NULL, del, 3, &err);
	free(bytes);
	h->ran_unsaved = status < 0;
	if (status < 0) {
		(void)vrs_context(&err, "cannot store which VMs run where");
		engine_store_trouble(e, err.text);
	}
}

int reboot_recovery_load(struct engine *e, struct vrs_err *err)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++) {
		struct host *h = engine_nth_host(e, i);
		struct vrs_reply *r;
		struct vrs_err bad = {0};

		struct vrs_key key = vrs_key_host_ran(h->cluster);
		const struct vrs_arg argv[] = {VRS_ARG("HGET"), VRS_ARG(key.text),
					       VRS_ARG(h->name)};
		int status = vrs_store_do(engine_store(e), &r, argv, 3, err);
		if (status < 0)
			return status;
		last_seen_fini(&h->ran);
		if (r->type == VRS_REPLY_BYTES &&
		    unpack(&h->ran, r->bytes, r->len, &bad) < 0)
			log_warn("cannot read which VMs ran on a host: %s host=%s/%s",
				 bad.text, h->cluster, h->name);
		vrs_reply_free(r);
	}
	return 0;
}

void reboot_recovery_close(struct engine *e)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++)
		last_seen_fini(&engine_nth_host(e, i)->ran);
}

/* --- querying the whole cluster --- */

/* From here on the state machine has it, for this boot of the host. */
static void fell(struct engine *e, struct host *home, struct last_seen_vm *v)
{
	const char *vm_id = v->id;
	struct fleet *w = engine_last_fleet(e);
	struct fleet_host *wh = w ? fleet_host(w, home->cluster, home->name) : NULL;
	const Vrsas__V1__VmFacts *vm = wh ? fleet_vm_at(w, wh, vm_id) : NULL;
	struct entry *en = engine_entry(e, vm_id);
	struct reloc_event ev = {.kind = RELOC_WENT_DOWN, .place = engine_place_of(home)};
	const struct record_load load = {.vm = vm};

	if (!vm || !engine_may_act(e))
		return;
	if (vm->state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED)
		(void)snprintf(ev.text, sizeof(ev.text), "it crashed on %s", home->name);
	else
		(void)snprintf(ev.text, sizeof(ev.text),
			       "it ran on %s until that host rebooted; start "
			       "at boot is off, so VR-SAS starts it",
			       home->name);
	if (!en)
		en = engine_entry_new(e, vm, &ev.place);
	if (!engine_feed(e, en, &ev, &load))
		return;
	(void)vrs_strcpy(v->boot_id, sizeof(v->boot_id), wh->boot_id);
	v->asked = 0;
	keep(e, home);
	engine_pump_soon(e);
}

/* A host that has been silent for long, perhaps in maintenance, need not answer; one that
 * answered recently must: its cluster may have just moved the VM there. */
static bool must_answer(const struct host *h)
{
	return h->memory.answers_since_ms > 0 || h->memory.verdict != DETECTOR_OK;
}

static void cluster_answered(struct host_poll *r)
{
	struct last_seen_vm *v = last_seen_find(&r->home->ran, r->vm_id);
	struct entry *en = engine_entry(r->e, r->vm_id);
	bool silent = false, off_at_home = false;

	if (!v)
		return;
	v->asking = false;
	v->again_mono_ms = vrs_now_mono_ms() + ASK_AGAIN_MS;
	for (size_t i = 0; i < r->n; i++) {
		const struct host_poll_answer *s = &r->answer[i];

		if (s->seen == RELOC_SEEN_ON && s->h != r->home) {
			struct reloc_event ev = {.kind = RELOC_SEEN_RUNNING,
						 .place = engine_place_of(s->h)};

			if (en && engine_feed(r->e, en, &ev, NULL))
				engine_pump_soon(r->e);
			return;
		}
		silent |= s->seen == RELOC_UNREACHABLE && must_answer(s->h);
		off_at_home |= s->seen == RELOC_SEEN_OFF && s->h == r->home;
	}
	if (off_at_home && !silent)
		fell(r->e, r->home, v);
	else if (off_at_home && v->asked++ == 1)
		engine_report_host(
			r->e, r->home, VRSAS__V1__SEVERITY__SEVERITY_WARNING, "host.fell",
			"VM %s went down with %s/%s; it starts when every host of its "
			"cluster has confirmed that it does not run there",
			r->vm_id, r->home->cluster, r->home->name);
}

/* Its own cluster may have started it elsewhere. */
static void ask_its_cluster(struct engine *e, struct host *home, struct last_seen_vm *v)
{
	struct host_poll *r = host_poll_new(e, v->id, home, cluster_answered);

	v->asking = true;
	for (size_t i = 0; i < engine_n_hosts(e); i++) {
		struct host *h = engine_nth_host(e, i);

		if (strcmp(h->cluster, home->cluster) == 0 && h->site->uri &&
		    *h->site->uri &&
		    (h == home ||
		     (!h->handled && h->memory.verdict != DETECTOR_DOWN_LIKELY)))
			host_poll_add(r, h);
	}
	host_poll_start(r);
}

/* --- one tick --- */

static bool listed_as_running(const struct fleet *w, const char *id)
{
	for (size_t i = 0; i < w->n_vms; i++)
		if (w->vm[i].facts->state == VRSAS__V1__VM_STATE__VM_STATE_RUNNING &&
		    strcmp(w->vm[i].facts->id, id) == 0)
			return true;
	return false;
}

/* True when no relocation of it is in progress. */
static bool is_at_rest(struct engine *e, const struct host *h,
		       const struct fleet_host *wh, const char *id)
{
	const struct entry *en = engine_entry(e, id);
	const struct reloc_place *p = en ? &en->r.copy[en->r.active].place : NULL;

	return !en ||
	       (!en->stale && en->r.state == RELOC_PROTECTED &&
		wh->inventory_at_ms > en->r.since_ms &&
		strcmp(p->cluster, h->cluster) == 0 && strcmp(p->host, h->name) == 0);
}

static void recover_host(struct engine *e, const struct fleet *w, struct host *h,
			 const struct fleet_host *wh)
{
	if (h->memory.verdict != DETECTOR_OK && h->memory.verdict != DETECTOR_BACK)
		return; /* the detector handles it */
	if (wh->collector_state == VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE)
		return;
	for (size_t i = 0; i < h->ran.n; i++) {
		struct last_seen_vm *v = &h->ran.vm[i];
		const Vrsas__V1__VmFacts *vm = fleet_vm_at(w, wh, v->id);

		if (v->asking || v->again_mono_ms > vrs_now_mono_ms() || !vm ||
		    !last_seen_fell(v, vm, wh->boot_id) || listed_as_running(w, v->id) ||
		    !is_at_rest(e, h, wh, v->id))
			continue;
		ask_its_cluster(e, h, v);
	}
}

void reboot_recovery_watch(struct engine *e, const struct fleet *w)
{
	for (size_t i = 0; i < engine_n_hosts(e); i++) {
		struct host *h = engine_nth_host(e, i);
		const struct fleet_host *wh = fleet_host(w, h->cluster, h->name);

		if (!wh)
			continue;
		if (last_seen_update(&h->ran, w, wh) || h->ran_unsaved)
			keep(e, h);
		recover_host(e, w, h, wh);
	}
}
