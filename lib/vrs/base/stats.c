#include "vrs/stats.h"

#include <math.h>
#include <stdlib.h>

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int by_float(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

void vrs_sort_doubles(double *x, size_t n)
{
	if (n > 1)
		qsort(x, n, sizeof(*x), by_double);
}

void vrs_sort_floats(float *x, size_t n)
{
	if (n > 1)
		qsort(x, n, sizeof(*x), by_float);
}

static double between(double low, double high, double share)
{
	return low + share * (high - low);
}

double vrs_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at, next = i + 1 < n ? i + 1 : i;

	return between(sorted[i], sorted[next], at - (double)i);
}

double vrs_quantile_floats(const float *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at, next = i + 1 < n ? i + 1 : i;

	return between((double)sorted[i], (double)sorted[next], at - (double)i);
}

float vrs_quantile_upper(const float *sorted, size_t n, double q)
{
	size_t k = (size_t)ceil(q * (double)(n + 1));

	return sorted[k < 1 ? 0 : (k > n ? n : k) - 1];
}
