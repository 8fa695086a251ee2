/* State of a host and its VMs. Lists avoid calls that need a QEMU process (statistics,
 * block information of running domains); those run in the background on a connection of
 * their own, and lists use their last result. */
#include <libvirt/virterror.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/hypervisor/libvirt.h"
#include "vrs/hypervisor/xml.h"
#include "vrs/mem.h"

enum { SIZES_WAIT_MS = 1500, SIZES_DEADLINE_MS = 10000 };

/* --- host --- */

/* In a container /proc/stat has fewer CPUs than /sys, where libvirt counts them: a CPU
 * without counters does not exist. */
static uint32_t count_cpus(virConnectPtr conn)
{
	virNodeInfo info;
	uint32_t n = 0;

	if (virNodeGetInfo(conn, &info) < 0)
		return 0;
	for (unsigned i = 0; i < info.cpus; i++) {
		int nparams = 0;
		virNodeCPUStats st[16];

		if (virNodeGetCPUStats(conn, (int)i, NULL, &nparams, 0) < 0)
			continue;
		if (nparams > 16 ||
		    virNodeGetCPUStats(conn, (int)i, st, &nparams, 0) == 0)
			n++;
	}
	return n ? n : info.cpus;
}

static void read_cpu(virConnectPtr conn, struct vrs_hv_host *h)
{
	virNodeCPUStats st[16];
	int n = 0;
	double total = 0, idle = 0;
	bool has_idle = false;

	if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, NULL, &n, 0) < 0 ||
	    n <= 0 || n > 16 ||
	    virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, st, &n, 0) < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (strcmp(st[i].field, VIR_NODE_CPU_STATS_UTILIZATION) == 0)
			continue;
		total += (double)st[i].value;
		if (strcmp(st[i].field, VIR_NODE_CPU_STATS_IDLE) == 0 ||
		    strcmp(st[i].field, VIR_NODE_CPU_STATS_IOWAIT) == 0) {
			idle += (double)st[i].value;
			has_idle = true;
		}
	}
	h->cpu_busy = total - idle;
	h->cpu_total = total;
	h->cpu_known = has_idle;
}

/* virNodeInfo.memory has been seen to be wrong by 40 %; it is used only if the driver
 * has no statistics. */
static void read_memory(virConnectPtr conn, struct vrs_hv_host *h)
{
	virNodeMemoryStats st[16];
	int n = 0;
	uint64_t total = 0, unused = 0;

	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) <
		    0 ||
	    n <= 0 || n > 16 ||
	    virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, st, &n, 0) < 0) {
		virNodeInfo info;

		if (virNodeGetInfo(conn, &info) == 0)
			h->ram_total_bytes = (uint64_t)info.memory * 1024;
		return;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(st[i].field, VIR_NODE_MEMORY_STATS_TOTAL) == 0)
			total = st[i].value;
		else
			unused += st[i].value; /* free, buffers, cached */
	}
	h->ram_total_bytes = total * 1024;
	h->ram_used_bytes = (total > unused ? total - unused : 0) * 1024;
}

static int do_host(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	pthread_mutex_lock(&c->lv->lock);
	uint32_t vcpus = c->lv->vcpus;
	pthread_mutex_unlock(&c->lv->lock);
	if (vcpus == 0) {
		vcpus = count_cpus(conn);
		if (vcpus == 0)
			return lv_failed(err, "node info");
		pthread_mutex_lock(&c->lv->lock);
		c->lv->vcpus = vcpus;
		pthread_mutex_unlock(&c->lv->lock);
	}
	c->host.vcpus = vcpus;
	read_cpu(conn, &c->host);
	read_memory(conn, &c->host);
	return 0;
}

int lv_host(void *h, int64_t timeout_ms, struct vrs_hv_host *ret, struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, NULL, do_host);
	int status = lv_call_run(c, err);

	if (status == 0) {
		*ret = c->host;
		lv_call_free(c);
	}
	return status;
}

/* --- virtual machines --- */

enum vrs_hv_state lv_state_of(virDomainPtr dom)
{
	int state = 0, reason = 0;

	if (virDomainGetState(dom, &state, &reason, 0) < 0)
		return VRS_HV_UNKNOWN;
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN: /* shutting down, the process still exists */
		return VRS_HV_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return reason == VIR_DOMAIN_PAUSED_IOERROR ? VRS_HV_IO_ERROR
							   : VRS_HV_PAUSED;
	case VIR_DOMAIN_PMSUSPENDED:
		return VRS_HV_PAUSED;
	case VIR_DOMAIN_SHUTOFF:
		return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? VRS_HV_CRASHED : VRS_HV_OFF;
	case VIR_DOMAIN_CRASHED: /* a crashed guest may be kept with its process */
		return virDomainIsActive(dom) == 0 ? VRS_HV_CRASHED : VRS_HV_PAUSED;
	default:
		return VRS_HV_UNKNOWN;
	}
}

