#include "validate.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "vrs/mem.h"

static const int64_t day_ms = (int64_t)24 * 3600 * 1000;

/* Text without control characters and of limited length. */
static bool text_ok(const char *s, size_t max)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (n >= max || (unsigned char)s[n] < 0x20 || s[n] == 0x7f)
			return false;
	return true;
}

static int wrong(struct vrs_err *err, const char *what)
{
	return vrs_fail(err, VRS_EPARSE, "%s", what);
}

static int check_stream(const char *cluster, const char *collector, uint64_t epoch,
			struct vrs_err *err)
{
	if (!vrs_name_ok(cluster))
		return wrong(err, "invalid cluster name");
	if (!vrs_name_ok(collector))
		return wrong(err, "invalid collector name");
	if (epoch == 0)
		return wrong(err, "epoch is 0");
	return 0;
}

int validate_envelope(const Vrsas__V1__Record *r, struct vrs_err *err)
{
	int status = check_stream(r->cluster, r->collector, r->epoch, err);

	if (status < 0)
		return status;
	if (r->seq == 0)
		return wrong(err, "seq is 0");
	return 0;
}

static int check_hosts(const Vrsas__V1__HostTable *t, struct vrs_err *err)
{
	if (t->n_host > VALIDATE_MAX_HOSTS)
		return wrong(err, "host table: too many hosts");
	for (size_t i = 0; i < t->n_host; i++) {
		const Vrsas__V1__HostFacts *h = t->host[i];

		if (!vrs_name_ok(h->name))
			return vrs_fail(err, VRS_EPARSE,
					"host table: host %zu has an invalid name", i);
		if (!text_ok(h->address, 255))
			return vrs_fail(err, VRS_EPARSE,
					"host table: host %s has an invalid address",
					h->name);
	}
	return 0;
}

static bool ratio_ok(float v)
{
	return isnan(v) || (v >= 0 && v <= 1); /* not a number: a gap */
}

static int check_time(const Vrsas__V1__SampleBatch *b, int64_t now_ms,
		      int64_t retention_ms, struct vrs_err *err)
{
	if (b->interval_ms < 1000 || day_ms % b->interval_ms != 0 ||
	    (b->interval_ms > 60000 && b->interval_ms % 60000 != 0))
		return wrong(err, "samples: interval does not divide a day");
	if (b->at_ms <= 0 || b->at_ms % b->interval_ms != 0)
		return wrong(err, "samples: time is not a multiple of the interval");
	if (b->at_ms > now_ms + VALIDATE_FUTURE_MS)
		return wrong(err, "samples: in the future: check the collector's clock");
	if (b->at_ms < now_ms - retention_ms)
		return wrong(err, "samples: older than the retention time");
	return 0;
}

static int check_samples(const Vrsas__V1__SampleBatch *b,
			 const Vrsas__V1__HostTable *table, int64_t now_ms,
			 int64_t retention_ms, struct vrs_err *err)
{
	int status = check_time(b, now_ms, retention_ms, err);

	if (status < 0)
		return status;
	if (!table || table->version != b->table_version)
		return vrs_fail(err, VRS_EPARSE, "samples: unknown host table %u",
				b->table_version);
	if (b->n_cpu_ratio != b->n_host || b->n_mem_ratio != b->n_host ||
	    b->n_vcpus_used != b->n_host || b->n_state != b->n_host)
		return wrong(err, "samples: columns differ in length");
	for (size_t i = 0; i < b->n_host; i++) {
		if (b->host[i] >= table->n_host)
			return wrong(err, "samples: host is not in the table");
		if (!ratio_ok(b->cpu_ratio[i]) || !ratio_ok(b->mem_ratio[i]))
			return wrong(err, "samples: ratio outside 0..1");
		if (b->vcpus_used[i] > UINT16_MAX)
			return wrong(err, "samples: too many vCPUs");
		if ((int)b->state[i] < 0 || b->state[i] > 255)
			return wrong(err, "samples: unknown host state");
	}
	return 0;
}

