/* plain.c - kernels.h for every processor. */
#define KERN_BYTES 16
#define KERN_ROWS 4
#define KERN_COLS 2
#define KERN_TABLE kern_plain
#define KERN_NAME "plain"
#include "kernels/kernels.inc"
