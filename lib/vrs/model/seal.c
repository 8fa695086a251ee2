#include "vrs/seal.h"

#include <dirent.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/conf.h"
#include "vrs/mem.h"

enum { MAX_KEYS = 1024 };

struct named_key {
	char cluster[65];
	struct vrs_seal_key key;
};

struct vrs_seal_keys {
	struct named_key *key;
	size_t n;
};

int vrs_seal_key_read(const char *path, struct vrs_seal_key *ret, struct vrs_err *err)
{
	struct vrs_seal_key key;
	char *text;
	int status = vrs_secret_read(path, &text, err);

	if (status < 0)
		return vrs_context(err, "cluster key");
	size_t len = strlen(text);
	bool right = len == (size_t)2 * VRS_SEAL_KEY_BYTES;
	for (size_t i = 0; right && i < VRS_SEAL_KEY_BYTES; i++) {
		int high = vrs_hex_digit(text[2 * i]),
		    low = vrs_hex_digit(text[2 * i + 1]);

		right = high >= 0 && low >= 0;
		key.bytes[i] = (unsigned char)(right ? 16 * high + low : 0);
	}
	explicit_bzero(text, len);
	free(text);
	if (!right)
		return vrs_fail(err, VRS_EINVAL,
				"cluster key: %s: expected one line of %d hex digits",
				path, 2 * VRS_SEAL_KEY_BYTES);
	*ret = key;
	explicit_bzero(&key, sizeof(key));
	return 0;
}

/* "c1.key" is the key of c1; false: not a key file. */
static bool cluster_of(const char *file, char cluster[65])
{
	size_t len = strlen(file);

	if (len < 5 || len - 4 > 64 || strcmp(file + len - 4, ".key") != 0)
		return false;
	memcpy(cluster, file, len - 4);
	cluster[len - 4] = '\0';
	return vrs_name_ok(cluster);
}

int vrs_seal_keys_read(struct vrs_seal_keys **ret, const char *dir, struct vrs_err *err)
{
	struct vrs_seal_keys *keys = vrs_calloc(1, sizeof(*keys));
	const struct dirent *entry;
	int status = 0;
	DIR *d = opendir(dir);

	if (!d) {
		status = vrs_fail_errno(err, "cluster keys: cannot open %s", dir);
		free(keys);
		return status;
	}
	while (status == 0 && (entry = readdir(d)) != NULL) {
		struct named_key next;

		if (!cluster_of(entry->d_name, next.cluster))
			continue;
		char *path = vrs_asprintf("%s/%s", dir, entry->d_name);
		status = keys->n == MAX_KEYS
				 ? vrs_fail(err, VRS_ENOSPC, "%s: more than %d keys", dir,
					    MAX_KEYS)
				 : vrs_seal_key_read(path, &next.key, err);
		free(path);
		if (status < 0)
			break;
		keys->key = vrs_realloc(keys->key, keys->n + 1, sizeof(*keys->key));
		keys->key[keys->n++] = next;
	}
	(void)closedir(d);
	if (status == 0 && keys->n == 0)
		status = vrs_fail(err, VRS_ENOENT, "%s: contains no CLUSTER.key file",
				  dir);
	if (status < 0) {
		vrs_seal_keys_free(keys);
		return status;
	}
	*ret = keys;
	return 0;
}

void vrs_seal_keys_free(struct vrs_seal_keys *keys)
{
	if (!keys)
		return;
	if (keys->key)
		explicit_bzero(keys->key, keys->n * sizeof(*keys->key));
	free(keys->key);
	free(keys);
}

const struct vrs_seal_key *vrs_seal_keys_find(const struct vrs_seal_keys *keys,
					      const char *cluster)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->key[i].cluster, cluster) == 0)
			return &keys->key[i].key;
	return NULL;
}

void vrs_hmac_sha256(const void *key, size_t n_key, const void *bytes, size_t n,
		     unsigned char ret[VRS_SEAL_MAC_BYTES])
{
	unsigned int len = VRS_SEAL_MAC_BYTES;

	/* fails only when memory is exhausted */
	if (!HMAC(EVP_sha256(), key, (int)n_key, bytes, n, ret, &len))
		abort();
}

static void add_number(struct vrs_text *t, uint64_t value)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	vrs_text_add_bytes(t, bytes, sizeof(bytes));
}

/* Each part has a fixed length or is preceded by its length, so different messages never
 * give the same bytes. */
static void mac_of(const struct vrs_seal_key *key, enum vrs_seal_use use,
		   const Vrsas__V1__Sealed *s, unsigned char ret[VRS_SEAL_MAC_BYTES])
{
	static const char label[] = "vrsas.v1.seal";
	struct vrs_text t = {0};

	vrs_text_add_bytes(&t, label, sizeof(label));
	add_number(&t, (uint64_t)use);
	add_number(&t, (uint64_t)s->at_ms);
	add_number(&t, strlen(s->cluster));
	vrs_text_add_bytes(&t, s->cluster, strlen(s->cluster));
	vrs_text_add_bytes(&t, s->payload.data, s->payload.len);
	vrs_hmac_sha256(key->bytes, sizeof(key->bytes), t.text, t.len, ret);
	vrs_text_fini(&t);
}

void vrs_seal(const struct vrs_seal_key *key, enum vrs_seal_use use,
	      const struct vrs_seal_content *content, Vrsas__V1__Sealed *ret,
	      unsigned char mac[VRS_SEAL_MAC_BYTES])
{
	vrsas__v1__sealed__init(ret);
	ret->cluster = content->cluster;
	ret->at_ms = content->at_ms;
	ret->payload = (ProtobufCBinaryData){content->n, (uint8_t *)content->payload};
	mac_of(key, use, ret, mac);
	ret->mac = (ProtobufCBinaryData){VRS_SEAL_MAC_BYTES, mac};
}

int vrs_seal_check(const struct vrs_seal_keys *keys, enum vrs_seal_use use,
		   const Vrsas__V1__Sealed *s, struct vrs_err *err)
{
	unsigned char mac[VRS_SEAL_MAC_BYTES];

	if (!vrs_name_ok(s->cluster))
		return vrs_fail(err, VRS_EDENIED, "seal: invalid cluster name");
	const struct vrs_seal_key *key = vrs_seal_keys_find(keys, s->cluster);
	if (!key)
		return vrs_fail(err, VRS_EDENIED, "seal: no key for cluster %s",
				s->cluster);
	mac_of(key, use, s, mac);
	if (s->mac.len != sizeof(mac) ||
	    CRYPTO_memcmp(mac, s->mac.data, sizeof(mac)) != 0)
		return vrs_fail(err, VRS_EDENIED,
				"seal: not made with the key of cluster %s", s->cluster);
	return 0;
}
