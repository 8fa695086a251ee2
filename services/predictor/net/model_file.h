/* model_file.h - a trained net with what is needed to trust it, as bytes and as a file.
 *
 * The bytes: a header of fixed size (magic, format, shape, calibration, provenance), the
 * weights, a checksum over all before it; little endian. Every count is checked against
 * what this program can run before it sizes anything. A file is written beside its place
 * and renamed. */
#ifndef PREDICTOR_NET_MODEL_FILE_H
#define PREDICTOR_NET_MODEL_FILE_H

#include <stdint.h>

#include "net/net.h"
#include "vrs/err.h"

enum { MODEL_VERSION_LEN = 40 };

struct model {
	struct net_shape shape;
	/* How much farther from the P50 the other quantiles have to lie than the net
	 * says: what the calibration days showed. 1: it is right. */
	float path_stretch[NET_QUANTILES];
	float peak_stretch[NET_PEAKS][NET_QUANTILES];
	int64_t made_at_ms;
	uint64_t data_hash; /* of the bins that it was trained on */
	uint32_t n_series, n_windows, epochs, seed;
	float calib_mae, calib_mae_seasonal; /* points, over the calibration windows */
	float calib_cover90;                 /* peaks of 240 min at or below their P90 */
	char version[MODEL_VERSION_LEN];     /* made of time and checksum by model_pack */
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

/* One JSON object: where it comes from and how good it was. The caller frees it. */
char *model_report(const struct model *m);

#endif
