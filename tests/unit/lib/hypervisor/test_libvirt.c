#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vrs/hv.h"
#include "vrs/mem.h"

/* libvirt's own test driver: state lives in one connection. */
enum { SOON = 20000 };

static const char definition[] =
	"<domain type='test'><name>web1</name>"
	"<uuid>6F1C9C0E-5B2B-4C5A-9D62-0A3D3C7B5E11</uuid>"
	"<memory unit='MiB'>64</memory><vcpu>2</vcpu>"
	"<os><type>hvm</type></os><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	"<source file='/images/web1.qcow2'/><target dev='vda' bus='virtio'/></disk>"
	"<interface type='bridge'><mac address='52:54:00:6b:3c:58'/>"
	"<source bridge='br0'/><model type='virtio'/></interface>"
	"</devices></domain>";
static const char id[] = "6f1c9c0e-5b2b-4c5a-9d62-0a3d3c7b5e11";

struct world {
	char path[64];
	struct vrs_hv *hv;
	struct vrs_hv_vm *vm; /* what is defined */
};

static int setup(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	struct vrs_err err = {0};
	static const char node[] = "<node><cpu><mhz>2400</mhz><nodes>1</nodes>"
				   "<sockets>1</sockets><cores>4</cores>"
				   "<threads>2</threads><active>8</active></cpu>"
				   "<memory>8192000</memory></node>";

	vrs_strcpy(w->path, sizeof(w->path), "/tmp/vrs-node-XXXXXX.xml");
	int fd = mkstemps(w->path, 4);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, node, sizeof(node) - 1), sizeof(node) - 1);
	(void)close(fd);

	char *uri = vrs_asprintf("test://%s", w->path);
	assert_ok(vrs_hv_open(&w->hv, uri, SOON, &err), &err);
	free(uri);
	w->vm = vrs_calloc(1, sizeof(*w->vm));
	vrs_strcpy(w->vm->id, sizeof(w->vm->id), id);
	vrs_strcpy(w->vm->name, sizeof(w->vm->name), "web1");
	w->vm->n_disks = 1;
	w->vm->native = vrs_strdup(definition);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vrs_hv_close(w->hv);
	vrs_hv_vm_fini(w->vm);
	free(w->vm);
	(void)unlink(w->path);
	free(w);
	return 0;
}

static void define(struct world *w)
{
	struct vrs_err err = {0};

	assert_ok(vrs_hv_define(w->hv, SOON, w->vm, NULL, &err), &err);
}

static enum vrs_hv_state state_of(struct world *w)
{
	enum vrs_hv_state s = VRS_HV_UNKNOWN;
	struct vrs_err err = {0};

	assert_ok(vrs_hv_state(w->hv, SOON, id, &s, &err), &err);
	return s;
}

static void facts_of_a_host_are_read(void **state)
{
	struct world *w = *state;
	struct vrs_hv_host h;
	struct vrs_err err = {0};

	assert_ok(vrs_hv_host(w->hv, SOON, &h, &err), &err);
	assert_int_equal(h.vcpus, 8);
	assert_true(h.ram_total_bytes > 0);
}

static void an_address_without_a_host_fails_in_time(void **state)
{
	(void)state;
	struct vrs_hv *hv = NULL;
	struct vrs_err err = {0};

	assert_fails(
		vrs_hv_open(&hv, "qemu:///system?socket=/nonexistent/sock", SOON, &err),
		VRS_ECONN, &err);
	assert_fails(vrs_hv_open(&hv, "nothing-known", SOON, &err), VRS_EINVAL, &err);
	assert_null(hv);
}

static void a_silent_hypervisor_is_a_timeout(void **state)
{
	(void)state;
	struct vrs_hv *hv = NULL;
	struct vrs_err err = {0};

	/* Like a frozen host: the kernel takes the connection, nobody speaks. */
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	char *uri = vrs_asprintf("qemu+tcp://127.0.0.1:%u/system", ntohs(at.sin_port));
	assert_fails(vrs_hv_open(&hv, uri, 300, &err), VRS_ETIMEOUT, &err);
	(void)close(fd);
	free(uri);
	assert_null(hv);
}

