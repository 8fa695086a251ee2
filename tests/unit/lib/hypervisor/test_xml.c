#include "vrs/hypervisor/xml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "vrs/mem.h"

static char *fixture(const char *name)
{
	char *path = vrs_asprintf("%s/unit/lib/hypervisor/fixtures/xml/%s.xml", TEST_DIR,
				  name);
	FILE *f = fopen(path, "re");
	struct vrs_text t = {0};
	char buf[4096];

	assert_non_null(f);
	for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
		vrs_text_add_bytes(&t, buf, n);
	(void)fclose(f);
	free(path);
	return t.text;
}

static struct vrs_hv_vm *parsed(const char *xml)
{
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	struct vrs_err err = {0};

	assert_ok(vrs_hv_xml_parse(xml, strlen(xml), vm, &err), &err);
	return vm;
}

static void release(struct vrs_hv_vm *vm)
{
	vrs_hv_vm_fini(vm);
	free(vm);
}

static char *moved(const char *name, const struct vrs_hv_move *move)
{
	char *xml = fixture(name), *ret = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_hv_xml_rewrite(xml, strlen(xml), move, NULL, &ret, &err), &err);
	free(xml);
	return ret;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in\n%s", part, text);
}

static void a_definition_becomes_facts(void **state)
{
	(void)state;
	char *xml = fixture("kvm-virtio");
	struct vrs_hv_vm *vm = parsed(xml);

	assert_string_equal(vm->name, "web1");
	assert_string_equal(vm->id, "6f1c9c0e-5b2b-4c5a-9d62-0a3d3c7b5e11");
	assert_int_equal(vm->vcpus, 2);
	assert_int_equal(vm->ram_bytes, 2147483648);
	assert_int_equal(vm->n_disks, 2); /* the CD drive is not one of its disks */
	assert_string_equal(vm->disk[0].path, "/srv/images/web1.qcow2");
	assert_string_equal(vm->disk[0].format, "qcow2");
	assert_string_equal(vm->disk[0].bus, "virtio");
	assert_string_equal(vm->disk[0].target, "vda");
	assert_string_equal(vm->disk[1].path, "/dev/vg0/web1-data");
	assert_string_equal(vm->disk[1].format, "raw");
	assert_int_equal(vm->n_nics, 2);
	assert_string_equal(vm->nic[0].mac, "52:54:00:6b:3c:58");
	assert_string_equal(vm->nic[0].network, "br-prod");
	assert_string_equal(vm->nic[0].model, "virtio");
	assert_true(isnan(vm->cpu_time_s));
	assert_string_equal(vm->native, xml);
	release(vm);
	free(xml);
}

static void a_scsi_disk_behind_vmwares_controller_is_called_pvscsi(void **state)
{
	(void)state;
	char *xml = fixture("pvscsi-vmdk");
	struct vrs_hv_vm *vm = parsed(xml);

	assert_string_equal(vm->disk[0].bus, "pvscsi");
	assert_string_equal(vm->disk[0].format, "vmdk");
	assert_string_equal(vm->nic[0].network, "VM Network");
	assert_int_equal(vm->ram_bytes, 96 << 20);
	release(vm);
	free(xml);
}

static void cpus_that_are_plugged_in_count(void **state)
{
	(void)state;
	char *xml = fixture("ceph");
	struct vrs_hv_vm *vm = parsed(xml);

	assert_int_equal(vm->vcpus, 2);
	assert_int_equal(vm->n_disks, 0); /* a disk of a network has no path here */
	release(vm);
	free(xml);
}

static const struct vrs_hv_disk to_vmware[] = {
	{.path = "/ds/web1.vmdk", .format = "vmdk", .bus = "pvscsi"},
	{.path = "/ds/web1-data.vmdk", .format = "vmdk", .bus = "pvscsi"},
};
static const char *const from_names[] = {"br-prod", "dmz"};
static const char *const to_names[] = {"network=VM Network", "dmz2"};

static const struct vrs_hv_move virtio_to_vmware = {
	.disk = to_vmware,
	.n_disks = 2,
	.nic_model = "vmxnet3",
	.network_from = from_names,
	.network_to = to_names,
	.n_networks = 2,
	.domain_type = "qemu",
};

static void a_vm_of_kvm_gets_the_devices_of_vmware(void **state)
{
	(void)state;
	char *xml = moved("kvm-virtio", &virtio_to_vmware);
	struct vrs_hv_vm *vm = parsed(xml);

	assert_int_equal(vm->n_disks, 2);
	assert_string_equal(vm->disk[0].path, "/ds/web1.vmdk");
	assert_string_equal(vm->disk[0].format, "vmdk");
	assert_string_equal(vm->disk[0].bus, "pvscsi");
	assert_string_equal(vm->disk[0].target, "sdb"); /* the CD drive is sda */
	assert_string_equal(vm->disk[1].target, "sdc");
	assert_string_equal(vm->nic[0].network, "VM Network");
	assert_string_equal(vm->nic[0].model, "vmxnet3");
	assert_string_equal(vm->nic[1].network, "dmz2");
	assert_has(xml, "<interface type=\"network\">");
	assert_has(xml, "<domain type=\"qemu\"");
	assert_has(xml, "model=\"vmpvscsi\"");
	release(vm);
	free(xml);
}

