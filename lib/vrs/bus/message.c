#include <stdlib.h>
#include <string.h>

#include "vrs/bus/nng.h"
#include "vrs/mem.h"

enum {
	ARENA_FLOOR = 256 * 1024,
	ARENA_PER_BYTE = 16,
	ARENA_CEILING = 64 * 1024 * 1024,
};

struct vrs_msg {
	unsigned owners;
	struct vrs_arena *arena;
	ProtobufCMessage *msg;
};

static void *arena_alloc(void *arena, size_t size)
{
	return vrs_arena_alloc(arena, size);
}

static void arena_keep(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

int vrs_msg_unpack(struct vrs_msg **ret, const ProtobufCMessageDescriptor *type,
		   const void *bytes, size_t n_bytes, struct vrs_err *err)
{
	if (n_bytes > VRS_BUS_MAX_BYTES)
		return vrs_fail(err, VRS_EPARSE,
				"message: %zu bytes exceed the limit of %d", n_bytes,
				VRS_BUS_MAX_BYTES);

	size_t limit = ARENA_FLOOR + ARENA_PER_BYTE * n_bytes;
	struct vrs_msg *m = vrs_calloc(1, sizeof(*m));
	m->owners = 1;
	m->arena = vrs_arena_new(limit < ARENA_CEILING ? limit : ARENA_CEILING);
	ProtobufCAllocator allocator = {arena_alloc, arena_keep, m->arena};

	m->msg = protobuf_c_message_unpack(type, &allocator, n_bytes,
					   n_bytes ? bytes : "");
	if (!m->msg) {
		vrs_msg_free(m);
		return vrs_fail(
			err, VRS_EPARSE,
			"message: %zu bytes are not a valid %s, or need too much memory",
			n_bytes, type->short_name);
	}
	*ret = m;
	return 0;
}

const ProtobufCMessage *vrs_msg_get(const struct vrs_msg *m)
{
	return m->msg;
}

struct vrs_msg *vrs_msg_ref(struct vrs_msg *m)
{
	m->owners++;
	return m;
}

void vrs_msg_free(struct vrs_msg *m)
{
	if (!m || --m->owners > 0)
		return;
	vrs_arena_free(m->arena);
	free(m);
}

void *vrs_msg_pack(const ProtobufCMessage *msg, size_t *ret_n_bytes)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	uint8_t *bytes = vrs_calloc(1, n);

	*ret_n_bytes = protobuf_c_message_pack(msg, bytes);
	return bytes;
}

static size_t element_bytes(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

static void *dup_bytes(const void *p, size_t n)
{
	return n > 0 ? memcpy(vrs_calloc(1, n), p, n) : NULL;
}

/* Replaces the target of one pointer field by a copy. */
static void own_element(const ProtobufCFieldDescriptor *f, void *element)
{
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		const char **s = element;

		if (!*s || !**s)
			*s = f->default_value;
		else
			*s = vrs_strdup(*s);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessage **m = element;

		*m = *m ? vrs_msg_dup(*m) : NULL;
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		ProtobufCBinaryData *b = element;

		b->data = dup_bytes(b->data, b->len);
	}
}

static void own_field(const ProtobufCFieldDescriptor *f, char *msg)
{
	void *member = msg + f->offset, *quantifier = msg + f->quantifier_offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(size_t *)quantifier, size = element_bytes(f);
		char *list = dup_bytes(*(void **)member, n * size);

		for (size_t i = 0; i < n; i++)
			own_element(f, list + i * size);
		*(void **)member = list;
	} else if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		   *(uint32_t *)quantifier == f->id) {
		own_element(f, member);
	}
}

void *vrs_msg_dup(const ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *type = msg->descriptor;
	ProtobufCMessage *copy = dup_bytes(msg, type->sizeof_message);

	for (unsigned i = 0; i < type->n_fields; i++)
		own_field(&type->fields[i], (char *)copy);
	copy->unknown_fields =
		dup_bytes(msg->unknown_fields,
			  msg->n_unknown_fields * sizeof(*msg->unknown_fields));
	for (unsigned i = 0; i < copy->n_unknown_fields; i++)
		copy->unknown_fields[i].data = dup_bytes(msg->unknown_fields[i].data,
							 msg->unknown_fields[i].len);
	return copy;
}

int bus_pack(nng_msg **ret, const ProtobufCMessage *msg, struct vrs_err *err)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	nng_msg *m;

	/* NNG's header counts towards the receiver's limit, too. */
	if (n > VRS_BUS_MAX_BYTES - 64)
		return vrs_fail(err, VRS_ENOSPC,
				"bus: a %s of %zu bytes exceeds the limit of %d",
				msg->descriptor->short_name, n, VRS_BUS_MAX_BYTES - 64);
	int rv = nng_msg_alloc(&m, n);
	if (rv != 0)
		return bus_fail(err, rv, "bus: cannot allocate a message of %zu bytes",
				n);
	if (n > 0)
		(void)protobuf_c_message_pack(msg, nng_msg_body(m));
	*ret = m;
	return 0;
}
