/* What a person said of a host outlives the scheduler that heard it. */
#include "redis_group.h"
#include "scheduler_rules.h"

#include "engine/base/state.h"
#include "engine/watch/watch.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

/* A scheduler with one host, freshly started. */
struct here {
	struct vrs_svc svc;
	struct vrs_site_host site;
	struct host host;
	struct engine e;
};

static char cluster[] = "c1", name[] = "h1";

static void begin(struct here *h)
{
	struct vrs_err err = {0};

	*h = (struct here){.svc = {.name = "scheduler", .store = store}};
	h->site = (struct vrs_site_host){.cluster = cluster, .name = name};
	h->host.site = &h->site;
	(void)vrs_strcpy(h->host.cluster, sizeof(h->host.cluster), "c1");
	(void)vrs_strcpy(h->host.name, sizeof(h->host.name), "h1");
	h->e = (struct engine){.svc = &h->svc, .host = &h->host, .n_hosts = 1};
	h->e.conf.rules = reloc_defaults;
	h->e.lease = (struct record_lease){.instance = "one", .lease_ms = 60000};
	assert_ok(record_lease_renew(store, &h->e.lease, true, &err), &err);
	h->e.loaded = true;
	h->e.lease_until_mono_ms = vrs_now_mono_ms() + 60000;
	assert_ok(operator_claims_load(&h->e, &err), &err);
}

static void say(struct here *h, bool off)
{
	struct vrs_err err = {0};

	Vrsas__V1__FailOrder order = VRSAS__V1__FAIL_ORDER__INIT;
	order.confirm_off = off;
	order.reason = "seen dark";
	assert_ok(operator_claim_put(&h->e, &h->host, &order, "alice", &err), &err);
}

static void a_claim_survives_a_restart(void **state)
{
	(void)state;
	struct here first, second;

	begin(&first);
	assert_int_equal(first.host.claim.kind, DETECTOR_NO_CLAIM);
	say(&first, true);
	begin(&second);
	assert_int_equal(second.host.claim.kind, DETECTOR_CLAIM_OFF);
	assert_string_equal(second.host.claim.by, "alice");
	assert_string_equal(second.host.claim.reason, "seen dark");
	assert_int_equal(second.host.claim.at_ms, first.host.claim.at_ms);
}

static void a_withdrawn_claim_is_gone(void **state)
{
	(void)state;
	struct here first, second;
	struct vrs_err err = {0};

	begin(&first);
	say(&first, false);
	assert_ok(operator_claim_drop(&first.e, &first.host, &err), &err);
	assert_int_equal(first.host.claim.kind, DETECTOR_NO_CLAIM);
	begin(&second);
	assert_int_equal(second.host.claim.kind, DETECTOR_NO_CLAIM);
}

static void a_claim_that_has_served_its_purpose_is_dropped(void **state)
{
	(void)state;
	struct here first, second;
	struct fleet w = {0};

	begin(&first);
	say(&first, true);
	first.host.claim.kind = DETECTOR_NO_CLAIM; /* the host's death is proven by now */
	operator_claims_watch(&first.e, &w);
	begin(&second);
	assert_int_equal(second.host.claim.kind, DETECTOR_NO_CLAIM);
}

static void a_host_that_goes_on_answering_refutes_it(void **state)
{
	(void)state;
	struct here h;
	struct fleet w = {0};

	begin(&h);
	say(&h, false);
	h.host.memory.answers_since_ms = 1;
	operator_claims_watch(&h.e, &w);
	assert_int_equal(h.host.claim.kind, DETECTOR_CLAIM_DEAD);
	h.host.claim.at_ms -= 3600000;
	operator_claims_watch(&h.e, &w);
	assert_int_equal(h.host.claim.kind, DETECTOR_NO_CLAIM);
	begin(&h);
	assert_int_equal(h.host.claim.kind, DETECTOR_NO_CLAIM);
}

/* The scheduler died after the claim was durable and before it was applied. */
static void who_had_not_heard_it_hears_it_after_the_restart(void **state)
{
	(void)state;
	const struct reloc_place home = {"c1", "h1"};
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	struct here first, h;
	struct fleet w = {0};

	vm.id = vm.name = "vm-1";
	begin(&first);
	say(&first, true);
	begin(&h);
	struct entry *en = engine_entry_new(&h.e, &vm, &home);
	operator_claims_watch(&h.e, &w);
	assert_int_equal(en->r.state, RELOC_PROTECTED); /* only the claim says so */
	h.host.memory.verdict = DETECTOR_DOWN_LIKELY;
	operator_claims_watch(&h.e, &w);
	assert_int_equal(en->r.state, RELOC_DOWN_LIKELY);
	assert_int_equal(en->r.copy[0].proof, RELOC_F5_OPERATOR);
	assert_string_equal(en->r.copy[0].proof_by, "alice");
	vrsas__v1__relocation__free_unpacked(en->msg, NULL);
	free(en);
	free(h.e.entry);
}

static void what_cannot_be_made_durable_does_not_count(void **state)
{
	(void)state;
	struct here h;
	struct vrs_err err = {0};

	begin(&h);
	assert_ok(operator_claim_drop(&h.e, &h.host, &err), &err);
	redis_kill9(&redis);
	Vrsas__V1__FailOrder order = VRSAS__V1__FAIL_ORDER__INIT;
	order.confirm_off = true;
	order.reason = "dark";
	assert_true(operator_claim_put(&h.e, &h.host, &order, "alice", &err) < 0);
	assert_int_equal(h.host.claim.kind, DETECTOR_NO_CLAIM);
	redis_restart(&redis);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_survives_a_restart),
		cmocka_unit_test(a_withdrawn_claim_is_gone),
		cmocka_unit_test(a_claim_that_has_served_its_purpose_is_dropped),
		cmocka_unit_test(a_host_that_goes_on_answering_refutes_it),
		cmocka_unit_test(who_had_not_heard_it_hears_it_after_the_restart),
		cmocka_unit_test(what_cannot_be_made_durable_does_not_count),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