static int check_vm(const Vrsas__V1__VmFacts *vm, struct vrs_err *err)
{
	if (!vrs_id_ok(vm->id))
		return wrong(err, "inventory: VM without a valid id");
	if (!vm->name[0] || !text_ok(vm->name, 255) || !text_ok(vm->health, 1024))
		return vrs_fail(err, VRS_EPARSE,
				"inventory: VM %s has an invalid name or health address",
				vm->id);
	if (vm->n_disk > VALIDATE_MAX_LIST || vm->n_nic > VALIDATE_MAX_LIST)
		return vrs_fail(err, VRS_EPARSE, "inventory: VM %s has too many devices",
				vm->id);
	for (size_t i = 0; i < vm->n_disk; i++) {
		const Vrsas__V1__Disk *d = vm->disk[i];

		if (!text_ok(d->path, 4096) || !text_ok(d->format, 64) ||
		    !text_ok(d->bus, 64) || !text_ok(d->target, 64))
			return vrs_fail(err, VRS_EPARSE,
					"inventory: VM %s has an invalid disk", vm->id);
	}
	for (size_t i = 0; i < vm->n_nic; i++) {
		const Vrsas__V1__Nic *n = vm->nic[i];

		if (!text_ok(n->mac, 64) || !text_ok(n->network, 255) ||
		    !text_ok(n->model, 64))
			return vrs_fail(err, VRS_EPARSE,
					"inventory: VM %s has an invalid network",
					vm->id);
	}
	return 0;
}

static int check_inventory(const Vrsas__V1__HostInventory *inv, struct vrs_err *err)
{
	if (!vrs_name_ok(inv->host) || !text_ok(inv->boot_id, 64))
		return wrong(err, "inventory: invalid host name or boot id");
	if (inv->n_vm > VALIDATE_MAX_VMS || inv->n_store > VALIDATE_MAX_LIST)
		return vrs_fail(err, VRS_EPARSE,
				"inventory: too many VMs or stores on host %s",
				inv->host);
	for (size_t i = 0; i < inv->n_vm; i++) {
		int status = check_vm(inv->vm[i], err);

		if (status < 0)
			return status;
	}
	for (size_t i = 0; i < inv->n_store; i++)
		if (!text_ok(inv->store[i]->path, 4096))
			return vrs_fail(err, VRS_EPARSE,
					"inventory: host %s has an invalid store",
					inv->host);
	return 0;
}

int validate_body(const Vrsas__V1__Record *r, const Vrsas__V1__HostTable *table,
		  int64_t now_ms, int64_t retention_ms, struct vrs_err *err)
{
	switch (r->body_case) {
	case VRSAS__V1__RECORD__BODY_HOSTS:
		return check_hosts(r->hosts, err);
	case VRSAS__V1__RECORD__BODY_SAMPLES:
		return check_samples(r->samples, table, now_ms, retention_ms, err);
	case VRSAS__V1__RECORD__BODY_INVENTORY:
		return check_inventory(r->inventory, err);
	default:
		return wrong(err, "record without a known body");
	}
}

int validate_heartbeat(const Vrsas__V1__Heartbeat *hb, struct vrs_err *err)
{
	int status = check_stream(hb->cluster, hb->collector, hb->epoch, err);

	if (status < 0)
		return status;
	if (hb->n_host > VALIDATE_MAX_HOSTS)
		return wrong(err, "heartbeat: too many hosts");
	for (size_t i = 0; i < hb->n_host; i++)
		if (!vrs_name_ok(hb->host[i]->name) ||
		    !text_ok(hb->host[i]->detail, 1024))
			return wrong(err, "heartbeat: invalid host name");
	return 0;
}

int validate_offer(const Vrsas__V1__Offer *offer, struct vrs_err *err)
{
	int status = check_stream(offer->cluster, offer->collector, offer->epoch, err);

	if (status < 0)
		return status;
	if (offer->first_seq == 0 || offer->first_seq > offer->head_seq + 1 ||
	    offer->head_seq == UINT64_MAX)
		return wrong(err, "offer: invalid range");
	return 0;
}

int validate_export(const Vrsas__V1__ExportPage *page, struct vrs_err *err)
{
	if (!vrs_name_ok(page->cluster))
		return wrong(err, "export: invalid cluster name");
	if (page->host[0] != '\0' && !vrs_name_ok(page->host))
		return wrong(err, "export: invalid host name");
	if (page->from_ms < 0 || page->to_ms < page->from_ms ||
	    page->to_ms > (int64_t)253402300800000)
		return wrong(err, "export: invalid range");
	return 0;
}
