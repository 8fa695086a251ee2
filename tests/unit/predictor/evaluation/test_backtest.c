/* A forecast at a past origin uses nothing after it; the paper's nets survive saving. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "evaluation/backtest.h"
#include "folder.h"
#include "paper/net_set.h"
#include "paper/plot.h"
#include "paper/workload.h"
#include "vrs/mem.h"

enum { MINUTES = 3 * 1440 };
static const int64_t start_ms = 1704067200000;
static char folder[] = "/tmp/vrs-backtest-XXXXXX";

/* n minutes of groupware, some of them missing. */
static void make_trace(struct trace *t, size_t n, size_t gap_from, size_t gap_to)
{
	const struct workload w = {.kind = 2, .seed = 3, .scale = 1};
	float *cpu = vrs_calloc(MINUTES, sizeof(*cpu));

	workload_fill(&w, start_ms, MINUTES, cpu);
	*t = (struct trace){.name = vrs_strdup("a")};
	t->at_ms = vrs_calloc(MINUTES, sizeof(*t->at_ms));
	t->pct = vrs_calloc(MINUTES, sizeof(*t->pct));
	for (size_t i = 0; i < n; i++) {
		if (i >= gap_from && i < gap_to)
			continue;
		t->at_ms[t->n] = start_ms + (int64_t)i * 60000;
		t->pct[t->n++] = cpu[i];
	}
	free(cpu);
}

struct seen {
	size_t n;
	struct forecast f[8];
};

static void remember(void *arg, const char *entity, int64_t origin_ms,
		     const struct forecast *f)
{
	struct seen *s = arg;

	assert_string_equal(entity, "a");
	assert_true(origin_ms > start_ms);
	assert_true(s->n < 8);
	s->f[s->n++] = *f;
}

static void ask_at(const struct model *m, const struct trace *t, int64_t at_ms,
		   size_t lost, struct seen *ret)
{
	struct train_series series = {.name = "a"};
	const struct backtest_conf conf = {.model = m,
					   .from_ms = at_ms,
					   .to_ms = at_ms,
					   .step_ms = 1800000,
					   .gate = true,
					   .lost_bins = lost,
					   .each = remember,
					   .each_arg = ret};
	struct backtest result;

	*ret = (struct seen){0};
	trace_bins(t, 0, &series.bins);
	backtest_run(&conf, &series, 1, &result);
	assert_int_equal(result.origins + result.skipped, 1);
	bins_fini(&series.bins);
}

static void trace_fini(struct trace *t)
{
	free(t->name);
	free(t->at_ms);
	free(t->pct);
}

static void what_comes_after_an_origin_changes_nothing(void **state)
{
	const struct net_shape shape = features_shape(4);
	struct model *m = model_new(&shape);
	struct rng rng = {1};
	const size_t at = 2 * 1440 + 600;

	(void)state;
	net_start(&shape, m->w, &rng);
	/* a gap that begins before the origin and ends soon after, or never */
	for (size_t before = 0; before <= 20; before += 10) {
		struct trace whole, cut;
		struct seen a, b;

		make_trace(&whole, MINUTES, at - before, at + 5);
		make_trace(&cut, at - before, MINUTES, MINUTES);
		ask_at(m, &whole, start_ms + (int64_t)at * 60000, 0, &a);
		ask_at(m, &cut, start_ms + (int64_t)at * 60000, 0, &b);
		assert_int_equal(a.n, 1);
		assert_int_equal(b.n, 1);
		assert_memory_equal(&a.f[0].path, &b.f[0].path, sizeof(a.f[0].path));
		assert_memory_equal(&a.f[0].peak, &b.f[0].peak, sizeof(a.f[0].peak));
		assert_int_equal(a.f[0].confidence, b.f[0].confidence);
		trace_fini(&whole);
		trace_fini(&cut);
	}
	model_free(m);
}

static void lost_minutes_are_as_if_they_were_missing(void **state)
{
	const struct net_shape shape = features_shape(4);
	struct model *m = model_new(&shape);
	const int64_t at_ms = start_ms + (2 * 1440 + 600) * (int64_t)60000;
	struct rng rng = {2};
	struct trace whole, missing;
	struct seen a, b;

	(void)state;
	net_start(&shape, m->w, &rng);
	make_trace(&whole, MINUTES, MINUTES, MINUTES);
	make_trace(&missing, MINUTES, 2 * 1440 + 570, 2 * 1440 + 600);
	ask_at(m, &whole, at_ms, 6, &a);
	ask_at(m, &missing, at_ms, 0, &b);
	assert_memory_equal(&a.f[0].path, &b.f[0].path, sizeof(a.f[0].path));
	assert_int_equal(a.f[0].confidence, CONFIDENCE_LOW);
	trace_fini(&whole);
	trace_fini(&missing);
	model_free(m);
}

