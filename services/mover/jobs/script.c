#include "jobs/script.h"

int script_run(struct vrs_store *s, const struct vrs_script *script, size_t n,
	       struct vrs_reply **ret, struct vrs_err *err)
{
	int status = vrs_store_eval(s, ret, script, err);

	if (status < 0)
		return status;
	bool valid = (*ret)->n_items == n;
	for (size_t i = 0; valid && i < n; i++)
		valid = (*ret)->item[i].bytes != NULL;
	if (valid)
		return 0;
	vrs_reply_free(*ret);
	return vrs_fail(err, VRS_EPARSE, "store: script returned a malformed reply");
}
