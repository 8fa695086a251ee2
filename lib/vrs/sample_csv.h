/* sample_csv.h - samples of hosts in CSV files, in one of two formats.
 *
 * The exchange format has the columns of the paper's Table 5, in this order:
 *
 *   Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,Average CPU rate
 *   2026-11-23,08:15:00,h1,10.0.1.1,64,20,262144,98304,37.25
 *
 * Date and time are UTC, one row a host and minute; vCPUs are counts; RAM is MiB (whole,
 * or with a fraction); the CPU rate is per cent of the whole host, with two decimals,
 * 0..100. An empty CPU rate is a gap; empty RAM columns are unknown. Left vCPUs is what
 * running VMs leave; 0 when more are given than there are.
 *
 * A trace has the columns timestamp (RFC 3339), entity, cpu_pct and, optionally, mem_pct
 * and vcpus, in any order; other columns are ignored. A percentage that is NaN or outside
 * 0..100 becomes a gap and is marked.
 *
 * An import sends `fill` the Records of collector "import": the epoch is made from the
 * file's content, so the same file twice has the effect of once; seq 1 is the HostTable
 * (version 1) with all hosts of the file, then one SampleBatch a minute (interval 60000),
 * oldest first, in pieces of at most 512 KiB. Pure: the caller opens the file. */
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
	bool impossible; /* cpu_ratio was given, but cannot be true: now a gap */
};

struct vrs_samples {
	struct vrs_csv *csv; /* borrowed */
	bool trace;          /* else the exchange format */
	int column[5];       /* of a trace; -1: not there */
	size_t rows;         /* read so far */
};

/* The header says which format the file has: VRS_EPARSE when it is neither of them. */
int vrs_samples_begin(struct vrs_samples *s, struct vrs_csv *csv, struct vrs_err *err);
/* 1 and a row, or 0 at the end. VRS_ENOSPC after 50 million rows. */
int vrs_samples_next(struct vrs_samples *s, struct vrs_sample_row *ret,
		     struct vrs_err *err);

/* Writes the exchange format, which has no mem_ratio. */
void vrs_samples_write_header(struct vrs_text *out);
void vrs_samples_write(struct vrs_text *out, const struct vrs_sample_row *row);

#endif
