/* sample_csv.h - the exchange format of samples: CSV with the columns of the paper's Table 5.
 *
 *   Date,Time,Hostname,IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,Average CPU rate
 *   2026-11-23,08:15:00,h1,10.0.1.1,64,20,262144,98304,37.25
 *
 * Date and time are UTC, one row a host and minute; vCPUs are counts; RAM is MiB (whole,
 * or with a fraction); the CPU rate is per cent of the whole host, with two decimals,
 * 0..100. An empty CPU rate is a gap; empty RAM columns are unknown. Left vCPUs is what
 * running VMs leave; 0 when more are given than there are. Quoting as in RFC 4180, but no
 * field holds a line end. Lines end with LF or CRLF; empty lines are passed over.
 *
 * An import sends `fill` the Records of collector "import": the epoch is made from the
 * file's content, so the same file twice has the effect of once; seq 1 is the HostTable
 * (version 1) with all hosts of the file, then one SampleBatch a minute (interval 60000),
 * oldest first, in pieces of at most 512 KiB. Pure. */
#ifndef VRS_SAMPLE_CSV_H
#define VRS_SAMPLE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/mem.h"

struct vrs_table5_row {
	int64_t at_ms; /* a whole second */
	char host[65], address[64];
	uint32_t vcpus_total, vcpus_left;
	uint64_t ram_total_bytes, ram_left_bytes; /* both 0: unknown */
	float cpu_ratio;                          /* 0..1; NAN: a gap */
};

/* Reads a file line by line; zero-initialise. */
struct vrs_table5 {
	unsigned line; /* the last one read, from 1 */
	bool header_seen;
};

/* One line (its end may be on it): 1 and a row, 0 and none (the header, an empty line),
 * or VRS_EPARSE with line and reason. */
int vrs_table5_line(struct vrs_table5 *t, const char *line, size_t n,
		    struct vrs_table5_row *ret, struct vrs_err *err);

void vrs_table5_write_header(struct vrs_text *out);
void vrs_table5_write(struct vrs_text *out, const struct vrs_table5_row *row);

#endif
