/* A domain's XML as another host sent it: parsed, moved, and what was moved parses again.
 * What a definition refuses is a finding of the preflight, and nothing else is. */
#include <stdlib.h>
#include <string.h>

#include "vrs/hypervisor/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vrs_hv_disk disk[] = {
		{.path = "/ds/a.vmdk", .format = "vmdk", .bus = "pvscsi"},
		{.path = "/ds/b.raw", .format = "raw", .bus = "virtio"}};
	static struct vrs_hv_vm vm, again;
	static struct vrs_findings found, before;
	struct vrs_hv_move move = {
		.disk = disk, .nic_model = "vmxnet3", .domain_type = "qemu"};
	const char *text = (const char *)data;

	if (vrs_hv_xml_parse(text, size, &vm, NULL) < 0)
		return 0;
	move.n_disks = vm.n_disks <= 2 ? vm.n_disks : 0;

	char *moved = NULL, *built = NULL;
	int status = vrs_hv_xml_rewrite(text, size, &move, &found, &moved, NULL);
	for (size_t i = 0; i < vm.n_disks; i++)
		vm.disk[i].backing[0] = '\0'; /* not the definition's to refuse */
	vrs_hv_preflight(&vm, &move, &before);
	if ((status < 0) != (vrs_findings_stop(&before) != NULL))
		abort();
	if (status == 0) {
		if (vrs_hv_xml_parse(moved, strlen(moved), &again, NULL) < 0 ||
		    strcmp(again.id, vm.id) != 0 || strcmp(again.name, vm.name) != 0)
			abort();
		vrs_hv_vm_fini(&again);
	}
	if (vrs_hv_xml_build(&vm, &built, NULL) == 0) {
		if (vrs_hv_xml_parse(built, strlen(built), &again, NULL) < 0)
			abort();
		vrs_hv_vm_fini(&again);
	}
	free(moved);
	free(built);
	vrs_hv_vm_fini(&vm);
	return 0;
}
