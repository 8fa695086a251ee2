/* What arrives on etl's sockets: unpacked within bounds, then judged. Whatever normalise
 * takes has names and numbers that the rest of etl may rest on. */
#include <math.h>
#include <stdlib.h>

#include "validate.h"
#include "vrs/bus.h"
#include "vrs/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const int64_t now_ms = 1795420800000, retention_ms = (int64_t)30 * 86400000;

static void judge(const Vrsas__V1__Record *r, const Vrsas__V1__HostTable *table)
{
	struct vrs_err err = {0};

	if (validate_envelope(r, &err) < 0 ||
	    validate_body(r, table, now_ms, retention_ms, &err) < 0) {
		if (err.text[0] == '\0')
			abort(); /* refused without a reason */
		return;
	}
	if (!vrs_name_ok(r->cluster) || !vrs_name_ok(r->collector))
		abort();
	if (r->body_case != VRSAS__V1__RECORD__BODY_SAMPLES)
		return;
	for (size_t i = 0; i < r->samples->n_host; i++)
		if (r->samples->host[i] >= table->n_host ||
		    r->samples->cpu_ratio[i] > 1 || r->samples->cpu_ratio[i] < 0)
			abort();
}

static void as_live(const uint8_t *bytes, size_t n)
{
	struct vrs_msg *m;

	if (vrs_msg_unpack(&m, &vrsas__v1__live__descriptor, bytes, n, NULL) < 0)
		return;
	const Vrsas__V1__Live *live = (const Vrsas__V1__Live *)vrs_msg_get(m);
	if (live->body_case == VRSAS__V1__LIVE__BODY_RECORD)
		judge(live->record, NULL);
	else if (live->body_case == VRSAS__V1__LIVE__BODY_HEARTBEAT)
		(void)validate_heartbeat(live->heartbeat, NULL);
	vrs_msg_free(m);
}

static void as_fill(const uint8_t *bytes, size_t n)
{
	const Vrsas__V1__HostTable *table = NULL;
	struct vrs_msg *m;

	if (vrs_msg_unpack(&m, &vrsas__v1__fill_request__descriptor, bytes, n, NULL) < 0)
		return;
	const Vrsas__V1__FillRequest *f = (const Vrsas__V1__FillRequest *)vrs_msg_get(m);
	if (f->body_case == VRSAS__V1__FILL_REQUEST__BODY_OFFER)
		(void)validate_offer(f->offer, NULL);
	else if (f->body_case == VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE)
		(void)validate_export(f->export_page, NULL);
	else if (f->body_case == VRSAS__V1__FILL_REQUEST__BODY_PIECE)
		for (size_t i = 0; i < f->piece->n_record; i++) {
			judge(f->piece->record[i], table);
			if (f->piece->record[i]->body_case ==
			    VRSAS__V1__RECORD__BODY_HOSTS)
				table = f->piece->record[i]->hosts;
		}
	vrs_msg_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	as_live(bytes, n);
	as_fill(bytes, n);
	return 0;
}
