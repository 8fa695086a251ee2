#include "vrs/hv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/mem.h"

struct vrs_hv {
	const struct vrs_hv_driver *driver;
	void *h;
};

/* The first driver whose text occurs in the URI, for a scheme at its beginning. */
static const struct {
	const char *text;
	bool is_scheme;
	const struct vrs_hv_driver *driver;
} drivers[] = {
	{"command:", true, &vrs_hv_command},
	{"://", false, &vrs_hv_libvirt},
};

static const struct vrs_hv_driver *driver_of(const char *uri)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		const char *at = strstr(uri, drivers[i].text);

		if (at && (!drivers[i].is_scheme || at == uri))
			return drivers[i].driver;
	}
	return NULL;
}

int vrs_hv_open(struct vrs_hv **ret, const char *uri, int64_t timeout_ms,
		struct vrs_err *err)
{
	const struct vrs_hv_driver *driver = driver_of(uri);
	void *h = NULL;

	if (!driver)
		return vrs_fail(
			err, VRS_EINVAL,
			"hypervisor: '%s' is neither a libvirt uri nor command:", uri);

	int status = driver->open(&h, uri, timeout_ms, err);
	if (status < 0)
		return status;

	struct vrs_hv *hv = vrs_calloc(1, sizeof(*hv));
	hv->driver = driver;
	hv->h = h;
	*ret = hv;
	return 0;
}

void vrs_hv_close(struct vrs_hv *hv)
{
	if (!hv)
		return;
	hv->driver->close(hv->h);
	free(hv);
}

/* Ids travel into programs' arguments, file names and XML: nothing odd gets through. */
static int check_id(const char *id, struct vrs_err *err)
{
	if (!vrs_id_ok(id))
		return vrs_fail(err, VRS_EINVAL, "hypervisor: not a VM's id: '%.60s'",
				id ? id : "");
	return 0;
}

int vrs_hv_host(struct vrs_hv *hv, int64_t timeout_ms, struct vrs_hv_host *ret,
		struct vrs_err *err)
{
	return hv->driver->host(hv->h, timeout_ms, ret, err);
}

int vrs_hv_list(struct vrs_hv *hv, int64_t timeout_ms, struct vrs_hv_vm **ret,
		size_t *ret_n, struct vrs_err *err)
{
	return hv->driver->list(hv->h, timeout_ms, ret, ret_n, err);
}

int vrs_hv_get(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
	       struct vrs_hv_vm *ret, struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->get(hv->h, timeout_ms, id, ret, err);
}

int vrs_hv_state(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		 enum vrs_hv_state *ret, struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->state(hv->h, timeout_ms, id, ret, err);
}

int vrs_hv_define(struct vrs_hv *hv, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		  const struct vrs_hv_move *move, struct vrs_err *err)
{
	static const struct vrs_hv_move as_it_was = {0};
	int status = check_id(vm->id, err);

	if (status < 0)
		return status;
	return hv->driver->define(hv->h, timeout_ms, vm, move ? move : &as_it_was, err);
}

int vrs_hv_start(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		 struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->start(hv->h, timeout_ms, id, err);
}

int vrs_hv_shutdown(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		    struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->shutdown(hv->h, timeout_ms, id, err);
}

int vrs_hv_destroy(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		   struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->destroy(hv->h, timeout_ms, id, err);
}

int vrs_hv_undefine(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
		    struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->undefine(hv->h, timeout_ms, id, err);
}

int vrs_hv_autostart_off(struct vrs_hv *hv, int64_t timeout_ms, const char *id,
			 struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status
			  : hv->driver->autostart_off(hv->h, timeout_ms, id, err);
}

int vrs_hv_store(struct vrs_hv *hv, int64_t timeout_ms, const char *path,
		 struct vrs_hv_store *ret, struct vrs_err *err)
{
	if (path[0] != '/')
		return vrs_fail(err, VRS_EINVAL,
				"hypervisor: '%s' is not an absolute path", path);
	return hv->driver->store(hv->h, timeout_ms, path, ret, err);
}

