/* sample_csv.h - samples of hosts in CSV files, in one of two formats.
 *
 * The exchange format has the columns of the paper's Table 5, in this order:
 *
 *   Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,Average CPU rate
 *   2026-11-23,08:15:00,h1,10.0.1.1,64,20,262144,98304,37.25
 *
 * Date and time are UTC, one row per host and minute. vCPUs are counts; RAM is in MiB
 * (with or without a fraction); the CPU rate is per cent of the whole host, 0..100, with
 * two decimals. An empty CPU rate is a gap; empty RAM columns are unknown. Left vCPUs are
 * those not used by running VMs; 0 if the host is overcommitted.
 *
 * A trace has the columns timestamp (RFC 3339), entity, cpu_pct and, optionally, mem_pct
 * and vcpus, in any order; other columns are ignored. A percentage that is NaN or outside
 * 0..100 becomes a gap and is marked.
 *
 * An import sends Records of the collector "import" to `fill`. The epoch is a hash of the
 * file's content, so importing the same file again changes nothing. seq 1 is the
 * HostTable (version 1) with all hosts of the file; then follows one SampleBatch per
 * minute (interval 60000), oldest first, in pieces of at most 512 KiB. Pure: the caller
 * opens the file. */
#ifndef VRS_SAMPLE_CSV_H
#define VRS_SAMPLE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/csv.h"
#include "vrs/err.h"
#include "vrs/mem.h"

struct vrs_sample_row {
	int64_t at_ms;               /* exchange format: a whole second */
	char host[129], address[64]; /* address: exchange format only */
	uint32_t vcpus_total, vcpus_left;
	uint64_t ram_total_bytes, ram_left_bytes; /* both 0: unknown */
	double cpu_ratio, mem_ratio;              /* 0..1; NAN: a gap */
	bool impossible; /* cpu_ratio had an impossible value: now a gap */
};

struct vrs_samples {
	struct vrs_csv *csv; /* borrowed */
	bool trace;          /* else the exchange format */
	int column[5];       /* of a trace; -1: missing */
	size_t rows;         /* read so far */
};

/* Detects the format from the header; VRS_EPARSE if it is neither. */
int vrs_samples_begin(struct vrs_samples *s, struct vrs_csv *csv, struct vrs_err *err);
/* 1: the next row; 0: end of file. VRS_ENOSPC after 50 million rows. */
int vrs_samples_next(struct vrs_samples *s, struct vrs_sample_row *ret,
		     struct vrs_err *err);

/* Writes the exchange format; it has no mem_ratio. */
void vrs_samples_write_header(struct vrs_text *out);
void vrs_samples_write(struct vrs_text *out, const struct vrs_sample_row *row);

#endif
