#include "metrics.h"

#include "vrs/clock.h"

static void add_records(struct vrs_page *page, const struct ingest_counts *c)
{
	static const char records[] = "vrsas_ingest_records_total";
	static const char records_help[] = "Records stored, by path.";
	const struct {
		const char *name, *help;
		uint64_t value;
	} counters[] = {
		{"vrsas_ingest_samples_total",
		 "Readings stored (one per host and interval).", c->samples},
		{"vrsas_ingest_heartbeats_total", "Heartbeats accepted.", c->heartbeats},
		{"vrsas_ingest_gaps_total", "Gaps in the live stream.", c->gaps},
		{"vrsas_ingest_duplicates_total", "Duplicate records.", c->duplicates},
		{"vrsas_ingest_lost_records_total",
		 "Records lost because they expired in the spool.", c->lost},
	};

	vrs_page_add(page, VRS_COUNTER, records, records_help, (double)c->live, "path",
		     "live", NULL);
	vrs_page_add(page, VRS_COUNTER, records, records_help, (double)c->filled, "path",
		     "fill", NULL);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		vrs_page_add(page, VRS_COUNTER, counters[i].name, counters[i].help,
			     (double)counters[i].value, NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_ingest_held_bytes",
		     "Records in memory that wait for earlier records.",
		     (double)c->held_bytes, NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_ingest_sources",
		     "Collector epochs in memory.", (double)c->sources, NULL);
}

static void add_refused(struct vrs_page *page, const struct auth *g, uint64_t malformed)
{
	static const char *const reasons[AUTH_REASONS] = {"malformed", "unsigned",
							  "signature", "replay"};

	for (int i = 0; i < AUTH_REASONS; i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_ingest_refused_total",
			     "Records, heartbeats and offers rejected.",
			     (double)(auth_refused(g, (enum auth_reason)i) +
				      (i == AUTH_MALFORMED ? malformed : 0)),
			     "reason", reasons[i], NULL);
}

static void add_cluster(void *arg, const struct ingest_cluster *c)
{
	struct vrs_page *page = arg;

	vrs_page_add(page, VRS_GAUGE, "vrsas_ingest_watermark_lag_seconds",
		     "Time since the end of the newest stored interval.", c->lag_s,
		     "cluster", c->name, NULL);
	vrs_page_add(page, VRS_GAUGE, "vrsas_ingest_backlog_records",
		     "Records announced but not yet stored.", (double)c->backlog,
		     "cluster", c->name, NULL);
}

void metrics_collect(const struct metrics_source *from, struct vrs_page *page)
{
	struct ingest_counts counts;
	struct vrs_bus_counts bus;

	ingest_counts(from->ingest, &counts);
	add_records(page, &counts);
	add_refused(page, from->auth, counts.refused);
	ingest_clusters(from->ingest, vrs_now_wall_ms(), add_cluster, page);
	vrs_page_histogram(
		page, "vrsas_ingest_latency_seconds",
		"Time from the end of an interval until it is stored, on the live path.",
		ingest_latency(from->ingest), NULL);
	vrs_sub_counts(from->samples, &bus);
	vrs_page_bus(page, "samples", &bus);
	vrs_rep_counts(from->fill, &bus);
	vrs_page_bus(page, "fill", &bus);
}
