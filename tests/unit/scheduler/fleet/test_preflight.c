/* What stops moves, over whole fleets, and the VMs that no cluster can take. */
#include "fleet/movability.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static char c1[] = "c1", c2[] = "c2", c3[] = "c3", qcow2[] = "qcow2";
static struct vrs_site_cluster sites[3];
static struct vrs_site site = {.cluster = sites, .n_clusters = 3};
static struct vrs_site_host hosts[4];
static struct fleet_cluster clusters[3];
static struct fleet_host wh[4];
static Vrsas__V1__VmFacts web1, other;
static Vrsas__V1__Disk disk, *disks[] = {&disk};
static Vrsas__V1__Nic nic, *nics[] = {&nic}, nic2, *nics2[] = {&nic2};
static struct fleet_vm vms[2];
static struct fleet w;

/* c1: h1 with web1, h2; c2: n1 with other; c3: n1, which accepts nothing. */
static int build(void **state)
{
	static const char *const names[] = {"h1", "h2", "n1", "n1"};
	static const size_t of[] = {0, 0, 1, 2};
	char *const cluster[] = {c1, c2, c3};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		sites[i] = (struct vrs_site_cluster){
			.name = cluster[i], .format = qcow2, .accept = i < 2};
		clusters[i] = (struct fleet_cluster){.name = cluster[i],
						     .site = &sites[i],
						     .collector_alive = true,
						     .first_host = i ? i + 1 : 0,
						     .n_hosts = i ? 1 : 2};
	}
	for (size_t i = 0; i < 4; i++)
		wh[i] = (struct fleet_host){.name = names[i],
					    .cluster = of[i],
					    .site = &hosts[i],
					    .life = FLEET_UP,
					    .inventory_at_ms = 1000,
					    .first_vm = i == 2,
					    .n_vms = i == 0 || i == 2};
	vrsas__v1__vm_facts__init(&web1);
	vrsas__v1__vm_facts__init(&other);
	vrsas__v1__disk__init(&disk);
	vrsas__v1__nic__init(&nic);
	vrsas__v1__nic__init(&nic2);
	nic.mac = "52:54:00:00:00:01";
	nic2.mac = "52:54:00:00:00:02";
	disk.format = "qcow2";
	disk.path = "/ds/a";
	web1.id = "id-1";
	web1.name = "web1";
	web1.native = "<domain><name>web1</name><devices><disk type='file'>"
		      "<source file='/ds/a'/></disk></devices></domain>";
	web1.protect = true;
	web1.disk = disks;
	web1.n_disk = 1;
	web1.nic = nics;
	web1.n_nic = 1;
	web1.state = other.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	other.id = "id-2";
	other.name = "db1";
	other.nic = nics2;
	other.n_nic = 1;
	vms[0] = (struct fleet_vm){&web1, 0};
	vms[1] = (struct fleet_vm){&other, 2};
	w = (struct fleet){.cluster = clusters,
			   .n_clusters = 3,
			   .host = wh,
			   .n_hosts = 4,
			   .vm = vms,
			   .n_vms = 2,
			   .site = &site};
	return 0;
}

static const struct vrs_finding *stop_at(size_t cluster)
{
	static struct vrs_findings found;

	fleet_preflight_cluster(&w, &vms[0], &clusters[cluster], &found);
	return vrs_findings_stop(&found);
}

static void targets_accept_vms_or_read_their_disks(void **state)
{
	(void)state;
	assert_true(fleet_is_target(&w, &vms[0], &clusters[1], true));
	assert_false(fleet_is_target(&w, &vms[0], &clusters[2], true));
	assert_false(fleet_is_target(&w, &vms[0], &clusters[0], true));
	sites[0].shared_storage = true;
	web1.readable_without_host = VRSAS__V1__ANSWER__ANSWER_YES;
	assert_true(fleet_is_target(&w, &vms[0], &clusters[0], true));
	assert_false(fleet_is_target(&w, &vms[0], &clusters[0], false));
}

static void names_and_addresses_that_are_taken_stop_the_move(void **state)
{
	(void)state;
	assert_null(stop_at(1));
	other.name = "web1";
	assert_int_equal(stop_at(1)->code, VRS_FOUND_NAME_TAKEN);
	assert_true(fleet_name_taken(&w, &wh[2], &web1));
	other.name = "db1";
	nic2.mac = "52:54:00:00:00:01";
	assert_int_equal(stop_at(1)->code, VRS_FOUND_MAC_TAKEN);
	other.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	assert_null(stop_at(1));
	disk.format = "qed";
	assert_int_equal(stop_at(1)->code, VRS_FOUND_DISK_FORMAT);
}

static struct {
	unsigned n;
	bool is_movable;
	char text[256];
} news;

static void on_change(void *arg, const struct movability_vm *vm)
{
	(void)arg;
	news.n++;
	news.is_movable = vm->is_movable;
	(void)snprintf(news.text, sizeof(news.text), "%s", vm->text);
	assert_string_equal(vm->id, "id-1");
	assert_string_equal(vm->host, "h1");
}

static void a_vm_that_nothing_can_take_is_reported_once(void **state)
{
	(void)state;
	struct movability m = {0};

	news.n = 0;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(news.n, 0);
	assert_int_equal(m.n, 1);
	web1.snapshots = 2;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(news.n, 0); /* the same inventories */
	wh[0].inventory_at_ms++;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(news.n, 1);
	assert_false(news.is_movable);
	assert_string_equal(news.text, "has 2 snapshots");
	assert_int_equal(movability_count(&m, NULL), 1);
	assert_int_equal(movability_count(&m, "snapshot"), 1);
	assert_int_equal(movability_count(&m, "no-target"), 0);
	wh[0].inventory_at_ms++;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(news.n, 1);
	web1.snapshots = 0;
	wh[0].inventory_at_ms++;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(news.n, 2);
	assert_true(news.is_movable);
	sites[1].accept = false;
	wh[0].inventory_at_ms++;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(movability_count(&m, "no-target"), 1);
	web1.protect = false;
	wh[0].inventory_at_ms++;
	movability_update(&m, &w, true, on_change, NULL);
	assert_int_equal(m.n, 0);
	movability_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(targets_accept_vms_or_read_their_disks, build),
		cmocka_unit_test_setup(names_and_addresses_that_are_taken_stop_the_move,
				       build),
		cmocka_unit_test_setup(a_vm_that_nothing_can_take_is_reported_once,
				       build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
