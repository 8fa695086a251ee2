#include "ship/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "vrs/mem.h"

enum { YES = VRSAS__V1__ANSWER__ANSWER_YES, NO = VRSAS__V1__ANSWER__ANSWER_NO };
enum { MUCH = 1 << 20 };

static struct vrs_site_vm rule = {.pattern = (char *)"web1",
				  .health = (char *)"http://10.0.0.1/",
				  .protect = true,
				  .vm_class = 2};
static struct vrs_site site = {.vm = &rule, .n_vms = 1};
static struct vrs_site_host host = {
	.cluster = (char *)"c1", .name = (char *)"h1", .address = (char *)"10.0.0.9"};

static struct vrs_hv_vm *two_vms(void)
{
	struct vrs_hv_vm *vm = vrs_calloc(2, sizeof(*vm));

	strcpy(vm[0].id, "11111111-1111-1111-1111-111111111111");
	strcpy(vm[0].name, "web1");
	vm[0].state = VRS_HV_RUNNING;
	vm[0].vcpus = 2;
	vm[0].native = vrs_strdup("<domain/>");
	vm[0].n_disks = 1;
	strcpy(vm[0].disk[0].path, "/ds/web1.qcow2");
	strcpy(vm[1].id, "22222222-2222-2222-2222-222222222222");
	strcpy(vm[1].name, "scratch");
	vm[1].state = VRS_HV_IO_ERROR;
	vm[1].unexplained = true;
	vm[1].native = vrs_strdup("<domain/>");
	vm[1].n_disks = 2;
	strcpy(vm[1].disk[0].path, "/ds/scratch.qcow2");
	strcpy(vm[1].disk[1].path, "/local/swap.raw");
	return vm;
}

static Vrsas__V1__Record *inventory(bool shared_storage, size_t max_bytes)
{
	struct vrs_site_cluster c = {.name = (char *)"c1",
				     .images = (char *)"/ds/",
				     .shared_storage = shared_storage};
	struct reading r = {.has_vms = true, .vm = two_vms(), .n_vms = 2};
	const float cores[] = {1.5, NAN};
	strcpy(r.host.boot_id, "boot-1");
	Vrsas__V1__Record *rec = encode_inventory(&(struct encode_site){&site, &c, &host},
						  &r, cores, 5000, max_bytes);

	vrs_hv_vms_free(r.vm, r.n_vms);
	return rec;
}

static void the_site_file_selects_protected_vms(void **state)
{
	(void)state;
	Vrsas__V1__Record *r = inventory(true, MUCH);
	Vrsas__V1__VmFacts **vm = r->inventory->vm;

	assert_int_equal(r->inventory->n_vm, 2);
	assert_true(vm[0]->protect);
	assert_int_equal(vm[0]->vm_class, 2);
	assert_string_equal(vm[0]->health, "http://10.0.0.1/");
	assert_string_equal(vm[0]->native, "<domain/>");
	assert_float_equal(vm[0]->cpu_cores, 1.5, 1e-6);
	assert_int_equal(vm[0]->state, VRSAS__V1__VM_STATE__VM_STATE_RUNNING);
	assert_false(vm[1]->protect);
	assert_int_equal(vm[1]->vm_class, 4);
	assert_string_equal(vm[1]->native, "");
	assert_int_equal(vm[1]->state, VRSAS__V1__VM_STATE__VM_STATE_IO_ERROR);
	assert_string_equal(r->inventory->boot_id, "boot-1");
	assert_false(vm[0]->unexplained);
	assert_true(vm[1]->unexplained);
	encode_free(r);
}

static void a_new_boot_changes_the_fingerprint(void **state)
{
	(void)state;
	Vrsas__V1__Record *r = inventory(true, MUCH);
	uint64_t before = encode_fingerprint(r->inventory);

	((char *)r->inventory->boot_id)[5] = '2';
	assert_true(encode_fingerprint(r->inventory) != before);
	((char *)r->inventory->boot_id)[5] = '1';
	assert_true(encode_fingerprint(r->inventory) == before);
	r->inventory->vm[1]->unexplained = false;
	assert_true(encode_fingerprint(r->inventory) != before);
	encode_free(r);
}

