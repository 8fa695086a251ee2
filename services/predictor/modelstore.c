/* modelstore.c - see modelstore.h. */
#include "modelstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "vrs/keys.h"
#include "vrs/mem.h"

static const char lease_key[] = VRS_KEY "lease:train";

static const char save_script[] =
	"if redis.call('EXISTS', KEYS[1]) == 1 then\n"
	"  redis.call('COPY', KEYS[1], KEYS[2], 'REPLACE')\n"
	"end\n"
	"return redis.call('HSET', KEYS[1], 'weights', ARGV[1], 'version', ARGV[2],\n"
	"                  'checksum', ARGV[3], 'report', ARGV[4])\n";

static const char lease_script[] = "local owner = redis.call('GET', KEYS[1])\n"
				   "if owner and owner ~= ARGV[1] then return 0 end\n"
				   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
				   "return 1\n";

static const char release_script[] =
	"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end\n"
	"return 0\n";

int modelstore_version(struct vrs_store *s, const char *name, char ret[MODEL_VERSION_LEN],
		       struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status = vrs_store_cmd(s, &r, err, "HGET " VRS_KEY "model:%s version", name);

	if (status < 0)
		return status;
	(void)vrs_strcpy(ret, MODEL_VERSION_LEN, r->bytes ? r->bytes : "");
	vrs_reply_free(r);
	return 0;
}

int modelstore_load(struct vrs_store *s, const char *name, struct model **ret,
		    struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status = vrs_store_cmd(s, &r, err, "HGET " VRS_KEY "model:%s weights", name);

	if (status < 0)
		return status;
	if (r->type != VRS_REPLY_BYTES) {
		status = vrs_fail(err, VRS_ENOENT, "model: none is stored as %s", name);
	} else {
		status = model_unpack(ret, r->bytes, r->len, err);
		if (status < 0)
			vrs_context(err, VRS_KEY "model:%s", name);
	}
	vrs_reply_free(r);
	return status;
}

int modelstore_save(struct vrs_store *s, const char *name, struct model *m,
		    struct vrs_err *err)
{
	char key[VRS_KEY_MAX], before[VRS_KEY_MAX], sum[20];
	size_t n;
	void *bytes = model_pack(m, &n);
	char *report = model_report(m);

	(void)snprintf(key, sizeof(key), VRS_KEY "model:%s", name);
	(void)snprintf(before, sizeof(before), VRS_KEY "model:%s.before", name);
	(void)snprintf(sum, sizeof(sum), "%016llx",
		       (unsigned long long)XXH3_64bits(bytes, n));
	const struct vrs_arg keys[] = {VRS_ARG(key), VRS_ARG(before)};
	const struct vrs_arg args[] = {
		{bytes, n}, VRS_ARG(m->version), VRS_ARG(sum), VRS_ARG(report)};
	int status = vrs_store_eval(s, NULL, save_script, keys, 2, args, 4, err);
	free(bytes);
	free(report);
	return status;
}

int modelstore_lease(struct vrs_store *s, const char *who, int64_t ms,
		     struct vrs_err *err)
{
	char text[24];
	struct vrs_reply *r = NULL;

	(void)snprintf(text, sizeof(text), "%lld", (long long)ms);
	const struct vrs_arg key = VRS_ARG(lease_key);
	const struct vrs_arg args[] = {VRS_ARG(who), VRS_ARG(text)};
	int status = vrs_store_eval(s, &r, lease_script, &key, 1, args, 2, err);
	if (status < 0)
		return status;
	status = r->type == VRS_REPLY_INT && r->integer == 1;
	vrs_reply_free(r);
	return status;
}

void modelstore_release(struct vrs_store *s, const char *who)
{
	const struct vrs_arg key = VRS_ARG(lease_key), arg = VRS_ARG(who);

	(void)vrs_store_eval(s, NULL, release_script, &key, 1, &arg, 1, NULL);
}
