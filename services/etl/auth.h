/* auth.h - lets in what a cluster itself has said.
 *
 * With keys, whatever speaks for a cluster must be sealed with that cluster's key
 * (vrs/seal.h), everything in it must be of that cluster, and heartbeats, on which the
 * word of a host's death rests, must be newer than those before and at most two minutes
 * off our clock. Without keys everything comes in, seals are not looked at. */
#ifndef ETL_AUTH_H
#define ETL_AUTH_H

#include <stdbool.h>

#include "vrs/bus.h"
#include "vrs/seal.h"

enum gate_reason { GATE_MALFORMED, GATE_UNSIGNED, GATE_SIGNATURE, GATE_REPLAY };
enum { GATE_REASONS = GATE_REPLAY + 1 };

struct gate;

/* keys: the gate's from now on; NULL: none. */
struct gate *gate_new_take(struct vrs_seal_keys *keys);
void gate_free(struct gate *g);

/* What may come in: the message itself, or what its seal held, until gate_close. NULL: it
 * stays outside; it is counted, and err names the cluster and the reason. */
const Vrsas__V1__Live *gate_live(struct gate *g, const Vrsas__V1__Live *live,
				 int64_t now_ms, struct vrs_err *err);
const Vrsas__V1__FillRequest *gate_fill(struct gate *g, const Vrsas__V1__FillRequest *r,
					struct vrs_err *err);
void gate_close(struct gate *g);

uint64_t gate_refused(const struct gate *g, enum gate_reason reason);

#endif
