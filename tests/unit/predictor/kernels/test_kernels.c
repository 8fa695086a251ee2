/* The same sums on every kind of processor, and the same numbers as plain arithmetic. */
#include "check.h"
#include "kernels/kernels.h"
#include "kernels/rng.h"

static void fill(real *p, size_t n, struct rng *rng)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (real)rng_normal(rng);
}

static const char *const names[] = {"plain", "avx2", "avx512"};
enum { N_NAMES = 3 };

static void products_agree_with_the_definition(void **state)
{
	static const int shapes[][3] = {
		{1, 16, 1}, {5, 48, 7}, {9, 32, 33}, {128, 32, 37}};
	struct rng rng = {3};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++) {
		int m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
		real *a = nn_alloc((size_t)(m * k)), *b = nn_alloc((size_t)(k * n));
		real *c = nn_alloc((size_t)(m * n)), *d = nn_alloc((size_t)(m * k));

		fill(a, (size_t)(m * k), &rng);
		fill(b, (size_t)(k * n), &rng);
		for (int i = 0; i < N_NAMES; i++) {
			const struct kern *kern = kern_named(names[i]);

			if (!kern)
				continue;
			kern->gemm(m, n, k, a, k, 1, b, n, c, n, false);
			memset(d, 0, (size_t)(m * k) * sizeof(real));
			kern->outer(m, k, n, c, n, 0, b, n, 0, 1, d, k);
			for (int r = 0; r < m; r++) {
				for (int j = 0; j < n; j++) {
					double sum = 0;
					for (int p = 0; p < k; p++)
						sum += (double)a[r * k + p] *
						       (double)b[p * n + j];
					assert_float_equal(c[r * n + j], sum, 1e-3);
				}
				for (int p = 0; p < k; p++) {
					double sum = 0;
					for (int j = 0; j < n; j++)
						sum += (double)c[r * n + j] *
						       (double)b[p * n + j];
					assert_float_equal(d[r * k + p], sum, 1e-2);
				}
			}
		}
		free(a);
		free(b);
		free(c);
		free(d);
	}
}

static void a_cell_is_the_cell_of_the_books(void **state)
{
	enum { H = 3, N = 16, SIZE = H * N };
	struct rng rng = {5};

	(void)state;
	for (int i = 0; i < N_NAMES; i++) {
		const struct kern *kern = kern_named(names[i]);
		real *g = nn_alloc(4 * SIZE), *in = nn_alloc(4 * SIZE),
		     *c0 = nn_alloc(SIZE);
		real *c = nn_alloc(SIZE), *tc = nn_alloc(SIZE), *h = nn_alloc(SIZE);

		if (!kern)
			goto next;
		fill(in, 4 * SIZE, &rng);
		in[0] = 200; /* far out, where exp would overflow */
		in[1] = -200;
		fill(c0, SIZE, &rng);
		memcpy(g, in, 4 * SIZE * sizeof(real));
		kern->cell(H, N, g, c0, c, tc, h);
		for (int k = 0; k < SIZE; k++) {
			double gi = 1 / (1 + exp(-(double)in[k]));
			double gf = 1 / (1 + exp(-(double)in[SIZE + k]));
			double gg = tanh((double)in[2 * SIZE + k]);
			double go = 1 / (1 + exp(-(double)in[3 * SIZE + k]));
			double cell = gf * (double)c0[k] + gi * gg;

			assert_float_equal(c[k], cell, 1e-5);
			assert_float_equal(h[k], go * tanh(cell), 1e-5);
		}
	next:
		free(g);
		free(in);
		free(c0);
		free(c);
		free(tc);
		free(h);
	}
}

static void an_unknown_processor_name_gives_nothing(void **state)
{
	(void)state;
	assert_null(kern_named("mmx"));
	assert_non_null(kern_named("plain"));
	assert_non_null(kern_best());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_agree_with_the_definition),
		cmocka_unit_test(a_cell_is_the_cell_of_the_books),
		cmocka_unit_test(an_unknown_processor_name_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
