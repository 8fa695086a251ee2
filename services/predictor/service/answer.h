/* answer.h - a forecast job from the bus, answered from what Redis holds. */
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
	const struct drift_table *drift; /* NULL: no drift check was made */
};

/* Never fails: what cannot be forecast says so in its own entry, a job that cannot be
 * done at all in `error`. Answers are stored (best effort) unless the job says no.
 * Free with answer_free. */
Vrsas__V1__ForecastAnswer *answer_job(const Vrsas__V1__ForecastJob *job,
				      struct forecaster *f, struct vrs_store *s,
				      const struct answer_conf *conf);
void answer_free(Vrsas__V1__ForecastAnswer *a);

/* Pure: the message of a forecast. */
Vrsas__V1__Forecast *answer_message(const struct forecast *f, const char *cluster,
				    const char *host, int64_t origin_ms,
				    const struct answer_conf *conf);

#endif
