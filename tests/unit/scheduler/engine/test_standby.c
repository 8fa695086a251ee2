/* A scheduler on standby shows what the active one has decided, and who that is. */
#include "redis_group.h"
#include "scheduler_rules.h"

#include "engine/base/state.h"
#include "engine/parts.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

struct here {
	struct vrs_svc svc;
	struct engine e;
};

static void begin(struct here *h, const char *instance)
{
	*h = (struct here){.svc = {.name = "scheduler", .store = store}};
	h->e = (struct engine){.svc = &h->svc};
	h->e.conf.rules = reloc_defaults;
	h->e.lease = (struct record_lease){.instance = instance, .lease_ms = 60000};
}

static void activate(struct here *h)
{
	struct vrs_err err = {0};

	assert_ok(record_lease_renew(store, &h->e.lease, true, &err), &err);
	h->e.loaded = true;
	h->e.lease_until_mono_ms = vrs_now_mono_ms() + 60000;
}

static void forget(struct here *h)
{
	for (size_t i = 0; i < h->e.n_entries; i++) {
		vrsas__v1__relocation__free_unpacked(h->e.entry[i]->msg, NULL);
		free(h->e.entry[i]);
	}
	free(h->e.entry);
}

static void happens(struct here *h, struct entry *en, enum reloc_event_kind kind)
{
	struct reloc_event ev = {.kind = kind, .place = {"c1", "h1"}, .text = "silent"};

	assert_true(engine_feed(&h->e, en, &ev, NULL));
}

static void standby_reads_what_the_active_one_writes(void **state)
{
	(void)state;
	const struct reloc_place home = {"c1", "h1"};
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	struct vrs_err err = {0};
	struct here active, standby;

	vm.id = vm.name = "vm-1";
	begin(&standby, "manager-2");
	assert_ok(engine_refresh(&standby.e, &err), &err);
	assert_string_equal(engine_active_name(&standby.e), ""); /* nobody is */
	begin(&active, "manager-1");
	activate(&active);
	struct entry *en = engine_entry_new(&active.e, &vm, &home);

	happens(&active, en, RELOC_HOST_SUSPECT);
	assert_ok(engine_refresh(&standby.e, &err), &err);
	assert_string_equal(engine_active_name(&standby.e), "manager-1");
	assert_int_equal(engine_find(&standby.e, "vm-1")->state, RELOC_SUSPECT);
	happens(&active, en, RELOC_HOST_DOWN);
	assert_ok(engine_refresh(&standby.e, &err), &err);
	assert_int_equal(engine_find(&standby.e, "vm-1")->state, RELOC_DOWN_LIKELY);
	assert_false(engine_active(&standby.e));

	struct engine_answer answer;
	Vrsas__V1__RelocateOrder order = VRSAS__V1__RELOCATE_ORDER__INIT;
	order.vm = "vm-1";
	order.to_cluster = "c2";
	engine_relocate(&standby.e, &order, "alice", &answer);
	assert_int_equal(answer.code, VRSAS__V1__CONTROL_CODE__CONTROL_UNREACHABLE);
	assert_non_null(strstr(answer.error, "manager-1 is the active one"));
	forget(&active);
	forget(&standby);
}

/* What the active one knows is newer than anything in Redis can be. */
static void the_active_one_does_not_read_its_own_words(void **state)
{
	(void)state;
	const struct reloc_place home = {"c1", "h1"};
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	struct vrs_err err = {0};
	struct here active;

	vm.id = vm.name = "vm-2";
	begin(&active, "manager-1");
	activate(&active);
	struct entry *en = engine_entry_new(&active.e, &vm, &home);
	assert_ok(engine_refresh(&active.e, &err), &err);
	assert_ptr_equal(engine_entry(&active.e, "vm-2"), en);
	assert_string_equal(engine_active_name(&active.e), "manager-1");
	forget(&active);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standby_reads_what_the_active_one_writes),
		cmocka_unit_test(the_active_one_does_not_read_its_own_words),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
