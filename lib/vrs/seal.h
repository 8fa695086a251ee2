/* seal.h - proves that a message was sent by the collector of its cluster.
 *
 * TLS proves only that a peer has a certificate of our CA. A collector therefore seals
 * its messages with the key of its cluster (32 random bytes, known to that collector, to
 * etl and to the scheduler): HMAC-SHA256 (RFC 2104, FIPS 180-4) over the purpose, the
 * cluster, the time and the packed message. A seal is valid for its purpose only. */
#ifndef VRS_SEAL_H
#define VRS_SEAL_H

#include "vrs/err.h"
#include "vrsas/v1/sample.pb-c.h"

enum { VRS_SEAL_KEY_BYTES = 32, VRS_SEAL_MAC_BYTES = 32 };

struct vrs_seal_key {
	unsigned char bytes[VRS_SEAL_KEY_BYTES];
};

enum vrs_seal_use { VRS_SEAL_LIVE = 1, VRS_SEAL_FILL = 2 };

/* Reads a file of one line, 64 hex digits. Other users must not be able to read it. */
int vrs_seal_key_read(const char *path, struct vrs_seal_key *ret, struct vrs_err *err);

/* The keys of several clusters: a folder with one file CLUSTER.key each, and at least one
 * of them. */
struct vrs_seal_keys;
int vrs_seal_keys_read(struct vrs_seal_keys **ret, const char *dir, struct vrs_err *err);
void vrs_seal_keys_free(struct vrs_seal_keys *keys);
const struct vrs_seal_key *vrs_seal_keys_find(const struct vrs_seal_keys *keys,
					      const char *cluster); /* NULL: none */

/* Seals a packed message. ret borrows the texts and bytes of its content, and mac. */
struct vrs_seal_content {
	const char *cluster;
	int64_t at_ms;
	const void *payload;
	size_t n;
};
void vrs_seal(const struct vrs_seal_key *key, enum vrs_seal_use use,
	      const struct vrs_seal_content *content, Vrsas__V1__Sealed *ret,
	      unsigned char mac[VRS_SEAL_MAC_BYTES]);

/* VRS_EDENIED: this cluster has no key here, or the seal was made with another key; the
 * text names the cluster. Compares in constant time. */
int vrs_seal_check(const struct vrs_seal_keys *keys, enum vrs_seal_use use,
		   const Vrsas__V1__Sealed *s, struct vrs_err *err);

/* HMAC-SHA256 of RFC 2104. */
void vrs_hmac_sha256(const void *key, size_t n_key, const void *bytes, size_t n,
		     unsigned char ret[VRS_SEAL_MAC_BYTES]);

#endif
