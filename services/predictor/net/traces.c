/* traces.c - see traces.h. */
#include "net/traces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"
#include "vrs/sample_csv.h"

enum { MAX_ENTITIES = 100000 };

/* A time far from the others is an error, and would need huge arrays of gaps. */
static const int64_t longest_ms = (int64_t)30 * 366 * 86400 * 1000;

static struct trace *trace_named(struct traces *t, const char *name, struct trace *hint)
{
	if (hint && strcmp(hint->name, name) == 0)
		return hint;
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->trace[i].name, name) == 0)
			return &t->trace[i];
	t->trace = vrs_grow(t->trace, t->n, &t->cap, sizeof(*t->trace));
	t->trace[t->n] = (struct trace){.name = vrs_strdup(name)};
	return &t->trace[t->n++];
}

static void trace_add(struct trace *t, int64_t at_ms, float pct)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 2048;
		t->at_ms = vrs_realloc(t->at_ms, t->cap, sizeof(*t->at_ms));
		t->pct = vrs_realloc(t->pct, t->cap, sizeof(*t->pct));
	}
	t->at_ms[t->n] = at_ms;
	t->pct[t->n++] = pct;
}

static int add_row(struct traces *t, struct trace **last,
		   const struct vrs_sample_row *row, struct vrs_err *err)
{
	t->rows++;
	t->impossible += row->impossible;
	if (isnan(row->cpu_ratio))
		return 0;
	*last = trace_named(t, row->host, *last);
	if (t->n > MAX_ENTITIES)
		return vrs_fail(err, VRS_ENOSPC, "more than %d entities", MAX_ENTITIES);
	if ((*last)->n > 0 && row->at_ms < (*last)->at_ms[(*last)->n - 1])
		t->unordered++;
	trace_add(*last, row->at_ms, (float)(100 * row->cpu_ratio));
	return 0;
}

static int read_rows(struct traces *t, struct vrs_csv *csv, struct vrs_err *err)
{
	struct vrs_samples samples;
	struct vrs_sample_row row;
	struct trace *last = NULL;
	int status = vrs_samples_begin(&samples, csv, err);

	while (status == 0 && (status = vrs_samples_next(&samples, &row, err)) > 0)
		status = add_row(t, &last, &row, err);
	return status;
}

struct row {
	int64_t at_ms;
	size_t place;
	float pct;
};

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Sorts by time; of rows with the same time the first is kept. */
static int sort_rows(struct traces *all, struct trace *t, const char *path,
		     struct vrs_err *err)
{
	struct row *rows = vrs_calloc(t->n + 1, sizeof(*rows));
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		rows[i] = (struct row){t->at_ms[i], i, t->pct[i]};
	qsort(rows, t->n, sizeof(*rows), by_time);
	for (size_t i = 0; i < t->n; i++) {
		if (kept > 0 && t->at_ms[kept - 1] == rows[i].at_ms) {
			all->twice++;
			continue;
		}
		t->at_ms[kept] = rows[i].at_ms;
		t->pct[kept++] = rows[i].pct;
	}
	t->n = kept;
	free(rows);
	if (kept > 0 && t->at_ms[kept - 1] - t->at_ms[0] > longest_ms)
		return vrs_fail(err, VRS_EPARSE, "%s: %s spans more than 30 years", path,
				t->name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct trace *)a)->name, ((const struct trace *)b)->name);
}

int traces_read(struct traces *t, const char *path, struct vrs_err *err)
{
	struct vrs_csv *csv = NULL;
	int status = vrs_csv_open(&csv, path, err);

	if (status == 0)
		status = read_rows(t, csv, err);
	vrs_csv_close(csv);
	for (size_t i = 0; status == 0 && i < t->n; i++)
		status = sort_rows(t, &t->trace[i], path, err);
	if (status == 0 && t->n > 0)
		qsort(t->trace, t->n, sizeof(*t->trace), by_name);
	return status;
}

void traces_free(struct traces *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->trace[i].name);
		free(t->trace[i].at_ms);
		free(t->trace[i].pct);
	}
	free(t->trace);
	*t = (struct traces){0};
}

const struct trace *traces_find(const struct traces *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->trace[i].name, name) == 0)
			return &t->trace[i];
	return NULL;
}

void trace_bins(const struct trace *t, int64_t until_ms, struct bins *ret)
{
	size_t n = t->n;

	while (until_ms > 0 && n > 0 && t->at_ms[n - 1] >= until_ms)
		n--;
	int64_t first = n ? bin_of(t->at_ms[0]) : 0;

	bins_init(ret, first, n ? (size_t)(bin_of(t->at_ms[n - 1]) - first + 1) : 0);
	for (size_t i = 0; i < n; i++)
		bins_add(ret, t->at_ms[i], (double)t->pct[i]);
	bins_mean(ret);
	bins_truth(ret);
}
