/* resample.c - see resample.h. */
#include "net/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

int64_t bin_of(int64_t at_ms)
{
	return at_ms >= 0 ? at_ms / BIN_MS : -((-at_ms + BIN_MS - 1) / BIN_MS);
}

void bins_init(struct bins *b, int64_t first, size_t n)
{
	*b = (struct bins){.first = first, .n = n};
	b->u = vrs_calloc(n ? n : 1, sizeof(*b->u));
	b->count = vrs_calloc(n ? n : 1, sizeof(*b->count));
}

void bins_fini(struct bins *b)
{
	free(b->u);
	free(b->truth);
	free(b->count);
	*b = (struct bins){0};
}

void bins_add(struct bins *b, int64_t at_ms, double points)
{
	int64_t i = bin_of(at_ms) - b->first;

	if (i < 0 || (uint64_t)i >= b->n || !isfinite(points) ||
	    b->count[i] == UINT16_MAX)
		return;
	b->u[i] += (float)points;
	b->count[i]++;
}

void bins_mean(struct bins *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->u[i] = b->count[i] ? b->u[i] / (float)b->count[i] : NAN;
	free(b->count);
	b->count = NULL;
}

void bins_reach(struct bins *b, int64_t end)
{
	if (end <= b->first + (int64_t)b->n)
		return;
	size_t n = (size_t)(end - b->first);

	b->u = vrs_realloc(b->u, n, sizeof(*b->u));
	if (b->truth)
		b->truth = vrs_realloc(b->truth, n, sizeof(*b->truth));
	for (size_t i = b->n; i < n; i++) {
		b->u[i] = NAN;
		if (b->truth)
			b->truth[i] = NAN;
	}
	b->n = n;
}

void bins_truth(struct bins *b)
{
	free(b->truth);
	b->truth = vrs_calloc(b->n ? b->n : 1, sizeof(*b->truth));
	if (b->n > 0)
		memcpy(b->truth, b->u, b->n * sizeof(*b->truth));
	for (size_t i = 0; i < b->n;) {
		size_t end = i;

		while (end < b->n && isnan(b->u[end]))
			end++;
		if (i > 0 && end > i && end - i <= BINS_FILL)
			for (size_t k = i; k < end; k++)
				b->truth[k] = b->u[i - 1];
		i = end + 1;
	}
}
