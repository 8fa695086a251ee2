/* load.c - see load.h. */
#include "cli/load.h"

#include <stdio.h>
#include <stdlib.h>

#include "vrs/mem.h"

int load_failed(const struct vrs_args *a, const struct vrs_err *err)
{
	(void)fprintf(stderr, "vrs-predictor %s: %s\n", a->command->name, err->text);
	return err->code == VRS_ENOENT ? 3 : 1;
}

void load_series(const struct vrs_args *a, const char *option, int64_t until_ms,
		 struct loaded *ret)
{
	struct vrs_err err = {0};

	*ret = (struct loaded){0};
	for (size_t i = 0; vrs_args_nth(a, option, i); i++)
		if (traces_read(&ret->traces, vrs_args_nth(a, option, i), &err) < 0)
			exit(load_failed(a, &err));
	const struct traces *t = &ret->traces;
	if (t->impossible + t->twice + t->unordered > 0)
		(void)fprintf(stderr,
			      "vrs-predictor %s: %zu rows: %zu with impossible values "
			      "(treated as gaps), %zu duplicates (first kept), %zu out "
			      "of order (sorted)\n",
			      a->command->name, t->rows, t->impossible, t->twice,
			      t->unordered);
	ret->n = t->n;
	ret->series = vrs_calloc(t->n + 1, sizeof(*ret->series));
	for (size_t i = 0; i < t->n; i++) {
		ret->series[i].name = t->trace[i].name;
		trace_bins(&t->trace[i], until_ms, &ret->series[i].bins);
	}
}

const struct trace *load_one(const struct loaded *l, const char *entity,
			     struct vrs_err *err)
{
	const struct trace *t = entity        ? traces_find(&l->traces, entity)
				: l->traces.n ? &l->traces.trace[0]
					      : NULL;

	if (t && t->n > 0)
		return t;
	(void)vrs_fail(err, VRS_ENOENT,
		       entity ? "no entity '%s' in the traces"
			      : "no readings in the traces%s",
		       entity ? entity : "");
	return NULL;
}

void load_free(struct loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		bins_fini(&l->series[i].bins);
	free(l->series);
	traces_free(&l->traces);
}

struct paper_conf load_paper_conf(const struct vrs_args *a, const char *preset)
{
	struct paper_conf c = *paper_preset(preset);
	int batch = (int)vrs_args_number(a, "batch", 0);

	c.seed = (uint32_t)vrs_args_number(a, "seed", 1);
	c.window = (int)vrs_args_number(a, "window", c.window);
	c.batch = batch > 0 ? batch : c.batch;
	c.epochs = (int)vrs_args_number(a, "epochs", c.epochs);
	c.hidden = (int)vrs_args_number(a, "hidden", c.hidden);
	c.scaler = (enum scaler_kind)vrs_args_number(a, "scaler", c.scaler);
	return c;
}
