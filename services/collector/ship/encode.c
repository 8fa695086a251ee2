#include "ship/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

/* Allocated so that protobuf-c's own functions can free it. */
#define NEW(type, init)                                                                  \
	({                                                                               \
		type *m_ = vrs_calloc(1, sizeof(*m_));                                   \
		init(m_);                                                                \
		m_;                                                                      \
	})

static void *array(size_t n, size_t size)
{
	return n ? vrs_calloc(n, size) : NULL;
}

static Vrsas__V1__Record *record(Vrsas__V1__Record__BodyCase which)
{
	Vrsas__V1__Record *r = NEW(Vrsas__V1__Record, vrsas__v1__record__init);

	r->body_case = which;
	return r;
}

Vrsas__V1__Record *encode_hosts(const struct encode_host *host, size_t n,
				uint32_t version)
{
	Vrsas__V1__Record *r = record(VRSAS__V1__RECORD__BODY_HOSTS);
	Vrsas__V1__HostTable *t = NEW(Vrsas__V1__HostTable, vrsas__v1__host_table__init);

	r->hosts = t;
	t->version = version;
	t->n_host = n;
	t->host = array(n, sizeof(*t->host));
	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__HostFacts *f =
			NEW(Vrsas__V1__HostFacts, vrsas__v1__host_facts__init);
		const struct host_state *k = &host[i].state;
		const char *address = host[i].site->address;

		t->host[i] = f;
		f->name = vrs_strdup(host[i].site->name);
		f->address = vrs_strdup(k->address[0] ? k->address : address);
		f->vcpus_total = k->vcpus;
		f->ram_total_bytes = k->ram_bytes;
	}
	return r;
}

Vrsas__V1__Record *encode_batch(const struct gauge *gauge, size_t n, int64_t at_ms,
				int64_t interval_ms, uint32_t table_version)
{
	Vrsas__V1__Record *r = record(VRSAS__V1__RECORD__BODY_SAMPLES);
	Vrsas__V1__SampleBatch *b =
		NEW(Vrsas__V1__SampleBatch, vrsas__v1__sample_batch__init);

	r->samples = b;
	b->at_ms = at_ms;
	b->interval_ms = (uint32_t)interval_ms;
	b->table_version = table_version;
	b->n_host = b->n_cpu_ratio = b->n_mem_ratio = b->n_vcpus_used = b->n_state = n;
	b->host = array(n, sizeof(*b->host));
	b->cpu_ratio = array(n, sizeof(*b->cpu_ratio));
	b->mem_ratio = array(n, sizeof(*b->mem_ratio));
	b->vcpus_used = array(n, sizeof(*b->vcpus_used));
	b->state = array(n, sizeof(*b->state));
	for (size_t i = 0; i < n; i++) {
		b->host[i] = (uint32_t)i;
		b->cpu_ratio[i] = gauge[i].cpu_ratio;
		b->mem_ratio[i] = gauge[i].mem_ratio;
		b->vcpus_used[i] = gauge[i].vcpus_used;
		b->state[i] = gauge[i].state;
	}
	return r;
}

/* --- inventory --- */

static const Vrsas__V1__VmState states[] = {
	[VRS_HV_UNKNOWN] = VRSAS__V1__VM_STATE__VM_STATE_UNSPECIFIED,
	[VRS_HV_OFF] = VRSAS__V1__VM_STATE__VM_STATE_OFF,
	[VRS_HV_RUNNING] = VRSAS__V1__VM_STATE__VM_STATE_RUNNING,
	[VRS_HV_PAUSED] = VRSAS__V1__VM_STATE__VM_STATE_PAUSED,
	[VRS_HV_IO_ERROR] = VRSAS__V1__VM_STATE__VM_STATE_IO_ERROR,
	[VRS_HV_CRASHED] = VRSAS__V1__VM_STATE__VM_STATE_CRASHED,
};

static bool is_under(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	/* a path with /../ may leave the folder */
	return strncmp(path, folder, n) == 0 && path[n] == '/' && !strstr(path, "/../");
}

static Vrsas__V1__Disk *encode_disk(const struct vrs_hv_disk *d, bool shared_storage,
				    const char *images)
{
	Vrsas__V1__Disk *m = NEW(Vrsas__V1__Disk, vrsas__v1__disk__init);

	m->path = vrs_strdup(d->path);
	m->format = vrs_strdup(d->format);
	m->bus = vrs_strdup(d->bus);
	m->target = vrs_strdup(d->target);
	m->backing = vrs_strdup(d->backing);
	m->virtual_bytes = d->virtual_bytes;
	m->allocated_bytes = d->allocated_bytes;
	m->shared = shared_storage && is_under(d->path, images)
			    ? VRSAS__V1__ANSWER__ANSWER_YES
			    : VRSAS__V1__ANSWER__ANSWER_NO;
	return m;
}

