/* adam.c - see adam.h. */
#include "net/adam.h"

#include <math.h>

void adam_init(struct adam *a, size_t n)
{
	*a = (struct adam){.n = n, .m = nn_alloc(n), .v = nn_alloc(n)};
}

void adam_fini(struct adam *a)
{
	free(a->m);
	free(a->v);
	*a = (struct adam){0};
}

void adam_step(const struct kern *k, struct adam *a, real *w, const real *g, double rate)
{
	a->step++;
	real scale = (real)(rate / (1 - pow(0.9, (double)a->step)));
	real bias = (real)(1 / sqrt(1 - pow(0.999, (double)a->step)));

	k->adam(a->n, g, a->m, a->v, w, scale, bias);
}

double adam_clip(real *g, size_t n, double longest)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)g[i] * (double)g[i];
	sum = sqrt(sum);
	if (sum > longest)
		for (size_t i = 0; i < n; i++)
			g[i] *= (real)(longest / sum);
	return sum;
}

double adam_one_cycle(long step, long steps, double top)
{
	const double pi = 3.14159265358979;
	double up = 0.3 * (double)steps, low = top / 25, end = top / 2.5e5;

	if ((double)step < up)
		return low + (top - low) * (1 - cos(pi * (double)step / up)) / 2;
	double x = ((double)step - up) / fmax(1, (double)steps - up);
	return end + (top - end) * (1 + cos(pi * fmin(x, 1))) / 2;
}
