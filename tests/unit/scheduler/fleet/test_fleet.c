#include "check.h"
#include "plan/plan.h" /* brings the scheduler's world.h */

#include <math.h>
#include <string.h>

/* h1 of c1 and of c2, n1 of c2; web1 is listed by all of them. */
static struct fleet_cluster clusters[] = {{.name = "c1", .first_host = 0, .n_hosts = 1},
					  {.name = "c2", .first_host = 1, .n_hosts = 2}};
static struct fleet_host hosts[] = {{.name = "h1", .cluster = 0, .inventory_at_ms = 30},
				    {.name = "h1", .cluster = 1, .inventory_at_ms = 20},
				    {.name = "n1", .cluster = 1, .inventory_at_ms = 10}};

struct scene {
	Vrsas__V1__VmFacts facts[4];
	struct fleet_vm vm[4];
	Vrsas__V1__Relocation record, *records[1];
	struct fleet w;
};

static void set(struct scene *s)
{
	static const char *const ids[] = {"id-1", "id-1", "id-1", "id-2"};
	static const char *const names[] = {"web1", "web1", "web1", "db1"};

	*s = (struct scene){0};
	for (size_t i = 0; i < 4; i++) {
		vrsas__v1__vm_facts__init(&s->facts[i]);
		s->facts[i].id = ids[i];
		s->facts[i].name = names[i];
		s->facts[i].state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
		s->vm[i] = (struct fleet_vm){&s->facts[i], i % 3};
	}
	vrsas__v1__relocation__init(&s->record);
	s->record.vm_id = "id-1";
	s->records[0] = &s->record;
	s->w = (struct fleet){.cluster = clusters,
			      .n_clusters = 2,
			      .host = hosts,
			      .n_hosts = 3,
			      .vm = s->vm,
			      .n_vms = 4};
}

static void a_host_is_found_by_place_or_by_a_name_that_is_unique(void **state)
{
	(void)state;
	struct scene s;
	struct vrs_err err = {0};
	struct fleet_host *h = NULL;

	set(&s);
	assert_ok(fleet_find_host(&s.w, "n1", &h, &err), &err);
	assert_ptr_equal(h, &hosts[2]);
	assert_ok(fleet_find_host(&s.w, "c2/h1", &h, &err), &err);
	assert_ptr_equal(h, &hosts[1]);
	assert_fails(fleet_find_host(&s.w, "h1", &h, &err), VRS_ECONFLICT, &err);
	assert_fails(fleet_find_host(&s.w, "c2/h9", &h, &err), VRS_ENOENT, &err);
	assert_fails(fleet_find_host(&s.w, "c/h1", &h, &err), VRS_ENOENT, &err);
}

static void a_vm_is_found_where_it_lives(void **state)
{
	(void)state;
	struct scene s;
	struct vrs_err err = {0};
	const struct fleet_vm *vm = NULL;

	set(&s);
	assert_ok(fleet_find_vm(&s.w, "web1", &vm, &err), &err);
	assert_int_equal(vm->host, 0); /* the newest word */
	s.facts[0].state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	assert_ok(fleet_find_vm(&s.w, "id-1", &vm, &err), &err);
	assert_int_equal(vm->host, 1); /* the newest of those that run it */
	s.w.relocation = s.records;
	s.w.n_relocations = 1;
	s.record.active_cluster = "c2";
	s.record.active_host = "n1";
	assert_ok(fleet_find_vm(&s.w, "web1", &vm, &err), &err);
	assert_int_equal(vm->host, 2); /* where it was granted to run */
	assert_fails(fleet_find_vm(&s.w, "web9", &vm, &err), VRS_ENOENT, &err);
	s.facts[3].name = "web1";
	assert_fails(fleet_find_vm(&s.w, "web1", &vm, &err), VRS_ECONFLICT, &err);
}

