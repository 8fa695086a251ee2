/* avx2.c - kernels.h for AVX2 with FMA; compiled with -mavx2 -mfma. */
#if defined(__AVX2__) && defined(__FMA__) && !defined(NN_DOUBLE)
#define KERN_BYTES 32
#define KERN_ROWS 4
#define KERN_COLS 2
#define KERN_TABLE kern_avx2
#define KERN_NAME "avx2"
#include "kernels/kernels.inc"
#else
#include "kernels/kernels.h"
const struct kern kern_avx2; /* no functions: not in this build */
#endif