static void a_defined_vm_is_listed_as_it_was_given(void **state)
{
	struct world *w = *state;
	struct vrs_hv_vm *vms = NULL;
	size_t n = 0;
	struct vrs_err err = {0};

	define(w);
	assert_ok(vrs_hv_list(w->hv, SOON, &vms, &n, &err), &err);
	assert_int_equal(n, 1);
	assert_string_equal(vms[0].id, id);
	assert_string_equal(vms[0].name, "web1");
	assert_int_equal(vms[0].state, VRS_HV_OFF);
	assert_int_equal(vms[0].vcpus, 2);
	assert_int_equal(vms[0].ram_bytes, 64 << 20);
	assert_int_equal(vms[0].n_disks, 1);
	assert_string_equal(vms[0].disk[0].path, "/images/web1.qcow2");
	assert_string_equal(vms[0].nic[0].network, "br0");
	assert_false(vms[0].autostart);
	assert_true(isnan(vms[0].cpu_time_s));
	vrs_hv_vms_free(vms, n);
}

static void a_move_is_seen_in_what_is_defined(void **state)
{
	struct world *w = *state;
	const struct vrs_hv_disk disk = {
		.path = "/ds/web1.vmdk", .format = "vmdk", .bus = "pvscsi"};
	const char *const from[] = {"br0"}, *const to[] = {"br7"};
	const struct vrs_hv_move move = {.disk = &disk,
					 .n_disks = 1,
					 .nic_model = "vmxnet3",
					 .network_from = from,
					 .network_to = to,
					 .n_networks = 1};
	struct vrs_hv_vm *got = vrs_calloc(1, sizeof(*got));
	struct vrs_err err = {0};

	assert_ok(vrs_hv_define(w->hv, SOON, w->vm, &move, &err), &err);
	assert_ok(vrs_hv_get(w->hv, SOON, id, got, &err), &err);
	assert_string_equal(got->disk[0].path, "/ds/web1.vmdk");
	assert_string_equal(got->disk[0].bus, "pvscsi");
	assert_string_equal(got->nic[0].network, "br7");
	assert_string_equal(got->nic[0].model, "vmxnet3");
	assert_string_equal(got->nic[0].mac, "52:54:00:6b:3c:58");
	vrs_hv_vm_fini(got);
	free(got);
}

/* A host that was booted anew knows its VMs, and not how they came to be off. */
static void the_reason_why_a_vm_is_off_is_reported(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct vrs_hv_vm vm = {0};

	define(w);
	assert_ok(vrs_hv_get(w->hv, SOON, id, &vm, &err), &err);
	assert_int_equal(vm.state, VRS_HV_OFF);
	assert_true(vm.unexplained);
	vrs_hv_vm_fini(&vm);
	assert_ok(vrs_hv_act(w->hv, VRS_HV_START, SOON, id, &err), &err);
	assert_ok(vrs_hv_get(w->hv, SOON, id, &vm, &err), &err);
	assert_false(vm.unexplained);
	vrs_hv_vm_fini(&vm);
	assert_ok(vrs_hv_act(w->hv, VRS_HV_DESTROY, SOON, id, &err), &err);
	assert_ok(vrs_hv_get(w->hv, SOON, id, &vm, &err), &err);
	assert_int_equal(vm.state, VRS_HV_OFF);
	assert_false(vm.unexplained); /* somebody wanted it so */
	vrs_hv_vm_fini(&vm);
}

static void every_operation_is_idempotent(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};

	for (int i = 0; i < 2; i++)
		define(w);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(w->hv, VRS_HV_START, SOON, id, &err), &err);
	assert_int_equal(state_of(w), VRS_HV_RUNNING);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(w->hv, VRS_HV_SHUTDOWN, SOON, id, &err), &err);
	assert_int_equal(state_of(w), VRS_HV_OFF);
	assert_ok(vrs_hv_act(w->hv, VRS_HV_START, SOON, id, &err), &err);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(w->hv, VRS_HV_DESTROY, SOON, id, &err), &err);
	assert_int_equal(state_of(w), VRS_HV_OFF);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(w->hv, VRS_HV_AUTOSTART_OFF, SOON, id, &err), &err);
	for (int i = 0; i < 2; i++)
		assert_ok(vrs_hv_act(w->hv, VRS_HV_UNDEFINE, SOON, id, &err), &err);
}

static void a_running_vm_is_neither_redefined_nor_undefined(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};

	define(w);
	assert_ok(vrs_hv_act(w->hv, VRS_HV_START, SOON, id, &err), &err);
	assert_fails(vrs_hv_define(w->hv, SOON, w->vm, NULL, &err), VRS_ECONFLICT, &err);
	assert_fails(vrs_hv_act(w->hv, VRS_HV_UNDEFINE, SOON, id, &err), VRS_ECONFLICT,
		     &err);
	assert_int_equal(state_of(w), VRS_HV_RUNNING);
}

static void a_name_that_another_vm_has_is_a_conflict(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};

	define(w);
	w->vm->native[strcspn(w->vm->native, "6")] = '7'; /* another UUID */
	w->vm->id[0] = '7';
	assert_fails(vrs_hv_define(w->hv, SOON, w->vm, NULL, &err), VRS_ECONFLICT, &err);
}

