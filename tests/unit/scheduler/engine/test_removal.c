/* Which disks may be removed: only those that nothing that is known needs. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/state.h"
#include "engine/parts.h"
#include "vrs/mem.h"

#define ID "0b1f9c3a-1111-4222-8333-444455556666"

/* A VM that is home again and left disks in c2. */
struct here {
	struct engine e;
	struct entry en, *list[1];
	Vrsas__V1__Relocation msg;
	Vrsas__V1__Copy copy[2], *copies[2];
	Vrsas__V1__PlacedDisk disk[2], *disks[2];
	struct fleet w;
	struct fleet_cluster cluster;
	struct fleet_host host;
	struct fleet_vm vm;
	Vrsas__V1__VmFacts facts;
	Vrsas__V1__Disk named, *named_list[1];
};

static void begin(struct here *h)
{
	static const char *const at[2][2] = {{"c1", "h1"}, {"c2", "a1"}};
	static const char *const path[2] = {"/ds/web1.qcow2",
					    "/img/web1-0b1f9c3a-r12-0.qcow2"};
	struct reloc *r;

	memset(h, 0, sizeof(*h));
	h->list[0] = &h->en;
	h->e.entry = h->list;
	h->e.n_entries = 1;
	vrsas__v1__relocation__init(&h->msg);
	r = &h->en.r;
	r->n_copies = 2;
	r->target = r->unsure = -1;
	r->state = RELOC_PROTECTED;
	r->fb_alive_ms = 1000;
	(void)vrs_strcpy(r->vm_id, sizeof(r->vm_id), ID);
	for (int i = 0; i < 2; i++) {
		vrsas__v1__placed_disk__init(&h->disk[i]);
		h->disk[i].path = path[i];
		h->disks[i] = &h->disk[i];
		vrsas__v1__copy__init(&h->copy[i]);
		h->copy[i].cluster = at[i][0];
		h->copy[i].host = at[i][1];
		h->copy[i].n_disk = 1;
		h->copy[i].disk = &h->disks[i];
		h->copies[i] = &h->copy[i];
		(void)vrs_strcpy(r->copy[i].place.cluster, 65, at[i][0]);
		(void)vrs_strcpy(r->copy[i].place.host, 65, at[i][1]);
		r->copy[i].disks = true;
	}
	r->copy[1].remove = true;
	r->copy[1].proof = RELOC_F3_ATTESTED;
	r->copy[1].proof_at_ms = 2000;
	h->msg.n_copy = 2;
	h->msg.copy = h->copies;
	h->en.msg = &h->msg;

	h->cluster = (struct fleet_cluster){
		.name = "c2", .collector_alive = true, .n_hosts = 1};
	h->host = (struct fleet_host){.name = "a1", .inventory_at_ms = 3000};
	vrsas__v1__vm_facts__init(&h->facts);
	vrsas__v1__disk__init(&h->named);
	h->facts.id = "another";
	h->named.path = "/img/another.qcow2";
	h->named_list[0] = &h->named;
	h->facts.disk = h->named_list;
	h->facts.n_disk = 1;
	h->vm.facts = &h->facts;
	h->host.n_vms = 1;
	h->w = (struct fleet){.cluster = &h->cluster,
			      .n_clusters = 1,
			      .host = &h->host,
			      .n_hosts = 1,
			      .vm = &h->vm,
			      .n_vms = 1};
}

static bool may(struct here *h, uint32_t copy)
{
	const char *why;
	bool yes = engine_may_remove(&h->e, &h->w, &h->en, copy, &why);

	assert_true(yes || why);
	return yes;
}

static void disks_that_nothing_needs_may_go(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	assert_true(may(&h, 1));
}

static void what_a_definition_names_stays(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.named.path = h.disk[1].path; /* whoever it is, on whatever host */
	assert_false(may(&h, 1));
}

static void what_a_record_needs_stays(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.en.r.copy[1].remove = false;
	assert_false(may(&h, 1));
	h.en.r.copy[1].remove = true;
	h.en.r.copy[0].remove = true; /* however it came to be */
	assert_false(may(&h, 0));
	begin(&h);
	h.en.r.good = 1;
	assert_false(may(&h, 1));
	begin(&h);
	h.copy[0].cluster = "c2";
	h.disk[0].path = h.disk[1].path;
	(void)vrs_strcpy(h.en.r.copy[0].place.cluster, 65, "c2");
	assert_false(may(&h, 1));
}

static void a_name_that_we_did_not_give_stays(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.disk[1].path = "/img/web1.qcow2";
	assert_false(may(&h, 1));
}

static void an_inventory_from_before_says_nothing(void **state)
{
	(void)state;
	struct here h;

	begin(&h);
	h.host.inventory_at_ms = 1999;
	assert_false(may(&h, 1));
	begin(&h);
	h.cluster.collector_alive = false;
	assert_false(may(&h, 1));
}

/* The next time it goes there, the seed is built upon. */
static void a_seed_is_the_base_of_the_next_copy(void **state)
{
	(void)state;
	struct here h;
	struct vrs_site site = {0};
	size_t n;

	begin(&h);
	h.e.site = &site;
	h.disk[0].format = h.disk[1].format = "qcow2";
	h.disk[0].virtual_bytes = h.disk[1].virtual_bytes = 1 << 20;
	h.disk[1].content_hash = "abcd";
	h.en.r.copy[1].remove = false;
	h.en.r.copy[1].seed = true;
	Vrsas__V1__PlacedDisk **list = engine_place_disks(&h.e, &h.en.r, &h.msg, 1, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list[0]->path, h.disk[1].path);
	assert_string_equal(list[0]->content_hash, "abcd");
	engine_disks_free(list, n);

	h.disk[0].virtual_bytes = 2 << 20; /* it has grown meanwhile */
	list = engine_place_disks(&h.e, &h.en.r, &h.msg, 1, &n);
	assert_string_not_equal(list[0]->path, h.disk[1].path);
	assert_string_equal(list[0]->content_hash, "");
	engine_disks_free(list, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disks_that_nothing_needs_may_go),
		cmocka_unit_test(what_a_definition_names_stays),
		cmocka_unit_test(what_a_record_needs_stays),
		cmocka_unit_test(a_name_that_we_did_not_give_stays),
		cmocka_unit_test(an_inventory_from_before_says_nothing),
		cmocka_unit_test(a_seed_is_the_base_of_the_next_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