static Vrsas__V1__Nic *encode_nic(const struct vrs_hv_nic *n)
{
	Vrsas__V1__Nic *m = NEW(Vrsas__V1__Nic, vrsas__v1__nic__init);

	m->mac = vrs_strdup(n->mac);
	m->network = vrs_strdup(n->network);
	m->model = vrs_strdup(n->model);
	return m;
}

static Vrsas__V1__VmFacts *encode_vm(const struct vrs_site_vm *rule,
				     const struct vrs_site_cluster *cluster,
				     const char *images, const struct vrs_hv_vm *vm,
				     float cpu_cores)
{
	Vrsas__V1__VmFacts *m = NEW(Vrsas__V1__VmFacts, vrsas__v1__vm_facts__init);

	m->id = vrs_strdup(vm->id);
	m->name = vrs_strdup(vm->name);
	m->state = states[vm->state];
	m->vcpus = vm->vcpus;
	m->ram_bytes = vm->ram_bytes;
	m->vm_class = rule && rule->vm_class ? rule->vm_class : 4;
	m->protect = rule && rule->protect;
	m->health = vrs_strdup(rule && rule->health ? rule->health : "");
	m->autostart = vm->autostart;
	m->unexplained = vm->unexplained;
	m->cpu_cores = cpu_cores;
	m->native = vrs_strdup(m->protect && vm->native ? vm->native : "");
	m->partial = m->protect && vm->is_partial;
	m->saved_memory = vm->has_saved_memory;
	m->snapshots = vm->n_snapshots;
	m->checkpoints = vm->n_checkpoints;

	m->readable_without_host = VRSAS__V1__ANSWER__ANSWER_UNSPECIFIED;
	m->n_disk = vm->n_disks;
	m->disk = array(m->n_disk, sizeof(*m->disk));
	for (size_t i = 0; i < vm->n_disks; i++) {
		m->disk[i] = encode_disk(&vm->disk[i], cluster->shared_storage, images);
		if (i == 0 || m->disk[i]->shared == VRSAS__V1__ANSWER__ANSWER_NO)
			m->readable_without_host = m->disk[i]->shared;
	}
	m->n_nic = vm->n_nics;
	m->nic = array(m->n_nic, sizeof(*m->nic));
	for (size_t i = 0; i < vm->n_nics; i++)
		m->nic[i] = encode_nic(&vm->nic[i]);
	return m;
}

/* Drops the longest definition; false when there is none. */
static bool drop_native(Vrsas__V1__HostInventory *inv)
{
	Vrsas__V1__VmFacts *longest = NULL;

	for (size_t i = 0; i < inv->n_vm; i++)
		if (!longest || strlen(inv->vm[i]->native) > strlen(longest->native))
			longest = inv->vm[i];
	if (!longest || !longest->native[0])
		return false;
	longest->partial = true;
	free((char *)(uintptr_t)longest->native);
	longest->native = vrs_strdup("");
	return true;
}

Vrsas__V1__Record *encode_inventory(const struct encode_site *of, const struct reading *r,
				    const float *cpu_cores, int64_t at_ms,
				    size_t max_bytes)
{
	const struct vrs_site_cluster *cluster = of->cluster;
	const struct vrs_site_host *host = of->host;
	Vrsas__V1__Record *rec = record(VRSAS__V1__RECORD__BODY_INVENTORY);
	Vrsas__V1__HostInventory *inv =
		NEW(Vrsas__V1__HostInventory, vrsas__v1__host_inventory__init);
	const char *images =
		host->images && *host->images ? host->images : cluster->images;

	rec->inventory = inv;
	inv->host = vrs_strdup(host->name);
	inv->at_ms = at_ms;
	inv->boot_id = vrs_strdup(r->host.boot_id);
	inv->vm = array(r->n_vms, sizeof(*inv->vm));
	for (size_t i = 0; i < r->n_vms; i++) {
		const struct vrs_hv_vm *vm = &r->vm[i];

		if (vrs_id_ok(vm->id))
			inv->vm[inv->n_vm++] =
				encode_vm(vrs_site_vm(of->site, vm->id, vm->name),
					  cluster, images, vm, cpu_cores[i]);
	}
	if (r->has_store) {
		Vrsas__V1__Store *s = NEW(Vrsas__V1__Store, vrsas__v1__store__init);

		s->path = vrs_strdup(r->store.path);
		s->free_bytes = r->store.free_bytes;
		s->total_bytes = r->store.total_bytes;
		s->shared = cluster->shared_storage ? VRSAS__V1__ANSWER__ANSWER_YES
						    : VRSAS__V1__ANSWER__ANSWER_NO;
		inv->n_store = 1;
		inv->store = array(1, sizeof(*inv->store));
		inv->store[0] = s;
	}
	while (protobuf_c_message_get_packed_size(&rec->base) > max_bytes &&
	       drop_native(inv))
		continue;
	return rec;
}

