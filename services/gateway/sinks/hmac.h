/* hmac.h - hashes and signatures; the gateway uses OpenSSL only here. Pure. */
#ifndef GATEWAY_SINKS_HMAC_H
#define GATEWAY_SINKS_HMAC_H

#include <stdbool.h>
#include <stddef.h>

void sign_hash(const void *bytes, size_t n, unsigned char ret[32]); /* SHA-256 */
/* In constant time. */
bool sign_equal(const void *a, const void *b, size_t n);
/* HMAC-SHA-256 as 64 hexadecimal digits. */
void sign_hmac(const char *key, const void *bytes, size_t n, char ret[65]);

#endif
