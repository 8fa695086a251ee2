/* site.h - site.conf: clusters, hosts and VMs as their owners describe them (INI).
 *
 *   [cluster c1]                     storage of its hosts, devices of its VMs
 *   images = /ds                     folder of images on its hosts
 *   shared_storage = yes             all hosts see the same images
 *   format = qcow2                   raw, qcow2, vmdk, vhdx
 *   disk_bus = virtio                virtio, pvscsi, sata
 *   nic_model = virtio               virtio, vmxnet3, e1000
 *   domain_type = qemu               kvm, qemu
 *   networks = prod:br-prod, dmz:br2 COMPANY-NAME:LOCAL-NAME
 *   repair = 4h                      expected time to repair a host
 *   max_cpu_ratio = 0.8              limit for the forecast P90, including relocated VMs
 *   accept = yes                     accepts VMs of other clusters
 *
 *   [host c1/h1]
 *   uri = qemu+ssh://root@10.0.1.1/system    libvirt; or command:/path/to/program ARGS
 *   address = 10.0.1.1               for probes; default: host part of uri
 *   ssh = root@10.0.1.1:22           used to read and write images
 *   probe = tcp://10.0.1.1:22        must send a byte (a frozen host only accepts)
 *   fence = fence_ipmilan            agent; its parameters: fence.KEY = VALUE
 *   fence.ip = 10.0.9.1
 *   fence.password_file = /path      its content is passed as password=
 *
 *   [vm web1]                        name (may be a glob) or id; the first matching
 *   protect = yes                    section of the file applies
 *   class = 1
 *   health = http://10.0.5.7/        proves that the guest runs
 *
 * Read by the collector (its own cluster) and the scheduler (all). An invalid line is an
 * error that names file and line. */
#ifndef VRS_SITE_H
#define VRS_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

struct vrs_site_pair {
	char *key, *value;
};

struct vrs_site_cluster {
	char *name, *images, *format, *disk_bus, *nic_model, *domain_type;
	bool shared_storage, accept;
	int64_t repair_ms;
	double max_cpu_ratio;
	struct vrs_site_pair *network; /* company name -> local name */
	size_t n_networks;
};

struct vrs_site_host {
	char *cluster, *name, *uri, *address, *ssh, *probe,
		*images; /* images: overrides */
	char *fence;     /* NULL: no power controller */
	struct vrs_site_pair *fence_arg;
	size_t n_fence_args;
};

struct vrs_site_vm {
	char *pattern, *health;
	bool protect;
	uint32_t vm_class;
};

struct vrs_site {
	struct vrs_site_cluster *cluster;
	size_t n_clusters;
	struct vrs_site_host *host;
	size_t n_hosts;
	struct vrs_site_vm *vm;
	size_t n_vms;
};

int vrs_site_load(struct vrs_site **ret, const char *path, struct vrs_err *err);
void vrs_site_free(struct vrs_site *site);
const struct vrs_site_cluster *vrs_site_cluster(const struct vrs_site *s,
						const char *name);
const struct vrs_site_host *vrs_site_host(const struct vrs_site *s, const char *cluster,
					  const char *host);
/* The section for a VM; NULL: none (not protected, class 4). */
const struct vrs_site_vm *vrs_site_vm(const struct vrs_site *s, const char *id,
				      const char *name);

#endif
