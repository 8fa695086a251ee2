#include "engine/base/last_seen.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

struct last_seen_vm *last_seen_find(const struct last_seen *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->vm[i].id, id) == 0)
			return &r->vm[i];
	return NULL;
}

static bool is_off(const Vrsas__V1__VmFacts *vm)
{
	return vm->state == VRSAS__V1__VM_STATE__VM_STATE_OFF ||
	       vm->state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED;
}

bool last_seen_fell(const struct last_seen_vm *was, const Vrsas__V1__VmFacts *now,
		    const char *boot_id)
{
	if (now->state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED)
		return true;
	return now->state == VRSAS__V1__VM_STATE__VM_STATE_OFF &&
	       (now->unexplained ||
		(was->boot_id[0] && *boot_id && strcmp(was->boot_id, boot_id) != 0));
}

void last_seen_add(struct last_seen *r, const char *id, const char *boot_id)
{
	r->vm = vrs_realloc(r->vm, r->n + 1, sizeof(*r->vm));
	struct last_seen_vm *v = &r->vm[r->n++];

	*v = (struct last_seen_vm){0};
	(void)vrs_strcpy(v->id, sizeof(v->id), id);
	(void)vrs_strcpy(v->boot_id, sizeof(v->boot_id), boot_id);
}

/* VMs that were shut down, are gone or are no longer protected are forgotten. */
static bool forget_some(struct last_seen *r, const struct fleet *w,
			const struct fleet_host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const Vrsas__V1__VmFacts *vm = fleet_vm_at(w, h, r->vm[i].id);
		bool keep = vm && vm->protect &&
			    (!is_off(vm) || last_seen_fell(&r->vm[i], vm, h->boot_id));

		if (keep)
			r->vm[n++] = r->vm[i];
	}
	bool changed = n != r->n;
	r->n = n;
	return changed;
}

bool last_seen_update(struct last_seen *r, const struct fleet *w,
		      const struct fleet_host *h)
{
	if (h->inventory_at_ms == 0)
		return false;
	bool changed = forget_some(r, w, h);
	for (size_t i = 0; i < h->n_vms && r->n < LAST_SEEN_MAX_VMS; i++) {
		const Vrsas__V1__VmFacts *vm = w->vm[h->first_vm + i].facts;
		struct last_seen_vm *known = last_seen_find(r, vm->id);

		if (!vm->protect || vm->state != VRSAS__V1__VM_STATE__VM_STATE_RUNNING ||
		    (known && strcmp(known->boot_id, h->boot_id) == 0))
			continue;
		if (known)
			(void)vrs_strcpy(known->boot_id, sizeof(known->boot_id),
					 h->boot_id);
		else
			last_seen_add(r, vm->id, h->boot_id);
		changed = true;
	}
	return changed;
}

void last_seen_fini(struct last_seen *r)
{
	free(r->vm);
	*r = (struct last_seen){0};
}
