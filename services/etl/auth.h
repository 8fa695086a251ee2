/* auth.h - authenticates messages of collectors.
 *
 * With keys, a message must be sealed with the key of its cluster (vrs/seal.h) and
 * contain data of that cluster only. Heartbeats, from which the death of a host is
 * concluded, must also be newer than the previous one and differ from our clock by at
 * most two minutes. Without keys everything is accepted and seals are not checked. */
#ifndef ETL_AUTH_H
#define ETL_AUTH_H

#include "vrs/bus.h"
#include "vrs/seal.h"

enum auth_reason { AUTH_MALFORMED, AUTH_UNSIGNED, AUTH_SIGNATURE, AUTH_REPLAY };
enum { AUTH_REASONS = AUTH_REPLAY + 1 };

struct auth;

/* Takes ownership of keys; NULL: none. */
struct auth *auth_new_take(struct vrs_seal_keys *keys);
void auth_free(struct auth *g);

/* Returns the message or the content of its seal (auth_opened), valid until auth_close.
 * NULL: rejected and counted; err names the cluster and the reason. */
const Vrsas__V1__Live *auth_live(struct auth *g, const Vrsas__V1__Live *live,
				 int64_t now_ms, struct vrs_err *err);
const Vrsas__V1__FillRequest *auth_fill(struct auth *g, const Vrsas__V1__FillRequest *r,
					struct vrs_err *err);
struct vrs_msg *auth_opened(const struct auth *g);
void auth_close(struct auth *g);

uint64_t auth_refused(const struct auth *g, enum auth_reason reason);

#endif
