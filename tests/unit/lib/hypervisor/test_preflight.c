#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "vrs/hv.h"
#include "vrs/hypervisor/xml.h"

#define HEAD                                                                             \
	"<domain type='kvm'><name>web1</name><uuid>0d5d2b0a-1</uuid>"                    \
	"<memory>1024</memory>"
#define DISK                                                                             \
	"<disk type='file' device='disk'><driver type='qcow2'/>"                         \
	"<source file='/ds/a.qcow2'/><target dev='sda' bus='sata'/></disk>"
#define TAIL "</devices></domain>"

static struct vrs_hv_vm *parsed(const char *xml)
{
	struct vrs_hv_vm *vm = calloc(1, sizeof(*vm));
	struct vrs_err err = {0};

	assert_ok(vrs_hv_xml_parse(xml, strlen(xml), vm, &err), &err);
	return vm;
}

static void preflight(const char *xml, const struct vrs_hv_move *move,
		      struct vrs_findings *found)
{
	struct vrs_hv_vm *vm = parsed(xml);

	vrs_hv_preflight(vm, move, found);
	vrs_hv_vm_fini(vm);
	free(vm);
}

static const struct vrs_finding *find(const struct vrs_findings *found,
				      enum vrs_finding_code code)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->item[i].code == code)
			return &found->item[i];
	return NULL;
}

/* What cannot leave its host, by device; each is refused by the definition as well. */
static void what_a_definition_refuses_is_found_before(void **state)
{
	(void)state;
	static const struct {
		const char *device;
		enum vrs_finding_code code;
	} cases[] = {
		{"<hostdev mode='subsystem' type='pci'/>", VRS_FOUND_HOST_DEVICE},
		{"<filesystem type='mount'><source dir='/t'/></filesystem>",
		 VRS_FOUND_HOST_DEVICE},
		{"<shmem name='a'/>", VRS_FOUND_HOST_DEVICE},
		{"<lease/>", VRS_FOUND_HOST_DEVICE},
		{"<smartcard mode='host'/>", VRS_FOUND_HOST_DEVICE},
		{"<input type='evdev'/>", VRS_FOUND_HOST_DEVICE},
		{"<memory model='nvdimm'/>", VRS_FOUND_HOST_DEVICE},
		{"<tpm model='tpm-crb'/>", VRS_FOUND_TPM},
		{"<interface type='hostdev'><source/></interface>",
		 VRS_FOUND_NETWORK_KIND},
		{"<interface type='vhostuser'><source path='/s'/></interface>",
		 VRS_FOUND_NETWORK_KIND},
		{"<interface type='mcast'><source address='230.0.0.1'/></interface>",
		 VRS_FOUND_NETWORK_KIND},
		{"<disk type='network'><source protocol='rbd' name='p/i'/>"
		 "<target dev='vdb'/></disk>",
		 VRS_FOUND_DISK_REMOTE},
		{"<disk type='volume'><source pool='p' volume='v'/>"
		 "<target dev='vdb'/></disk>",
		 VRS_FOUND_DISK_REMOTE},
		{"<disk type='file'><source file='/b'><encryption "
		 "format='luks'/></source>"
		 "<target dev='vdb'/></disk>",
		 VRS_FOUND_DISK_ENCRYPTED},
		{"<disk type='file'><source file='/b'/><shareable/>"
		 "<target dev='vdb'/></disk>",
		 VRS_FOUND_DISK_SHARED},
		{"<disk type='file'><source file='/b'/><transient/>"
		 "<target dev='vdb'/></disk>",
		 VRS_FOUND_DISK_TRANSIENT},
	};
	const struct vrs_hv_move move = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *xml = NULL, *ret = NULL;
		struct vrs_findings found;
		struct vrs_err err = {0};

		assert_true(asprintf(&xml, HEAD "<devices>" DISK "%s" TAIL,
				     cases[i].device) > 0);
		preflight(xml, &move, &found);
		assert_non_null(find(&found, cases[i].code));
		assert_non_null(vrs_findings_stop(&found));
		assert_true(vrs_hv_xml_rewrite(xml, strlen(xml), &move, NULL, &ret,
					       &err) < 0);
		assert_null(ret);
		assert_non_null(strstr(err.text, "vm web1 cannot be defined: "));
		free(xml);
	}
}

