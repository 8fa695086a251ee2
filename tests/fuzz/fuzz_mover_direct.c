/* What a hostile vrs-mover at a source host could send_message: messages out of these
 * bytes become progress, results and errors. */
#include <stdlib.h>
#include <string.h>

#include "transfer/direct_messages.h"
#include "vrs/bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DISKS = 2 };

static int on_message(void *arg, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	struct copy_result r[DISKS];
	struct vrs_msg *msg;
	int status = vrs_msg_unpack(&msg, &vrsas__v1__direct_report__descriptor, bytes, n,
				    err);

	(void)arg;
	if (status < 0)
		return 0; /* the next may be better */
	const Vrsas__V1__DirectReport *report =
		(const Vrsas__V1__DirectReport *)vrs_msg_get(msg);
	if (direct_has_ended(report) && direct_results(r, DISKS, report, err) == 0 &&
	    strcmp(r[1].source_hash, r[1].target_hash) != 0)
		abort();
	if (direct_error(report, "host", err) >= 0 || strchr(err->text, '\n'))
		abort();
	vrs_msg_free(msg);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct direct_reader r = {.on_message = on_message};
	struct vrs_err err = {0};
	uint8_t head[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), 0};

	(void)direct_reader_feed(&r, data, size, &err);
	direct_reader_fini(&r);
	/* and all of it as one message, so that most of them are messages */
	(void)direct_reader_feed(&r, head, sizeof(head), &err);
	(void)direct_reader_feed(&r, data, size, &err);
	direct_reader_fini(&r);
	return 0;
}
