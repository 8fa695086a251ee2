#include "ship/pending.h"

#include <inttypes.h>
#include <string.h>

#include "ship/encode.h"
#include "ship/shipper.h"

static void drop(struct pending *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		encode_free(o->record[i]);
	o->n -= n;
	memmove(o->record, o->record + n, o->n * sizeof(o->record[0]));
}

void pending_add_take(struct pending *o, Vrsas__V1__Record *r)
{
	if (o->n == PENDING_MAX) {
		drop(o, PENDING_MAX / 8);
		o->lost += PENDING_MAX / 8;
	}
	o->record[o->n++] = r;
}

int pending_flush(struct pending *o)
{
	struct vrs_err err = {0};

	if (o->n == 0)
		return 0;
	int status = shipper_put(o->sink.shipper, o->record, o->n, &err);
	if (status < 0) {
		vrs_complain(&o->trouble, VRS_WARN,
			     "readings not spooled, retrying with the next readings: %s "
			     "waiting=%zu lost=%" PRIu64,
			     err.text, o->n, o->lost);
		return status;
	}
	vrs_complaint_over(&o->trouble, "readings are spooled again lost=%" PRIu64,
			   o->lost);
	drop(o, o->n);
	return 0;
}

void pending_fini(struct pending *o)
{
	drop(o, o->n);
}
