#include "jobs/metrics.h"

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

void metrics_init(struct mover_metrics *n)
{
	static const double seconds[] = {1,   2,   5,    10,   30,   60,   120,
					 300, 600, 1800, 3600, 7200, 14400};

	*n = (struct mover_metrics){0};
	vrs_histogram_init(&n->seconds, seconds, LENGTH(seconds));
	vrs_histogram_init(&n->eta_error_ratio, vrs_bounds_ratio,
			   LENGTH(vrs_bounds_ratio));
}

void metrics_job_ended(struct mover_metrics *n, const struct job *j)
{
	if (j->order->n_remove_path > 0)
		return;
	n->ended[j->end]++;
	n->sent_bytes += atomic_load(&j->progress.sent_bytes);
	n->resent_bytes += atomic_load(&j->progress.resent_bytes);
	n->compared_bytes += atomic_load(&j->progress.compared_bytes);
	if (j->end != JOB_DONE)
		return;
	vrs_histogram_add(&n->seconds, j->took_s);
	vrs_histogram_add(&n->eta_error_ratio, j->eta_error_ratio);
}

static void publish_ended(const struct mover_metrics *n, struct vrs_page *page)
{
	static const char *const names[] = {"given_up", "done", "failed", "cancelled"};
	static const char name[] = "vrsas_transfers_total";
	static const char help[] = "Transfers of this mover, by result.";

	for (size_t i = 0; i < LENGTH(names); i++)
		vrs_page_add(page, VRS_COUNTER, name, help, (double)n->ended[i], "result",
			     names[i], NULL);
	vrs_page_add(page, VRS_COUNTER, name, help, (double)n->refused, "result",
		     "refused", NULL);
}

void metrics_publish(const struct mover_metrics *n, const struct job *jobs,
		     struct vrs_page *page)
{
	uint64_t bytes[] = {n->sent_bytes, n->resent_bytes, n->compared_bytes};
	static const char *const kinds[] = {"sent", "resent", "compared"};
	uint64_t rate = 0;
	unsigned open = 0;

	for (const struct job *j = jobs; j; j = j->next) {
		if (j->order->n_remove_path > 0)
			continue;
		open++;
		rate += atomic_load(&j->rate_seen_bytes_per_s);
		bytes[0] += atomic_load(&j->progress.sent_bytes);
		bytes[1] += atomic_load(&j->progress.resent_bytes);
		bytes[2] += atomic_load(&j->progress.compared_bytes);
	}
	vrs_page_add(page, VRS_GAUGE, "vrsas_transfers",
		     "Transfers running or waiting at this mover.", open, NULL);
	publish_ended(n, page);
	for (size_t i = 0; i < LENGTH(kinds); i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_transfer_bytes_total",
			     "Bytes sent, sent again, or read back for verification.",
			     (double)bytes[i], "kind", kinds[i], NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_transfer_rate_bytes_per_second",
		     "Current combined rate of all transfers of this mover.",
		     (double)rate, NULL);
	vrs_page_histogram(page, "vrsas_transfer_seconds",
			   "Duration of completed transfers.", &n->seconds, NULL);
	vrs_page_histogram(page, "vrsas_transfer_eta_error_ratio",
			   "Relative error of the ETA at a quarter of the copy.",
			   &n->eta_error_ratio, NULL);
}
