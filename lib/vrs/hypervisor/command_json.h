/* command_json.h - parses the replies of a command driver's program
 * (docs/COMMAND-DRIVER.md).
 *
 * Pure. The input is not trusted: types and ranges are checked, unknown members are
 * ignored. */
#ifndef VRS_HYPERVISOR_COMMAND_JSON_H
#define VRS_HYPERVISOR_COMMAND_JSON_H

#include <jansson.h>

#include "vrs/hv.h"

/* An object, at most 1 MiB and 16 levels; the caller frees it with json_decref. */
int vrs_hv_json_load(const char *text, size_t n, json_t **ret, struct vrs_err *err);

int vrs_hv_json_host(const json_t *o, struct vrs_hv_host *ret, struct vrs_err *err);
int vrs_hv_json_state(const json_t *o, enum vrs_hv_state *ret, struct vrs_err *err);
int vrs_hv_json_store(const json_t *o, const char *path, struct vrs_hv_store *ret,
		      struct vrs_err *err);
int vrs_hv_json_vm(const json_t *o, struct vrs_hv_vm *ret, struct vrs_err *err);
int vrs_hv_json_vms(const json_t *o, struct vrs_hv_vm **ret, size_t *ret_n,
		    struct vrs_err *err);

json_t *vrs_hv_json_of_vm(const struct vrs_hv_vm *vm);

#endif
