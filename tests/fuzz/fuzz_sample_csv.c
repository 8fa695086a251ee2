/* Samples in CSV files, in both formats, plain or gzip: a row that is accepted and can be
 * written is read again as the same; a refused one is refused with its line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vrs/sample_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct vrs_csv *csv_of(const void *bytes, size_t n, struct vrs_err *err)
{
	struct vrs_csv *csv = NULL;
	char path[64];
	int fd = memfd_create("samples", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)vrs_csv_open(&csv, path, err);
	(void)close(fd);
	return csv;
}

static void same_again(const struct vrs_sample_row *row)
{
	struct vrs_samples s;
	struct vrs_text text = {0};
	struct vrs_sample_row again;

	vrs_samples_write_header(&text);
	vrs_samples_write(&text, row);
	struct vrs_csv *csv = csv_of(text.text, text.len, NULL);
	if (!csv || vrs_samples_begin(&s, csv, NULL) < 0 || s.trace ||
	    vrs_samples_next(&s, &again, NULL) != 1 || again.at_ms != row->at_ms ||
	    strcmp(again.host, row->host) != 0 ||
	    strcmp(again.address, row->address) != 0 ||
	    again.vcpus_left != row->vcpus_left ||
	    isnan(again.cpu_ratio) != isnan(row->cpu_ratio))
		abort();
	vrs_csv_close(csv);
	vrs_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct vrs_err err = {0};
	struct vrs_samples s;
	struct vrs_sample_row row;
	struct vrs_csv *csv = csv_of(bytes, n, &err);
	int status = csv ? vrs_samples_begin(&s, csv, &err) : err.code;

	for (int i = 0; status >= 0 && i < 1000; i++) {
		status = vrs_samples_next(&s, &row, &err);
		if (status == 0)
			break;
		if (status == 1 && !s.trace && i < 8)
			same_again(&row);
	}
	if (status < 0 && !strstr(err.text, "/proc/self/fd/"))
		abort();
	vrs_csv_close(csv);
	return 0;
}
