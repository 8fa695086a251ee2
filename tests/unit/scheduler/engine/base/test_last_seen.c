/* Who fell with a host, and who was shut down. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/last_seen.h"

#define ID "0b1f9c3a-1111-4222-8333-444455556666"

/* One host with one VM, as its newest inventory has it. */
struct here {
	struct fleet w;
	struct fleet_host host;
	struct fleet_vm vm;
	Vrsas__V1__VmFacts facts;
	struct last_seen ran;
};

static void begin(struct here *h)
{
	memset(h, 0, sizeof(*h));
	vrsas__v1__vm_facts__init(&h->facts);
	h->facts.id = ID;
	h->facts.protect = true;
	h->facts.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	h->vm.facts = &h->facts;
	h->host = (struct fleet_host){
		.name = "h1", .inventory_at_ms = 1000, .boot_id = "one", .n_vms = 1};
	h->w = (struct fleet){.host = &h->host, .n_hosts = 1, .vm = &h->vm, .n_vms = 1};
	assert_true(last_seen_update(&h->ran, &h->w, &h->host));
	assert_int_equal(h->ran.n, 1);
	assert_false(last_seen_update(&h->ran, &h->w, &h->host)); /* nothing new */
}

/* True when it is remembered as one that fell. */
static bool fell(struct here *h)
{
	(void)last_seen_update(&h->ran, &h->w, &h->host);
	const struct last_seen_vm *v = last_seen_find(&h->ran, ID);

	return v && last_seen_fell(v, &h->facts, h->host.boot_id);
}

static void a_vm_that_is_off_after_a_boot_fell(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	assert_false(fell(&h));
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	h.host.boot_id = "two";
	for (int i = 0; i < 3; i++) /* until somebody has seen to it */
		assert_true(fell(&h));
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	assert_false(fell(&h));
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF; /* shut down, in that boot */
	assert_false(fell(&h));
	assert_int_equal(h.ran.n, 0);
	last_seen_fini(&h.ran);
}

static void a_vm_that_its_owner_shut_down_did_not_fall(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	assert_false(fell(&h));
	h.host.boot_id = "two"; /* nor does it when its host is booted later */
	assert_false(fell(&h));
	h.facts.unexplained = true;
	assert_false(fell(&h));
	last_seen_fini(&h.ran);
}

static void where_boots_are_not_known_the_hypervisor_is_believed(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	h.facts.unexplained = true;
	assert_true(fell(&h));
	last_seen_fini(&h.ran);
	begin(&h);
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_CRASHED;
	assert_true(fell(&h));
	last_seen_fini(&h.ran);
	begin(&h);
	h.facts.state = VRSAS__V1__VM_STATE__VM_STATE_OFF;
	h.host.boot_id = ""; /* not told any more: it says nothing */
	assert_false(fell(&h));
	last_seen_fini(&h.ran);
}

static void only_what_is_protected_and_listed_is_remembered(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.facts.protect = false;
	assert_true(last_seen_update(&h.ran, &h.w, &h.host));
	assert_int_equal(h.ran.n, 0);
	last_seen_fini(&h.ran);
	begin(&h);
	h.host.n_vms = 0; /* its cluster moved it away */
	assert_true(last_seen_update(&h.ran, &h.w, &h.host));
	assert_int_equal(h.ran.n, 0);
	last_seen_fini(&h.ran);
	begin(&h);
	h.host.inventory_at_ms = 0; /* nobody has said anything */
	h.host.n_vms = 0;
	assert_false(last_seen_update(&h.ran, &h.w, &h.host));
	assert_int_equal(h.ran.n, 1);
	last_seen_fini(&h.ran);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vm_that_is_off_after_a_boot_fell),
		cmocka_unit_test(a_vm_that_its_owner_shut_down_did_not_fall),
		cmocka_unit_test(where_boots_are_not_known_the_hypervisor_is_believed),
		cmocka_unit_test(only_what_is_protected_and_listed_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