static void what_a_vm_may_come_to_need(void **state)
{
	(void)state;
	static const struct {
		uint32_t vcpus;
		float used;
		double cores;
	} cases[] = {{4, NAN, 4}, {4, 0, 4},      {4, 1, 1.5},
		     {4, 3, 4},   {4, 0.1f, 0.4}, {0, NAN, 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;

		vm.vcpus = cases[i].vcpus;
		vm.cpu_cores = cases[i].used;
		assert_float_equal(fleet_vm_cores(&vm), cases[i].cores, 1e-6);
	}
}

static void readable_by_the_vm_then_its_disks_then_the_cluster(void **state)
{
	(void)state;
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	Vrsas__V1__Disk a = VRSAS__V1__DISK__INIT, b = VRSAS__V1__DISK__INIT;
	Vrsas__V1__Disk *disks[] = {&a, &b};
	struct vrs_site_cluster shared = {.shared_storage = true}, own = {0};
	const Vrsas__V1__Answer yes = VRSAS__V1__ANSWER__ANSWER_YES,
				no = VRSAS__V1__ANSWER__ANSWER_NO;

	vm.disk = disks;
	vm.n_disk = 2;
	assert_int_equal(fleet_vm_readable(&vm, &shared), yes);
	assert_int_equal(fleet_vm_readable(&vm, &own), no);
	a.shared = yes;
	assert_int_equal(fleet_vm_readable(&vm, &own), no); /* b is not known */
	b.shared = yes;
	assert_int_equal(fleet_vm_readable(&vm, &own), yes);
	b.shared = no;
	assert_int_equal(fleet_vm_readable(&vm, &shared), no);
	vm.readable_without_host = yes;
	assert_int_equal(fleet_vm_readable(&vm, &own), yes);
}

static void networks_are_mapped_by_the_companys_name(void **state)
{
	(void)state;
	char prod[] = "prod", dmz[] = "dmz", br0[] = "br0", vm0[] = "vmbr0";
	struct vrs_site_pair p1[] = {{prod, br0}, {dmz, dmz}}, p2[] = {{prod, vm0}};
	struct vrs_site_cluster c1 = {.network = p1, .n_networks = 2};
	struct vrs_site_cluster c2 = {.network = p2, .n_networks = 1};

	assert_string_equal(fleet_network(&c1, &c2, "br0"), "vmbr0");
	assert_string_equal(fleet_network(&c2, &c1, "vmbr0"), "br0");
	assert_null(fleet_network(&c1, &c2, "dmz"));
	assert_string_equal(fleet_network(&c1, &c2, ""), "");
	/* a name that nobody mapped is taken for the company's own */
	assert_string_equal(fleet_network(&c1, &c2, "prod"), "vmbr0");
}

static void numbers_as_people_say_them(void **state)
{
	(void)state;
	char t[32];

	assert_string_equal(fleet_bytes_text(t, sizeof(t), 0), "0 B");
	assert_string_equal(fleet_bytes_text(t, sizeof(t), 1536), "1.5 KiB");
	assert_string_equal(fleet_bytes_text(t, sizeof(t), (uint64_t)100 << 30),
			    "100 GiB");
	assert_string_equal(fleet_time_text(t, sizeof(t), 45000), "45 s");
	assert_string_equal(fleet_time_text(t, sizeof(t), 12 * 60000), "12 min");
	assert_string_equal(fleet_time_text(t, sizeof(t), 4 * 3600000), "4 h");
	assert_string_equal(fleet_time_text(t, sizeof(t), 200 * 60000), "3 h 20 min");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_found_by_place_or_by_a_name_that_is_unique),
		cmocka_unit_test(a_vm_is_found_where_it_lives),
		cmocka_unit_test(what_a_vm_may_come_to_need),
		cmocka_unit_test(readable_by_the_vm_then_its_disks_then_the_cluster),
		cmocka_unit_test(networks_are_mapped_by_the_companys_name),
		cmocka_unit_test(numbers_as_people_say_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
