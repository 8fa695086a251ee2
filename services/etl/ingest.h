/* ingest.h - every reading into Redis, once, in order, whatever is lost on the way.
 *
 * Per collector epoch a watermark: everything up to it is stored. A live record that is
 * next is stored, an older one is dropped, a newer one waits for those between, which the
 * collector offers and sends (`fill`). A record that normalise refuses counts as stored:
 * it is refused for ever. After any reconnect to Redis the watermark is read again, since
 * Redis may have lost what it had answered for. */
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

/* A Live that came on `samples`. Records are kept, with msg, until the loop has its next
 * quiet moment, and stored then. seal: what a heartbeat came in, kept beside it for the
 * scheduler; NULL: none. */
void ingest_live(struct ingest *ing, struct vrs_msg *msg, const Vrsas__V1__Sealed *seal);

/* What came on `fill`, but export: the reply to be packed before the next call. */
const Vrsas__V1__FillReply *ingest_fill(struct ingest *ing,
					const Vrsas__V1__FillRequest *request);

struct ingest_counts {
	uint64_t live, filled; /* records stored, by the way they came */
	uint64_t samples, heartbeats;
	uint64_t duplicates, gaps;
	uint64_t refused; /* records and messages that normalise would not take */
	uint64_t lost;    /* records that no spool has any more */
	uint64_t store_failures;
	uint64_t sources, held_bytes;
	char refused_why[160], store_why[160];
};
void ingest_counts(const struct ingest *ing, struct ingest_counts *ret);

/* How far each cluster is, as of now_ms; fn is called for each. */
struct ingest_cluster {
	const char *name;
	double lag_s;     /* since the end of the newest interval stored*/
	uint64_t backlog; /* records known to exist, not yet stored */
};
void ingest_clusters(const struct ingest *ing, int64_t now_ms,
		     void (*fn)(void *arg, const struct ingest_cluster *c), void *arg);
/* End of the interval to stored, live records only. */
const struct vrs_histogram *ingest_latency(const struct ingest *ing);

#endif
