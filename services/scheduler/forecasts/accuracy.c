#include "forecasts/accuracy.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

enum {
	BIN_MS = 5 * 60 * 1000,
	AHEAD_BINS = 24,   /* two hours */
	BINS_NEEDED = 22,  /* of these */
	MAX_PENDING = 40,  /* one every few minutes */
	MAX_RESULTS = 288, /* a day of one every 5 min */
	MAX_CLUSTERS = 256,
};

struct pending {
	int64_t first_bin, end_bin; /* number of a bin since 1970 */
	double p50, p90, peak;
	unsigned bins;
};

struct result {
	double error;
	bool covered;
};

struct cluster {
	char name[65];
	struct pending pending[MAX_PENDING]; /* oldest first */
	size_t n_pending;
	int64_t bin, newest_at_ms; /* the bin that is being filled */
	double sum;
	unsigned n;
	struct result result[MAX_RESULTS]; /* a ring */
	size_t n_results, next_result;
};

struct forecast_accuracy {
	struct cluster *cluster[MAX_CLUSTERS];
	size_t n;
};

struct forecast_accuracy *forecast_accuracy_new(void)
{
	return vrs_calloc(1, sizeof(struct forecast_accuracy));
}

void forecast_accuracy_free(struct forecast_accuracy *a)
{
	for (size_t i = 0; a && i < a->n; i++)
		free(a->cluster[i]);
	free(a);
}

static struct cluster *find(const struct forecast_accuracy *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->cluster[i]->name, name) == 0)
			return a->cluster[i];
	return NULL;
}

static struct cluster *find_or_add(struct forecast_accuracy *a, const char *name)
{
	struct cluster *c = find(a, name);

	if (c || a->n == MAX_CLUSTERS)
		return c;
	c = vrs_calloc(1, sizeof(*c));
	(void)vrs_strcpy(c->name, sizeof(c->name), name);
	a->cluster[a->n++] = c;
	return c;
}

void forecast_accuracy_add_forecast(struct forecast_accuracy *a, const char *cluster,
				    int64_t origin_ms, double p50, double p90)
{
	struct cluster *c = find_or_add(a, cluster);
	int64_t first = (origin_ms + BIN_MS - 1) / BIN_MS;

	if (!c || isnan(p50) || isnan(p90) || origin_ms <= 0)
		return;
	if (c->n_pending > 0 && first <= c->pending[c->n_pending - 1].first_bin)
		return;
	if (c->n_pending == MAX_PENDING)
		memmove(c->pending, c->pending + 1,
			--c->n_pending * sizeof(c->pending[0]));
	c->pending[c->n_pending++] = (struct pending){
		.first_bin = first,
		.end_bin = first + AHEAD_BINS,
		.p50 = p50,
		.p90 = p90,
	};
}

static void keep_result(struct cluster *c, const struct pending *p)
{
	if (p->bins < BINS_NEEDED)
		return;
	c->result[c->next_result] = (struct result){
		.error = fabs(p->peak - p->p50),
		.covered = p->peak <= p->p90,
	};
	c->next_result = (c->next_result + 1) % MAX_RESULTS;
	if (c->n_results < MAX_RESULTS)
		c->n_results++;
}

/* The bin is over: pending forecasts that cover it take its mean, and those that end with
 * it are scored. */
static void end_bin(struct cluster *c, int64_t now_bin)
{
	double mean = c->n > 0 ? c->sum / c->n : NAN;
	size_t kept = 0;

	for (size_t i = 0; i < c->n_pending; i++) {
		struct pending *p = &c->pending[i];

		if (c->n > 0 && c->bin >= p->first_bin && c->bin < p->end_bin) {
			if (p->bins == 0 || mean > p->peak)
				p->peak = mean;
			p->bins++;
		}
		if (now_bin >= p->end_bin)
			keep_result(c, p);
		else
			c->pending[kept++] = *p;
	}
	c->n_pending = kept;
	c->sum = 0;
	c->n = 0;
}

void forecast_accuracy_add_reading(struct forecast_accuracy *a, const char *cluster,
				   int64_t at_ms, double ratio)
{
	struct cluster *c = find_or_add(a, cluster);

	if (!c || isnan(ratio) || at_ms <= c->newest_at_ms)
		return;
	c->newest_at_ms = at_ms;
	if (at_ms / BIN_MS != c->bin) {
		end_bin(c, at_ms / BIN_MS);
		c->bin = at_ms / BIN_MS;
	}
	c->sum += ratio;
	c->n++;
}

void forecast_accuracy_score(const struct forecast_accuracy *a, const char *cluster,
			     struct forecast_score *ret)
{
	const struct cluster *c = find(a, cluster);
	double error = 0, covered = 0;

	*ret = (struct forecast_score){.error_ratio = NAN, .coverage_ratio = NAN};
	if (!c || c->n_results == 0)
		return;
	for (size_t i = 0; i < c->n_results; i++) {
		error += c->result[i].error;
		covered += c->result[i].covered;
	}
	ret->n = (unsigned)c->n_results;
	ret->error_ratio = error / (double)c->n_results;
	ret->coverage_ratio = covered / (double)c->n_results;
}
