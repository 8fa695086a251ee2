/* What the program of a command driver answers. */
#include "vrs/hypervisor/command_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vrs_hv_vm vm;
	struct vrs_hv_vm *vms = NULL;
	struct vrs_hv_host host;
	struct vrs_hv_store store;
	enum vrs_hv_state state;
	json_t *o = NULL;
	size_t n = 0;

	if (vrs_hv_json_load((const char *)data, size, &o, NULL) < 0)
		return 0;
	(void)vrs_hv_json_host(o, &host, NULL);
	(void)vrs_hv_json_state(o, &state, NULL);
	(void)vrs_hv_json_store(o, "/", &store, NULL);
	if (vrs_hv_json_vm(o, &vm, NULL) == 0) {
		json_decref(vrs_hv_json_of_vm(&vm));
		vrs_hv_vm_fini(&vm);
	}
	if (vrs_hv_json_vms(o, &vms, &n, NULL) == 0)
		vrs_hv_vms_free(vms, n);
	json_decref(o);
	return 0;
}
