/* kernels.h - the few loops where a net spends its time, once for each kind of processor.
 *
 * kernels.inc is compiled for the plain instruction set, for AVX2 and for AVX-512; the
 * best that the processor has is chosen when first asked. All agree up to rounding. */
#ifndef PREDICTOR_KERNELS_KERNELS_H
#define PREDICTOR_KERNELS_KERNELS_H

#include <stdbool.h>

#include "kernels/real.h"

struct kern {
	const char *name;

	/* c[m][n] = a[m][k] * b[k][n], or += . a is read at a[i * a_row + p * a_col], so
	 * a transposed matrix needs no copy. n is a multiple of NN_LANES. */
	void (*gemm)(int m, int n, int k, const real *a, int a_row, int a_col,
		     const real *b, int ldb, real *c, int ldc, bool add);

	/* c[m][k] += sum over steps and lanes of y[m][lane] * x[k][lane]. */
	void (*outer)(int m, int k, int n, const real *y, int ldy, size_t y_step,
		      const real *x, int ldx, size_t x_step, int steps, real *c, int ldc);

	/* out[m] += sum over steps and lanes of y[m][lane]. */
	void (*sums)(int m, int n, const real *y, int ldy, size_t y_step, int steps,
		     real *out);

	/* y[m][n] = bias[m], or += . */
	void (*spread)(int m, int n, const real *bias, real *y, bool add);

	/* y = max(y, 0) in place; dy = 0 where y was cut. */
	void (*rectify)(size_t n, real *y);
	void (*rectify_back)(size_t n, const real *y, real *dy);

	/* A step of Adam: m and v remember g, w moves by scale * m / (sqrt(v) * bias). */
	void (*adam)(size_t n, const real *g, real *m, real *v, real *w, real scale,
		     real bias);

	/* One time step of hidden units. gates[4][hidden][lanes] in the order i f g o:
	 * sums going in, activations coming out; tanh_c is kept for the way back. */
	void (*cell)(int hidden, int lanes, real *gates, const real *c_before, real *c,
		     real *tanh_c, real *h);

	/* The way back: dh and dc are the slopes arriving at this step; gates become
	 * slopes of the sums, dc the slope for the step before. */
	void (*cell_back)(int hidden, int lanes, real *gates, const real *c_before,
			  const real *tanh_c, const real *dh, real *dc);
};

/* The best one here, or the one that VRSAS_NN_ISA names (plain, avx2, avx512). */
const struct kern *kern_best(void);
/* By name; NULL when this processor or build does not have it. */
const struct kern *kern_named(const char *name);

extern const struct kern kern_plain, kern_avx2, kern_avx512;

#endif