void vrs_hv_vm_fini(struct vrs_hv_vm *vm)
{
	if (!vm)
		return;
	free(vm->native);
	vm->native = NULL;
}

void vrs_hv_vms_free(struct vrs_hv_vm *vms, size_t n)
{
	for (size_t i = 0; vms && i < n; i++)
		vrs_hv_vm_fini(&vms[i]);
	free(vms);
}

static const char *const state_names[] = {
	[VRS_HV_UNKNOWN] = "unknown",   [VRS_HV_OFF] = "off",
	[VRS_HV_RUNNING] = "running",   [VRS_HV_PAUSED] = "paused",
	[VRS_HV_IO_ERROR] = "io_error", [VRS_HV_CRASHED] = "crashed",
};
enum { N_STATES = sizeof(state_names) / sizeof(state_names[0]) };

const char *vrs_hv_state_name(enum vrs_hv_state s)
{
	return (unsigned)s < N_STATES ? state_names[s] : "unknown";
}

enum vrs_hv_state vrs_hv_state_of_name(const char *name)
{
	for (unsigned i = 0; i < N_STATES; i++)
		if (strcmp(name, state_names[i]) == 0)
			return (enum vrs_hv_state)i;
	return VRS_HV_UNKNOWN;
}

/* Counters of idle time were seen to step backwards, inside containers (usage above the
 * quota) as well as on bare hosts (iowait is not monotonic); so the ratio is clamped and
 * an interval in which no time passed has none. */
double vrs_hv_cpu_ratio(const struct vrs_hv_host *before, const struct vrs_hv_host *after)
{
	if (!before->cpu_known || !after->cpu_known)
		return NAN;

	double total = after->cpu_total - before->cpu_total;
	double busy = after->cpu_busy - before->cpu_busy;
	if (!(total > 0))
		return NAN;
	double ratio = busy / total;
	return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

const char *vrs_hv_map_network(const struct vrs_hv_move *move, const char *name)
{
	if (move->n_networks == 0)
		return name;
	for (size_t i = 0; i < move->n_networks; i++)
		if (strcmp(move->network_from[i], name) == 0)
			return move->network_to[i];
	return NULL;
}

int vrs_hv_apply_move(const struct vrs_hv_vm *vm, const struct vrs_hv_move *move,
		      struct vrs_hv_vm *ret, struct vrs_err *err)
{
	struct vrs_hv_vm moved = *vm;

	if (move->n_disks > 0 && move->n_disks != vm->n_disks)
		return vrs_fail(err, VRS_EINVAL,
				"vm %s has %zu disks, new places are given for %zu",
				vm->name, vm->n_disks, move->n_disks);

	for (size_t i = 0; i < move->n_disks; i++) {
		const struct vrs_hv_disk *to = &move->disk[i];
		struct vrs_hv_disk *d = &moved.disk[i];

		if (to->path[0])
			(void)vrs_strcpy(d->path, sizeof(d->path), to->path);
		if (to->format[0])
			(void)vrs_strcpy(d->format, sizeof(d->format), to->format);
		if (to->bus[0])
			(void)vrs_strcpy(d->bus, sizeof(d->bus), to->bus);
	}
	for (size_t i = 0; i < moved.n_nics; i++) {
		struct vrs_hv_nic *nic = &moved.nic[i];

		if (move->nic_model)
			(void)vrs_strcpy(nic->model, sizeof(nic->model), move->nic_model);
		if (!nic->network[0])
			continue;

		const char *to = vrs_hv_map_network(move, nic->network);
		if (!to)
			return vrs_fail(
				err, VRS_EINVAL,
				"vm %s: its network %s has no counterpart at the target",
				vm->name, nic->network);
		/* to may be part of nic->network itself */
		char name[sizeof(nic->network)];
		(void)vrs_strcpy(name, sizeof(name), to);
		(void)vrs_strcpy(nic->network, sizeof(nic->network), name);
	}
	moved.native = NULL;
	*ret = moved;
	return 0;
}
