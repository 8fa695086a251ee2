/* load.c - see load.h. */
#include "cli/load.h"

#include <stdio.h>
#include <stdlib.h>

#include "vrs/mem.h"

int load_failed(const struct command *c, const struct vrs_err *err)
{
	(void)fprintf(stderr, "vrs-predictor %s: %s\n", c->name, err->text);
	return err->code == VRS_ENOENT ? 3 : 1;
}

void load_series(const struct command *c, const char *const *files, int64_t until_ms,
		 struct loaded *ret)
{
	struct vrs_err err = {0};

	*ret = (struct loaded){0};
	if (!files[0])
		args_wrong(c, "no trace files given");
	for (int i = 0; files[i]; i++)
		if (traces_read(&ret->traces, files[i], &err) < 0)
			exit(load_failed(c, &err));
	const struct traces *t = &ret->traces;
	if (t->impossible + t->twice + t->unordered > 0)
		(void)fprintf(stderr,
			      "vrs-predictor %s: %zu rows: %zu with impossible values "
			      "(treated as gaps), %zu duplicates (first kept), %zu out "
			      "of order (sorted)\n",
			      c->name, t->rows, t->impossible, t->twice, t->unordered);
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
