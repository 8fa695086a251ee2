#include "fleet/definition.h"
#include "fleet/preflight.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void networks_are_mapped_by_what_the_company_calls_them(void **state)
{
	(void)state;
	char prod[] = "prod", test[] = "test", br0[] = "br0", br1[] = "br1",
	     vm1[] = "VM 1";
	struct vrs_site_pair here[] = {{prod, br0}, {test, br1}}, there[] = {{prod, vm1}};
	struct vrs_site_cluster home = {.network = here, .n_networks = 2};
	struct vrs_site_cluster to = {.network = there, .n_networks = 1};
	Vrsas__V1__PlacedDisk disk = VRSAS__V1__PLACED_DISK__INIT, *list[] = {&disk};

	disk.path = "/img/web1.vmdk";
	disk.format = "vmdk";
	disk.bus = "pvscsi";
	struct fleet_move *m = fleet_move_new(&home, &to, list, 1);
	assert_int_equal(m->move.n_networks, 1); /* `test` has no counterpart */
	assert_string_equal(m->move.network_from[0], "br0");
	assert_string_equal(m->move.network_to[0], "VM 1");
	assert_int_equal(m->move.n_disks, 1);
	assert_string_equal(m->move.disk[0].path, "/img/web1.vmdk");
	assert_string_equal(m->move.disk[0].bus, "pvscsi");
	free(m);
	m = fleet_move_new(&home, &home, list, 1); /* nothing has another name */
	assert_int_equal(m->move.n_networks, 0);
	free(m);
}

static const char guest[] =
	"<domain type='kvm'><name>web1</name><uuid>0d5d2b0a-1</uuid><memory>1024</memory>"
	"<devices><disk type='file'><source file='/ds/a.qcow2'/><driver type='qcow2'/>"
	"<target dev='sda' bus='sata'/></disk>"
	"<tpm model='tpm-crb'><backend type='emulator'/></tpm>"
	"<graphics type='vnc' listen='10.0.0.4'/></devices></domain>";

static Vrsas__V1__VmFacts *facts(void)
{
	static Vrsas__V1__VmFacts vm;
	static Vrsas__V1__Disk disk, *list[] = {&disk};

	vrsas__v1__vm_facts__init(&vm);
	vrsas__v1__disk__init(&disk);
	disk.path = "/ds/a.qcow2";
	disk.format = "qcow2";
	disk.bus = "sata";
	disk.target = "sda";
	vm.id = "0d5d2b0a-1";
	vm.name = "web1";
	vm.native = guest;
	vm.disk = list;
	vm.n_disk = 1;
	return &vm;
}

static bool has(const struct vrs_findings *f, enum vrs_finding_code code)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->item[i].code == code)
			return true;
	return false;
}

static void a_bus_that_the_site_does_not_name_stays(void **state)
{
	(void)state;
	char virtio[] = "virtio", none[] = "";
	struct vrs_site_cluster home = {0}, to = {.disk_bus = none};
	struct vrs_findings found;

	fleet_preflight(facts(), &home, &to, &found);
	assert_false(has(&found, VRS_FOUND_DISK_BUS));
	to.disk_bus = virtio;
	fleet_preflight(facts(), &home, &to, &found);
	assert_true(has(&found, VRS_FOUND_DISK_BUS));
}

static void a_restart_beside_home_meets_only_what_the_other_host_lacks(void **state)
{
	(void)state;
	struct vrs_site_cluster home = {0}, to = {0};
	struct vrs_findings found;

	fleet_preflight(facts(), &home, &to, &found);
	assert_true(has(&found, VRS_FOUND_TPM));
	assert_true(has(&found, VRS_FOUND_CONSOLE_ADDRESS));
	fleet_preflight(facts(), &home, NULL, &found);
	assert_true(has(&found, VRS_FOUND_TPM));
	assert_false(has(&found, VRS_FOUND_CONSOLE_ADDRESS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_mapped_by_what_the_company_calls_them),
		cmocka_unit_test(a_bus_that_the_site_does_not_name_stays),
		cmocka_unit_test(
			a_restart_beside_home_meets_only_what_the_other_host_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