/* --- fingerprint: a hash of what matters --- */

static uint64_t mix_text(uint64_t h, const char *s)
{
	return vrs_hash(h, s, strlen(s) + 1);
}

static uint64_t mix_number(uint64_t h, uint64_t v)
{
	return vrs_hash(h, &v, sizeof(v));
}

static uint64_t coarse(uint64_t bytes)
{
	return bytes >> 26;
}

uint64_t encode_fingerprint(const Vrsas__V1__HostInventory *inv)
{
	uint64_t h = mix_text(VRS_HASH_BEGIN, inv->boot_id);

	for (size_t i = 0; i < inv->n_vm; i++) {
		const Vrsas__V1__VmFacts *v = inv->vm[i];

		h = mix_text(mix_text(h, v->id), v->name);
		h = mix_text(mix_text(h, v->health), v->native);
		h = mix_number(mix_number(h, v->state), v->vcpus);
		h = mix_number(mix_number(h, v->ram_bytes), v->vm_class);
		h = mix_number(h, (uint64_t)v->partial << 1 | v->saved_memory);
		h = mix_number(mix_number(h, v->snapshots), v->checkpoints);
		h = mix_number(h, (uint64_t)v->protect << 2 |
					  (uint64_t)v->unexplained << 1 | v->autostart);
		h = mix_number(h, isnan(v->cpu_cores) != 0); /* its load became known */
		for (size_t d = 0; d < v->n_disk; d++) {
			h = mix_text(mix_text(h, v->disk[d]->path), v->disk[d]->format);
			h = mix_text(h, v->disk[d]->backing);
			h = mix_number(h, v->disk[d]->virtual_bytes);
			h = mix_number(h, coarse(v->disk[d]->allocated_bytes));
			h = mix_number(h, v->disk[d]->shared);
		}
		for (size_t d = 0; d < v->n_nic; d++)
			h = mix_text(mix_text(h, v->nic[d]->mac), v->nic[d]->network);
	}
	for (size_t i = 0; i < inv->n_store; i++)
		h = mix_number(h, coarse(inv->store[i]->free_bytes));
	return h;
}

uint64_t encode_load(const Vrsas__V1__HostInventory *inv)
{
	uint64_t h = VRS_HASH_BEGIN;

	for (size_t i = 0; i < inv->n_vm; i++) {
		float cores = inv->vm[i]->cpu_cores;

		h = mix_number(h, isnan(cores) ? UINT64_MAX : (uint64_t)(cores * 2));
	}
	return h;
}

Vrsas__V1__Heartbeat *encode_heartbeat(const struct encode_host *host, size_t n,
				       int64_t at_ms)
{
	Vrsas__V1__Heartbeat *hb = NEW(Vrsas__V1__Heartbeat, vrsas__v1__heartbeat__init);

	hb->at_ms = at_ms;
	hb->n_host = n;
	hb->host = array(n, sizeof(*hb->host));
	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__HostHealth *m =
			NEW(Vrsas__V1__HostHealth, vrsas__v1__host_health__init);

		hb->host[i] = m;
		m->name = vrs_strdup(host[i].site->name);
		m->state = host[i].state.state;
		m->silent_samples = host[i].state.silent_samples;
		m->detail = vrs_strdup(host[i].state.detail);
	}
	return hb;
}

void encode_free(Vrsas__V1__Record *r)
{
	if (!r)
		return;
	r->cluster = r->collector = protobuf_c_empty_string;
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

void encode_free_heartbeat(Vrsas__V1__Heartbeat *hb)
{
	if (!hb)
		return;
	hb->cluster = hb->collector = protobuf_c_empty_string;
	protobuf_c_message_free_unpacked(&hb->base, NULL);
}
