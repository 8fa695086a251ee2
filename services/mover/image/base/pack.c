#include "image/base/pack.h"

#include <pthread.h>
#include <zstd.h>

enum { LEVEL = 1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t packer_key, unpacker_key;

static void free_packer(void *c)
{
	(void)ZSTD_freeCCtx(c);
}

static void free_unpacker(void *c)
{
	(void)ZSTD_freeDCtx(c);
}

static void make_keys(void)
{
	(void)pthread_key_create(&packer_key, free_packer);
	(void)pthread_key_create(&unpacker_key, free_unpacker);
}

size_t pack_compress(uint8_t *out, size_t size, const uint8_t *in, size_t n)
{
	(void)pthread_once(&once, make_keys);
	ZSTD_CCtx *c = pthread_getspecific(packer_key);
	if (!c) {
		c = ZSTD_createCCtx();
		(void)pthread_setspecific(packer_key, c);
	}
	size_t got = c ? ZSTD_compressCCtx(c, out, size, in, n, LEVEL) : 0;
	return c && !ZSTD_isError(got) ? got : 0;
}

int pack_decompress(uint8_t *out, size_t n, const uint8_t *in, size_t n_in,
		    struct vrs_err *err)
{
	(void)pthread_once(&once, make_keys);
	ZSTD_DCtx *c = pthread_getspecific(unpacker_key);
	if (!c) {
		c = ZSTD_createDCtx();
		(void)pthread_setspecific(unpacker_key, c);
	}
	size_t got = c ? ZSTD_decompressDCtx(c, out, n, in, n_in) : 0;
	if (!c || ZSTD_isError(got) || got != n)
		return vrs_fail(err, VRS_EPARSE, "compressed blocks are damaged");
	return 0;
}
