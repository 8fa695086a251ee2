/* rng.h - random numbers that are the same everywhere for the same seed (splitmix64). */
#ifndef PREDICTOR_KERNELS_RNG_H
#define PREDICTOR_KERNELS_RNG_H

#include <math.h>
#include <stdint.h>
#include <string.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9E3779B97F4A7C15U);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
	return z ^ (z >> 31);
}

/* 0 <= x < 1 */
static inline double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static inline double rng_between(struct rng *r, double low, double high)
{
	return low + (high - low) * rng_unit(r);
}

static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

/* Random order of n elements of `size` bytes, at most 64. */
static inline void rng_shuffle(struct rng *r, void *array, size_t n, size_t size)
{
	char *x = array, keep[64];

	for (size_t i = n; i > 1; i--) {
		size_t k = rng_below(r, i);

		memcpy(keep, x + (i - 1) * size, size);
		memmove(x + (i - 1) * size, x + k * size, size);
		memcpy(x + k * size, keep, size);
	}
}

/* Mean 0, deviation 1. */
static inline double rng_normal(struct rng *r)
{
	double u = 1.0 - rng_unit(r);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * rng_unit(r));
}

#endif
