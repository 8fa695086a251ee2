/* stats.h - sorts numbers and computes quantiles of sorted arrays. Pure. */
#ifndef VRS_STATS_H
#define VRS_STATS_H

#include <stddef.h>

void vrs_sort_doubles(double *x, size_t n);
void vrs_sort_floats(float *x, size_t n);

/* Linear interpolation between the two nearest values (R's type 7). Needs n > 0. */
double vrs_quantile(const double *sorted, size_t n, double q);
double vrs_quantile_floats(const float *sorted, size_t n, double q);

/* Conformal quantile: the smallest value with at least q (n + 1) values at or below it;
 * the maximum if there are too few. Needs n > 0. */
float vrs_quantile_upper(const float *sorted, size_t n, double q);

#endif
