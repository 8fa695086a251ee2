/* model_file.h - a trained net with its calibration and provenance, as bytes and as a
 * file (file.h).
 *
 * The bytes: a header of fixed size (shape, calibration, provenance), the weights, the
 * checksum. Every count is checked against the limits of this program before any memory
 * is allocated by it. */
#ifndef PREDICTOR_NET_MODEL_FILE_H
#define PREDICTOR_NET_MODEL_FILE_H

#include <stdint.h>

#include "net/net.h"
#include "vrs/err.h"

enum { MODEL_VERSION_LEN = 40 };

struct model {
	struct net_shape shape;
	/* Factors for the distance between the P50 and the other quantiles, from the
	 * calibration days. 1: no correction. */
	float path_stretch[NET_QUANTILES];
	float peak_stretch[NET_PEAKS][NET_QUANTILES];
	int64_t made_at_ms;
	uint64_t data_hash; /* of the training data */
	uint32_t n_series, n_windows, epochs, seed;
	float calib_mae, calib_mae_seasonal; /* points, over the calibration windows */
	float calib_cover90; /* share of 240 min peaks at or below their P90 */
	char version[MODEL_VERSION_LEN]; /* time and checksum, set by model_pack */
	size_t n_weights;
	real *w;
};

struct model *model_new(const struct net_shape *shape);
struct model *model_dup(const struct model *m);
void model_free(struct model *m);

/* Sets m->version; the caller frees the bytes. */
void *model_pack(struct model *m, size_t *ret_n);
int model_unpack(struct model **ret, const void *bytes, size_t n, struct vrs_err *err);

int model_save(struct model *m, const char *path, struct vrs_err *err);
int model_load(struct model **ret, const char *path, struct vrs_err *err);

/* Provenance and scores as one JSON object. The caller frees it. */
char *model_report(const struct model *m);

#endif
