/* paper_backtest.c - see paper_backtest.h. */
#include "evaluation/paper_backtest.h"

#include <math.h>

void paper_back(void *arg, size_t series, const int64_t *origin, size_t n,
		struct forecast *ret)
{
	const struct paper_back *b = arg;
	const struct trace *t = &b->traces->trace[series];
	const struct paper_model *m = paper_set_find(b->set, t->name);
	struct grid g;

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct forecast){.last = NAN};
	if (!m)
		return;
	grid_of(t, &g);
	paper_set_forecast(m, &g, origin, n, ret);
	grid_free(&g);
}

struct share {
	size_t i, n;
	int epochs;
	const char *name;
	void (*progress)(double share, const char *name);
};

static int on_epoch(void *arg, int epoch, double train, double valid)
{
	const struct share *s = arg;

	(void)train;
	(void)valid;
	s->progress(((double)s->i + (double)epoch / s->epochs) / (double)s->n, s->name);
	return 0;
}

int paper_set_train(struct paper_set **ret, const struct traces *t, int64_t until_ms,
		    const struct paper_conf *conf,
		    void (*progress)(double share, const char *name), struct vrs_err *err)
{
	struct paper_set *s = paper_set_new();
	int status = 0;

	for (size_t i = 0; i < t->n && (status == 0 || status == VRS_ENOENT); i++) {
		struct share share = {i, t->n, conf->epochs, t->trace[i].name, progress};
		struct grid g;

		grid_of(&t->trace[i], &g);
		status = paper_set_add(s, t->trace[i].name, &g, until_ms, conf,
				       progress ? on_epoch : NULL, &share, err);
		grid_free(&g);
	}
	if (paper_set_size(s) > 0 && (status == 0 || status == VRS_ENOENT)) {
		*ret = s;
		return 0;
	}
	paper_set_free(s);
	if (status == 0)
		status = vrs_fail(err, VRS_ENOENT, "paper: there is no series");
	return status;
}
