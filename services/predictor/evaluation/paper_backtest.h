/* paper_backtest.h - the paper's nets at past origins, for the backtest. */
#ifndef PREDICTOR_EVALUATION_PAPER_BACKTEST_H
#define PREDICTOR_EVALUATION_PAPER_BACKTEST_H

#include "evaluation/backtest.h"
#include "paper/net_set.h"

struct paper_back {
	const struct paper_set *set;
	const struct traces *traces;
};

/* A backtest_other_fn; arg is a struct paper_back, series are its traces. */
void paper_back(void *arg, size_t series, const int64_t *origin, size_t n,
		struct forecast *ret);

/* A net for each trace from what lies before until_ms (0: all); traces with too little
 * are passed over. progress gets the share done. VRS_ENOENT: none had enough. */
int paper_set_train(struct paper_set **ret, const struct traces *t, int64_t until_ms,
		    const struct paper_conf *conf,
		    void (*progress)(double share, const char *name),
		    struct vrs_err *err);

#endif
