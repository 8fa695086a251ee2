/* forecast.h - the answer: how a series will run, by which method, and how sure that is.
 *
 * A ladder of methods. With a model and 30 h of history the net answers, unless a simple
 * method was better over the last day; with less it answers with low confidence; without
 * a model the simple method that would have been best answers and says so. A series that
 * has been silent gets a wider, less sure answer, and after two hours none. Pure. */
#ifndef PREDICTOR_NET_FORECAST_H
#define PREDICTOR_NET_FORECAST_H

#include "net/feature.h"
#include "net/model_file.h"

enum method {
	METHOD_NONE,
	METHOD_LAST,
	METHOD_SEASONAL,
	METHOD_SLEVEL,
	METHOD_LSTM,
	METHOD_PAPER, /* the paper's net, for comparison only (paper/net_set.h) */
};
enum confidence { CONFIDENCE_NONE, CONFIDENCE_LOW, CONFIDENCE_OK };

const char *forecast_method_name(enum method m);

struct forecast {
	enum method method;
	enum confidence confidence;
	char reason[200];
	float path[NET_QUANTILES][BINS_AHEAD]; /* points */
	float peak[NET_PEAKS][NET_QUANTILES];  /* 120, 240 min */
	uint32_t history_min;
	float last; /* newest value; NAN: none */
};

/* What answers: a model (or none) and the memory to run it, for one thread. */
struct forecaster;
struct forecaster *forecaster_new(const struct model *m); /* borrowed; may be NULL */
void forecaster_free(struct forecaster *f);
bool forecaster_has_model(const struct forecaster *f);

/* gate: check the net against simple methods over the last day first. */
void forecast_make(struct forecaster *f, const struct window *w, bool gate,
		   struct forecast *ret);

/* The net alone for many windows at once, for backtests and sweeps; windows without any
 * value get METHOD_NONE. */
void forecast_net(struct forecaster *f, const struct window *w, size_t n,
		  struct forecast *ret);

/* A simple method's path; false when it has nothing to go by. */
bool forecast_simple_path(enum method m, const struct window *w, float ret[BINS_AHEAD]);
/* The same with quantiles from what it missed at earlier origins. */
bool forecast_simple(enum method m, const struct window *w, struct forecast *ret);

#endif
