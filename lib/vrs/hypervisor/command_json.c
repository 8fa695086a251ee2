#include "vrs/hypervisor/command_json.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 16, MAX_VMS = 4096 };

/* jansson allows 2048 levels, which would use too much stack. */
static bool is_too_deep(const char *text, size_t n)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > MAX_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

int vrs_hv_json_load(const char *text, size_t n, json_t **ret, struct vrs_err *err)
{
	json_error_t e;

	if (n >= MAX_BYTES || is_too_deep(text, n))
		return vrs_fail(err, VRS_EPARSE, "the reply is too large");

	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
	if (!o)
		return vrs_fail(err, VRS_EPARSE, "the reply is not JSON: line %d: %.100s",
				e.line, e.text);
	if (!json_is_object(o)) {
		json_decref(o);
		return vrs_fail(err, VRS_EPARSE, "the reply is not an object");
	}
	*ret = o;
	return 0;
}

/* Members are optional: a missing one keeps its value. */
static int get_text(const json_t *o, const char *key, char *buf, size_t size,
		    struct vrs_err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v) || json_string_length(v) >= size)
		return vrs_fail(err, VRS_EPARSE,
				"'%s' is not a string of at most %zu bytes", key,
				size - 1);
	memcpy(buf, json_string_value(v), json_string_length(v) + 1);
	return 0;
}

static int get_count(const json_t *o, const char *key, uint64_t max, uint64_t *ret,
		     struct vrs_err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return vrs_fail(err, VRS_EPARSE, "'%s' is not a whole number in range",
				key);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_u32(const json_t *o, const char *key, uint32_t *ret, struct vrs_err *err)
{
	uint64_t v = *ret;
	int status = get_count(o, key, 1 << 20, &v, err);

	if (status == 0)
		*ret = (uint32_t)v;
	return status;
}

static int get_number(const json_t *o, const char *key, double *ret, struct vrs_err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_number(v) || !isfinite(json_number_value(v)) ||
	    json_number_value(v) < 0)
		return vrs_fail(err, VRS_EPARSE, "'%s' is not a number in range", key);
	*ret = json_number_value(v);
	return 0;
}

int vrs_hv_json_host(const json_t *o, struct vrs_hv_host *ret, struct vrs_err *err)
{
	struct vrs_hv_host h = {.cpu_busy = -1, .cpu_total = -1};
	int status = get_u32(o, "vcpus", &h.vcpus, err);

	if (status == 0)
		status = get_count(o, "ram_total_bytes", INT64_MAX, &h.ram_total_bytes,
				   err);
	if (status == 0)
		status =
			get_count(o, "ram_used_bytes", INT64_MAX, &h.ram_used_bytes, err);
	if (status == 0)
		status = get_number(o, "cpu_busy", &h.cpu_busy, err);
	if (status == 0)
		status = get_number(o, "cpu_total", &h.cpu_total, err);
	if (status == 0)
		status = get_text(o, "boot_id", h.boot_id, sizeof(h.boot_id), err);
	if (status == 0 && (h.vcpus == 0 || h.ram_total_bytes == 0))
		status = vrs_fail(err, VRS_EPARSE,
				  "vcpus and ram_total_bytes are missing");
	if (status < 0)
		return status;
	h.cpu_known = h.cpu_busy >= 0 && h.cpu_total >= 0;
	*ret = h;
	return 0;
}

int vrs_hv_json_state(const json_t *o, enum vrs_hv_state *ret, struct vrs_err *err)
{
	char name[16] = "";
	int status = get_text(o, "state", name, sizeof(name), err);

	if (status < 0)
		return status;
	enum vrs_hv_state s = vrs_hv_state_of_name(name);
	if (s == VRS_HV_UNKNOWN && strcmp(name, "unknown") != 0)
		return vrs_fail(err, VRS_EPARSE, "invalid state '%s'", name);
	*ret = s;
	return 0;
}

int vrs_hv_json_store(const json_t *o, const char *path, struct vrs_hv_store *ret,
		      struct vrs_err *err)
{
	struct vrs_hv_store s = {.total_bytes = UINT64_MAX, .free_bytes = UINT64_MAX};
	int status = get_count(o, "total_bytes", INT64_MAX, &s.total_bytes, err);

	if (status == 0)
		status = get_count(o, "free_bytes", INT64_MAX, &s.free_bytes, err);
	if (status == 0 && (s.total_bytes == UINT64_MAX || s.free_bytes > s.total_bytes))
		status = vrs_fail(err, VRS_EPARSE, "free_bytes exceeds total_bytes");
	if (status < 0)
		return status;
	(void)vrs_strcpy(s.path, sizeof(s.path), path);
	*ret = s;
	return 0;
}

static int load_disk(const json_t *o, struct vrs_hv_disk *d, struct vrs_err *err)
{
	int status = get_text(o, "path", d->path, sizeof(d->path), err);

	if (status == 0)
		status = get_text(o, "format", d->format, sizeof(d->format), err);
	if (status == 0)
		status = get_text(o, "bus", d->bus, sizeof(d->bus), err);
	if (status == 0)
		status = get_text(o, "target", d->target, sizeof(d->target), err);
	if (status == 0)
		status = get_count(o, "virtual_bytes", INT64_MAX, &d->virtual_bytes, err);
	if (status == 0)
		status = get_count(o, "allocated_bytes", INT64_MAX, &d->allocated_bytes,
				   err);
	if (status == 0 && d->path[0] != '/')
		status = vrs_fail(err, VRS_EPARSE, "the path of a disk is not absolute");
	return status;
}

