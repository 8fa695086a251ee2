/* answer.h - a forecast job from the bus: reads the history from Redis and writes the
 * forecasts to Redis. */
#ifndef PREDICTOR_SERVICE_ANSWER_H
#define PREDICTOR_SERVICE_ANSWER_H

#include "service/drift_job.h"
#include "vrs/store.h"
#include "vrsas/v1/forecast.pb-c.h"

enum { ANSWER_MAX_TARGETS = 4096 };

struct answer_conf {
	const char *predictor;     /* this process */
	const char *model_version; /* "" without a model */
	int64_t now_ms;
	int32_t utc_min;
	const struct drift_table *drift; /* NULL: no drift check yet */
};

/* Never fails: a target without a forecast is listed in `missing`; a job that is invalid,
 * or whose forecasts cannot be stored, sets `error`. Free with answer_free. */
Vrsas__V1__ForecastAnswer *answer_job(const Vrsas__V1__ForecastJob *job,
				      struct forecaster *f, struct vrs_store *s,
				      const struct answer_conf *conf);
void answer_free(Vrsas__V1__ForecastAnswer *a);

#endif
