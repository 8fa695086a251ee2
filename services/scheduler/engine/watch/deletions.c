/* VMs that their owner deleted at home: when no inventory lists such a VM and the
 * hypervisor of its home does not know it, its record is removed. */
#include <stdio.h>
#include <string.h>

#include "engine/watch/watch.h"

/* Copied disks that remain are named: nothing else knows of them. */
static void name_disks(const struct entry *en, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t i = 1; i < en->r.n_copies; i++) {
		const struct reloc_copy *c = &en->r.copy[i];
		size_t n = 0;
		Vrsas__V1__PlacedDisk *const *disk =
			engine_disks_of(en->msg, &c->place, &n);

		for (size_t k = 0; k < n && c->disks && !c->shared && len < size; k++)
			len += (size_t)snprintf(
				buf + len, size - len, "%s%s/%s:%s",
				len ? ", " : "; its copied disks remain: ",
				c->place.cluster, c->place.host, disk[k]->path);
	}
}

static void query_done(struct host_job *job)
{
	const struct host_op *op = &job->op;
	struct engine *e = job->e;
	struct entry *en = engine_entry(e, op->vm_id);
	const struct reloc_place home = engine_place_of(job->h);
	char disks[240], why[160];

	job->h->checking = false;
	if (en && op->ok && op->exists)
		en->missing_since_ms =
			0; /* the inventories are older: the next ones decide */
	if (!en || !op->ok || op->exists || !host_job_is_current(job) ||
	    !engine_may_act(e) || en->stale || en->missing_since_ms == 0 ||
	    en->r.state != RELOC_PROTECTED ||
	    reloc_copy_at(&en->r, home.cluster, home.host) != 0)
		return;
	(void)snprintf(why, sizeof(why), "deleted on %s/%s: no host lists it",
		       home.cluster, home.host);
	name_disks(en, disks, sizeof(disks));
	const struct reloc r = en->r;
	bool stored = en->stored;
	if (!engine_entry_remove(e, en, why) || !stored)
		return;
	log_notice("removed the record of a deleted VM vm=%s name=%s%s", r.vm_id,
		   r.vm_name, disks);
	engine_report_host(e, job->h, VRSAS__V1__SEVERITY__SEVERITY_NOTICE, "vm.gone",
			   "%s: %s; its record is removed%s", r.vm_name, why, disks);
}

/* Every host of its cluster has listed its VMs since the VM was missed: none has taken it
 * over meanwhile. */
static bool cluster_listed_since(const struct fleet *w, const struct entry *en)
{
	const struct fleet_cluster *c = fleet_cluster(w, en->r.copy[0].place.cluster);

	for (size_t i = 0; c && i < c->n_hosts; i++)
		if (w->host[c->first_host + i].inventory_at_ms <= en->missing_since_ms)
			return false;
	return c != NULL;
}

static bool may_be_defined_elsewhere(const struct reloc *r)
{
	for (uint32_t i = 1; i < r->n_copies; i++)
		if (r->copy[i].defined || r->copy[i].seen_running)
			return true;
	return false;
}

void deletions_watch(struct engine *e, const struct fleet *w)
{
	for (size_t i = 0; i < engine_n_entries(e); i++) {
		struct entry *en = engine_nth_entry(e, i);
		struct host *h = engine_host_of(e, &en->r.copy[0].place);

		if (en->stale || !engine_not_listed(w, en)) {
			en->missing_since_ms = 0;
			continue;
		}
		if (en->missing_since_ms == 0)
			en->missing_since_ms = w->at_ms;
		if (!h || h->checking || h->memory.verdict != DETECTOR_OK ||
		    !cluster_listed_since(w, en) || may_be_defined_elsewhere(&en->r))
			continue;
		h->checking = true;
		host_job_submit(host_job_new(sizeof(struct host_job), e, h, HOST_OP_STATE,
					     en->r.vm_id),
				query_done);
	}
}