static void the_paper_s_nets_come_back_from_their_file(void **state)
{
	struct paper_conf conf = *paper_preset("paper-13");
	struct traces t = {0};
	struct paper_set *set = NULL, *back = NULL;
	struct vrs_err err = {0};
	struct forecast a, b;
	struct grid g;
	char unknown[] = "b", path[64];
	const int64_t origin = bin_of(start_ms) + 2 * BINS_DAY + 100;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/m", folder);
	t.trace = vrs_calloc(1, sizeof(*t.trace));
	t.n = 1;
	make_trace(&t.trace[0], MINUTES, 1000, 1010);
	conf.hidden = 4;
	conf.epochs = 1;
	conf.window = 10;
	assert_ok(paper_set_train(&set, &t, origin * BIN_MS, &conf, &err), &err);
	assert_ok(paper_set_save(set, path, &err), &err);
	assert_true(paper_set_is(path));
	assert_ok(paper_set_load(&back, path, &err), &err);
	grid_of(&t.trace[0], &g);
	assert_int_equal(g.step_ms, 60000);
	assert_true(isnan(g.x[1005]));
	paper_set_forecast(set, &t.trace[0], &origin, 1, &a);
	paper_set_forecast(back, &t.trace[0], &origin, 1, &b);
	assert_int_equal(a.method, METHOD_PAPER);
	assert_memory_equal(a.path, b.path, sizeof(a.path));
	assert_float_equal(a.peak[1][0], a.peak[1][2], 0); /* it knows no quantiles */
	const int64_t in_gap = bin_of(start_ms) + 201;
	paper_set_forecast(set, &t.trace[0], &in_gap, 1, &b);
	assert_int_equal(b.method, METHOD_NONE);
	const struct trace other = {.name = unknown};
	paper_set_forecast(set, &other, &origin, 1, &b);
	assert_int_equal(b.method, METHOD_NONE);
	assert_string_equal(b.reason, "the model file has no net for this series");
	grid_free(&g);
	paper_set_free(back);
	paper_set_free(set);
	traces_free(&t);
}

static void a_flipped_bit_or_a_cut_in_such_a_file_is_refused(void **state)
{
	struct paper_set *back = NULL;
	struct vrs_err err = {0};
	char path[64], bytes[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/m", folder);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	assert_int_equal(fclose(f), 0);
	assert_ok(paper_set_unpack(&back, bytes, n, &err), &err);
	paper_set_free(back);
	for (size_t i = 0; i < n; i += 7) {
		bytes[i] ^= 4;
		assert_fails(paper_set_unpack(&back, bytes, n, &err), VRS_EPARSE, &err);
		bytes[i] ^= 4;
		assert_fails(paper_set_unpack(&back, bytes, i, &err), VRS_EPARSE, &err);
	}
}

static void plots_leave_out_what_is_no_number(void **state)
{
	const double y[] = {1, NAN, 0, 10, 100};
	const struct plot_line line = {"a", y, 5};
	const struct plot_axes axes = {"t", "x", "y", true};
	const struct plot_bar bar[] = {{"one", 1}, {"none", NAN}};
	struct vrs_text out = {0};

	(void)state;
	plot_lines(&out, &axes, &line, 1);
	plot_bars(&out, &(struct plot_axes){"t", "x", "y", false}, bar, 2, NAN, "");
	assert_null(strstr(out.text, "nan"));
	assert_null(strstr(out.text, "inf"));
	assert_non_null(strstr(out.text, "</svg>"));
	vrs_text_fini(&out);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	remove_tree(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_after_an_origin_changes_nothing),
		cmocka_unit_test(lost_minutes_are_as_if_they_were_missing),
		cmocka_unit_test(the_paper_s_nets_come_back_from_their_file),
		cmocka_unit_test(a_flipped_bit_or_a_cut_in_such_a_file_is_refused),
		cmocka_unit_test(plots_leave_out_what_is_no_number),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
