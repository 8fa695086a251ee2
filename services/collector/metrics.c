#include "metrics.h"

#include <string.h>

void metrics_heartbeat(struct metrics *n, const Vrsas__V1__Heartbeat *hb)
{
	memset(n->hosts, 0, sizeof(n->hosts));
	for (size_t i = 0; i < hb->n_host; i++) {
		unsigned state = (unsigned)hb->host[i]->state;

		if (state < sizeof(n->hosts) / sizeof(n->hosts[0]))
			n->hosts[state]++;
	}
}

static void add_hosts(const struct metrics *n, struct vrs_page *page)
{
	static const struct {
		Vrsas__V1__HostState state;
		const char *name;
	} states[] = {
		{VRSAS__V1__HOST_STATE__HOST_STATE_UP, "up"},
		{VRSAS__V1__HOST_STATE__HOST_STATE_UNREACHABLE, "unreachable"},
		{VRSAS__V1__HOST_STATE__HOST_STATE_MAINTENANCE, "maintenance"},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		vrs_page_add(page, VRS_GAUGE, "vrsas_collector_hosts",
			     "Hosts of the cluster in the latest reading.",
			     n->hosts[states[i].state], "cluster", n->cluster, "state",
			     states[i].name, NULL);
}

void metrics_collect(const struct metrics *n, struct vrs_page *page)
{
	static const char offers[] = "vrsas_collector_offers_total";
	static const char offers_help[] = "Offers of spooled records sent to etl.";
	struct vrs_bus_counts samples, fill;
	struct shipper_counts f;

	shipper_counts(n->shipper, &f);
	shipper_bus_counts(n->shipper, &samples, &fill);
	const struct {
		enum vrs_metric_type type;
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{VRS_COUNTER, "vrsas_collector_records_total",
		 "Records written to the spool.", f.put},
		{VRS_COUNTER, "vrsas_collector_published_records_total",
		 "Records published on the live path.", f.published},
		{VRS_COUNTER, "vrsas_collector_filled_records_total",
		 "Records sent because etl lacked them.", f.filled},
		{VRS_COUNTER, "vrsas_collector_refused_records_total",
		 "Records rejected by etl.", f.refused},
		{VRS_COUNTER, "vrsas_collector_dropped_records_total",
		 "Records dropped because the spool could not store them.", n->dropped},
		{VRS_GAUGE, "vrsas_collector_spool_records", "Records in the spool.",
		 f.head_seq + 1 - f.first_seq},
		{VRS_GAUGE, "vrsas_collector_unstored_records",
		 "Spooled records that etl has not confirmed as stored.",
		 f.head_seq > f.stored_seq ? f.head_seq - f.stored_seq : 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		vrs_page_add(page, rows[i].type, rows[i].name, rows[i].help,
			     (double)rows[i].value, "cluster", n->cluster, NULL);
	vrs_page_add(
		page, VRS_COUNTER, offers, offers_help,
		(double)(f.offers > f.failed_offers ? f.offers - f.failed_offers : 0),
		"cluster", n->cluster, "result", "ok", NULL);
	vrs_page_add(page, VRS_COUNTER, offers, offers_help, (double)f.failed_offers,
		     "cluster", n->cluster, "result", "failed", NULL);
	add_hosts(n, page);
	vrs_page_bus(page, "samples", &samples);
	vrs_page_bus(page, "fill", &fill);
}
