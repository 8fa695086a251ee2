#include "check.h"
#include "fleet/load.h"
#include "redis_group.h"

#include "vrs/bus.h"
#include "vrs/keys.h"
#include "vrs/series.h"

#include <math.h>

/* A company of two clusters: c1 (h1, h2) is described by its owner, c2 (n1) is not. */

static struct vrs_site site;

static char c1[] = "c1", h1[] = "h1", h2[] = "h2", ds[] = "/ds", addr[] = "10.0.0.1";
static struct vrs_site_cluster clusters[] = {
	{.name = c1, .images = ds, .shared_storage = true, .max_cpu_ratio = 0.8}};
static struct vrs_site_host hosts[] = {{.cluster = c1, .name = h1, .address = addr},
				       {.cluster = c1, .name = h2, .address = addr}};

static int start_with_site(void **state)
{
	site = (struct vrs_site){
		.cluster = clusters, .n_clusters = 1, .host = hosts, .n_hosts = 2};
	return start(state);
}

static int empty(void **state)
{
	(void)state;
	return vrs_store_cmd(store, NULL, NULL, "FLUSHALL");
}

static int64_t now_ms(void)
{
	struct vrs_err err = {0};
	int64_t now = 0;

	assert_ok(vrs_store_time_ms(store, &now, &err), &err);
	return now;
}

static void put(const char *key, const char *field, const ProtobufCMessage *msg)
{
	struct vrs_err err = {0};
	size_t n;
	void *bytes = vrs_msg_pack(msg, &n);

	assert_ok(vrs_store_cmd(store, NULL, &err, "HSET %s %s %b", key, field, bytes, n),
		  &err);
	free(bytes);
}

static void put_beat(const char *key, int64_t at_ms)
{
	Vrsas__V1__Heartbeat beat = VRSAS__V1__HEARTBEAT__INIT;
	struct vrs_err err = {0};

	beat.collector = "agent1";
	beat.at_ms = at_ms + 77;
	put(key, "@", &beat.base);
	assert_ok(vrs_store_cmd(store, NULL, &err, "HSET %s @at %lld", key,
				(long long)at_ms),
		  &err);
}

static void put_health(const char *key, const char *host, Vrsas__V1__HostState state,
		       uint32_t silent)
{
	Vrsas__V1__HostHealth h = VRSAS__V1__HOST_HEALTH__INIT;

	h.name = host;
	h.state = state;
	h.silent_samples = silent;
	h.detail = silent ? "no answer" : "";
	put(key, host, &h.base);
}

static void put_inventory(const char *host, const char *vm_id, uint64_t free_bytes)
{
	Vrsas__V1__HostInventory inv = VRSAS__V1__HOST_INVENTORY__INIT;
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT, *vms[] = {&vm};
	Vrsas__V1__Store st = VRSAS__V1__STORE__INIT, *stores[2];
	Vrsas__V1__Store root = VRSAS__V1__STORE__INIT;

	vm.id = vm_id;
	vm.name = "web1";
	vm.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	vm.vcpus = 2;
	vm.ram_bytes = 1 << 30;
	st.path = "/ds/";
	st.free_bytes = free_bytes;
	st.total_bytes = 2 * free_bytes;
	root.path = "/";
	root.free_bytes = 1;
	stores[0] = &st;
	stores[1] = &root;
	inv.host = host;
	inv.at_ms = 5;
	inv.n_vm = 1;
	inv.vm = vms;
	inv.n_store = 2;
	inv.store = stores;
	put("vrsas:v1:inv:{c1}", host, &inv.base);
}

static void put_slot(const char *cluster, const char *host, int64_t at_ms, float cpu)
{
	struct vrs_slot slot = {.cpu_ratio = cpu, .mem_ratio = 0.5f, .vcpus_used = 3};
	uint8_t bytes[VRS_SLOT_BYTES];
	char key[VRS_KEY_MAX];
	struct vrs_err err = {0};

	vrs_slot_encode(bytes, &slot);
	vrs_series_key(key, sizeof(key), cluster, host, at_ms);
	assert_ok(vrs_store_cmd(store, NULL, &err, "SETRANGE %s %lld %b", key,
				(long long)vrs_series_offset(at_ms), bytes,
				sizeof(bytes)),
		  &err);
}

static const struct fleet_load_rules rules = {.collector_late_ms = 15000,
					      .inventory_max_age_ms = 3600000};

static struct fleet *load(struct fleet_loader *l, bool fresh)
{
	struct vrs_err err = {0};
	struct fleet *w = NULL;

	assert_ok(fleet_load(l, fresh, &w, &err), &err);
	return w;
}

