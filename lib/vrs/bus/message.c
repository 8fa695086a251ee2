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
	m->arena = vrs_arena_new(limit < ARENA_CEILING ? limit : ARENA_CEILING);
	ProtobufCAllocator allocator = {arena_alloc, arena_keep, m->arena};

	m->msg = protobuf_c_message_unpack(type, &allocator, n_bytes,
					   n_bytes ? bytes : "");
	if (!m->msg) {
		vrs_msg_free(m);
		return vrs_fail(
			err, VRS_EPARSE,
			"message: %zu bytes are not a %s, or need too much memory",
			n_bytes, type->short_name);
	}
	*ret = m;
	return 0;
}

const ProtobufCMessage *vrs_msg_get(const struct vrs_msg *m)
{
	return m->msg;
}

void vrs_msg_free(struct vrs_msg *m)
{
	if (!m)
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

int bus_pack(nng_msg **ret, const ProtobufCMessage *msg, struct vrs_err *err)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	nng_msg *m;

	/* NNG's own header counts against the receiver's limit too. */
	if (n > VRS_BUS_MAX_BYTES - 64)
		return vrs_fail(err, VRS_ENOSPC,
				"bus: a %s of %zu bytes exceeds the limit of %d",
				msg->descriptor->short_name, n, VRS_BUS_MAX_BYTES - 64);
	int rv = nng_msg_alloc(&m, n);
	if (rv != 0)
		return bus_fail(err, rv, "bus: message of %zu bytes", n);
	if (n > 0)
		(void)protobuf_c_message_pack(msg, nng_msg_body(m));
	*ret = m;
	return 0;
}
