/* Records between memory, message and Redis. */
#include "redis_group.h"

#include "machine/records.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

/* --- memory and message --- */

static void text(char *buf, size_t size, const char *what)
{
	(void)vrs_strcpy(buf, size, what);
}

/* Every member has a value of its own, so that none can be taken for another. */
static struct reloc full(void)
{
	const struct reloc_place home = {"c1", "h1"};
	struct reloc r;
	int64_t *moment[] = {&r.since_ms,        &r.deadline_ms,  &r.silent_since_ms,
			     &r.detected_ms,     &r.fenced_ms,    &r.decided_ms,
			     &r.copy_started_ms, &r.copied_ms,    &r.granted_ms,
			     &r.alive_ms,        &r.host_back_ms, &r.fb_stopped_ms,
			     &r.fb_alive_ms,     &r.paged_ms,     &r.predicted_outage_ms};

	reloc_init(&r, "vm-1", "web1", &home);
	for (size_t i = 0; i < sizeof(moment) / sizeof(moment[0]); i++)
		*moment[i] = 1000 + (int64_t)i;
	text(r.id, sizeof(r.id), "web1-2");
	r.state = RELOC_HOLD_OPERATOR;
	r.resume = RELOC_PROTECTED;
	r.epoch = 7;
	r.op = 19;
	for (uint32_t i = 1; i < 4; i++) {
		struct reloc_copy *c = &r.copy[r.n_copies++];

		(void)snprintf(c->place.cluster, sizeof(c->place.cluster), "c%u", i + 1);
		text(c->place.host, sizeof(c->place.host), "a1");
		c->epoch = i;
		c->defined = i == 1;
		c->disks = i == 2;
		c->shared = i == 3;
		c->alive = i == 1;
		c->seen_running = i == 2;
		c->stranger = i == 3;
		c->remove = i == 1;
		c->seed = i == 2;
		c->proof = (enum reloc_proof)(RELOC_F1_POWER_OFF + (i == 2));
		c->proof_at_ms = 500 + i;
		text(c->proof_by, sizeof(c->proof_by), "ipmi");
		text(c->proof_text, sizeof(c->proof_text), "reads off");
	}
	r.active = 1;
	r.good = 2;
	r.target = 3;
	r.unsure = 1;
	r.hold = RELOC_NEEDS_CHOICE;
	text(r.hold_reason, sizeof(r.hold_reason), "nowhere to go");
	text(r.fence_error, sizeof(r.fence_error), "no");
	text(r.why, sizeof(r.why), "because");
	r.job = 4;
	r.token = 5;
	r.progress = 6;
	r.bytes_moved = 8;
	r.fb_bytes_moved = 9;
	r.starts = 1;
	r.decisions = 2;
	r.n_tried = 1;
	text(r.tried[0].cluster, sizeof(r.tried[0].cluster), "c9");
	text(r.tried[0].host, sizeof(r.tried[0].host), "z1");
	text(r.pinned, sizeof(r.pinned), "c3");
	return r;
}

static struct reloc there_and_back(const struct reloc *r)
{
	const struct record_load load = {.owner_token = 3};
	struct vrs_err err = {0};
	struct reloc back;
	Vrsas__V1__Relocation *m = record_message(r, NULL, &load);

	assert_non_null(m);
	assert_ok(record_machine(m, &back, &err), &err);
	vrsas__v1__relocation__free_unpacked(m, NULL);
	return back;
}

/* The machine's whole memory survives: what is forgotten here is forgotten by a scheduler
 * that is killed. */
static void nothing_of_the_machine_is_forgotten(void **state)
{
	(void)state;
	struct reloc r = full();
	bool *flag[] = {
		&r.planned,        &r.readable,           &r.copied, &r.started,
		&r.maybe_ran,      &r.good_failed,        &r.local,  &r.cancelled,
		&r.failback_asked, &r.auto_failback_held, &r.moving, &r.home_unclear};
	struct reloc back = there_and_back(&r);

	assert_memory_equal(&back, &r, sizeof(r));
	r.granted_seen = RELOC_NOT_ASKED;
	assert_int_equal(there_and_back(&r).granted_seen, RELOC_NOT_ASKED);
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
		*flag[i] = true;
		back = there_and_back(&r);
		assert_memory_equal(&back, &r, sizeof(r));
		*flag[i] = false;
	}
}

