/* shipper.h - how readings leave the collector: spooled first, then published, then
 * offered until etl has them.
 *
 * Publishing is best effort. Every offer_interval_ms, and soon after a publish or a
 * reconnect, the feed tells etl what the spool holds; etl answers what it misses, the
 * feed sends it in pieces of at most 512 KiB. Everything runs on the loop; nothing here
 * waits but for the disk (one fdatasync a shipper_put). */
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
	const char *spool_dir;           /* of this collector alone */
	int64_t keep_ms;                 /* how long the spool keeps a record */
	int64_t offer_interval_ms;       /* 0: 5000 */
	const struct vrs_seal_key *key;  /* of the cluster; copied; NULL: none */
};

/* Works without etl and network. The conf's texts are copied. */
int shipper_open(struct shipper **ret, struct vrs_loop *loop,
		 const struct shipper_conf *conf, struct vrs_err *err);
void shipper_close(struct shipper *f);

/* Stamps cluster, collector, epoch and seq into each record (the caller sets the body
 * only), makes all of them durable with one sync, then publishes them. A record above
 * SHIPPER_MAX_RECORD packed bytes is refused with VRS_ENOSPC before anything is written.
 * After another failure (a full disk) put the reading again: what of it was spooled
 * already is delivered too, which has the effect of once. */
enum { SHIPPER_MAX_RECORD = (1 << 20) - 16384 };
int shipper_put(struct shipper *f, Vrsas__V1__Record *const *records, size_t n,
		struct vrs_err *err);

/* Stamps cluster, collector, epoch and head_seq and publishes; not spooled. */
int shipper_heartbeat(struct shipper *f, Vrsas__V1__Heartbeat *hb, struct vrs_err *err);

struct shipper_counts {
	uint64_t put, published; /* records */
	uint64_t filled;         /* records sent because etl missed them */
	uint64_t offers, failed_offers;
	uint64_t head_seq, first_seq;
	uint64_t stored_seq; /* etl's newest watermark */
	uint64_t refused;    /* records that etl refused, last reason in `reason` */
	char reason[160];
};
void shipper_counts(const struct shipper *f, struct shipper_counts *ret);
/* Of the two sockets. */
void shipper_bus_counts(const struct shipper *f, struct vrs_bus_counts *ret_samples,
			struct vrs_bus_counts *ret_fill);

#endif
