/* The exchange format: a row that is taken is written and read again as the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/sample_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void same_again(const struct vrs_table5_row *row)
{
	struct vrs_table5 t = {.header_seen = true};
	struct vrs_text text = {0};
	struct vrs_table5_row again;

	vrs_table5_write(&text, row);
	if (vrs_table5_line(&t, text.text, text.len, &again, NULL) != 1 ||
	    again.at_ms != row->at_ms || strcmp(again.host, row->host) != 0 ||
	    strcmp(again.address, row->address) != 0 ||
	    again.vcpus_left != row->vcpus_left ||
	    isnan(again.cpu_ratio) != isnan(row->cpu_ratio))
		abort();
	vrs_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *p = (const char *)bytes, *end = p + n;
	struct vrs_table5 t = {.header_seen = n > 0 && bytes[0] % 2};
	struct vrs_table5_row row;
	struct vrs_err err;

	while (p < end) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((line_end ? line_end + 1 : end) - p);
		int got = vrs_table5_line(&t, p, len, &row, &err);

		if (got == 1)
			same_again(&row);
		else if (got < 0 && !strstr(err.text, "line "))
			abort();
		p += len;
	}
	return 0;
}
