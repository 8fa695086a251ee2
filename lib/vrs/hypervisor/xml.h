/* xml.h - reads libvirt's domain XML and rewrites a definition for another host. The only
 * door to libxml2.
 *
 * Pure. The text is not trusted: at most VRS_HV_XML_MAX bytes, no document type, no
 * entities, nothing is fetched. */
#ifndef VRS_HYPERVISOR_XML_H
#define VRS_HYPERVISOR_XML_H

#include "vrs/findings.h"
#include "vrs/hv.h"

enum { VRS_HV_XML_MAX = 1 << 20 };

/* Reads id, name, vCPUs, RAM, disks and network cards. State, autostart, CPU time and
 * sizes are not in it. native becomes a copy of the text. VRS_EPARSE if it is not a
 * domain, VRS_ENOSPC if it has more disks or NICs than struct vrs_hv_vm can hold. */
int vrs_hv_xml_parse(const char *xml, size_t n_xml, struct vrs_hv_vm *ret,
		     struct vrs_err *err);

/* Fills the backing files of vm's disks from the definition of the running VM. */
void vrs_hv_xml_read_chains(const char *xml, size_t n_xml, struct vrs_hv_vm *vm);

/* The definition for the target host; the caller frees it (ret NULL: findings only).
 * Kept: name, UUID, vCPUs, memory, MAC addresses, qemu:commandline and everything else
 * that the guest sees. Changed: the fields of move. Dropped: references to the source
 * host (emulator, security labels, backing chains, CPU pinning, console files, media in
 * drives) and addresses of devices whose kind has changed. found (may be NULL) gets
 * everything that is rejected, changed or left behind. VRS_EUNSUPPORTED or VRS_EINVAL
 * with the first finding that prevents the move. */
int vrs_hv_xml_rewrite(const char *xml, size_t n_xml, const struct vrs_hv_move *move,
		       struct vrs_findings *found, char **ret, struct vrs_err *err);

/* A minimal definition built from vm alone, for a VM of another kind of hypervisor; pass
 * it to vrs_hv_xml_rewrite to relocate it. The caller frees it. */
int vrs_hv_xml_build(const struct vrs_hv_vm *vm, char **ret, struct vrs_err *err);

#endif
