/* scaler.h - the four scalers that the paper compares, with their inverse. Pure. */
#ifndef PREDICTOR_NET_SCALER_H
#define PREDICTOR_NET_SCALER_H

#include <stddef.h>

enum scaler_kind {
	SCALER_MINMAX,   /* to 0..1 */
	SCALER_MAXABS,   /* to -1..1, 0 stays 0 */
	SCALER_STANDARD, /* mean 0, deviation 1 */
	SCALER_ROBUST,   /* median 0, middle half 1 wide */
	SCALERS
};

struct scaler {
	double shift, scale; /* scaled = (x - shift) / scale */
};

const char *scaler_name(enum scaler_kind k);

/* Fitted to past values only; gaps (NAN) are ignored. A constant series gets scale 1. */
struct scaler scaler_fit(enum scaler_kind k, const float *x, size_t n);

static inline double scaler_apply(const struct scaler *s, double x)
{
	return (x - s->shift) / s->scale;
}

static inline double scaler_undo(const struct scaler *s, double y)
{
	return y * s->scale + s->shift;
}

#endif