static void a_missing_vm_is_not_found(void **state)
{
	struct world *w = *state;
	enum vrs_hv_state s;
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	struct vrs_err err = {0};

	assert_fails(vrs_hv_state(w->hv, SOON, id, &s, &err), VRS_ENOENT, &err);
	assert_fails(vrs_hv_get(w->hv, SOON, id, vm, &err), VRS_ENOENT, &err);
	assert_fails(vrs_hv_act(w->hv, VRS_HV_START, SOON, id, &err), VRS_ENOENT, &err);
	assert_fails(vrs_hv_act(w->hv, VRS_HV_DESTROY, SOON, id, &err), VRS_ENOENT, &err);
	assert_ok(vrs_hv_act(w->hv, VRS_HV_UNDEFINE, SOON, id, &err), &err);
	assert_fails(vrs_hv_act(w->hv, VRS_HV_START, SOON, "a b;c", &err), VRS_EINVAL,
		     &err);
	free(vm);
}

static void facts_of_another_kind_of_hypervisor_are_defined_too(void **state)
{
	struct world *w = *state;
	const struct vrs_hv_disk disk = {
		.path = "/ds/web1.raw", .format = "raw", .bus = "virtio"};
	const struct vrs_hv_move move = {
		.disk = &disk, .n_disks = 1, .domain_type = "test"};
	struct vrs_hv_vm *got = vrs_calloc(1, sizeof(*got));
	struct vrs_err err = {0};

	free(w->vm->native);
	w->vm->native = vrs_strdup("{\"port\": 8080}");
	w->vm->vcpus = 1;
	w->vm->ram_bytes = 32 << 20;
	vrs_strcpy(w->vm->disk[0].path, sizeof(w->vm->disk[0].path), "/elsewhere/x.img");
	assert_ok(vrs_hv_define(w->hv, SOON, w->vm, &move, &err), &err);
	assert_ok(vrs_hv_get(w->hv, SOON, id, got, &err), &err);
	assert_string_equal(got->disk[0].path, "/ds/web1.raw");
	assert_int_equal(got->ram_bytes, 32 << 20);
	vrs_hv_vm_fini(got);
	free(got);
}

static void free_space_is_reported_or_unsupported(void **state)
{
	struct world *w = *state;
	struct vrs_hv_store s = {0};
	struct vrs_err err = {0};
	int status = vrs_hv_store(w->hv, SOON, "/images", &s, &err);

	if (status == 0)
		assert_true(s.free_bytes <= s.total_bytes);
	else
		assert_true(err.text[0] != '\0');
	assert_fails(vrs_hv_store(w->hv, SOON, "images", &s, &err), VRS_EINVAL, &err);
}

static void a_cpu_ratio_stays_between_0_and_1(void **state)
{
	(void)state;
	static const struct {
		double busy, total, want; /* since 100 busy of 1000 */
	} cases[] = {
		{150, 1100, 0.5},
		{100, 1100, 0},
		{260, 1100, 1},
		{90, 1100, 0},
	};
	const struct vrs_hv_host before = {
		.cpu_busy = 100, .cpu_total = 1000, .cpu_known = true};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_hv_host after = {.cpu_busy = cases[i].busy,
					    .cpu_total = cases[i].total,
					    .cpu_known = true};

		assert_float_equal(vrs_hv_cpu_ratio(&before, &after), cases[i].want,
				   1e-9);
	}
	assert_true(isnan(vrs_hv_cpu_ratio(&before, &before)));
	assert_true(isnan(vrs_hv_cpu_ratio(&before, &(struct vrs_hv_host){0})));
}

int main(void)
{
#define with_host(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		with_host(facts_of_a_host_are_read),
		cmocka_unit_test(an_address_without_a_host_fails_in_time),
		cmocka_unit_test(a_silent_hypervisor_is_a_timeout),
		with_host(a_defined_vm_is_listed_as_it_was_given),
		with_host(a_move_is_seen_in_what_is_defined),
		with_host(the_reason_why_a_vm_is_off_is_reported),
		with_host(every_operation_is_idempotent),
		with_host(a_running_vm_is_neither_redefined_nor_undefined),
		with_host(a_name_that_another_vm_has_is_a_conflict),
		with_host(a_missing_vm_is_not_found),
		with_host(facts_of_another_kind_of_hypervisor_are_defined_too),
		with_host(free_space_is_reported_or_unsupported),
		cmocka_unit_test(a_cpu_ratio_stays_between_0_and_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
