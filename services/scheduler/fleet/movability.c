#include "fleet/movability.h"

#include <stdlib.h>
#include <string.h>

/* --- what a definition's findings depend on --- */

static uint64_t add_text(uint64_t h, const char *text)
{
	return text ? vrs_hash(h, text, strlen(text) + 1) : h;
}

static uint64_t facts_hash(const Vrsas__V1__VmFacts *vm, const char *cluster)
{
	const uint32_t flags[] = {vm->partial, vm->saved_memory, vm->snapshots,
				  vm->checkpoints};
	uint64_t h = vrs_hash(VRS_HASH_BEGIN, flags, sizeof(flags));

	h = add_text(add_text(add_text(h, cluster), vm->name), vm->native);
	for (size_t i = 0; i < vm->n_disk; i++) {
		h = add_text(add_text(h, vm->disk[i]->path), vm->disk[i]->format);
		h = add_text(add_text(h, vm->disk[i]->bus), vm->disk[i]->target);
		h = add_text(h, vm->disk[i]->backing);
	}
	for (size_t i = 0; i < vm->n_nic; i++) {
		h = add_text(add_text(h, vm->nic[i]->mac), vm->nic[i]->network);
		h = add_text(h, vm->nic[i]->model);
	}
	return h;
}

static uint64_t inventories(const struct fleet *w)
{
	uint64_t h = VRS_HASH_BEGIN;

	for (size_t i = 0; i < w->n_hosts; i++)
		h = vrs_hash(h, &w->host[i].inventory_at_ms, sizeof(int64_t));
	return vrs_hash(h, &w->n_vms, sizeof(w->n_vms));
}

/* --- one VM --- */

/* Inventories keep their order: the search begins behind the last one found. */
static struct movability_vm *entry_of(struct movability *m, const char *id, size_t *next)
{
	for (size_t i = 0; i < m->n; i++) {
		size_t at = (*next + i) % m->n;

		if (strcmp(m->vm[at]->id, id) == 0) {
			*next = at + 1;
			return m->vm[at];
		}
	}
	m->vm = vrs_grow(m->vm, m->n, &m->cap, sizeof(struct movability_vm *));
	struct movability_vm *vm = m->vm[m->n++] = vrs_calloc(1, sizeof(*vm));
	(void)vrs_strcpy(vm->id, sizeof(vm->id), id);
	vm->is_movable = true;
	*next = m->n;
	return vm;
}

static void examine(struct movability_vm *v, const struct fleet *w,
		    const struct fleet_vm *vm)
{
	const struct fleet_cluster *home = &w->cluster[w->host[vm->host].cluster];
	uint64_t hash = facts_hash(vm->facts, home->name);
	size_t n = w->site->n_clusters;

	if (v->known && v->hash == hash)
		return;
	free(v->stop);
	v->stop = vrs_calloc(n + 1, sizeof(*v->stop));
	for (size_t i = 0; i < n; i++) {
		const struct fleet_cluster *to = &w->cluster[i];
		struct vrs_findings found;

		v->stop[i].code = VRS_N_FINDINGS;
		if (to != home && !(to->site && to->site->accept))
			continue;
		fleet_preflight(vm->facts, home->site, to == home ? NULL : to->site,
				&found);
		const struct vrs_finding *stop = vrs_findings_stop(&found);
		if (stop)
			v->stop[i] = *stop;
	}
	v->hash = hash;
	v->known = true;
}

/* The first target that can take it ends the search. */
static bool can_move(struct movability_vm *v, const struct fleet *w,
		     const struct fleet_vm *vm, bool local_restart)
{
	v->reason = "no-target";
	(void)vrs_strcpy(v->text, sizeof(v->text), "no cluster accepts it");
	for (size_t i = w->site->n_clusters; i-- > 0;) {
		struct vrs_findings taken = {0};
		const struct vrs_finding *stop = &v->stop[i];

		if (!fleet_is_target(w, vm, &w->cluster[i], local_restart))
			continue;
		if (stop->code == VRS_N_FINDINGS) {
			fleet_preflight_taken(w, vm, &w->cluster[i], &taken);
			stop = vrs_findings_stop(&taken);
		}
		if (!stop)
			return true;
		v->reason = vrs_finding_name(stop->code);
		vrs_finding_text(stop, v->text, sizeof(v->text));
	}
	return false;
}

/* --- all VMs --- */

static void drop(struct movability_vm *v)
{
	free(v->stop);
	free(v);
}

static void drop_unseen(struct movability *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (m->vm[i]->seen)
			m->vm[n++] = m->vm[i];
		else
			drop(m->vm[i]);
	}
	m->n = n;
}

void movability_update(struct movability *m, const struct fleet *w, bool local_restart,
		       void (*changed)(void *arg, const struct movability_vm *vm),
		       void *arg)
{
	uint64_t fingerprint = inventories(w);
	size_t next = 0;

	if (!w->site || fingerprint == m->fingerprint)
		return;
	m->fingerprint = fingerprint;
	for (size_t i = 0; i < m->n; i++)
		m->vm[i]->seen = false;
	for (size_t i = 0; i < w->n_vms; i++) {
		const struct fleet_vm *vm = &w->vm[i];
		const struct fleet_host *h = &w->host[vm->host];

		if (!fleet_is_protected_at(w, vm) || !w->cluster[h->cluster].site)
			continue;
		struct movability_vm *v = entry_of(m, vm->facts->id, &next);
		if (v->seen)
			continue; /* listed by two hosts */
		v->seen = true;
		(void)vrs_strcpy(v->name, sizeof(v->name), vm->facts->name);
		(void)vrs_strcpy(v->cluster, sizeof(v->cluster),
				 fleet_cluster_name(w, h));
		(void)vrs_strcpy(v->host, sizeof(v->host), h->name);
		examine(v, w, vm);
		bool was_movable = v->is_movable;
		v->is_movable = can_move(v, w, vm, local_restart);
		if (v->is_movable != was_movable)
			changed(arg, v);
	}
	drop_unseen(m);
}

void movability_fini(struct movability *m)
{
	for (size_t i = 0; i < m->n; i++)
		drop(m->vm[i]);
	free(m->vm);
	*m = (struct movability){0};
}

size_t movability_count(const struct movability *m, const char *reason)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += !m->vm[i]->is_movable &&
		     (!reason || strcmp(m->vm[i]->reason, reason) == 0);
	return n;
}