/* libvirt forgets why a VM is off when its daemon restarts. */
static bool is_unexplained(virDomainPtr dom)
{
	int state = 0, reason = 0;

	return virDomainGetState(dom, &state, &reason, 0) == 0 &&
	       state == VIR_DOMAIN_SHUTOFF &&
	       (reason == VIR_DOMAIN_SHUTOFF_UNKNOWN ||
		reason == VIR_DOMAIN_SHUTOFF_DAEMON);
}

bool lv_is_on(enum vrs_hv_state s)
{
	return s != VRS_HV_OFF && s != VRS_HV_CRASHED;
}

/* What the hypervisor stores for a VM beside its definition; nothing if the driver lacks
 * it. */
static void read_metadata(virDomainPtr dom, struct vrs_hv_vm *ret)
{
	int snapshots = virDomainSnapshotNum(dom, 0);
	int checkpoints = virDomainListAllCheckpoints(dom, NULL, 0);

	ret->n_snapshots = snapshots > 0 ? (uint32_t)snapshots : 0;
	ret->n_checkpoints = checkpoints > 0 ? (uint32_t)checkpoints : 0;
	ret->has_saved_memory = virDomainHasManagedSaveImage(dom, 0) == 1;
}

/* The chains of its disks, which only the definition of a running VM names. */
static void read_chains(virDomainPtr dom, struct vrs_hv_vm *ret)
{
	char *xml = lv_is_on(ret->state) ? virDomainGetXMLDesc(dom, 0) : NULL;

	if (xml)
		vrs_hv_xml_read_chains(xml, strlen(xml), ret);
	free(xml);
}

/* Everything but sizes; without a call to the VM's process. */
static int read_vm(virDomainPtr dom, struct vrs_hv_vm *ret, struct vrs_err *err)
{
	virDomainInfo info;
	int autostart = 0;
	char *xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);

	if (!xml)
		return lv_failed(err, "definition");
	int status = vrs_hv_xml_parse(xml, strlen(xml), ret, err);
	free(xml);
	if (status < 0)
		return status;
	ret->state = lv_state_of(dom);
	ret->unexplained = is_unexplained(dom);
	read_metadata(dom, ret);
	read_chains(dom, ret);
	if (virDomainGetAutostart(dom, &autostart) == 0)
		ret->autostart = autostart;
	if (lv_is_on(ret->state) && virDomainGetInfo(dom, &info) == 0)
		ret->cpu_time_s = (double)info.cpuTime / 1e9;
	return 0;
}

static void remember_size(struct lv *lv, const char *path, uint64_t virtual_bytes,
			  uint64_t allocated_bytes)
{
	size_t i = 0;

	pthread_mutex_lock(&lv->lock);
	while (i < lv->n_sizes && strcmp(lv->size[i].path, path) != 0)
		i++;
	if (i == lv->n_sizes) {
		lv->size = vrs_realloc(lv->size, lv->n_sizes + 1, sizeof(*lv->size));
		memset(&lv->size[i], 0, sizeof(lv->size[i]));
		(void)vrs_strcpy(lv->size[i].path, sizeof(lv->size[i].path), path);
		lv->n_sizes++;
	}
	lv->size[i].virtual_bytes = virtual_bytes;
	lv->size[i].allocated_bytes = allocated_bytes;
	pthread_mutex_unlock(&lv->lock);
}

/* Fills in the known sizes; false: some are unknown. */
static bool recall_sizes(struct lv *lv, struct vrs_hv_vm *vm, size_t n)
{
	bool all = true;

	pthread_mutex_lock(&lv->lock);
	for (size_t d = 0; d < n * VRS_HV_MAX_DISKS; d++) {
		struct vrs_hv_vm *v = &vm[d / VRS_HV_MAX_DISKS];
		struct vrs_hv_disk *disk = &v->disk[d % VRS_HV_MAX_DISKS];
		size_t i = 0;

		if (d % VRS_HV_MAX_DISKS >= v->n_disks)
			continue;
		while (i < lv->n_sizes && strcmp(lv->size[i].path, disk->path) != 0)
			i++;
		if (i < lv->n_sizes) {
			disk->virtual_bytes = lv->size[i].virtual_bytes;
			disk->allocated_bytes = lv->size[i].allocated_bytes;
		} else {
			all = false;
		}
	}
	pthread_mutex_unlock(&lv->lock);
	return all;
}

/* Reads the image sizes of one VM. For a running VM this calls its process and may hang.
 */
static void learn_sizes(struct lv *lv, virDomainPtr dom, const struct vrs_hv_vm *vm)
{
	for (size_t i = 0; i < vm->n_disks; i++) {
		virDomainBlockInfo info;

		if (virDomainGetBlockInfo(dom, vm->disk[i].path, &info, 0) == 0)
			remember_size(lv, vm->disk[i].path, info.capacity,
				      info.allocation);
	}
}

