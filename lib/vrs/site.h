/* site.h - the company's clusters as their owners describe them: one INI file.
 *
 *   [cluster c1]                     hosts, storage and devices that its VMs get
 *   images = /ds                     where images live on its hosts
 *   shared_storage = yes             every host of it sees the same images
 *   format = qcow2                   raw, qcow2, vmdk, vhdx
 *   disk_bus = virtio                virtio, pvscsi, sata
 *   nic_model = virtio               virtio, vmxnet3, e1000
 *   domain_type = qemu               kvm, qemu
 *   networks = prod:br-prod, dmz:br2 company name : name here
 *   repair = 4h                      expected time to repair a host
 *   max_cpu_ratio = 0.8              highest forecast P90 of its CPU with new VMs
 *   accept = yes                     takes VMs of other clusters
 *
 *   [host c1/h1]
 *   uri = qemu+ssh://root@10.0.1.1/system    libvirt; or command:/path/to/program ARGS
 *   address = 10.0.1.1               for probes; default: host part of the uri
 *   ssh = root@10.0.1.1:22           where images are read and written
 *   probe = tcp://10.0.1.1:22        must send a first byte (a frozen host accepts)
 *   fence = fence_ipmilan            agent; its keys follow as fence.KEY = VALUE
 *   fence.ip = 10.0.9.1
 *   fence.password_file = /path      is read into password=
 *
 *   [vm web1]                        by name or id; a name may be a glob; the first that
 *   protect = yes                    fits in the order of the file wins
 *   class = 1
 *   health = http://10.0.5.7/        what proves that the guest lives
 *
 * Used by collector (its own cluster) and scheduler (all). Nothing here is guessed: a
 * wrong line is an error with file and line. */
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
	struct vrs_site_pair *network; /* company's name -> name here */
	size_t n_networks;
};

struct vrs_site_host {
	char *cluster, *name, *uri, *address, *ssh, *probe,
		*images; /* images: overrides */
	char *fence;     /* NULL: this host cannot be fenced by power */
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
/* The rule for a VM, by id, then name; NULL: not mentioned (not protected, class 4). */
const struct vrs_site_vm *vrs_site_vm(const struct vrs_site *s, const char *id,
				      const char *name);

#endif
