/* stream.h - what etl knows of one collector's epoch: how far it is stored, the host
 * table in force, and records that came before their turn. In memory only; what must
 * survive is in Redis and read again after every reconnect. */
#ifndef ETL_STREAM_H
#define ETL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/bus.h"
#include "vrsas/v1/sample.pb-c.h"

enum {
	STREAM_MAX = 1024, /* epochs in memory; the one used longest ago gives way */
	STREAM_MAX_HELD = 4096,
	STREAM_MAX_HELD_BYTES = 16 * 1024 * 1024,
	STREAMS_MAX_HELD_BYTES = 128 * 1024 * 1024,
};

/* A host of the table, and the key of the day that was written last. */
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
	uint64_t generation; /* of the connection this was read on; 0: not read */
	uint64_t watermark;  /* everything up to here is stored */
	uint64_t head;       /* newest number heard of */
	uint64_t head_noted; /* of these, what Redis knows */
	bool known;          /* Redis has a watermark */
	bool in_gap;
	uint64_t used; /* a count that rises */

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

/* Finds or makes it. Names are checked by the caller. */
struct stream *stream_get(struct streams *all, const char *cluster, const char *collector,
			  uint64_t epoch);
bool stream_is_import(const struct stream *s);

/* Keeps a record, msg with it. When there is no room, the highest number gives way: it
 * will be asked for. Nothing happens when it is there already or does not fit. */
void stream_hold(struct streams *all, struct stream *s, const Vrsas__V1__Record *record,
		 struct vrs_msg *msg);
/* All that is held must wait. */
void stream_pack_held(struct stream *s);
/* Forgets what is held up to seq. */
void stream_drop_held(struct streams *all, struct stream *s, uint64_t seq);

/* The table in force from now on; it owns it. NULL: none. */
void stream_set_table_take(struct stream *s, Vrsas__V1__HostTable *table);

void streams_fini(struct streams *all);

#endif
