/* What etl takes and what it refuses, each with its reason. */
#include "records.h"

#include <math.h>

#include "validate.h"

static const int64_t now = 1795420800000, retention = (int64_t)30 * 86400000;

static int check(const struct record *x, const struct record *table, struct vrs_err *err)
{
	int status = validate_envelope(&x->r, err);

	return status < 0 ? status
			  : validate_body(&x->r, table ? &table->hosts : NULL, now,
					  retention, err);
}

static void valid_records_are_accepted(void **state)
{
	(void)state;
	struct record table, samples;
	struct vrs_err err = {0};

	record_table(&table, 1, 1);
	assert_ok(check(&table, NULL, &err), &err);
	record_samples(&samples, 1, 2, now);
	assert_ok(check(&samples, &table, &err), &err);
	samples.cpu[3] = NAN; /* a gap */
	assert_ok(check(&samples, &table, &err), &err);
}

static void names_are_of_a_strict_charset(void **state)
{
	(void)state;
	static const char *const names[] = {"",    "a b", "../x", "{c}",
					    "a:b", "-x",  ".x",   "\xc3\xa4"};
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct record x;

		record_table(&x, 1, 1);
		x.r.cluster = names[i];
		assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
		x.r.cluster = "c1";
		x.r.collector = names[i];
		assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
		x.r.collector = "main";
		x.facts[2].name = names[i];
		assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
	}
}

static void each_invalid_batch_is_rejected_with_a_reason(void **state)
{
	(void)state;
	struct record table, x;
	struct vrs_err err = {0};

	record_table(&table, 1, 1);
#define REFUSED(change, says)                                                            \
	do {                                                                             \
		record_samples(&x, 1, 2, now);                                           \
		change;                                                                  \
		assert_fails(check(&x, &table, &err), VRS_EPARSE, &err);                 \
		if (!strstr(err.text, says))                                             \
			fail_msg("%s: %s", #change, err.text);                           \
	} while (0)
	REFUSED(x.r.epoch = 0, "epoch");
	REFUSED(x.r.seq = 0, "seq");
	REFUSED(x.r.body_case = 0, "body");
	REFUSED(x.samples.at_ms += 1, "multiple");
	REFUSED(x.samples.at_ms = -60000, "multiple");
	REFUSED(x.samples.at_ms += 3 * MINUTE_MS, "future");
	REFUSED(x.samples.at_ms -= retention + MINUTE_MS, "older");
	REFUSED(x.samples.interval_ms = 0, "interval");
	REFUSED(x.samples.interval_ms = 7000, "interval");
	REFUSED(x.samples.interval_ms = 90000, "interval");
	REFUSED(x.samples.table_version = 2, "table 2");
	REFUSED(x.samples.n_cpu_ratio--, "length");
	REFUSED(x.samples.n_mem_ratio = 0, "length");
	REFUSED(x.samples.n_state++, "length");
	REFUSED(x.samples.n_vcpus_used--, "length");
	REFUSED(x.host[7] = RECORD_HOSTS, "host");
	REFUSED(x.cpu[0] = 1.01f, "ratio");
	REFUSED(x.cpu[0] = -0.01f, "ratio");
	REFUSED(x.mem[0] = INFINITY, "ratio");
	REFUSED(x.vcpus_used[0] = 70000, "vCPUs");
	REFUSED(x.state[0] = (Vrsas__V1__HostState)-1, "state");
#undef REFUSED
	record_samples(&x, 1, 2, now);
	assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err); /* no table at all */
}

static void an_inventory_needs_ids_and_clean_text(void **state)
{
	(void)state;
	struct record x;
	Vrsas__V1__HostInventory inv = VRSAS__V1__HOST_INVENTORY__INIT;
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT, *vms[] = {&vm};
	Vrsas__V1__Disk disk = VRSAS__V1__DISK__INIT, *disks[] = {&disk};
	struct vrs_err err = {0};

	record_begin(&x, 1, 1);
	inv.host = "h1";
	inv.vm = vms;
	inv.n_vm = 1;
	vm.id = "6f3c2f9e-0000-4000-8000-000000000001";
	vm.name = "web 1 (prod)";
	vm.disk = disks;
	vm.n_disk = 1;
	disk.path = "/ds/web 1.qcow2";
	x.r.body_case = VRSAS__V1__RECORD__BODY_INVENTORY;
	x.r.inventory = &inv;
	assert_ok(check(&x, NULL, &err), &err);
	disk.path = "/ds/a\nb";
	assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
	disk.path = "/ds/a";
	vm.id = "";
	assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
	vm.id = "v";
	inv.host = "a/b";
	assert_fails(check(&x, NULL, &err), VRS_EPARSE, &err);
}

static void impossible_offers_and_exports_are_refused(void **state)
{
	(void)state;
	Vrsas__V1__Offer offer = VRSAS__V1__OFFER__INIT;
	Vrsas__V1__ExportPage page = VRSAS__V1__EXPORT_PAGE__INIT;
	struct vrs_err err = {0};

	offer.cluster = "c1";
	offer.collector = "main";
	offer.epoch = 1;
	offer.first_seq = 1;
	assert_ok(validate_offer(&offer, &err), &err); /* an empty spool */
	offer.first_seq = 3;
	offer.head_seq = 1;
	assert_fails(validate_offer(&offer, &err), VRS_EPARSE, &err);
	offer.first_seq = 0;
	assert_fails(validate_offer(&offer, &err), VRS_EPARSE, &err);

	page.cluster = "c1";
	page.to_ms = 60000;
	assert_ok(validate_export(&page, &err), &err);
	page.from_ms = 60001;
	assert_fails(validate_export(&page, &err), VRS_EPARSE, &err);
	page.from_ms = -1;
	assert_fails(validate_export(&page, &err), VRS_EPARSE, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_records_are_accepted),
		cmocka_unit_test(names_are_of_a_strict_charset),
		cmocka_unit_test(each_invalid_batch_is_rejected_with_a_reason),
		cmocka_unit_test(an_inventory_needs_ids_and_clean_text),
		cmocka_unit_test(impossible_offers_and_exports_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
