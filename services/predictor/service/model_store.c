/* model_store.c - see model_store.h. */
#include "service/model_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "vrs/keys.h"
#include "vrs/mem.h"

int model_store_version(struct vrs_store *s, const char *name,
			char ret[MODEL_VERSION_LEN], struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status =
		vrs_store_cmd(s, &r, err, "HGET %s version", vrs_key_model(name).text);

	if (status < 0)
		return status;
	(void)vrs_strcpy(ret, MODEL_VERSION_LEN, r->bytes ? r->bytes : "");
	vrs_reply_free(r);
	return 0;
}

int model_store_load(struct vrs_store *s, const char *name, struct model **ret,
		     struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status =
		vrs_store_cmd(s, &r, err, "HGET %s weights", vrs_key_model(name).text);

	if (status < 0)
		return status;
	if (r->type != VRS_REPLY_BYTES) {
		status = vrs_fail(err, VRS_ENOENT, "model: no model stored under %s",
				  name);
	} else {
		status = model_unpack(ret, r->bytes, r->len, err);
		if (status < 0)
			vrs_context(err, "%s", vrs_key_model(name).text);
	}
	vrs_reply_free(r);
	return status;
}

int model_store_save(const struct train_queue *q, const char *job_id, struct model *m,
		     struct vrs_err *err)
{
	char sum[20];
	size_t n;
	void *bytes = model_pack(m, &n);
	char *report = model_report(m);
	struct vrs_reply *r = NULL;

	(void)snprintf(sum, sizeof(sum), "%016llx",
		       (unsigned long long)XXH3_64bits(bytes, n));
	const struct vrs_arg args[] = {
		VRS_ARG("save"),     VRS_ARG(q->predictor), VRS_ARG(job_id), {bytes, n},
		VRS_ARG(m->version), VRS_ARG(sum),          VRS_ARG(report)};
	int status = train_queue_eval(q, &r, args, 7, err);
	if (status == 0 && r->integer != 1)
		status = vrs_fail(err, VRS_ECONFLICT,
				  "model: not stored: another replica has claimed the "
				  "training job");
	vrs_reply_free(r);
	free(bytes);
	free(report);
	return status;
}
