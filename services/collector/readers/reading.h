/* reading.h - the result of one poll of a host. */
#ifndef COLLECTOR_READERS_READING_H
#define COLLECTOR_READERS_READING_H

#include "vrs/hv.h"

struct reading {
	struct vrs_hv_host host;
	double cpu_ratio;    /* NAN: computed from the counters of host */
	uint32_t vcpus_used; /* of running VMs */
	bool has_vms;        /* vm lists every VM of the host */
	struct vrs_hv_vm *vm;
	size_t n_vms;
	unsigned autostart_off; /* VMs whose autostart this poll switched off */
	bool has_store;
	struct vrs_hv_store store; /* the file system of its images */
	bool has_address;
	char address[64];
};

void reading_fini(struct reading *r);

#endif
