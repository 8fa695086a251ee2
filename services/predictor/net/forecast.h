/* forecast.h - the forecast of a series, its method and its confidence.
 *
 * Methods form a ladder. With a model and 30 h of history the net is used, unless a
 * simple method was better over the last day; with less history the net is used with low
 * confidence; without a model, the simple method with the smallest recent error, with low
 * confidence. A series without recent samples gets low confidence, and after two hours no
 * forecast. Pure. */
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

/* A model (or none) and the memory to run it, for one thread. */
struct forecaster;
struct forecaster *forecaster_new(const struct model *m); /* borrowed; may be NULL */
void forecaster_free(struct forecaster *f);
bool forecaster_has_model(const struct forecaster *f);

/* gate: compare the net with simple methods over the last day. */
void forecast_make(struct forecaster *f, const struct window *w, bool gate,
		   struct forecast *ret);

/* The net alone, for many windows at once; windows without any value get METHOD_NONE. */
void forecast_net(struct forecaster *f, const struct window *w, size_t n,
		  struct forecast *ret);

/* The path of a simple method; false: the window has no value. */
bool forecast_simple_path(enum method m, const struct window *w, float ret[BINS_AHEAD]);
/* The same with quantiles, from the errors of the method at earlier origins. */
bool forecast_simple(enum method m, const struct window *w, struct forecast *ret);

#endif