static void nothing_known_is_still_a_world(void **state)
{
	(void)state;
	struct fleet_loader *l = fleet_loader_new(store, &site, &rules);
	struct fleet *w = load(l, false);

	assert_int_equal(w->n_clusters, 1);
	assert_int_equal(w->n_hosts, 2);
	assert_int_equal(w->host[0].life, FLEET_UNKNOWN);
	assert_true(isnan(w->host[0].cpu_ratio));
	assert_false(w->cluster[0].collector_alive);
	assert_int_equal(w->host[0].forecast.made_at_ms, 0);
	fleet_loader_free(l);
}

static void everything_is_found_in_its_place(void **state)
{
	(void)state;
	int64_t now = now_ms();
	Vrsas__V1__HostFacts facts = VRSAS__V1__HOST_FACTS__INIT;
	Vrsas__V1__Forecast fc = VRSAS__V1__FORECAST__INIT;
	Vrsas__V1__Peak peak = VRSAS__V1__PEAK__INIT, *peaks[] = {&peak};
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(store, NULL, &err, "SADD vrsas:v1:clusters c2 c1 ../x"),
		  &err);
	facts.vcpus_total = 8;
	facts.ram_total_bytes = (uint64_t)16 << 30;
	put("vrsas:v1:host:{c1}", "h1", &facts.base);
	put("vrsas:v1:host:{c2}", "n1", &facts.base);
	put_beat("vrsas:v1:hb:{c1}", now - 1000);
	put_beat("vrsas:v1:hb:{c2}", now - 60000);
	put_health("vrsas:v1:hb:{c1}", "h1", VRSAS__V1__HOST_STATE__HOST_STATE_UP, 0);
	put_health("vrsas:v1:hb:{c1}", "h2",
		   VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE, 4);
	put_health("vrsas:v1:hb:{c2}", "n1", VRSAS__V1__HOST_STATE__HOST_STATE_UP, 0);
	put_slot("c1", "h1", now - 180000, 0.25f);
	put_slot("c1", "h1", now - 300000, 0.75f);
	put_slot("c1", "h2", now - 3600000, 0.75f); /* too old to say anything */
	fc.made_at_ms = now - 5000;
	fc.method = "lstm";
	peak.horizon_min = 240;
	peak.p50 = 0.5f;
	peak.p90 = 0.625f;
	fc.n_peak = 1;
	fc.peak = peaks;
	put("vrsas:v1:fc:{c1}", "h1", &fc.base);
	assert_ok(vrs_store_do(store, NULL,
			       (struct vrs_arg[]){VRS_ARG("HSET"),
						  VRS_ARG("vrsas:v1:fc:{c1}"),
						  {"", 0},
						  VRS_ARG("rubbish \xff")},
			       4, &err),
		  &err);
	put_inventory("h1", "vm-1", 1000);
	assert_ok(vrs_store_cmd(store, NULL, &err,
				"RPUSH vrsas:v1:rate:{c1}:{c2} 1000000-500"),
		  &err);
	assert_ok(vrs_store_do(store, NULL,
			       (struct vrs_arg[]){VRS_ARG("RPUSH"),
						  VRS_ARG("vrsas:v1:rate:{c1}:{c2}"),
						  VRS_ARG("1000000 500 1700000000000")},
			       3, &err),
		  &err);

	struct fleet_loader *l = fleet_loader_new(store, &site, &rules);
	struct fleet *w = load(l, false);
	assert_int_equal(w->n_clusters, 2);
	assert_int_equal(w->n_hosts, 3);
	const struct fleet_host *a = fleet_host(w, "c1", "h1");
	const struct fleet_host *b = fleet_host(w, "c1", "h2");
	const struct fleet_host *n = fleet_host(w, "c2", "n1");
	assert_non_null(a);
	assert_int_equal(a->life, FLEET_UP);
	assert_int_equal(a->vcpus_total, 8);
	assert_float_equal(a->cpu_ratio, 0.25, 1e-4);
	assert_true(a->sample_at_ms <= now - 120000 && a->sample_at_ms > now - 300000);
	assert_float_equal(a->forecast.peak[1].p90, 0.625, 1e-6);
	assert_true(isnan(a->forecast.peak[0].p90));
	assert_true(a->store_known);
	assert_int_equal(a->disk_free_bytes, 1000);
	assert_int_equal(a->n_vms, 1);
	assert_int_equal(b->life, FLEET_SILENT);
	assert_int_equal(b->silent_samples, 4);
	assert_true(isnan(b->cpu_ratio));
	assert_int_equal(n->life, FLEET_SILENT); /* its collector is */
	assert_null(n->site);
	assert_true(w->cluster[0].collector_alive);
	assert_string_equal(w->cluster[0].collector, "agent1");
	assert_int_equal(w->cluster[0].forecast.made_at_ms, 0);
	const struct fleet_rate *r = fleet_rate(w, "c1", "c2");
	assert_non_null(r);
	assert_int_equal(r->n, 1);
	assert_float_equal(r->bytes_per_s[0], 2e6, 1);
	fleet_loader_free(l);
}

