/* plot.c - see plot.h. */
#include "paper/plot.h"

#include <math.h>

enum {
	WIDTH = 720,
	HEIGHT = 400,
	LEFT = 80,
	RIGHT = 20,
	TOP = 40,
	BOTTOM = 60,
	TICKS = 5
};

static const char *const colours[] = {"#1f5fa8", "#c8501e", "#3a8f3a",
				      "#8a4fa3", "#a08000", "#555555"};
enum { COLOURS = sizeof(colours) / sizeof(*colours) };

struct frame {
	double x_low, x_high, y_low, y_high;
	bool log_y;
};

/* On a logarithmic axis what is not above 0 has no place. */
static double scaled(const struct frame *f, double y)
{
	if (!f->log_y)
		return y;
	return y > 0 ? log10(y) : NAN;
}

static double place_x(const struct frame *f, double x)
{
	return LEFT + (x - f->x_low) / (f->x_high - f->x_low) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct frame *f, double y)
{
	return HEIGHT - BOTTOM -
	       (scaled(f, y) - f->y_low) / (f->y_high - f->y_low) *
		       (HEIGHT - TOP - BOTTOM);
}

static void widen(struct frame *f, double y)
{
	double v = scaled(f, y);

	if (!isfinite(v))
		return;
	f->y_low = fmin(f->y_low, v);
	f->y_high = fmax(f->y_high, v);
}

static struct frame frame_of(const struct plot_axes *axes, double x_low, double x_high)
{
	return (struct frame){x_low, x_high, INFINITY, -INFINITY, axes->log_y};
}

static void settle(struct frame *f)
{
	if (!(f->y_high >= f->y_low))
		f->y_low = f->y_high = 0;
	double air = (f->y_high - f->y_low) * 0.05;

	f->y_low -= air > 0 ? air : 0.5;
	f->y_high += air > 0 ? air : 0.5;
	if (!(f->x_high > f->x_low))
		f->x_high = f->x_low + 1;
}

static void open_chart(struct vrs_text *out, const struct plot_axes *axes,
		       const struct frame *f, bool x_ticks)
{
	vrs_text_add(out,
		     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		     "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
		     "font-size=\"12\">\n"
		     "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		     "<text x=\"%d\" y=\"22\" font-size=\"15\">%s</text>\n"
		     "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n"
		     "<text transform=\"translate(18 %d) rotate(-90)\" "
		     "text-anchor=\"middle\">%s</text>\n",
		     WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, axes->title,
		     (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, axes->x,
		     (TOP + HEIGHT - BOTTOM) / 2, axes->y);
	for (int i = 0; i <= TICKS; i++) {
		double v = f->y_low + (f->y_high - f->y_low) * i / TICKS;
		double x = f->x_low + (f->x_high - f->x_low) * i / TICKS;
		double y = f->log_y ? pow(10, v) : v;

		vrs_text_add(
			out,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" "
			"stroke=\"#ddd\"/>\n"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n",
			LEFT, WIDTH - RIGHT, place_y(f, y), place_y(f, y), LEFT - 6,
			place_y(f, y) + 4, y);
		if (x_ticks)
			vrs_text_add(out,
				     "<text x=\"%.1f\" y=\"%d\" "
				     "text-anchor=\"middle\">%.0f</text>\n",
				     place_x(f, x), HEIGHT - BOTTOM + 18, x);
	}
}

static void legend(struct vrs_text *out, size_t i, const char *name)
{
	int y = TOP + 12 + (int)i * 16;

	vrs_text_add(out,
		     "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" "
		     "stroke-width=\"3\"/>\n<text x=\"%d\" y=\"%d\">%s</text>\n",
		     WIDTH - 190, WIDTH - 166, y - 4, y - 4, colours[i % COLOURS],
		     WIDTH - 160, y, name);
}

void plot_lines(struct vrs_text *out, const struct plot_axes *axes,
		const struct plot_line *line, size_t n)
{
	size_t longest = 1;

	for (size_t i = 0; i < n; i++)
		longest = line[i].n > longest ? line[i].n : longest;
	struct frame f = frame_of(axes, 1, (double)longest);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < line[i].n; k++)
			widen(&f, line[i].y[k]);
	settle(&f);
	open_chart(out, axes, &f, true);
	for (size_t i = 0; i < n; i++) {
		bool broken = true;

		vrs_text_add(
			out,
			"<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"",
			colours[i % COLOURS]);
		for (size_t k = 0; k < line[i].n; k++) {
			double y = line[i].y[k];
			bool drawable = isfinite(scaled(&f, y));

			if (drawable)
				vrs_text_add(out, "%c%.1f %.1f", broken ? 'M' : 'L',
					     place_x(&f, (double)(k + 1)),
					     place_y(&f, y));
			broken = !drawable;
		}
		vrs_text_add(out, "\"/>\n");
		legend(out, i, line[i].name);
	}
	vrs_text_add(out, "</svg>\n");
}

void plot_bars(struct vrs_text *out, const struct plot_axes *axes,
	       const struct plot_bar *bar, size_t n, double level, const char *level_name)
{
	struct frame f = frame_of(axes, 0, (double)n);

	widen(&f, 0);
	widen(&f, level);
	for (size_t i = 0; i < n; i++)
		widen(&f, bar[i].y);
	settle(&f);
	open_chart(out, axes, &f, false);
	for (size_t i = 0; i < n; i++) {
		double x = place_x(&f, (double)i + 0.2), y = place_y(&f, bar[i].y);
		double wide = place_x(&f, (double)i + 0.8) - x;

		if (!isfinite(y))
			continue;
		vrs_text_add(out,
			     "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			     "height=\"%.1f\" fill=\"%s\"/>\n"
			     "<text x=\"%.1f\" y=\"%.1f\" "
			     "text-anchor=\"middle\">%.3g</text>\n"
			     "<text x=\"%.1f\" y=\"%d\" "
			     "text-anchor=\"middle\">%s</text>\n",
			     x, y, wide, place_y(&f, 0) - y, colours[0], x + wide / 2,
			     y - 5, bar[i].y, x + wide / 2, HEIGHT - BOTTOM + 18,
			     bar[i].name);
	}
	if (isfinite(level))
		vrs_text_add(out,
			     "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" "
			     "stroke=\"%s\" stroke-dasharray=\"6 4\"/>\n"
			     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			     LEFT, WIDTH - RIGHT, place_y(&f, level), place_y(&f, level),
			     colours[1], WIDTH - RIGHT, place_y(&f, level) - 5,
			     level_name);
	vrs_text_add(out, "</svg>\n");
}
