/* The libvirt driver: calls that change a VM, and free space. */
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vrs/clock.h"
#include "vrs/hypervisor/libvirt.h"
#include "vrs/hypervisor/xml.h"
#include "vrs/mem.h"

/* --- changes --- */

static int do_define(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr old = virDomainLookupByUUIDString(conn, c->id);
	const char *type = virConnectGetType(conn);
	int status = 0;

	if (old) {
		if (lv_is_on(lv_state_of(old)))
			status = vrs_fail(err, VRS_ECONFLICT,
					  "libvirt: vm %s is already running", c->id);
		virDomainFree(old);
		if (status < 0)
			return status;
	}
	/* libvirt's generator of .vmx files has been seen to crash the process. */
	if (type && strcmp(type, "ESX") == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"libvirt: cannot define a VM on an ESX host");

	virDomainPtr dom = virDomainDefineXML(conn, c->text);
	if (!dom)
		return lv_failed(err, "define");
	/* A driver without autostart has nothing to switch off. */
	int autostart = 0;
	if (virDomainGetAutostart(dom, &autostart) == 0 && autostart &&
	    virDomainSetAutostart(dom, 0) < 0)
		status = lv_failed(err, "autostart off");
	virDomainFree(dom);
	return status;
}

static int lv_define(void *h, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		     const struct vrs_hv_move *move, struct vrs_err *err)
{
	const char *native = vm->native;
	static const struct vrs_hv_move as_it_was = {0};
	char *built = NULL, *xml = NULL;
	bool is_xml = native && native[strspn(native, " \t\r\n")] == '<';
	int status = 0;

	if (vm->is_partial)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"libvirt: the definition of vm %s is incomplete",
				vm->name);
	if (!is_xml) {
		status = vrs_hv_xml_build(vm, &built, err);
		native = built;
	}
	if (status == 0 && is_xml && !move)
		xml = vrs_strdup(native); /* home's own, to the last byte */
	else if (status == 0)
		status = vrs_hv_xml_rewrite(native, strlen(native),
					    move ? move : &as_it_was, NULL, &xml, err);
	free(built);
	if (status < 0)
		return status;

	struct call *c = lv_call_new(h, timeout_ms, vm->id, do_define);
	c->text = xml;
	return lv_call_finish(c, err);
}

static int do_start(struct call *c, virDomainPtr dom, struct vrs_err *err)
{
	int status = 0;

	(void)c;
	if (lv_state_of(dom) != VRS_HV_RUNNING && virDomainCreateWithFlags(dom, 0) < 0) {
		status = lv_failed(err, "start");
		if (virDomainIsActive(dom) == 1 && lv_state_of(dom) == VRS_HV_RUNNING)
			status = 0; /* it was started in the meantime */
	}
	return status;
}

static int do_shutdown(struct call *c, virDomainPtr dom, struct vrs_err *err)
{
	enum { ASK_AGAIN_MS = 5000, LOOK_MS = 100 };
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000};
	int64_t asked = INT64_MIN / 2;
	int status = 0;

	/* A guest that is still booting ignores the first ACPI event. */
	while (lv_is_on(lv_state_of(dom))) {
		int64_t now = vrs_now_mono_ms();

		if (lv_is_late(c)) {
			status = vrs_fail(err, VRS_ETIMEOUT,
					  "libvirt: vm %s did not shut down", c->id);
			break;
		}
		if (now - asked >= ASK_AGAIN_MS) {
			if (virDomainShutdownFlags(dom, 0) < 0 &&
			    lv_is_on(lv_state_of(dom)) && asked < 0) {
				status = lv_failed(err, "shutdown");
				break;
			}
			asked = now;
		}
		(void)nanosleep(&look, NULL);
	}
	return status;
}

static int do_destroy(struct call *c, virDomainPtr dom, struct vrs_err *err)
{
	int status = 0;

	(void)c;
	if (lv_is_on(lv_state_of(dom)) && virDomainDestroyFlags(dom, 0) < 0) {
		status = lv_failed(err, "destroy");
		if (!lv_is_on(lv_state_of(dom)))
			status = 0;
	}
	return status;
}

