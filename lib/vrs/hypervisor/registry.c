#include "vrs/hv.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/mem.h"

struct vrs_hv {
	const struct vrs_hv_driver *driver;
	void *h;
};

/* The first driver with this text in the URI; a scheme must be at its beginning. */
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
			"hypervisor: '%s' is neither a libvirt URI nor command:/PATH",
			uri);

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

/* Ids become program arguments, file names and XML, so they are checked. */
static int check_id(const char *id, struct vrs_err *err)
{
	if (!vrs_id_ok(id))
		return vrs_fail(err, VRS_EINVAL, "hypervisor: invalid VM id '%.60s'",
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
	int status = check_id(vm->id, err);

	if (status < 0)
		return status;
	return hv->driver->define(hv->h, timeout_ms, vm, move, err);
}

int vrs_hv_act(struct vrs_hv *hv, enum vrs_hv_act act, int64_t timeout_ms, const char *id,
	       struct vrs_err *err)
{
	int status = check_id(id, err);

	return status < 0 ? status : hv->driver->act(hv->h, act, timeout_ms, id, err);
}

int vrs_hv_store(struct vrs_hv *hv, int64_t timeout_ms, const char *path,
		 struct vrs_hv_store *ret, struct vrs_err *err)
{
	if (path[0] != '/')
		return vrs_fail(err, VRS_EINVAL,
				"hypervisor: '%s' is not an absolute path", path);
	return hv->driver->store(hv->h, timeout_ms, path, ret, err);
}
