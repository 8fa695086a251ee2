/* metrics.c - see metrics.h. */
#include "service/metrics.h"

#include <math.h>

#include "vrs/clock.h"

void metrics_init(struct metrics *n)
{
	*n = (struct metrics){0};
	vrs_histogram_init(&n->job_seconds, vrs_bounds_seconds,
			   sizeof(vrs_bounds_seconds) / sizeof(vrs_bounds_seconds[0]));
}

static void add_result(struct vrs_page *page, const char *name, const char *help,
		       uint64_t ok, uint64_t failed)
{
	vrs_page_add(page, VRS_COUNTER, name, help, (double)ok, "result", "ok", NULL);
	vrs_page_add(page, VRS_COUNTER, name, help, (double)failed, "result", "failed",
		     NULL);
}

static void add_model(const struct model *m, bool own, struct vrs_page *page)
{
	static const char error[] = "vrsas_predictor_model_error_ratio";
	static const char error_help[] = "Mean error on the days held out from training.";
	int64_t now = vrs_now_wall_ms();

	vrs_page_add(page, VRS_GAUGE, "vrsas_predictor_model_info",
		     "1 for the model in use.", 1, "version", m->version, "origin",
		     own ? "own" : "shipped", NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_predictor_model_age_seconds",
		     "Age of the model in use.", (double)(now - m->made_at_ms) / 1e3,
		     NULL);
	vrs_page_add(page, VRS_GAUGE, error, error_help, (double)m->calib_mae / 100, "of",
		     "model", NULL);
	vrs_page_add(page, VRS_GAUGE, error, error_help,
		     (double)m->calib_mae_seasonal / 100, "of", "yesterday", NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_predictor_model_coverage_ratio",
		     "Share of 4 h peaks at or below their P90 on the days held out from "
		     "training.",
		     (double)m->calib_cover90, NULL);
}

void metrics_collect(const struct metrics *n, const struct model *m, bool own,
		     int training_percent, struct vrs_page *page)
{
	add_result(page, "vrsas_predictor_jobs_total", "Forecast jobs, by result.",
		   n->jobs_ok, n->jobs_failed);
	vrs_page_add(page, VRS_COUNTER, "vrsas_predictor_targets_total",
		     "Hosts and clusters for which a forecast was made.",
		     (double)n->targets, NULL);
	vrs_page_histogram(page, "vrsas_predictor_job_seconds",
			   "Duration of a forecast job.", &n->job_seconds, NULL);
	add_result(page, "vrsas_predictor_trainings_total", "Training jobs, by result.",
		   n->trainings_ok, n->trainings_failed);
	vrs_page_add(page, VRS_GAUGE, "vrsas_predictor_training_progress_ratio",
		     "Progress of the training on this replica.",
		     training_percent < 0 ? NAN : (double)training_percent / 100, NULL);
	if (m)
		add_model(m, own, page);
}
