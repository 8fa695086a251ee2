#include "engine/base/last_seen.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

struct ran_vm *ran_find(const struct ran *r, const char *id)
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

bool ran_fell(const struct ran_vm *was, const Vrsas__V1__VmFacts *now,
	      const char *boot_id)
{
	if (now->state == VRSAS__V1__VM_STATE__VM_STATE_CRASHED)
		return true;
	return now->state == VRSAS__V1__VM_STATE__VM_STATE_OFF &&
	       (now->unexplained ||
		(was->boot_id[0] && *boot_id && strcmp(was->boot_id, boot_id) != 0));
}

void ran_remember(struct ran *r, const char *id, const char *boot_id)
{
	r->vm = vrs_realloc(r->vm, r->n + 1, sizeof(*r->vm));
	struct ran_vm *v = &r->vm[r->n++];

	*v = (struct ran_vm){0};
	(void)vrs_strcpy(v->id, sizeof(v->id), id);
	(void)vrs_strcpy(v->boot_id, sizeof(v->boot_id), boot_id);
}

/* VMs that were shut down, are gone or are no longer protected are forgotten. */
static bool forget_some(struct ran *r, const struct fleet *w, const struct fleet_host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const Vrsas__V1__VmFacts *vm = fleet_vm_at(w, h, r->vm[i].id);
		bool keep = vm && vm->protect &&
			    (!is_off(vm) || ran_fell(&r->vm[i], vm, h->boot_id));

		if (keep)
			r->vm[n++] = r->vm[i];
	}
	bool changed = n != r->n;
	r->n = n;
	return changed;
}

bool ran_look(struct ran *r, const struct fleet *w, const struct fleet_host *h)
{
	if (h->inventory_at_ms == 0)
		return false;
	bool changed = forget_some(r, w, h);
	for (size_t i = 0; i < h->n_vms && r->n < RAN_MAX_VMS; i++) {
		const Vrsas__V1__VmFacts *vm = w->vm[h->first_vm + i].facts;
		struct ran_vm *known = ran_find(r, vm->id);

		if (!vm->protect || vm->state != VRSAS__V1__VM_STATE__VM_STATE_RUNNING ||
		    (known && strcmp(known->boot_id, h->boot_id) == 0))
			continue;
		if (known)
			(void)vrs_strcpy(known->boot_id, sizeof(known->boot_id),
					 h->boot_id);
		else
			ran_remember(r, vm->id, h->boot_id);
		changed = true;
	}
	return changed;
}

void ran_fini(struct ran *r)
{
	free(r->vm);
	*r = (struct ran){0};
}
