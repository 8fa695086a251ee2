/* shipper.h - sends readings to etl: spools them, publishes them, then offers them until
 * etl has stored them.
 *
 * Publishing is best effort. Every offer_interval_ms, and soon after a publish, the
 * shipper sends etl the range of records in the spool; etl replies with the range it
 * lacks, which is sent in pieces of at most 512 KiB. Everything runs on the loop; only
 * the disk can block (one fdatasync per shipper_put). */
#ifndef COLLECTOR_SHIP_SHIPPER_H
#define COLLECTOR_SHIP_SHIPPER_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/bus.h"
#include "vrs/err.h"
#include "vrs/loop.h"
#include "vrs/seal.h"
#include "vrsas/v1/sample.pb-c.h"

struct shipper;

struct shipper_conf {
	const char *cluster, *collector; /* names, see vrs_name_ok */
	const char *samples_url;         /* etl's `samples` */
	const char *fill_url;            /* etl's `fill` */
	const char *spool_dir;           /* not shared with other collectors */
	int64_t keep_ms;                 /* how long the spool keeps a record */
	int64_t offer_interval_ms;       /* 0: 5000 */
	const struct vrs_seal_key *key;  /* of the cluster; copied; NULL: none */
};

/* Works without etl and without a network. The texts of conf are copied. */
int shipper_open(struct shipper **ret, struct vrs_loop *loop,
		 const struct shipper_conf *conf, struct vrs_err *err);
void shipper_close(struct shipper *f);

/* Sets cluster, collector, epoch and seq of each record (the caller sets only the body),
 * makes all records durable with one sync, then publishes them. VRS_ENOSPC before
 * anything is written if a record exceeds SHIPPER_MAX_RECORD packed bytes. After another
 * failure (full disk) put the records again: those already spooled are delivered twice,
 * which does no harm. */
enum { SHIPPER_MAX_RECORD = (1 << 20) - 16384 };
int shipper_put(struct shipper *f, Vrsas__V1__Record *const *records, size_t n,
		struct vrs_err *err);

/* Sets cluster, collector, epoch and head_seq and publishes it without spooling. */
int shipper_heartbeat(struct shipper *f, Vrsas__V1__Heartbeat *hb, struct vrs_err *err);

struct shipper_counts {
	uint64_t put, published; /* records */
	uint64_t filled;         /* records sent because etl lacked them */
	uint64_t offers, failed_offers;
	uint64_t head_seq, first_seq;
	uint64_t stored_seq; /* etl's newest watermark */
	uint64_t refused;    /* records rejected by etl; `reason`: the last reason */
	char reason[160];
};
void shipper_counts(const struct shipper *f, struct shipper_counts *ret);
/* Counts of the two sockets. */
void shipper_bus_counts(const struct shipper *f, struct vrs_bus_counts *ret_samples,
			struct vrs_bus_counts *ret_fill);

#endif
