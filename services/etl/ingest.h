/* ingest.h - stores every reading in Redis once and in order, in spite of lost messages.
 *
 * Each collector epoch has a watermark: everything up to it is stored. The next live
 * record is stored, an older one is dropped, a newer one waits for the records in
 * between, which the collector offers and sends (`fill`). A record rejected by validate
 * counts as stored, because it would be rejected every time. After a reconnect to Redis
 * the watermark is read again, because Redis may have lost confirmed writes. */
#ifndef ETL_INGEST_H
#define ETL_INGEST_H

#include "vrs/bus.h"
#include "vrs/loop.h"
#include "vrs/metrics.h"
#include "vrs/store.h"
#include "vrsas/v1/sample.pb-c.h"

struct ingest;

int ingest_open(struct ingest **ret, struct vrs_loop *loop, struct vrs_store *store,
		int64_t retention_ms, struct vrs_err *err);
void ingest_close(struct ingest *ing);

/* Takes a message of `samples`. Records are held, with msg, and stored soon afterwards,
 * on the loop. seal: the seal of a heartbeat, stored with it for the scheduler; NULL:
 * none. */
void ingest_live(struct ingest *ing, struct vrs_msg *msg, const Vrsas__V1__Sealed *seal);

/* Takes a message of `fill`, except exports. The reply is valid until the next call. */
const Vrsas__V1__FillReply *ingest_fill(struct ingest *ing,
					const Vrsas__V1__FillRequest *request);

struct ingest_counts {
	uint64_t live, filled; /* records stored, by path */
	uint64_t samples, heartbeats;
	uint64_t duplicates, gaps;
	uint64_t refused; /* records and messages rejected by validate */
	uint64_t lost;    /* records that have expired in the spool */
	uint64_t store_failures;
	uint64_t sources, held_bytes;
	char refused_why[160], store_why[160];
};
void ingest_counts(const struct ingest *ing, struct ingest_counts *ret);

/* Calls fn with the progress of each cluster at now_ms. */
struct ingest_cluster {
	const char *name;
	double lag_s;     /* since the end of the newest interval stored*/
	uint64_t backlog; /* records known to exist, not yet stored */
};
void ingest_clusters(const struct ingest *ing, int64_t now_ms,
		     void (*fn)(void *arg, const struct ingest_cluster *c), void *arg);
/* Time from the end of the interval until it is stored; live records only. */
const struct vrs_histogram *ingest_latency(const struct ingest *ing);

#endif