static void what_the_guest_sees_is_kept(void **state)
{
	(void)state;
	char *xml = moved("kvm-virtio", &virtio_to_vmware);
	static const char *const kept[] = {
		"<name>web1</name>",
		"6F1C9C0E-5B2B-4C5A-9D62-0A3D3C7B5E11",
		"52:54:00:6b:3c:58",
		"52:54:00:6b:3c:59",
		"machine=\"pc-q35-7.2\"",
		"<serial>WEB1-ROOT</serial>",
		"libosinfo",
		"<shares>2048</shares>",
		"org.qemu.guest_agent.0",
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_has(xml, kept[i]);
	free(xml);
}

static void references_to_the_old_host_are_dropped(void **state)
{
	(void)state;
	char *xml = moved("kvm-virtio", &virtio_to_vmware);
	static const char *const gone[] = {
		"/srv/",         "seclabel",    "backingStore", "alias",
		"vcpupin",       "emulatorpin", "numatune",     "partition",
		"vnet3",         "emulator>",   "/dev/vg0",     "host-passthrough",
		"cpuset",        "web1_VARS",   "id=\"7\"",     "/var/log/web1",
		"domain-7-web1", "vhost",       "br-prod",
	};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		assert_lacks(xml, gone[i]);
	free(xml);
}

static void a_vm_of_vmware_gets_virtio_and_keeps_its_qemu_arguments(void **state)
{
	(void)state;
	const struct vrs_hv_disk disk = {
		.path = "/ds/erp.raw", .format = "raw", .bus = "virtio"};
	const struct vrs_hv_move move = {
		.disk = &disk, .n_disks = 1, .nic_model = "virtio"};
	char *xml = moved("pvscsi-vmdk", &move);
	struct vrs_hv_vm *vm = parsed(xml);

	assert_string_equal(vm->disk[0].bus, "virtio");
	assert_string_equal(vm->disk[0].target, "vda");
	assert_string_equal(vm->nic[0].model, "virtio");
	assert_string_equal(vm->nic[0].network, "VM Network"); /* no table was given */
	assert_lacks(xml, "vmpvscsi");
	assert_lacks(xml, "type=\"drive\"");
	assert_has(xml, "hostfwd=tcp:0.0.0.0:8080-:80");
	assert_has(xml, "xmlns:qemu=");
	release(vm);
	free(xml);
}

static void a_move_to_the_same_kind_keeps_addresses(void **state)
{
	(void)state;
	const struct vrs_hv_disk disk = {
		.path = "/ds2/erp.vmdk", .format = "vmdk", .bus = "pvscsi"};
	const struct vrs_hv_move move = {.disk = &disk, .n_disks = 1};
	char *xml = moved("pvscsi-vmdk", &move);

	assert_has(xml, "slot=\"0x04\"");
	assert_has(xml, "type=\"drive\"");
	assert_has(xml, "vmxnet3");
	free(xml);
}

static void a_second_rewrite_changes_nothing(void **state)
{
	(void)state;
	const struct vrs_hv_move again = {
		.disk = to_vmware, .n_disks = 2, .nic_model = "vmxnet3"};
	char *once = moved("kvm-virtio", &virtio_to_vmware), *twice = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_hv_xml_rewrite(once, strlen(once), &again, NULL, &twice, &err),
		  &err);
	assert_string_equal(once, twice);
	free(once);
	free(twice);
}

static void a_vm_tied_to_its_host_is_refused_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		const char *name, *says;
		size_t n_disks;
		int code;
	} cases[] = {
		{"passthrough", "hostdev", 1, VRS_EUNSUPPORTED},
		{"ceph", "neither a file nor a block device", 0, VRS_EUNSUPPORTED},
		{"kvm-virtio", "but 1 new paths were given", 1, VRS_EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *xml = fixture(cases[i].name), *ret = NULL;
		struct vrs_err err = {0};
		const struct vrs_hv_move move = {.disk = to_vmware,
						 .n_disks = cases[i].n_disks};

		assert_fails(
			vrs_hv_xml_rewrite(xml, strlen(xml), &move, NULL, &ret, &err),
			cases[i].code, &err);
		assert_has(err.text, cases[i].says);
		assert_null(ret);
		free(xml);
	}
}

