/* Metrics pages that other services wrote: what is accepted is written as a page that is
 * accepted again. */
#include <stdlib.h>
#include <string.h>

#include "vrs/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct vrs_page *page = vrs_page_new("etl", "a"), *again;
	struct vrs_text first = {0}, second = {0};
	struct vrs_err err;

	if (vrs_page_take(page, "etl", "a", (const char *)bytes, n, &err) == 0) {
		vrs_page_write(page, &first);
		again = vrs_page_new("etl", "a");
		if (first.text) {
			if (vrs_page_take(again, "etl", "a", first.text, first.len,
					  &err) < 0)
				abort();
			vrs_page_write(again, &second);
			if (second.len != first.len ||
			    memcmp(first.text, second.text, first.len) != 0)
				abort();
		}
		vrs_page_free(again);
	}
	vrs_text_fini(&first);
	vrs_text_fini(&second);
	vrs_page_free(page);
	return 0;
}
