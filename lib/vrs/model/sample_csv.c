#include "vrs/sample_csv.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vrs/clock.h"

enum { MIB = 1 << 20, MAX_ROWS = 50 * 1000 * 1000, MAX_VCPUS = 65535 };

/* Columns of the exchange format, in order. */
enum { DATE, TIME, HOST, ADDRESS, VCPUS, LEFT_VCPUS, RAM, LEFT_RAM, CPU_RATE, N_COLUMNS };

static const char *const columns[N_COLUMNS] = {
	"Date",    "Time",     "Hostname",         "IP", "Max vCPUs", "Left vCPUs",
	"Max RAM", "Left RAM", "Average CPU rate",
};

/* Columns of a trace; their positions are in vrs_samples.column. */
enum { TIMESTAMP, ENTITY, CPU_PCT, MEM_PCT, TRACE_VCPUS, N_TRACE_COLUMNS };

static const char *const trace_columns[N_TRACE_COLUMNS] = {
	"timestamp", "entity", "cpu_pct", "mem_pct", "vcpus",
};

int vrs_samples_begin(struct vrs_samples *s, struct vrs_csv *csv, struct vrs_err *err)
{
	int same = 0;

	*s = (struct vrs_samples){.csv = csv};
	for (int i = 0; i < N_COLUMNS; i++)
		same += vrs_csv_column(csv, columns[i]) == i;
	for (int i = 0; i < N_TRACE_COLUMNS; i++)
		s->column[i] = vrs_csv_column(csv, trace_columns[i]);
	if (same == N_COLUMNS && vrs_csv_columns(csv) == N_COLUMNS)
		return 0;
	s->trace = true;
	if (s->column[TIMESTAMP] >= 0 && s->column[ENTITY] >= 0 &&
	    s->column[CPU_PCT] >= 0)
		return 0;
	return vrs_csv_fail(csv, 0,
			    "expected the header timestamp,entity,cpu_pct, or Date,Time,"
			    "Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,"
			    "Average CPU rate",
			    err);
}

/* --- values --- */

/* A number from 0 to max in a non-empty field. */
static int number(const struct vrs_csv *c, size_t column, double max, double *ret,
		  struct vrs_err *err)
{
	char wanted[64];
	double v;
	int status = vrs_csv_number(c, column, &v, err);

	if (status < 0)
		return status;
	if (v >= 0 && v <= max) {
		*ret = v;
		return 0;
	}
	(void)snprintf(wanted, sizeof(wanted), "expected 0 to %.10g", max);
	return vrs_csv_fail(c, column, wanted, err);
}

static int count(const struct vrs_csv *c, size_t column, uint32_t max, uint32_t *ret,
		 struct vrs_err *err)
{
	double v = 0;
	int status = number(c, column, max, &v, err);

	if (status == 0 && v != floor(v))
		return vrs_csv_fail(c, column, "expected a whole number", err);
	if (status == 0)
		*ret = (uint32_t)v;
	return status;
}

static int ram(const struct vrs_csv *c, size_t column, uint64_t *ret, struct vrs_err *err)
{
	double mib = 0;
	int status = number(c, column, 1e9, &mib, err);

	if (status == 0)
		*ret = (uint64_t)llrint(mib * MIB);
	return status;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static int date_and_time(const struct vrs_csv *c, int64_t *ret_ms, struct vrs_err *err)
{
	const char *date = vrs_csv_field(c, DATE), *time = vrs_csv_field(c, TIME);
	size_t length = strlen(time);
	char text[32];

	(void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", date);
	int64_t day_ms = strlen(date) == 10 ? vrs_time_parse(text) : -1;
	if (day_ms < 0)
		return vrs_csv_fail(c, DATE,
				    all_digits(date)
					    ? "expected a date, as in 2026-11-23, not an "
					      "epoch number"
					    : "expected a date, as in 2026-11-23",
				    err);
	(void)snprintf(text, sizeof(text), "1970-01-01T%.8sZ", time);
	int64_t in_day_ms = length == 5 || length == 8 ? vrs_time_parse(text) : -1;
	if (in_day_ms < 0 || strcspn(time, ".Z+-") != length)
		return vrs_csv_fail(c, TIME, "expected a time, as in 08:15:00", err);
	*ret_ms = day_ms + in_day_ms;
	return 0;
}

static int name(const struct vrs_csv *c, size_t column, struct vrs_sample_row *row,
		struct vrs_err *err)
{
	if (!vrs_id_ok(vrs_csv_field(c, column)))
		return vrs_csv_fail(c, column,
				    "expected a name: letters, digits and . _ : @ + -",
				    err);
	(void)vrs_strcpy(row->host, sizeof(row->host), vrs_csv_field(c, column));
	return 0;
}

static bool address_ok(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".:%-_", *p))
			return false;
	return strlen(s) < sizeof(((struct vrs_sample_row *)NULL)->address);
}

/* --- rows --- */

static int host_of(const struct vrs_csv *c, struct vrs_sample_row *row,
		   struct vrs_err *err)
{
	const char *address = vrs_csv_field(c, ADDRESS);
	int status = date_and_time(c, &row->at_ms, err);