static int do_undefine(struct call *c, virDomainPtr dom, struct vrs_err *err)
{
	int status = 0;

	if (lv_is_on(lv_state_of(dom)))
		status = vrs_fail(err, VRS_ECONFLICT, "libvirt: vm %s is running", c->id);
	else if (virDomainUndefineFlags(dom, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
						     VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) <
			 0 &&
		 virDomainUndefine(dom) < 0)
		status = lv_failed(err, "undefine");
	return status;
}

static int do_autostart_off(struct call *c, virDomainPtr dom, struct vrs_err *err)
{
	int autostart = 0, status = 0;

	(void)c;
	if (virDomainGetAutostart(dom, &autostart) < 0)
		status = lv_failed(err, "autostart");
	else if (autostart && virDomainSetAutostart(dom, 0) < 0)
		status = lv_failed(err, "autostart off");
	return status;
}

static int do_act(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	static int (*const acts[])(struct call *, virDomainPtr, struct vrs_err *) = {
		[VRS_HV_START] = do_start,
		[VRS_HV_SHUTDOWN] = do_shutdown,
		[VRS_HV_DESTROY] = do_destroy,
		[VRS_HV_UNDEFINE] = do_undefine,
		[VRS_HV_AUTOSTART_OFF] = do_autostart_off,
	};
	virDomainPtr dom = lv_lookup(c, conn, err);

	if (!dom)
		return c->act == VRS_HV_UNDEFINE && err->code == VRS_ENOENT ? 0
									    : err->code;
	int status = acts[c->act](c, dom, err);
	virDomainFree(dom);
	return status;
}

static int lv_act(void *h, enum vrs_hv_act act, int64_t timeout_ms, const char *id,
		  struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, id, do_act);

	c->act = act;
	return lv_call_finish(c, err);
}

/* --- storage --- */

/* libvirt reports the free space of storage pools only. If no pool contains the path, a
 * temporary pool is created and stopped again; that changes nothing on disk. */
static int do_store(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virStoragePoolInfo info;
	virStoragePoolPtr pool = virStoragePoolLookupByTargetPath(conn, c->text);
	bool ours = false;
	int status = 0;

	if (!pool && lv_code_of(virGetLastError()) == VRS_EUNSUPPORTED)
		return lv_failed(err, "storage");
	if (!pool) {
		struct vrs_text xml = {0};

		if (strpbrk(c->text, "<>&'\""))
			return vrs_fail(err, VRS_EINVAL, "libvirt: invalid path '%s'",
					c->text);
		vrs_text_add(&xml, "<pool type='dir'><name>vrsas");
		for (const char *p = c->text; *p; p++)
			vrs_text_add(&xml, "%c", *p == '/' ? '-' : *p);
		vrs_text_add(&xml, "</name><target><path>%s</path></target></pool>",
			     c->text);
		pool = virStoragePoolCreateXML(conn, xml.text, 0);
		vrs_text_fini(&xml);
		ours = true;
	}
	if (!pool)
		return lv_failed(err, "storage");
	if (!ours)
		(void)virStoragePoolRefresh(pool, 0);
	if (virStoragePoolGetInfo(pool, &info) < 0)
		status = lv_failed(err, "storage");
	if (ours)
		(void)virStoragePoolDestroy(pool);
	virStoragePoolFree(pool);
	if (status < 0)
		return status;
	(void)vrs_strcpy(c->store.path, sizeof(c->store.path), c->text);
	c->store.total_bytes = info.capacity;
	c->store.free_bytes = info.available;
	return 0;
}

static int lv_store(void *h, int64_t timeout_ms, const char *path,
		    struct vrs_hv_store *ret, struct vrs_err *err)
{
	struct call *c = lv_call_new(h, timeout_ms, NULL, do_store);

	c->text = vrs_strdup(path);
	int status = lv_call_run(c, err);
	if (status == 0) {
		*ret = c->store;
		lv_call_free(c);
	}
	return status;
}

const struct vrs_hv_driver vrs_hv_libvirt = {
	.open = lv_open,
	.close = lv_close,
	.host = lv_host,
	.list = lv_list,
	.get = lv_get,
	.state = lv_state,
	.define = lv_define,
	.act = lv_act,
	.store = lv_store,
};
