/* wire.h - the frames that a mover and vrs-image exchange over a pair of pipes.
 *
 * A frame is a head of 32 bytes, little endian, and at most WIRE_MAX_PAYLOAD bytes. The
 * mover sends requests, vrs-image replies to each once, with WIRE_OK or WIRE_ERR and the
 * request's seq; HASHES, SYNC and WRITE may be overtaken by later requests.
 * WIRE_ALIVE may come in between while something takes long. The mover bounds its open
 * requests, so neither side can block the other for ever. docs/TRANSFER.md describes
 * their use. Pure. */
#ifndef MOVER_IMAGE_BASE_WIRE_H
#define MOVER_IMAGE_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

enum {
	WIRE_VERSION = 4,
	WIRE_HEAD_BYTES = 32,
	WIRE_MAX_DATA = 1 << 20,                      /* raw bytes of one READ or WRITE */
	WIRE_MAX_PAYLOAD = WIRE_MAX_DATA + (1 << 16), /* those with their digests */
	WIRE_MAX_TEXT = 4096,
	WIRE_MAX_SLOTS = 24,
	WIRE_MAX_EXTENTS = 4096, /* of one answer */
	WIRE_MAX_HASHED_CHUNKS = 64,
	WIRE_MAX_LEAF_CHUNKS = 4, /* of one HASHES with leaves */
};

enum wire_type {
	WIRE_HELLO = 1, /* a version, b largest payload -> the same; text name to join */
	WIRE_PING,
	WIRE_STAT,    /* text path -> a exists, b size; struct wire_stat */
	WIRE_SOURCE,  /* text path, format -> a virtual size; text identity */
	WIRE_EXTENTS, /* a off, b end -> a off, b end reached; pairs of end, data */
	WIRE_READ,    /* a off, b len, shift -> block digests, blocks that are not zero */
	WIRE_HASHES, /* a first chunk, b n, shift 0 or LEAF -> see image/base/tree.h; LEAF
		      * with WIRE_FROM_DISK, and 0 always: of a target, what is on its
		      * disk; WIRE_REMEMBERED: or what image/hash/cache.h says is there */
	WIRE_TARGET, /* a virtual size, b token, shift 1: displace an image that has the
		      * name; text path, format, job, identity, base -> a WIRE_TARGET_*
		      * flags */
	WIRE_STATES, /* a first chunk, b n -> one byte a chunk */
	WIRE_WRITE,  /* a off, b len, shift; payload as READ's answer */
	WIRE_MARK,   /* a first chunk, b n: all of them has been written */
	WIRE_SYNC,   /* data durable, then the map -> a 1: another program opened the part
		      */
	WIRE_REOPEN, /* a 0: for reading back from the disk, 1: for writing again */
	WIRE_SEAL,   /* the part becomes the image */
	WIRE_DISCARD, /* the part goes away */
	WIRE_CLOSE,
	WIRE_REMOVE, /* b token; text path, job -> a: 1 it was there */
	WIRE_JOIN,   /* text name, as the first frame: these pipes belong to the vrs-image
		      * whose reply to HELLO carried the name */
	WIRE_GROUP,  /* a byte each, slots: their parts become images, all or none */
	WIRE_ALLOCATE, /* a off, b len: data will come here */
	WIRE_LAST_REQUEST = WIRE_ALLOCATE,

	WIRE_OK = 64,
	WIRE_ERR, /* a VRS_E* negated; payload: one line */
	WIRE_ALIVE,
};

/* In shift of HASHES; in shift of READ (packed is welcome), its answer and WRITE (the
 * blocks behind the digests are one zstd frame). */
enum { WIRE_FROM_DISK = 0x100, WIRE_PACKED = 0x200, WIRE_REMEMBERED = 0x400 };

enum {
	WIRE_TARGET_RESUMED = 1, /* a part of this job was there */
	WIRE_TARGET_CUT = 2,     /* ... and its last attempt was interrupted */
	WIRE_TARGET_CLONED = 4,  /* the part began as a clone of the base */
	WIRE_TARGET_OVERLAY = 8, /* ... by holding only the differences; it is new */
};

struct wire_head {
	uint8_t type, slot;
	uint16_t shift;
	uint32_t seq, len;
	uint64_t a, b;
};

struct wire_stat {
	uint64_t file_bytes, allocated_bytes, mtime_ns, fs_free_bytes, fs_total_bytes;
};
enum { WIRE_STAT_BYTES = 40 };

void wire_pack(uint8_t out[WIRE_HEAD_BYTES], const struct wire_head *head);
/* VRS_EPARSE when it is no head, an unknown type or too long. */
int wire_unpack(struct wire_head *ret, const uint8_t in[WIRE_HEAD_BYTES],
		struct vrs_err *err);

void wire_put64(uint8_t *p, uint64_t v);
uint64_t wire_get64(const uint8_t *p);
void wire_put_stat(uint8_t out[WIRE_STAT_BYTES], const struct wire_stat *s);
void wire_get_stat(struct wire_stat *ret, const uint8_t in[WIRE_STAT_BYTES]);

/* Texts one after the other, each u16 length and bytes without 0. */
struct wire_texts {
	uint8_t bytes[5 * (WIRE_MAX_TEXT + 2)];
	size_t len;
};
int wire_put_text(struct wire_texts *t, const char *text, struct vrs_err *err);
struct wire_text_reader {
	const uint8_t *bytes;
	size_t n, pos;
};
/* Takes the next text; refuses one that does not fit or holds a 0. */
int wire_get_text(struct wire_text_reader *t, char *ret, size_t size,
		  struct vrs_err *err);

/* Is off, len a range of whole blocks of 2^shift of a disk of this size (the last block
 * may be short)? */
bool wire_range_ok(uint64_t off, uint64_t len, unsigned shift, uint64_t disk_bytes);

/* The payload of READ's reply and of WRITE: one digest for each block of 2^shift bytes of
 * the range off, len, then the blocks that are not zero, one after the other. */
struct wire_blocks {
	const uint8_t *payload;
	uint64_t off, len;
	unsigned shift;
};
/* True when the length of the payload is what its digests require. */
bool wire_blocks_ok(const struct wire_blocks *b, size_t payload_len);
/* VRS_EIO names the first block that does not match its digest. */
int wire_check_blocks(const struct wire_blocks *b, struct vrs_err *err);
/* A run of blocks with data, or of zero blocks (data NULL). */
struct wire_run {
	uint64_t off, len;
	const uint8_t *data;
	size_t n_blocks, n_bytes; /* of the payload up to its end */
};
/* Goes to the next run, from {0} to the first. False: there is none left. */
bool wire_next_run(const struct wire_blocks *b, struct wire_run *run);
size_t wire_n_blocks(uint64_t len, unsigned shift);
/* Bytes of the blocks that are not zero, by their digests. */
size_t wire_data_bytes(const uint8_t *digests, uint64_t len, unsigned shift);

/* Assembles frames from bytes as they arrive. on_frame gets each whole frame; the payload
 * is the callee's (malloc, NULL when empty). */
typedef int (*wire_frame_fn)(void *arg, const struct wire_head *head, uint8_t *payload,
			     struct vrs_err *err);
struct wire_reader {
	wire_frame_fn on_frame;
	void *arg;
	uint8_t head_bytes[WIRE_HEAD_BYTES];
	size_t n_head, n_payload;
	struct wire_head head;
	uint8_t *payload;
};
int wire_reader_feed(struct wire_reader *r, const void *bytes, size_t n,
		     struct vrs_err *err);
void wire_reader_fini(struct wire_reader *r);

#endif