static void what_load_leaves_open_comes_from_before(void **state)
{
	(void)state;
	struct reloc r = full();
	Vrsas__V1__VmFacts vm = VRSAS__V1__VM_FACTS__INIT;
	Vrsas__V1__Disk disk = VRSAS__V1__DISK__INIT, *disks[] = {&disk};
	Vrsas__V1__PlacedDisk placed = VRSAS__V1__PLACED_DISK__INIT, *list[] = {&placed};
	struct record_load load = {.vm = &vm};

	vm.id = "vm-1";
	vm.name = "web1";
	vm.disk = disks;
	vm.n_disk = 1;
	disk.path = "/ds/web1.raw";
	placed.path = "/img/web1-vm-1-r4-0.raw";
	load.disk[3] = list;
	load.n_disks[3] = 1;
	Vrsas__V1__Relocation *first = record_message(&r, NULL, &load);
	assert_string_equal(first->copy[0]->disk[0]->path, "/ds/web1.raw");
	assert_string_equal(first->copy[3]->disk[0]->path, placed.path);
	load = (struct record_load){.owner_token = 4};
	Vrsas__V1__Relocation *second = record_message(&r, first, &load);
	assert_string_equal(second->vm->name, "web1");
	assert_string_equal(second->copy[0]->disk[0]->path, "/ds/web1.raw");
	assert_string_equal(second->copy[3]->disk[0]->path, placed.path);
	assert_string_equal(second->home_disk[0]->path, "/ds/web1.raw");
	/* disks belong to a place: another order of the copies takes them along */
	struct reloc_copy c = r.copy[3];
	r.copy[3] = r.copy[1];
	r.copy[1] = c;
	Vrsas__V1__Relocation *third = record_message(&r, second, &load);
	assert_string_equal(third->copy[1]->disk[0]->path, placed.path);
	assert_int_equal(third->copy[3]->n_disk, 0);
	vrsas__v1__relocation__free_unpacked(first, NULL);
	vrsas__v1__relocation__free_unpacked(second, NULL);
	vrsas__v1__relocation__free_unpacked(third, NULL);
}

static void a_record_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	const struct reloc r = full();
	const struct record_load load = {0};

	for (int i = 0; i < 11; i++) {
		Vrsas__V1__Relocation *good = record_message(&r, NULL, &load);
		Vrsas__V1__Relocation m = *good;
		struct reloc back = {.epoch = 99};
		struct vrs_err err = {0};

		switch (i) {
		case 0:
			m.vm_id = "";
			break;
		case 1:
			m.n_copy = 0;
			break;
		case 2:
			m.active_copy = 4;
			break;
		case 3:
			m.good_copy = 4;
			break;
		case 4:
			m.target_copy = 4;
			break;
		case 5:
			m.target_copy = -2;
			break;
		case 6:
			m.unsure_copy = 4;
			break;
		case 7:
			m.state = (Vrsas__V1__RelocationState)RELOC_N_STATES;
			break;
		case 8:
			m.state = (Vrsas__V1__RelocationState)0;
			break;
		case 9:
			m.resume_state = RELOC_N_STATES;
			break;
		default:
			m.hold = RELOC_NEEDS_STOP + 1;
			break;
		}
		assert_fails(record_machine(&m, &back, &err), VRS_EPARSE, &err);
		assert_int_equal(back.epoch, 99);
		vrsas__v1__relocation__free_unpacked(good, NULL);
	}
}

/* --- Redis --- */

static struct record_lease lease = {.instance = "one", .lease_ms = 60000};

static void take_lease(void)
{
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(store, NULL, &err, "DEL " VRS_KEY "lease:scheduler"),
		  &err);
	lease.token = 0;
	assert_ok(record_lease_renew(store, &lease, true, &err), &err);
}

static int save(const struct record_lease *by, const struct reloc *from,
		const struct reloc *to, struct vrs_err *err)
{
	const struct record_load load = {.owner_token = by->token};
	Vrsas__V1__Relocation *m = record_message(to, NULL, &load);
	int status = record_save(store, by, from, m, true, err);

	vrsas__v1__relocation__free_unpacked(m, NULL);
	return status;
}

static struct reloc fresh(const char *vm)
{
	const struct reloc_place home = {"c1", "h1"};
	struct reloc r;

	reloc_init(&r, vm, vm, &home);
	text(r.why, sizeof(r.why), "new");
	return r;
}

static uint64_t stored_op(const char *vm)
{
	Vrsas__V1__Relocation *m = NULL;
	struct vrs_err err = {0};

	assert_ok(record_read(store, vm, &m, &err), &err);
	uint64_t op = m->op;
	vrsas__v1__relocation__free_unpacked(m, NULL);
	return op;
}

static void a_change_is_taken_only_from_where_it_started(void **state)
{
	(void)state;
	struct reloc first = fresh("vm-2"), second = first, third = first;
	struct vrs_err err = {0};

	take_lease();
	assert_ok(save(&lease, NULL, &first, &err), &err);
	assert_fails(save(&lease, NULL, &first, &err), VRS_ECONFLICT, &err); /* exists */
	second.op = 2;
	second.state = RELOC_SUSPECT;
	assert_ok(save(&lease, &first, &second, &err), &err);
	third.op = 3;
	assert_fails(save(&lease, &first, &third, &err), VRS_ECONFLICT, &err);
	assert_int_equal(stored_op("vm-2"), 2);
	third.epoch = 0; /* nor does an epoch ever fall */
	assert_fails(save(&lease, &second, &third, &err), VRS_ECONFLICT, &err);
	assert_int_equal(stored_op("vm-2"), 2);
}