static int do_sizes(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	(void)err;
	for (size_t i = 0; i < c->n_vms && !lv_is_late(c); i++) {
		virDomainPtr dom = virDomainLookupByUUIDString(conn, c->vm[i].id);

		if (!dom)
			continue;
		learn_sizes(c->lv, dom, &c->vm[i]);
		virDomainFree(dom);
	}
	return 0;
}

/* Sizes are read in the background; only for a new VM the caller waits shortly. While an
 * earlier call hangs, no other is started. */
static void find_sizes(struct lv *lv, int64_t left_ms, struct vrs_hv_vm *vm, size_t n)
{
	bool known = recall_sizes(lv, vm, n);

	pthread_mutex_lock(&lv->lock);
	bool busy = lv->sizes_busy;
	lv->sizes_busy = true;
	pthread_mutex_unlock(&lv->lock);
	if (busy)
		return;

	struct call *c = lv_call_new(lv, SIZES_DEADLINE_MS, NULL, do_sizes);
	c->line = lv->line[FOR_SIZES];
	c->asks_sizes = true;
	c->vm = vrs_calloc(n, sizeof(*c->vm));
	c->n_vms = n;
	for (size_t i = 0; i < n; i++) {
		c->vm[i] = vm[i];
		c->vm[i].native = NULL;
	}
	if (lv_call_wait(c,
			 known || left_ms < 0      ? 0
			 : left_ms < SIZES_WAIT_MS ? left_ms
						   : SIZES_WAIT_MS,
			 NULL) == 0)
		lv_call_free(c);
	(void)recall_sizes(lv, vm, n);
}

/* The definition cannot be parsed: the VM is listed all the same. */
static void read_outline(virDomainPtr dom, struct vrs_hv_vm *vm)
{
	virDomainInfo info;
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	const char *name = virDomainGetName(dom);

	*vm = (struct vrs_hv_vm){
		.cpu_time_s = NAN, .state = lv_state_of(dom), .is_partial = true};
	(void)virDomainGetUUIDString(dom, uuid);
	(void)vrs_strcpy(vm->id, sizeof(vm->id), uuid);
	(void)vrs_strcpy(vm->name, sizeof(vm->name), name ? name : uuid);
	if (virDomainGetInfo(dom, &info) == 0) {
		vm->vcpus = info.nrVirtCpu;
		vm->ram_bytes = (uint64_t)info.maxMem * 1024;
	}
}

static int do_list(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr *dom = NULL;
	int n = virConnectListAllDomains(conn, &dom, 0);

	if (n < 0)
		return lv_failed(err, "list domains");
	c->vm = vrs_calloc((size_t)n, sizeof(*c->vm));
	int status = 0;
	for (int i = 0; i < n; i++) {
		if (status == 0) {
			status = read_vm(dom[i], &c->vm[c->n_vms], err);
			if (status == VRS_ENOENT) { /* removed since it was listed */
				status = 0;
				continue;
			}
			if (status == VRS_EPARSE || status == VRS_ENOSPC) {
				read_outline(dom[i], &c->vm[c->n_vms]);
				status = 0;
			}
			if (status == 0)
				c->n_vms++;
		}
	}
	for (int i = 0; i < n; i++)
		virDomainFree(dom[i]);
	free(dom);
	return status;
}

int lv_list(void *h, int64_t timeout_ms, struct vrs_hv_vm **ret, size_t *ret_n,
	    struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, NULL, do_list);
	int status = lv_call_run(c, err);

	if (status < 0)
		return status;
	int64_t left = c->deadline_mono_ms - vrs_now_mono_ms();
	if (c->n_vms > 0)
		find_sizes(h, left, c->vm, c->n_vms);
	*ret = c->vm;
	*ret_n = c->n_vms;
	c->vm = NULL;
	c->n_vms = 0;
	lv_call_free(c);
	return 0;
}

virDomainPtr lv_lookup(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = virDomainLookupByUUIDString(conn, c->id);

	if (!dom) {
		lv_failed(err, "lookup");
		vrs_context(err, "vm %s", c->id);
	}
	return dom;
}

static int do_get(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lv_lookup(c, conn, err);

	if (!dom)
		return err->code;
	c->vm = vrs_calloc(1, sizeof(*c->vm));
	int status = read_vm(dom, c->vm, err);
	if (status == 0)
		c->n_vms = 1;
	virDomainFree(dom);
	return status;
}

int lv_get(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
	   struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, id, do_get);
	int status = lv_call_run(c, err);

	if (status < 0)
		return status;
	int64_t left = c->deadline_mono_ms - vrs_now_mono_ms();
	find_sizes(h, left, c->vm, 1);
	*ret = c->vm[0];
	c->n_vms = 0;
	lv_call_free(c);
	return 0;
}

static int do_state(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lv_lookup(c, conn, err);

	if (!dom)
		return err->code;
	c->state = lv_state_of(dom);
	virDomainFree(dom);
	return 0;
}

int lv_state(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
	     struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, id, do_state);
	int status = lv_call_run(c, err);

	if (status == 0) {
		*ret = c->state;
		lv_call_free(c);
	}
	return status;
}
