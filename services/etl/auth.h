/* auth.h - lets in what a cluster itself has reported.
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

enum auth_reason { AUTH_MALFORMED, AUTH_UNSIGNED, AUTH_SIGNATURE, AUTH_REPLAY };
enum { AUTH_REASONS = AUTH_REPLAY + 1 };

struct auth;

/* keys: the gate's from now on; NULL: none. */
struct auth *auth_new_take(struct vrs_seal_keys *keys);
void auth_free(struct auth *g);

/* What may come in: the message itself, or what its seal held (auth_opened, until
 * auth_close). NULL: it stays outside; it is counted, and err names the cluster and the
 * reason. */
const Vrsas__V1__Live *auth_live(struct auth *g, const Vrsas__V1__Live *live,
				 int64_t now_ms, struct vrs_err *err);
const Vrsas__V1__FillRequest *auth_fill(struct auth *g, const Vrsas__V1__FillRequest *r,
					struct vrs_err *err);
struct vrs_msg *auth_opened(const struct auth *g);
void auth_close(struct auth *g);

uint64_t auth_refused(const struct auth *g, enum auth_reason reason);

#endif