static void an_inventory_is_read_again_when_asked_for(void **state)
{
	(void)state;
	struct fleet_loader *l = fleet_loader_new(store, &site, &rules);

	put_inventory("h1", "vm-1", 1000);
	assert_int_equal(fleet_host(load(l, false), "c1", "h1")->disk_free_bytes, 1000);
	put_inventory("h1", "vm-1", 2000);
	assert_int_equal(fleet_host(load(l, false), "c1", "h1")->disk_free_bytes, 1000);
	assert_int_equal(fleet_host(load(l, true), "c1", "h1")->disk_free_bytes, 2000);
	fleet_loader_free(l);
}

static void an_open_relocation_holds_its_room(void **state)
{
	(void)state;
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	Vrsas__V1__Disk disk = VRSAS__V1__DISK__INIT, *disks[] = {&disk};
	Vrsas__V1__TransferStatus t = VRSAS__V1__TRANSFER_STATUS__INIT;
	struct vrs_err err = {0};

	disk.allocated_bytes = 1000;
	vm.id = r.vm_id = "vm-7";
	vm.vcpus = 4;
	vm.ram_bytes = 512;
	vm.disk = disks;
	vm.n_disk = 1;
	r.vm = &vm;
	r.state = VRSAS__V1__RELOCATION_STATE__TRANSFERRING;
	r.home_cluster = "c0";
	r.home_host = "x";
	r.target_cluster = "c1";
	r.target_host = "h1";
	r.transfer_job = "job-1";
	t.bytes_done = 400;
	put("vrsas:v1:reloc:vm-7", "rec", &r.base);
	put("vrsas:v1:xfer:job-1", "rec", &t.base);
	assert_ok(vrs_store_cmd(store, NULL, &err, "SADD vrsas:v1:reloc vm-7"), &err);

	struct fleet_loader *l = fleet_loader_new(store, &site, &rules);
	struct fleet *w = load(l, false);
	const struct fleet_host *a = fleet_host(w, "c1", "h1");
	assert_float_equal(a->promise.cores, 4, 1e-9);
	assert_int_equal(a->promise.ram_bytes, 512);
	assert_int_equal(a->promise.disk_bytes, 600);
	/* the other host sees the same disks */
	assert_int_equal(fleet_host(w, "c1", "h2")->promise.disk_bytes, 600);
	assert_int_equal(fleet_queued(w, "c0", "c1"), 600);

	r.state = VRSAS__V1__RELOCATION_STATE__RUNNING_AWAY;
	r.active_cluster = "c1";
	r.active_host = "h1";
	put("vrsas:v1:reloc:vm-7", "rec", &r.base);
	w = load(l, false);
	assert_int_equal(fleet_host(w, "c1", "h1")->promise.ram_bytes, 512);
	assert_int_equal(fleet_host(w, "c1", "h1")->promise.disk_bytes, 0);
	fleet_loader_free(l);
}

static void a_store_that_is_gone_leaves_the_older_picture(void **state)
{
	(void)state;
	struct fleet_loader *l = fleet_loader_new(store, &site, &rules);
	struct fleet *w = load(l, true);
	struct vrs_err err = {0};

	redis_kill9(&redis);
	assert_true(fleet_load(l, true, &w, &err) < 0);
	assert_ptr_equal(fleet_loader_last(l), w);
	assert_int_equal(w->n_hosts, 2);
	redis_restart(&redis);
	while (fleet_load(l, true, &w, &err) < 0)
		; /* the first call after a loss tells of it */
	fleet_loader_free(l);
}

static void a_line_of_a_rate_is_checked(void **state)
{
	(void)state;
	double rate;

	assert_int_equal(fleet_rate_parse("1000 10", &rate), 0);
	assert_float_equal(rate, 100000, 1e-6);
	assert_int_equal(fleet_rate_parse("1000 10 1700000000000 x", &rate), 0);
	assert_int_equal(fleet_rate_parse("", &rate), VRS_EPARSE);
	assert_int_equal(fleet_rate_parse("1000", &rate), VRS_EPARSE);
	assert_int_equal(fleet_rate_parse("1000 0", &rate), VRS_EPARSE);
	assert_int_equal(fleet_rate_parse("-1 5", &rate), VRS_EPARSE);
	assert_int_equal(fleet_rate_parse("nan 5", &rate), VRS_EPARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_known_is_still_a_world, empty),
		cmocka_unit_test_setup(everything_is_found_in_its_place, empty),
		cmocka_unit_test_setup(an_inventory_is_read_again_when_asked_for, empty),
		cmocka_unit_test_setup(an_open_relocation_holds_its_room, empty),
		cmocka_unit_test_setup(a_store_that_is_gone_leaves_the_older_picture,
				       empty),
		cmocka_unit_test(a_line_of_a_rate_is_checked),
	};

	return cmocka_run_group_tests(tests, start_with_site, stop);
}