	if (status == 0 && !vrs_name_ok(vrs_csv_field(c, HOST)))
		return vrs_csv_fail(
			c, HOST,
			"expected a host name: at most 64 letters, digits and "
			". _ -",
			err);
	if (status == 0)
		status = name(c, HOST, row, err);
	if (status == 0 && !address_ok(address))
		return vrs_csv_fail(c, ADDRESS, "expected an IP address, as in 10.0.1.1",
				    err);
	if (status == 0)
		(void)vrs_strcpy(row->address, sizeof(row->address), address);
	return status;
}

static int exchange_row(const struct vrs_csv *c, struct vrs_sample_row *row,
			struct vrs_err *err)
{
	double pct = NAN;
	int status = host_of(c, row, err);

	if (status == 0)
		status = count(c, VCPUS, MAX_VCPUS, &row->vcpus_total, err);
	if (status == 0)
		status = count(c, LEFT_VCPUS, row->vcpus_total, &row->vcpus_left, err);
	if (*vrs_csv_field(c, RAM) || *vrs_csv_field(c, LEFT_RAM)) {
		if (status == 0)
			status = ram(c, RAM, &row->ram_total_bytes, err);
		if (status == 0)
			status = ram(c, LEFT_RAM, &row->ram_left_bytes, err);
		if (status == 0 && row->ram_left_bytes > row->ram_total_bytes)
			return vrs_csv_fail(c, LEFT_RAM, "expected at most Max RAM", err);
	}
	if (status == 0 && *vrs_csv_field(c, CPU_RATE))
		status = number(c, CPU_RATE, 100, &pct, err);
	row->cpu_ratio = pct / 100;
	if (row->ram_total_bytes > 0)
		row->mem_ratio =
			1 - (double)row->ram_left_bytes / (double)row->ram_total_bytes;
	return status;
}

/* NAN if the column or the value is missing, or if the value is impossible
 * (*ret_impossible). */
static int ratio(const struct vrs_samples *s, int which, double *ret,
		 bool *ret_impossible, struct vrs_err *err)
{
	int column = s->column[which];
	double pct = NAN;

	*ret = NAN;
	if (column < 0 || !*vrs_csv_field(s->csv, (size_t)column))
		return 0;
	if (strcasecmp(vrs_csv_field(s->csv, (size_t)column), "nan") != 0) {
		int status = vrs_csv_number(s->csv, (size_t)column, &pct, err);

		if (status < 0)
			return status;
	}
	if (pct >= 0 && pct <= 100)
		*ret = pct / 100;
	else
		*ret_impossible = true;
	return 0;
}

static int trace_row(const struct vrs_samples *s, struct vrs_sample_row *row,
		     struct vrs_err *err)
{
	int vcpus = s->column[TRACE_VCPUS];
	bool ignored;
	int status = vrs_csv_time(s->csv, (size_t)s->column[TIMESTAMP], &row->at_ms, err);

	if (status == 0)
		status = name(s->csv, (size_t)s->column[ENTITY], row, err);
	if (status == 0)
		status = ratio(s, CPU_PCT, &row->cpu_ratio, &row->impossible, err);
	if (status == 0)
		status = ratio(s, MEM_PCT, &row->mem_ratio, &ignored, err);
	if (status == 0 && vcpus >= 0 && *vrs_csv_field(s->csv, (size_t)vcpus))
		status = count(s->csv, (size_t)vcpus, MAX_VCPUS, &row->vcpus_total, err);
	row->vcpus_left = row->vcpus_total;
	return status;
}

int vrs_samples_next(struct vrs_samples *s, struct vrs_sample_row *ret,
		     struct vrs_err *err)
{
	struct vrs_sample_row row = {.cpu_ratio = NAN, .mem_ratio = NAN};
	int status = vrs_csv_next(s->csv, err);

	if (status <= 0)
		return status;
	if (s->rows++ == MAX_ROWS)
		return vrs_fail(err, VRS_ENOSPC, "more than %d rows", MAX_ROWS);
	status = s->trace ? trace_row(s, &row, err) : exchange_row(s->csv, &row, err);
	if (status < 0)
		return status;
	*ret = row;
	return 1;
}

/* --- writing --- */

void vrs_samples_write_header(struct vrs_text *out)
{
	for (int i = 0; i < N_COLUMNS; i++)
		vrs_text_add(out, "%s%s", i ? "," : "", columns[i]);
	vrs_text_add(out, "\n");
}

static void write_ram(struct vrs_text *out, uint64_t bytes)
{
	if (bytes % MIB == 0)
		vrs_text_add(out, ",%" PRIu64, bytes / MIB);
	else
		vrs_text_add(out, ",%.3f", (double)bytes / MIB);
}

void vrs_samples_write(struct vrs_text *out, const struct vrs_sample_row *row)
{
	char at[32];

	(void)vrs_time_format(at, sizeof(at), row->at_ms);
	vrs_text_add(out, "%.10s,%.8s,%s,%s,%u,%u", at, at + 11, row->host, row->address,
		     row->vcpus_total, row->vcpus_left);
	if (row->ram_total_bytes == 0 && row->ram_left_bytes == 0) {
		vrs_text_add(out, ",,");
	} else {
		write_ram(out, row->ram_total_bytes);
		write_ram(out, row->ram_left_bytes);
	}
	if (isnan(row->cpu_ratio))
		vrs_text_add(out, ",\n");
	else
		vrs_text_add(out, ",%.2f\n", 100 * row->cpu_ratio);
}