static void disks_outlive_their_host_only_on_shared_storage(void **state)
{
	(void)state;
	Vrsas__V1__Record *r = inventory(true, MUCH);

	assert_int_equal(r->inventory->vm[0]->readable_without_host, YES);
	assert_int_equal(r->inventory->vm[1]->disk[0]->shared, YES);
	assert_int_equal(r->inventory->vm[1]->disk[1]->shared, NO);
	assert_int_equal(r->inventory->vm[1]->readable_without_host, NO);
	encode_free(r);

	r = inventory(false, MUCH);
	assert_int_equal(r->inventory->vm[0]->readable_without_host, NO);
	encode_free(r);
}

static void a_path_that_climbs_out_is_not_shared(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int shared;
	} cases[] = {
		{"/ds/a", YES}, {"/ds/b/c", YES},     {"/ds", NO},
		{"/dsx/a", NO}, {"/ds/../etc/a", NO},
	};
	struct vrs_site_cluster c = {
		.name = (char *)"c1", .images = (char *)"/ds", .shared_storage = true};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = {.has_vms = true, .vm = two_vms(), .n_vms = 1};
		const float cores[] = {NAN};

		strcpy(r.vm[0].disk[0].path, cases[i].path);
		Vrsas__V1__Record *rec = encode_inventory(
			&(struct encode_site){&site, &c, &host}, &r, cores, 0, MUCH);
		assert_int_equal(rec->inventory->vm[0]->readable_without_host,
				 cases[i].shared);
		encode_free(rec);
		vrs_hv_vms_free(r.vm, 2);
	}
}

static void an_inventory_that_is_too_large_goes_without_definitions(void **state)
{
	(void)state;
	Vrsas__V1__Record *r = inventory(true, 64);

	assert_string_equal(r->inventory->vm[0]->native, "");
	encode_free(r);
}

static void volatile_values_do_not_change_the_fingerprint(void **state)
{
	(void)state;
	Vrsas__V1__Record *r = inventory(true, MUCH);
	Vrsas__V1__HostInventory *inv = r->inventory;
	uint64_t print = encode_fingerprint(inv);

	inv->at_ms++;
	inv->vm[0]->cpu_cores = 0.1F;
	inv->vm[0]->disk[0]->allocated_bytes += 4096;
	assert_true(encode_fingerprint(inv) == print);
	inv->vm[0]->state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	assert_false(encode_fingerprint(inv) == print);
	encode_free(r);
}

static void batch_and_table_name_hosts_by_position(void **state)
{
	(void)state;
	struct vrs_site_host other = {
		.cluster = (char *)"c1", .name = (char *)"h2", .address = (char *)""};
	struct encode_host hosts[] = {{.site = &host}, {.site = &other}};
	const struct gauge gauges[] = {
		{.state = VRSAS__V1__HOST_STATE__HOST_STATE_UP, .cpu_ratio = 0.5F},
		{.state = VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE,
		 .cpu_ratio = NAN}};

	hosts[0].state.vcpus = 8;
	strcpy(hosts[1].state.address, "10.0.0.2");
	Vrsas__V1__Record *t = encode_hosts(hosts, 2, 7);
	Vrsas__V1__Record *b = encode_batch(gauges, 2, 60000, 60000, 7);
	assert_string_equal(t->hosts->host[0]->address, "10.0.0.9");
	assert_string_equal(t->hosts->host[1]->address, "10.0.0.2");
	assert_int_equal(t->hosts->host[0]->vcpus_total, 8);
	assert_int_equal(b->samples->table_version, t->hosts->version);
	assert_int_equal(b->samples->n_host, 2);
	assert_int_equal(b->samples->n_cpu_ratio, 2);
	assert_int_equal(b->samples->n_mem_ratio, 2);
	assert_int_equal(b->samples->n_vcpus_used, 2);
	assert_int_equal(b->samples->n_state, 2);
	assert_int_equal(b->samples->host[1], 1);
	assert_true(isnan(b->samples->cpu_ratio[1]));
	/* as the feed does */
	t->cluster = b->cluster = "c1";
	t->collector = b->collector = "c1";
	encode_free(t);
	encode_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_site_file_selects_protected_vms),
		cmocka_unit_test(a_new_boot_changes_the_fingerprint),
		cmocka_unit_test(disks_outlive_their_host_only_on_shared_storage),
		cmocka_unit_test(a_path_that_climbs_out_is_not_shared),
		cmocka_unit_test(an_inventory_that_is_too_large_goes_without_definitions),
		cmocka_unit_test(volatile_values_do_not_change_the_fingerprint),
		cmocka_unit_test(batch_and_table_name_hosts_by_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
