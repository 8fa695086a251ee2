#include "ship/pending.h"

#include <inttypes.h>
#include <string.h>

#include "ship/encode.h"

static void drop(struct outbox *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tell_free(o->record[i]);
	o->n -= n;
	memmove(o->record, o->record + n, o->n * sizeof(o->record[0]));
}

void outbox_add_take(struct outbox *o, Vrsas__V1__Record *r)
{
	if (o->n == OUTBOX_MAX) {
		drop(o, OUTBOX_MAX / 8);
		o->lost += OUTBOX_MAX / 8;
	}
	o->record[o->n++] = r;
}

int outbox_flush(struct outbox *o)
{
	struct vrs_err err = {0};

	if (o->n == 0)
		return 0;
	int status = o->sink.put(o->sink.arg, o->record, o->n, &err);
	if (status < 0) {
		vrs_complain(&o->trouble, VRS_WARN,
			     "readings wait, next try with the next ones: %s "
			     "waiting=%zu lost=%" PRIu64,
			     err.text, o->n, o->lost);
		return status;
	}
	vrs_complaint_over(&o->trouble, "readings are spooled again lost=%" PRIu64,
			   o->lost);
	drop(o, o->n);
	return 0;
}

void outbox_fini(struct outbox *o)
{
	drop(o, o->n);
}
