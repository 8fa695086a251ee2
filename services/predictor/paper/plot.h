/* plot.h - plain charts as SVG text: lines over an axis, and bars with a line to compare
 * with. Pure. */
#ifndef PREDICTOR_PAPER_PLOT_H
#define PREDICTOR_PAPER_PLOT_H

#include <stdbool.h>

#include "vrs/mem.h"

struct plot_line {
	const char *name;
	const double *y; /* NAN: the line is broken here */
	size_t n;        /* x is 1..n */
};

struct plot_axes {
	const char *title, *x, *y;
	bool log_y;
};

void plot_lines(struct vrs_text *out, const struct plot_axes *axes,
		const struct plot_line *line, size_t n);

struct plot_bar {
	char name[32];
	double y;
};

/* level: a dashed line across, with its name; NAN: none. */
void plot_bars(struct vrs_text *out, const struct plot_axes *axes,
	       const struct plot_bar *bar, size_t n, double level,
	       const char *level_name);

#endif
