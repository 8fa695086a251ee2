/* libvirt.h - shared by the files of the libvirt driver. */
#ifndef VRS_HYPERVISOR_LIBVIRT_H
#define VRS_HYPERVISOR_LIBVIRT_H

#include <libvirt/libvirt.h>
#include <pthread.h>

#include "vrs/hypervisor/driver.h"

/* The last known size of an image, cached because the query can block. */
struct size_known {
	char path[512];
	uint64_t virtual_bytes, allocated_bytes;
};

/* A connection, used by one call at a time. */
struct line {
	virConnectPtr conn; /* NULL: not connected */
};

enum { FOR_CALLS, FOR_SIZES, N_LINES };

struct lv {
	pthread_mutex_t lock;
	int refs, stuck;
	char *uri;
	struct line *line[N_LINES];
	uint32_t vcpus; /* counted once */
	struct size_known *size;
	size_t n_sizes;
	bool sizes_busy;
};

struct call {
	struct lv *lv;
	struct line *line;
	int (*fn)(struct call *c, virConnectPtr conn, struct vrs_err *err);
	int64_t deadline_mono_ms;
	char id[40];
	char *text; /* definition, path */
	enum vrs_hv_act act;

	struct vrs_hv_host host;
	struct vrs_hv_store store;
	struct vrs_hv_vm *vm;
	size_t n_vms;
	enum vrs_hv_state state;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done, left, asks_sizes, closes;
	int status;
	struct vrs_err err;
};

/* --- libvirt_call.c: connections, and calls that can be abandoned --- */

/* libvirt's error in one line; must precede any other libvirt call. */
int lv_failed(struct vrs_err *err, const char *what);
int lv_code_of(const virError *e);

struct call *lv_call_new(struct lv *lv, int64_t timeout_ms, const char *id,
			 int (*fn)(struct call *, virConnectPtr, struct vrs_err *));
/* Runs the call. 0: the results are in c, which the caller frees; otherwise c is freed
 * here or when the call returns. */
int lv_call_run(struct call *c, struct vrs_err *err);
int lv_call_wait(struct call *c, int64_t wait_ms, struct vrs_err *err);
void lv_call_free(struct call *c);
bool lv_is_late(const struct call *c);
/* The same for a call without a result; always frees it. */
int lv_call_finish(struct call *c, struct vrs_err *err);

int lv_open(void **ret, const char *uri, int64_t timeout_ms, struct vrs_err *err);
void lv_close(void *h);

/* --- libvirt_vms.c: state of a host and its VMs --- */

enum vrs_hv_state lv_state_of(virDomainPtr dom);
bool lv_is_on(enum vrs_hv_state s);
virDomainPtr lv_lookup(struct call *c, virConnectPtr conn, struct vrs_err *err);

int lv_host(void *h, int64_t timeout_ms, struct vrs_hv_host *ret, struct vrs_err *err);
int lv_list(void *h, int64_t timeout_ms, struct vrs_hv_vm **ret, size_t *ret_n,
	    struct vrs_err *err);
int lv_get(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
	   struct vrs_err *err);
int lv_state(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
	     struct vrs_err *err);

#endif