static void without_the_lease_nothing_is_changed(void **state)
{
	(void)state;
	struct reloc r = fresh("vm-3");
	struct record_lease old, other = {.instance = "two", .lease_ms = 60000};
	struct vrs_err err = {0};
	Vrsas__V1__Relocation *m = NULL;
	char name[64];

	take_lease();
	assert_fails(record_lease_renew(store, &other, true, &err), VRS_EDENIED, &err);
	assert_non_null(strstr(err.text, "one"));
	assert_int_equal(other.token, 0);
	assert_ok(record_lease_holder(store, name, sizeof(name), &err), &err);
	assert_string_equal(name, "one");

	old = lease;
	record_lease_release(store, &lease);
	assert_ok(record_lease_holder(store, name, sizeof(name), &err), &err);
	assert_string_equal(name, "");
	assert_ok(record_lease_renew(store, &other, false, &err), &err);
	assert_true(other.token > old.token); /* it only rises */
	assert_fails(save(&old, NULL, &r, &err), VRS_EDENIED, &err);
	assert_fails(record_read(store, "vm-3", &m, &err), VRS_ENOENT, &err);
	record_lease_release(store, &old); /* not ours any more: it stays */
	assert_ok(save(&other, NULL, &r, &err), &err);
	record_lease_release(store, &other);
}

static void a_restart_takes_its_own_lease_back_at_once(void **state)
{
	(void)state;
	struct record_lease again = {.instance = "one", .lease_ms = 60000};
	struct vrs_err err = {0};

	take_lease();
	assert_fails(record_lease_renew(store, &again, false, &err), VRS_EDENIED, &err);
	assert_ok(record_lease_renew(store, &again, true, &err), &err);
	assert_true(again.token > lease.token);
	uint64_t token = again.token;
	assert_ok(record_lease_renew(store, &again, false, &err), &err);
	assert_int_equal(again.token, token); /* renewed, not taken anew */
	assert_fails(record_lease_renew(store, &lease, false, &err), VRS_EDENIED, &err);
}

static void the_journal_tells_every_change_in_order(void **state)
{
	(void)state;
	struct reloc a = fresh("vm-4"), b = a, c;
	struct record_journal journal;
	struct vrs_err err = {0};

	take_lease();
	assert_ok(save(&lease, NULL, &a, &err), &err);
	b.op = 2;
	b.state = RELOC_SUSPECT;
	text(b.why, sizeof(b.why), "silent; two lines\nof it");
	assert_ok(save(&lease, &a, &b, &err), &err);
	c = b;
	c.op = 3;
	c.epoch = 2;
	c.state = RELOC_DOWN_LIKELY;
	assert_ok(save(&lease, &b, &c, &err), &err);
	assert_ok(record_journal(store, "vm-4", 2, &journal, &err), &err);
	assert_int_equal(journal.n, 2); /* the newest two, oldest first */
	assert_int_equal(journal.entry[0]->from, RELOC_PROTECTED);
	assert_int_equal(journal.entry[0]->to, RELOC_SUSPECT);
	assert_string_equal(journal.entry[0]->why, b.why);
	assert_string_equal(journal.entry[0]->by, "one");
	assert_int_equal(journal.entry[1]->to, RELOC_DOWN_LIKELY);
	assert_int_equal(journal.entry[1]->epoch, 2);
	assert_true(journal.entry[1]->at_ms > 0);
	record_journal_free(&journal);
	assert_ok(record_journal(store, "nobody", 5, &journal, &err), &err);
	assert_int_equal(journal.n, 0);
	record_journal_free(&journal);
}

static void what_is_no_record_is_not_read_as_one(void **state)
{
	(void)state;
	Vrsas__V1__Relocation *m = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(store, NULL, &err,
				"HSET " VRS_KEY "reloc:vm-5 rec nonsense"),
		  &err);
	assert_fails(record_read(store, "vm-5", &m, &err), VRS_EPARSE, &err);
	assert_null(m);
}

static void all_who_have_a_record_are_listed(void **state)
{
	(void)state;
	struct reloc r = fresh("vm-6");
	struct vrs_err err = {0};
	char **ids = NULL;
	bool found = false;
	size_t n = 0;

	take_lease();
	assert_ok(save(&lease, NULL, &r, &err), &err);
	assert_ok(record_list(store, &ids, &n, &err), &err);
	for (size_t i = 0; i < n; i++) {
		found |= strcmp(ids[i], "vm-6") == 0;
		free(ids[i]);
	}
	free(ids);
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_the_machine_is_forgotten),
		cmocka_unit_test(what_load_leaves_open_comes_from_before),
		cmocka_unit_test(a_record_that_makes_no_sense_is_refused),
		cmocka_unit_test(a_change_is_taken_only_from_where_it_started),
		cmocka_unit_test(without_the_lease_nothing_is_changed),
		cmocka_unit_test(a_restart_takes_its_own_lease_back_at_once),
		cmocka_unit_test(the_journal_tells_every_change_in_order),
		cmocka_unit_test(what_is_no_record_is_not_read_as_one),
		cmocka_unit_test(all_who_have_a_record_are_listed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
