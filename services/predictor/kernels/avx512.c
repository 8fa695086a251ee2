/* avx512.c - kernels.h for AVX-512; compiled with -mavx512f. */
#if defined(__AVX512F__) && !defined(NN_DOUBLE)
#define KERN_BYTES 64
#define KERN_ROWS 8
#define KERN_COLS 2
#define KERN_TABLE kern_avx512
#define KERN_NAME "avx512"
#include "kernels/kernels.inc"
#else
#include "kernels/kernels.h"
const struct kern kern_avx512; /* no functions: not in this build */
#endif
