/* stream.h - state of one collector epoch: its watermark, the current host table, and
 * records received out of order. In memory only; the durable part is in Redis and is
 * read again after every reconnect. */
#ifndef ETL_STREAM_H
#define ETL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/bus.h"
#include "vrsas/v1/sample.pb-c.h"

enum {
	STREAM_MAX = 1024, /* epochs in memory; the least recently used one is dropped */
	STREAM_MAX_HELD = 4096,
	STREAM_MAX_HELD_BYTES = 16 * 1024 * 1024,
	STREAMS_MAX_HELD_BYTES = 128 * 1024 * 1024,
};

/* A host of the table, and the key of the day written last. */
struct stream_host {
	char *key;
	size_t key_len;
	int64_t day;
};

/* A record until it is stored. One whose turn it is stays as it was received, one that
 * must wait is packed: that takes a fraction of the memory. */
struct held {
	uint64_t seq;
	struct vrs_msg *msg; /* holds record; NULL: packed */
	const Vrsas__V1__Record *record;
	void *bytes;
	size_t n_bytes; /* packed */
};

struct stream {
	struct stream *next;
	char cluster[65], collector[65];
	uint64_t epoch;
	char field[90];      /* "collector/epoch", its name in Redis */
	uint64_t generation; /* of the connection on which it was read; 0: not read */
	uint64_t watermark;  /* everything up to here is stored */
	uint64_t head;       /* newest number announced */
	uint64_t head_noted; /* the value of head in Redis */
	bool known;          /* Redis has a watermark */
	bool in_gap;
	uint64_t used; /* value of the clock at the last use */

	Vrsas__V1__HostTable *table; /* NULL: none yet */
	struct stream_host *host;    /* one each of table->host */

	struct held *held; /* by seq */
	size_t n_held, cap_held, held_bytes;
};

struct streams {
	struct stream *first;
	size_t n, held_bytes;
	uint64_t clock;
};

/* Finds or creates a stream. The caller checks the names. */
struct stream *stream_get(struct streams *all, const char *cluster, const char *collector,
			  uint64_t epoch);
bool stream_is_import(const struct stream *s);

/* Holds a record, and msg with it, for later. If memory is full, the highest number is
 * dropped and requested again later. Ignores a duplicate and a record that does not
 * fit. */
void stream_hold(struct streams *all, struct stream *s, const Vrsas__V1__Record *record,
		 struct vrs_msg *msg);
/* Packs all held records, because they must wait. */
void stream_pack_held(struct stream *s);
/* Drops the held records up to seq. */
void stream_drop_held(struct streams *all, struct stream *s, uint64_t seq);

/* Sets the current host table and takes ownership of it; NULL: none. */
void stream_set_table_take(struct stream *s, Vrsas__V1__HostTable *table);

void streams_fini(struct streams *all);

#endif