static void a_network_without_counterpart_is_refused(void **state)
{
	(void)state;
	const struct vrs_hv_move move = {
		.network_from = from_names, .network_to = to_names, .n_networks = 1};
	char *xml = fixture("kvm-virtio"), *ret = NULL;
	struct vrs_err err = {0};

	assert_fails(vrs_hv_xml_rewrite(xml, strlen(xml), &move, NULL, &ret, &err),
		     VRS_EINVAL, &err);
	assert_has(err.text, "network dmz has no counterpart");
	free(xml);
}

static void text_that_is_not_a_plain_domain_is_rejected(void **state)
{
	(void)state;
	static const char head[] = "<domain><name>a</name><uuid>0d5d2b0a</uuid>";
	static const char *const bad[] = {
		"",
		"hello",
		"<domain>",
		"<pool/>",
		"<domain/>",
		"<domain><name>a</name></domain>",
		"<domain><name>a</name><uuid>x y</uuid><memory>1</memory></domain>",
		"<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
		"<domain><name>&x;</name></domain>",
		"<!DOCTYPE d [<!ENTITY a 'aaaaaaaa'>]><domain id='&a;&a;'/>",
		"<domain><name>&x;</name><uuid>u</uuid><memory>1</memory></domain>",
	};
	static const char *const bad_memory[] = {"", "x", "-1", "1 parsec",
						 "18446744073709551615"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
		struct vrs_err err = {0};

		assert_fails(vrs_hv_xml_parse(bad[i], strlen(bad[i]), vm, &err),
			     VRS_EPARSE, &err);
		assert_null(vm->native);
		free(vm);
	}
	for (size_t i = 0; i < sizeof(bad_memory) / sizeof(bad_memory[0]); i++) {
		struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
		struct vrs_err err = {0};
		char *xml = vrs_asprintf("%s<memory>%s</memory></domain>", head,
					 bad_memory[i]);

		assert_fails(vrs_hv_xml_parse(xml, strlen(xml), vm, &err), VRS_EPARSE,
			     &err);
		free(xml);
		free(vm);
	}
}

static void too_many_disks_are_rejected(void **state)
{
	(void)state;
	struct vrs_text xml = {0};
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	struct vrs_err err = {0};

	vrs_text_add(&xml, "<domain><name>a</name><uuid>u</uuid><memory>1</memory>"
			   "<devices>");
	for (int i = 0; i <= VRS_HV_MAX_DISKS; i++)
		vrs_text_add(&xml, "<disk type='file'><source file='/d%d'/></disk>", i);
	vrs_text_add(&xml, "</devices></domain>");
	assert_fails(vrs_hv_xml_parse(xml.text, xml.len, vm, &err), VRS_ENOSPC, &err);
	vrs_text_fini(&xml);
	free(vm);
}

static void a_definition_is_built_from_facts(void **state)
{
	(void)state;
	char *xml = fixture("pvscsi-vmdk"), *built = NULL;
	struct vrs_hv_vm *vm = parsed(xml);
	struct vrs_err err = {0};

	assert_ok(vrs_hv_xml_build(vm, &built, &err), &err);
	struct vrs_hv_vm *back = parsed(built);
	assert_string_equal(back->id, vm->id);
	assert_string_equal(back->name, vm->name);
	assert_int_equal(back->ram_bytes, vm->ram_bytes);
	assert_int_equal(back->vcpus, vm->vcpus);
	assert_memory_equal(&back->disk[0], &vm->disk[0], sizeof(back->disk[0]));
	assert_memory_equal(&back->nic[0], &vm->nic[0], sizeof(back->nic[0]));
	release(back);
	release(vm);
	free(built);
	free(xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_definition_becomes_facts),
		cmocka_unit_test(a_scsi_disk_behind_vmwares_controller_is_called_pvscsi),
		cmocka_unit_test(cpus_that_are_plugged_in_count),
		cmocka_unit_test(a_vm_of_kvm_gets_the_devices_of_vmware),
		cmocka_unit_test(what_the_guest_sees_is_kept),
		cmocka_unit_test(references_to_the_old_host_are_dropped),
		cmocka_unit_test(a_vm_of_vmware_gets_virtio_and_keeps_its_qemu_arguments),
		cmocka_unit_test(a_move_to_the_same_kind_keeps_addresses),
		cmocka_unit_test(a_second_rewrite_changes_nothing),
		cmocka_unit_test(a_vm_tied_to_its_host_is_refused_with_the_reason),
		cmocka_unit_test(a_network_without_counterpart_is_refused),
		cmocka_unit_test(text_that_is_not_a_plain_domain_is_rejected),
		cmocka_unit_test(too_many_disks_are_rejected),
		cmocka_unit_test(a_definition_is_built_from_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
