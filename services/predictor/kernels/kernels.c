/* kernels.c - which of the compiled kernels this processor can run. */
#include "kernels/kernels.h"

static bool can_run(const struct kern *k)
{
	if (!k->gemm)
		return false;
	if (k == &kern_plain)
		return true;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (k == &kern_avx2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (k == &kern_avx512)
		return __builtin_cpu_supports("avx512f");
#endif
	return false;
}

const struct kern *kern_named(const char *name)
{
	static const struct kern *const tables[] = {&kern_plain, &kern_avx2,
						    &kern_avx512};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (can_run(tables[i]) && strcmp(tables[i]->name, name) == 0)
			return tables[i];
	return NULL;
}

const struct kern *kern_best(void)
{
	const char *wish = getenv("VRSAS_NN_ISA");
	const struct kern *k = wish ? kern_named(wish) : NULL;

	if (k)
		return k;
	if (can_run(&kern_avx512))
		return &kern_avx512;
	return can_run(&kern_avx2) ? &kern_avx2 : &kern_plain;
}
