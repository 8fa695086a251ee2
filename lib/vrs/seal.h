/* seal.h - a message bound to its cluster: whoever made it holds that cluster's key.
 *
 * TLS proves only that a peer has some certificate of our CA. So what a collector says is
 * sealed with the key of its cluster (32 random bytes, known to that collector, to etl
 * and to the scheduler): HMAC-SHA256 (RFC 2104, FIPS 180-4) over what it is for, the
 * cluster, the moment and the packed message. A seal for one purpose is none for another.
 */
#ifndef VRS_SEAL_H
#define VRS_SEAL_H

#include "vrs/err.h"
#include "vrsas/v1/sample.pb-c.h"

enum { VRS_SEAL_KEY_BYTES = 32, VRS_SEAL_MAC_BYTES = 32 };

struct vrs_seal_key {
	unsigned char bytes[VRS_SEAL_KEY_BYTES];
};

enum vrs_seal_use { VRS_SEAL_LIVE = 1, VRS_SEAL_FILL = 2 };

/* A file of one line, 64 hex digits, that others cannot read. */
int vrs_seal_key_read(const char *path, struct vrs_seal_key *ret, struct vrs_err *err);

/* The keys of several clusters: a folder with a file CLUSTER.key for each. At least one
 * must be there. */
struct vrs_seal_keys;
int vrs_seal_keys_read(struct vrs_seal_keys **ret, const char *dir, struct vrs_err *err);
void vrs_seal_keys_free(struct vrs_seal_keys *keys);
const struct vrs_seal_key *vrs_seal_keys_find(const struct vrs_seal_keys *keys,
					      const char *cluster); /* NULL: none */

/* Fills cluster, moment, payload (borrowed) and mac. */
void vrs_seal(const struct vrs_seal_key *key, enum vrs_seal_use use, const char *cluster,
	      int64_t at_ms, const void *payload, size_t n, Vrsas__V1__Sealed *ret,
	      unsigned char mac[VRS_SEAL_MAC_BYTES]);

/* VRS_EDENIED: no key of this cluster is known, or it was made with another one;
 * the text names the cluster. Compares in constant time. */
int vrs_seal_check(const struct vrs_seal_keys *keys, enum vrs_seal_use use,
		   const Vrsas__V1__Sealed *s, struct vrs_err *err);

/* HMAC-SHA256 of RFC 2104. */
void vrs_hmac_sha256(const void *key, size_t n_key, const void *bytes, size_t n,
		     unsigned char ret[VRS_SEAL_MAC_BYTES]);

#endif
