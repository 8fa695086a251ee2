/* scaler.c - see scaler.h. */
#include "net/scaler.h"

#include <math.h>
#include <stdlib.h>

#include "vrs/mem.h"
#include "vrs/stats.h"

const char *scaler_name(enum scaler_kind k)
{
	static const char *const names[SCALERS] = {"MinMax", "MaxAbs", "Standard",
						   "Robust"};

	return names[k];
}

struct scaler scaler_fit(enum scaler_kind k, const float *x, size_t n)
{
	float *known = vrs_calloc(n ? n : 1, sizeof(*known));
	struct scaler s = {0, 1};
	double sum = 0, square = 0;
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(x[i]))
			known[m++] = x[i];
	if (m == 0)
		goto out;
	vrs_sort_floats(known, m);
	for (size_t i = 0; i < m; i++)
		sum += (double)known[i];
	for (size_t i = 0; i < m; i++)
		square += pow((double)known[i] - sum / (double)m, 2);
	switch (k) {
	case SCALER_MINMAX:
		s = (struct scaler){(double)known[0], (double)(known[m - 1] - known[0])};
		break;
	case SCALER_MAXABS:
		s.scale = fmax(fabs((double)known[0]), fabs((double)known[m - 1]));
		break;
	case SCALER_STANDARD:
		s = (struct scaler){sum / (double)m, sqrt(square / (double)m)};
		break;
	default:
		s = (struct scaler){vrs_quantile_floats(known, m, 0.5),
				    vrs_quantile_floats(known, m, 0.75) -
					    vrs_quantile_floats(known, m, 0.25)};
	}
	if (!(s.scale > 0))
		s.scale = 1;
out:
	free(known);
	return s;
}
