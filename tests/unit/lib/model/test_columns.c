/* Columns of clusters, hosts and VMs: they exist, and their values come out of messages.
 */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include "vrs/columns.h"
#include "vrsas/v1/control.pb-c.h"

static bool exists(const ProtobufCMessageDescriptor *d, const char *path)
{
	for (;;) {
		char name[64] = {0};
		size_t n = strcspn(path, ".");

		assert_true(n < sizeof(name));
		memcpy(name, path, n);
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field_by_name(d, name);
		if (!f || path[n] == '\0')
			return f && f->type != PROTOBUF_C_TYPE_MESSAGE;
		d = f->descriptor;
		path += n + 1;
	}
}

static void every_column_is_a_field_of_its_view(void **state)
{
	(void)state;
	const struct vrs_columns *const all[] = {&vrs_columns_cluster, &vrs_columns_host,
						 &vrs_columns_vm};

	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < all[k]->n; i++) {
			const struct vrs_column *c = &all[k]->column[i];

			if (!exists(all[k]->row, c->field) ||
			    (c->second && !exists(all[k]->row, c->second)))
				fail_msg("%s has no %s, %s", all[k]->name, c->field,
					 c->second ? c->second : "");
			assert_true(c->heading || c->title);
		}
}

static struct vrs_column_value value(const struct vrs_columns *all, const char *heading,
				     const ProtobufCMessage *row)
{
	struct vrs_column_value v;

	for (size_t i = 0; i < all->n; i++)
		if (all->column[i].heading &&
		    strcmp(all->column[i].heading, heading) == 0) {
			vrs_column_read(&all->column[i], row, &v);
			return v;
		}
	fail_msg("no column %s", heading);
	return v;
}

static void values_and_tones_come_from_the_message(void **state)
{
	(void)state;
	Vrsas__V1__HostView h = VRSAS__V1__HOST_VIEW__INIT;
	Vrsas__V1__ClusterView c = VRSAS__V1__CLUSTER_VIEW__INIT;

	h.name = "h1";
	h.state = "silent";
	h.vcpus_used = 3;
	h.vcpus_total = 8;
	h.cpu_ratio = 0.5;
	assert_string_equal(value(&vrs_columns_host, "HOST", &h.base).text, "h1");
	assert_int_equal(value(&vrs_columns_host, "HOST", &h.base).tone, VRS_TONE_NAME);
	assert_int_equal(value(&vrs_columns_host, "STATE", &h.base).tone, VRS_TONE_BAD);
	assert_int_equal(value(&vrs_columns_host, ">VCPUS", &h.base).count, 3);
	assert_int_equal(value(&vrs_columns_host, ">VCPUS", &h.base).of, 8);
	assert_float_equal(value(&vrs_columns_host, ">CPU", &h.base).ratio, 0.5, 0);
	c.hosts = 3;
	c.hosts_up = 2;
	assert_int_equal(value(&vrs_columns_cluster, ">HOSTS UP", &c.base).tone,
			 VRS_TONE_BAD);
	c.hosts_up = 3;
	assert_int_equal(value(&vrs_columns_cluster, ">HOSTS UP", &c.base).tone,
			 VRS_TONE_PLAIN);
}

static void a_column_reaches_into_messages_and_adds_up_lists(void **state)
{
	(void)state;
	Vrsas__V1__VmView v = VRSAS__V1__VM_VIEW__INIT;
	Vrsas__V1__VmFacts f = VRSAS__V1__VM_FACTS__INIT;
	Vrsas__V1__Disk d[2] = {VRSAS__V1__DISK__INIT, VRSAS__V1__DISK__INIT};
	Vrsas__V1__Disk *disks[] = {&d[0], &d[1]};

	assert_string_equal(value(&vrs_columns_vm, "VM", &v.base).text, "");
	v.facts = &f;
	f.state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	f.readable_without_host = VRSAS__V1__ANSWER__ANSWER_YES;
	f.n_disk = 2;
	f.disk = disks;
	d[0].virtual_bytes = 10;
	d[1].virtual_bytes = 32;
	assert_int_equal(value(&vrs_columns_vm, ">DISK", &v.base).count, 42);
	assert_string_equal(value(&vrs_columns_vm, "STATE", &v.base).text, "RUNNING");
	assert_int_equal(value(&vrs_columns_vm, "STATE", &v.base).tone, VRS_TONE_GOOD);
	assert_string_equal(value(&vrs_columns_vm, "PROTECT", &v.base).text, "no");
	assert_int_equal(value(&vrs_columns_vm, "PROTECT", &v.base).tone, VRS_TONE_DIM);
	assert_string_equal(value(&vrs_columns_vm, "READABLE", &v.base).text, "yes");
	assert_string_equal(value(&vrs_columns_vm, "RELOCATION", &v.base).text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_is_a_field_of_its_view),
		cmocka_unit_test(values_and_tones_come_from_the_message),
		cmocka_unit_test(a_column_reaches_into_messages_and_adds_up_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
