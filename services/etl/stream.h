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
	SOURCE_MAX = 1024, /* epochs in memory; the one used longest ago gives way */
	SOURCE_MAX_HELD = 4096,
	SOURCE_MAX_HELD_BYTES = 16 * 1024 * 1024,
	SOURCES_MAX_HELD_BYTES = 128 * 1024 * 1024,
};

/* A host of the table, and the key of the day that was written last. */
struct source_host {
	char *key;
	size_t key_len;
	int64_t day;
};

struct held {
	uint64_t seq;
	void *bytes; /* the packed Record */
	size_t n_bytes;
};

struct source {
	struct source *next;
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

	struct vrs_msg *table_msg;
	const Vrsas__V1__HostTable *table; /* NULL: none yet */
	struct source_host *host;          /* one each of table->host */

	struct held *held; /* by seq */
	size_t n_held, cap_held, held_bytes;
};

struct sources {
	struct source *first;
	size_t n, held_bytes;
	uint64_t clock;
};

/* Finds or makes it. Names are checked by the caller. */
struct source *source_get(struct sources *all, const char *cluster, const char *collector,
			  uint64_t epoch);
bool source_is_import(const struct source *s);

/* Keeps a record for later. When there is no room, the highest number gives way: it will
 * be asked for. False when it was there already or did not fit. */
bool source_hold(struct sources *all, struct source *s, uint64_t seq, const void *bytes,
		 size_t n_bytes);
/* Forgets what is held up to seq. */
void source_drop_held(struct sources *all, struct source *s, uint64_t seq);

/* Takes packed bytes of a HostTable (NULL: none) as the one in force. */
int source_set_table(struct source *s, const void *bytes, size_t n_bytes,
		     struct vrs_err *err);

void sources_fini(struct sources *all);

#endif
