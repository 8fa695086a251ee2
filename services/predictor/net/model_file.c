/* model_file.c - see model_file.h. */
#include "net/model_file.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "net/feature.h"
#include "net/file.h"
#include "vrs/clock.h"

enum { FORMAT = 1, MAX_HIDDEN = 256 };

struct header {
	char magic[8];
	uint32_t format, size; /* of this header */
	struct net_shape shape;
	float path_stretch[NET_QUANTILES], peak_stretch[NET_PEAKS][NET_QUANTILES];
	int64_t made_at_ms;
	uint64_t data_hash;
	uint32_t n_series, n_windows, epochs, seed, n_weights;
	float calib_mae, calib_mae_seasonal, calib_cover90;
};

_Static_assert(sizeof(struct header) == 144, "the header has no padding");

static const struct file_kind kind = {"VRSMODEL", FORMAT, sizeof(struct header),
				      16 << 20};

struct model *model_new(const struct net_shape *shape)
{
	struct model *m = vrs_calloc(1, sizeof(*m));

	m->shape = *shape;
	m->n_weights = net_n_weights(shape);
	m->w = nn_alloc(m->n_weights);
	for (int q = 0; q < NET_QUANTILES; q++)
		m->path_stretch[q] = m->peak_stretch[0][q] = m->peak_stretch[1][q] = 1;
	return m;
}

struct model *model_dup(const struct model *m)
{
	struct model *copy = model_new(&m->shape);
	real *w = copy->w;

	*copy = *m;
	copy->w = w;
	memcpy(w, m->w, m->n_weights * sizeof(real));
	return copy;
}

void model_free(struct model *m)
{
	if (m)
		free(m->w);
	free(m);
}

static void name_version(struct model *m, uint64_t sum)
{
	time_t at = (time_t)(m->made_at_ms / 1000);
	struct tm tm;
	char when[20];

	gmtime_r(&at, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	(void)snprintf(m->version, sizeof(m->version), "%s-%08x", when,
		       (unsigned)(sum >> 32));
}

void *model_pack(struct model *m, size_t *ret_n)
{
	struct vrs_text out = {0};
	struct header h = {.format = FORMAT,
			   .size = sizeof(h),
			   .shape = m->shape,
			   .n_series = m->n_series,
			   .made_at_ms = m->made_at_ms,
			   .data_hash = m->data_hash,
			   .n_windows = m->n_windows,
			   .epochs = m->epochs,
			   .seed = m->seed,
			   .n_weights = (uint32_t)m->n_weights,
			   .calib_mae = m->calib_mae,
			   .calib_mae_seasonal = m->calib_mae_seasonal,
			   .calib_cover90 = m->calib_cover90};

	memcpy(h.magic, kind.magic, sizeof(h.magic));
	memcpy(h.path_stretch, m->path_stretch, sizeof(h.path_stretch));
	memcpy(h.peak_stretch, m->peak_stretch, sizeof(h.peak_stretch));
	vrs_text_add_bytes(&out, &h, sizeof(h));
	vrs_text_add_bytes(&out, m->w, m->n_weights * sizeof(real));
	name_version(m, file_seal(&out));
	*ret_n = out.len;
	return out.text;
}

static bool all_finite(const real *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(w[i]))
			return false;
	return true;
}

int model_unpack(struct model **ret, const void *bytes, size_t n, struct vrs_err *err)
{
	struct header h;
	uint64_t sum;
	int status = file_check(&kind, bytes, n, err);

	if (status < 0)
		return status;
	memcpy(&h, bytes, sizeof(h));
	memcpy(&sum, (const char *)bytes + n - sizeof(sum), sizeof(sum));
	struct net_shape mine = features_shape((int)h.shape.hidden);
	if (h.shape.hidden > MAX_HIDDEN || memcmp(&mine, &h.shape, sizeof(mine)) != 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"model: feature set differs from that of this program");
	if (h.size != sizeof(h) || h.n_weights != net_n_weights(&mine) ||
	    n != sizeof(h) + h.n_weights * sizeof(real) + sizeof(sum))
		return vrs_fail(err, VRS_EPARSE,
				"model: size of %zu bytes does not match %u weights", n,
				h.n_weights);

	struct model *m = model_new(&mine);
	memcpy(m->w, (const char *)bytes + sizeof(h), m->n_weights * sizeof(real));
	memcpy(m->path_stretch, h.path_stretch, sizeof(h.path_stretch));
	memcpy(m->peak_stretch, h.peak_stretch, sizeof(h.peak_stretch));
	m->made_at_ms = h.made_at_ms;
	m->data_hash = h.data_hash;
	m->n_series = h.n_series;
	m->n_windows = h.n_windows;
	m->epochs = h.epochs;
	m->seed = h.seed;
	m->calib_mae = h.calib_mae;
	m->calib_mae_seasonal = h.calib_mae_seasonal;
	m->calib_cover90 = h.calib_cover90;
	name_version(m, sum);
	if (!all_finite(m->w, m->n_weights) ||
	    !all_finite(m->path_stretch, NET_QUANTILES) ||
	    !all_finite(m->peak_stretch[0], (size_t)NET_PEAKS * NET_QUANTILES)) {
		model_free(m);
		return vrs_fail(err, VRS_EPARSE, "model: a weight is not a number");
	}
	*ret = m;
	return 0;
}

int model_save(struct model *m, const char *path, struct vrs_err *err)
{
	size_t n;
	void *bytes = model_pack(m, &n);
	int status = file_write(path, bytes, n, err);

	free(bytes);
	return status;
}

int model_load(struct model **ret, const char *path, struct vrs_err *err)
{
	void *bytes = NULL;
	size_t n;
	int status = file_read(path, kind.max_bytes, &bytes, &n, err);

	if (status == 0 && (status = model_unpack(ret, bytes, n, err)) < 0)
		vrs_context(err, "%s", path);
	free(bytes);
	return status;
}

/* JSON has no NaN. */
static const char *number(char ret[24], double x)
{
	(void)snprintf(ret, 24, isfinite(x) ? "%.3f" : "null", x);
	return ret;
}

char *model_report(const struct model *m)
{
	char at[32], mae[24], yesterday[24], covered[24];

	return vrs_asprintf(
		"{\"version\":\"%s\",\"made_at\":\"%s\",\"series\":%u,\"windows\":%u,"
		"\"epochs\":%u,\"seed\":%u,\"hidden\":%u,\"weights\":%zu,"
		"\"data_hash\":\"%016llx\",\"calibration\":{\"mae_points\":%s,"
		"\"mae_yesterday_points\":%s,\"peak_p90_coverage\":%s}}",
		m->version, vrs_time_format(at, sizeof(at), m->made_at_ms), m->n_series,
		m->n_windows, m->epochs, m->seed, m->shape.hidden, m->n_weights,
		(unsigned long long)m->data_hash, number(mae, (double)m->calib_mae),
		number(yesterday, (double)m->calib_mae_seasonal),
		number(covered, (double)m->calib_cover90));
}