static int load_nic(const json_t *o, struct vrs_hv_nic *n, struct vrs_err *err)
{
	int status = get_text(o, "mac", n->mac, sizeof(n->mac), err);

	if (status == 0)
		status = get_text(o, "network", n->network, sizeof(n->network), err);
	if (status == 0)
		status = get_text(o, "model", n->model, sizeof(n->model), err);
	return status;
}

static int load_vm(const json_t *o, struct vrs_hv_vm *vm, struct vrs_err *err)
{
	const json_t *v;
	size_t i;
	int status = get_text(o, "id", vm->id, sizeof(vm->id), err);

	if (status == 0 && !vrs_id_ok(vm->id))
		status = vrs_fail(err, VRS_EPARSE, "a VM has no id");
	for (char *c = vm->id; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	(void)vrs_strcpy(vm->name, sizeof(vm->name), vm->id);
	if (status == 0)
		status = get_text(o, "name", vm->name, sizeof(vm->name), err);
	if (status == 0)
		status = vrs_hv_json_state(o, &vm->state, err);
	if (status == 0)
		status = get_u32(o, "vcpus", &vm->vcpus, err);
	if (status == 0)
		status = get_count(o, "ram_bytes", INT64_MAX, &vm->ram_bytes, err);
	if (status == 0)
		status = get_number(o, "cpu_time_s", &vm->cpu_time_s, err);
	vm->autostart = json_is_true(json_object_get(o, "autostart"));

	const json_t *disks = json_object_get(o, "disks");
	const json_t *nics = json_object_get(o, "nics");
	if (status == 0 && (json_array_size(disks) > VRS_HV_MAX_DISKS ||
			    json_array_size(nics) > VRS_HV_MAX_NICS))
		status = vrs_fail(err, VRS_ENOSPC, "too many disks or NICs");
	if (status < 0)
		return status;
	json_array_foreach(disks, i, v)
	{
		if ((status = load_disk(v, &vm->disk[i], err)) < 0)
			return status;
	}
	json_array_foreach(nics, i, v)
	{
		if ((status = load_nic(v, &vm->nic[i], err)) < 0)
			return status;
	}
	vm->n_disks = json_array_size(disks);
	vm->n_nics = json_array_size(nics);

	const json_t *native = json_object_get(o, "native");
	if (json_is_string(native))
		vm->native = vrs_strdup(json_string_value(native));
	return 0;
}

int vrs_hv_json_vm(const json_t *o, struct vrs_hv_vm *ret, struct vrs_err *err)
{
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));

	vm->cpu_time_s = NAN;
	int status = load_vm(o, vm, err);
	if (status < 0)
		vrs_context(err, "vm %s", vm->id);
	else
		*ret = *vm;
	free(vm);
	return status;
}

int vrs_hv_json_vms(const json_t *o, struct vrs_hv_vm **ret, size_t *ret_n,
		    struct vrs_err *err)
{
	const json_t *list = json_object_get(o, "vms"), *v;
	size_t i, n = json_array_size(list);

	if (!json_is_array(list) || n > MAX_VMS)
		return vrs_fail(err, VRS_EPARSE, "'vms' is not a list of at most %d VMs",
				MAX_VMS);

	struct vrs_hv_vm *vms = vrs_calloc(n, sizeof(*vms));
	json_array_foreach(list, i, v)
	{
		int status = vrs_hv_json_vm(v, &vms[i], err);

		if (status < 0) {
			vrs_hv_vms_free(vms, n);
			return status;
		}
	}
	*ret = vms;
	*ret_n = n;
	return 0;
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (value[0])
		json_object_set_new(o, key, json_string(value));
}

static void set_count(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

json_t *vrs_hv_json_of_vm(const struct vrs_hv_vm *vm)
{
	json_t *o = json_object(), *disks = json_array(), *nics = json_array();

	set_text(o, "id", vm->id);
	set_text(o, "name", vm->name);
	set_text(o, "state", vrs_hv_state_name(vm->state));
	set_count(o, "vcpus", vm->vcpus);
	set_count(o, "ram_bytes", vm->ram_bytes);
	json_object_set_new(o, "autostart", json_boolean(vm->autostart));
	if (isfinite(vm->cpu_time_s))
		json_object_set_new(o, "cpu_time_s", json_real(vm->cpu_time_s));
	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vrs_hv_disk *d = &vm->disk[i];
		json_t *j = json_object();

		set_text(j, "path", d->path);
		set_text(j, "format", d->format);
		set_text(j, "bus", d->bus);
		set_text(j, "target", d->target);
		set_count(j, "virtual_bytes", d->virtual_bytes);
		set_count(j, "allocated_bytes", d->allocated_bytes);
		json_array_append_new(disks, j);
	}
	for (size_t i = 0; i < vm->n_nics; i++) {
		json_t *j = json_object();

		set_text(j, "mac", vm->nic[i].mac);
		set_text(j, "network", vm->nic[i].network);
		set_text(j, "model", vm->nic[i].model);
		json_array_append_new(nics, j);
	}
	json_object_set_new(o, "disks", disks);
	json_object_set_new(o, "nics", nics);
	if (vm->native)
		json_object_set_new(o, "native", json_string(vm->native));
	return o;
}
