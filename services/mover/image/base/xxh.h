/* xxh.h - XXH3-128 as fast as this CPU can. Pure. */
#ifndef MOVER_IMAGE_BASE_XXH_H
#define MOVER_IMAGE_BASE_XXH_H

#include <stddef.h>
#include <xxhash.h>

#if defined(__x86_64__)
XXH128_hash_t xxh_avx2(const void *bytes, size_t n);
XXH128_hash_t xxh_avx512(const void *bytes, size_t n);
#endif

static inline XXH128_hash_t xxh_128(const void *bytes, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		return xxh_avx512(bytes, n);
	if (__builtin_cpu_supports("avx2"))
		return xxh_avx2(bytes, n);
#endif
	return XXH3_128bits(bytes, n);
}

#endif
