/* Copies of messages, on the largest one: a relocation record with every field set. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/bus.h"
#include "vrs/mem.h"
#include "vrsas/v1/relocation.pb-c.h"

enum { ELEMENTS = 2 }; /* of each repeated field */

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

static ProtobufCMessage *filled(const ProtobufCMessageDescriptor *type);

static void fill(const ProtobufCFieldDescriptor *f, void *element)
{
	static uint8_t next;

	if (f->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)element = vrs_asprintf("%s %d", f->name, ++next);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		*(ProtobufCMessage **)element = filled(f->descriptor);
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		*(ProtobufCBinaryData *)element =
			(ProtobufCBinaryData){4, (uint8_t *)vrs_strdup("raw")};
	} else {
		memset(element, 0, size_of(f));
		*(uint8_t *)element = f->type == PROTOBUF_C_TYPE_BOOL ? 1 : ++next | 1;
	}
}

static ProtobufCMessage *filled(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = vrs_calloc(1, type->sizeof_message);

	protobuf_c_message_init(type, m);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		char *member = (char *)m + f->offset, *quantifier = (char *)m;

		quantifier += f->quantifier_offset;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			char *list = vrs_calloc(ELEMENTS, size_of(f));

			for (size_t k = 0; k < ELEMENTS; k++)
				fill(f, list + k * size_of(f));
			*(char **)member = list;
			*(size_t *)quantifier = ELEMENTS;
		} else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			if (*(uint32_t *)quantifier != 0)
				continue; /* another one is set */
			*(uint32_t *)quantifier = f->id;
			fill(f, member);
		} else {
			fill(f, member);
		}
	}
	m->n_unknown_fields = 1;
	m->unknown_fields = vrs_calloc(1, sizeof(*m->unknown_fields));
	m->unknown_fields[0] = (ProtobufCMessageUnknownField){
		.tag = 5000,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = 4,
		.data = (uint8_t *)vrs_strdup("\3new")};
	return m;
}

static void *packed(const void *msg, size_t *ret_n)
{
	return vrs_msg_pack(msg, ret_n);
}

static void a_copy_equals_the_original_and_shares_nothing(void **state)
{
	(void)state;
	ProtobufCMessage *original = filled(&vrsas__v1__relocation__descriptor);
	size_t n, n_copy;
	void *before = packed(original, &n);

	assert_true(n > 1000);
	ProtobufCMessage *copy = vrs_msg_dup(original);
	/* under the address sanitizer, what were shared would be used after it is freed
	 */
	protobuf_c_message_free_unpacked(original, NULL);
	void *after = packed(copy, &n_copy);
	assert_int_equal(n, n_copy);
	assert_memory_equal(before, after, n);
	protobuf_c_message_free_unpacked(copy, NULL);
	free(before);
	free(after);
}

static void a_copy_of_nothing_set_has_nothing_to_free(void **state)
{
	(void)state;
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;

	r.vm_id = ""; /* another empty string than the default one */
	Vrsas__V1__Relocation *copy = vrs_msg_dup(&r.base);
	assert_string_equal(copy->vm_id, "");
	assert_null(copy->vm);
	vrsas__v1__relocation__free_unpacked(copy, NULL);
}

static void a_message_stays_until_its_last_owner_gives_it_back(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	struct vrs_msg *msg;
	size_t n;

	r.vm_id = "vm-1";
	void *bytes = packed(&r, &n);
	assert_ok(vrs_msg_unpack(&msg, r.base.descriptor, bytes, n, &err), &err);
	struct vrs_msg *mine = vrs_msg_ref(msg);
	vrs_msg_free(msg);
	assert_string_equal(((const Vrsas__V1__Relocation *)vrs_msg_get(mine))->vm_id,
			    "vm-1");
	vrs_msg_free(mine);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_equals_the_original_and_shares_nothing),
		cmocka_unit_test(a_copy_of_nothing_set_has_nothing_to_free),
		cmocka_unit_test(a_message_stays_until_its_last_owner_gives_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