static void all_findings_are_told_not_only_the_first(void **state)
{
	(void)state;
	struct vrs_findings found;

	preflight(HEAD "<devices>" DISK "<tpm/><hostdev/><shmem name='a'/>" TAIL,
		  &(struct vrs_hv_move){0}, &found);
	assert_int_equal(found.n, 3);
}

static void a_plain_guest_has_no_findings(void **state)
{
	(void)state;
	struct vrs_findings found;

	preflight(HEAD "<devices>" DISK "<interface type='bridge'><source bridge='br0'/>"
		       "<model type='e1000'/></interface>"
		       "<graphics type='vnc' listen='127.0.0.1'/>"
		       "<serial type='pty'/>" TAIL,
		  &(struct vrs_hv_move){0}, &found);
	assert_int_equal(found.n, 0);
	assert_null(vrs_findings_stop(&found));
}

static void what_changes_and_what_stays_behind_is_named(void **state)
{
	(void)state;
	static const struct vrs_hv_disk disk = {.path = "/x", .bus = "virtio"};
	static const char *const from[] = {"br0"}, *const to[] = {"network=lan"};
	const struct vrs_hv_move move = {.disk = &disk,
					 .n_disks = 1,
					 .nic_model = "virtio",
					 .network_from = from,
					 .network_to = to,
					 .n_networks = 1,
					 .domain_type = "qemu"};
	static const struct {
		enum vrs_finding_code code;
		const char *text;
	} want[] = {
		{VRS_FOUND_DISK_BUS, "disk sda: bus sata becomes virtio"},
		{VRS_FOUND_NIC_MODEL,
		 "network card 52:54:00:00:00:01: model e1000 becomes virtio"},
		{VRS_FOUND_ACCELERATOR, "runs with qemu instead of kvm"},
		{VRS_FOUND_HOST_CPU, "its CPU model is that of its host"},
		{VRS_FOUND_VIRTUALPORT,
		 "network card 52:54:00:00:00:01: <virtualport> is dropped"},
		{VRS_FOUND_FIRMWARE_VARIABLES, "its UEFI variables are reset"},
		{VRS_FOUND_MEDIA, "cdrom sdb: is empty at the target, without /ds/s.iso"},
		{VRS_FOUND_CONSOLE_FILE, "serial: its file becomes a pty"},
		{VRS_FOUND_CONSOLE_ADDRESS, "vnc: does not listen on 10.0.0.4"},
		{VRS_FOUND_TUNING, "is no longer pinned"},
	};
	struct vrs_findings found;
	char text[256];

	preflight(HEAD "<vcpu cpuset='1'>1</vcpu><os><nvram>/n</nvram></os>"
		       "<cpu mode='host-model'/><devices>" DISK
		       "<disk type='file' device='cdrom'><source file='/ds/s.iso'/>"
		       "<target dev='sdb' bus='sata'/></disk>"
		       "<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
		       "<source bridge='br0'/><virtualport type='openvswitch'/>"
		       "<model type='e1000'/></interface>"
		       "<serial type='file'><source path='/l'/></serial>"
		       "<graphics type='vnc' listen='10.0.0.4'/>" TAIL,
		  &move, &found);
	assert_null(vrs_findings_stop(&found));
	assert_int_equal(found.n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		const struct vrs_finding *f = find(&found, want[i].code);

		assert_non_null(f);
		vrs_finding_text(f, text, sizeof(text));
		if (!strstr(text, want[i].text))
			fail_msg("'%s' is not in '%s'", want[i].text, text);
	}
}

/* Nothing said is nothing changed: a port of a virtual switch and its VLAN. */
static void a_network_of_the_same_kind_keeps_its_port(void **state)
{
	(void)state;
	static const char xml[] =
		HEAD "<devices>" DISK "<interface type='bridge'><source bridge='br0'/>"
		     "<vlan><tag id='42'/></vlan><virtualport type='openvswitch'>"
		     "<parameters interfaceid='a'/></virtualport></interface>" TAIL;
	static const char *const from[] = {"br0"}, *const to[] = {"br-int"};
	const struct vrs_hv_move move = {
		.network_from = from, .network_to = to, .n_networks = 1};
	struct vrs_findings found;
	struct vrs_err err = {0};
	char *ret = NULL;

	assert_ok(vrs_hv_xml_rewrite(xml, strlen(xml), &move, &found, &ret, &err), &err);
	assert_int_equal(found.n, 0);
	assert_non_null(strstr(ret, "bridge=\"br-int\""));
	assert_non_null(strstr(ret, "virtualport type=\"openvswitch\""));
	assert_non_null(strstr(ret, "tag id=\"42\""));
	free(ret);
}

static void what_the_hypervisor_keeps_beside_the_definition_counts(void **state)
{
	(void)state;
	struct vrs_hv_vm *vm = parsed(HEAD "<devices>" DISK TAIL);
	static const char live[] =
		HEAD "<devices><disk type='file' device='disk'>"
		     "<source file='/ds/a.qcow2'/><backingStore type='file'>"
		     "<source file='/ds/base.qcow2'/><backingStore/></backingStore>"
		     "<target dev='sda'/></disk>" TAIL;
	static const enum vrs_finding_code want[] = {
		VRS_FOUND_NO_DEFINITION, VRS_FOUND_SNAPSHOT, VRS_FOUND_CHECKPOINT,
		VRS_FOUND_SAVED_MEMORY, VRS_FOUND_DISK_BACKING};
	struct vrs_findings found;

	vm->is_partial = vm->has_saved_memory = true;
	vm->n_snapshots = vm->n_checkpoints = 1;
	vrs_hv_xml_read_chains(live, strlen(live), vm);
	assert_string_equal(vm->disk[0].backing, "/ds/base.qcow2");
	vrs_hv_preflight(vm, &(struct vrs_hv_move){0}, &found);
	assert_int_equal(found.n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_non_null(find(&found, want[i]));
	vrs_hv_vm_fini(vm);
	free(vm);
}

static void
a_network_without_counterpart_is_found_for_every_kind_of_hypervisor(void **state)
{
	(void)state;
	static const char *const from[] = {"a"}, *const to[] = {"b"};
	const struct vrs_hv_move move = {
		.network_from = from, .network_to = to, .n_networks = 1};
	struct vrs_hv_vm vm = {.n_nics = 1};
	struct vrs_findings found;

	(void)strcpy(vm.nic[0].network, "VM Network");
	vrs_hv_preflight(&vm, &move, &found);
	assert_non_null(find(&found, VRS_FOUND_NETWORK_UNMAPPED));
}

static void a_full_list_never_drops_what_stops_the_move(void **state)
{
	(void)state;
	struct vrs_findings found = {0};

	for (int i = 0; i < VRS_MAX_FINDINGS + 5; i++) {
		char subject[20];

		(void)snprintf(subject, sizeof(subject), "cdrom %d", i);
		vrs_findings_add(&found, VRS_FOUND_MEDIA, subject, "%s", "");
	}
	assert_int_equal(found.n, VRS_MAX_FINDINGS);
	assert_null(vrs_findings_stop(&found));
	vrs_findings_add(&found, VRS_FOUND_TPM, "tpm", "%s", "");
	vrs_findings_add(&found, VRS_FOUND_TPM, "tpm", "%s", "");
	assert_non_null(vrs_findings_stop(&found));
	assert_int_equal(found.n, VRS_MAX_FINDINGS);
}

static void every_code_has_a_name_a_meaning_and_a_remedy(void **state)
{
	(void)state;
	for (unsigned c = 0; c < VRS_N_FINDINGS; c++) {
		enum vrs_finding_code code = (enum vrs_finding_code)c;

		assert_int_equal(vrs_finding_of_name(vrs_finding_name(code)), code);
		assert_true(strlen(vrs_finding_meaning(code)) > 0);
		assert_true(strlen(vrs_finding_remedy(code)) > 0);
	}
	assert_int_equal(vrs_finding_of_name("nosuch"), VRS_N_FINDINGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_definition_refuses_is_found_before),
		cmocka_unit_test(all_findings_are_told_not_only_the_first),
		cmocka_unit_test(a_plain_guest_has_no_findings),
		cmocka_unit_test(what_changes_and_what_stays_behind_is_named),
		cmocka_unit_test(a_network_of_the_same_kind_keeps_its_port),
		cmocka_unit_test(what_the_hypervisor_keeps_beside_the_definition_counts),
		cmocka_unit_test(
			a_network_without_counterpart_is_found_for_every_kind_of_hypervisor),
		cmocka_unit_test(a_full_list_never_drops_what_stops_the_move),
		cmocka_unit_test(every_code_has_a_name_a_meaning_and_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
