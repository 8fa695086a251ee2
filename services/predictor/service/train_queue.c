/* train_queue.c - see train_queue.h. */
#include "service/train_queue.h"

#include <stdio.h>
#include <string.h>

#include "vrs/keys.h"
#include "vrs/mem.h"

const char trainq_key[] = VRS_KEY_TRAIN_QUEUE;
static const char dead_key[] = VRS_KEY_TRAIN_DEAD;
const char trainq_why_key[] = VRS_KEY_TRAIN_WHY;

enum { DEAD_KEPT = 1000 };

#define MAKE_GROUP                                                                       \
	"pcall(redis.call, 'XGROUP', 'CREATE', KEYS[1], 'predictors', '0', "             \
	"'MKSTREAM')\n"                                                                  \
	"local function field(f, name)\n"                                                \
	"  for i = 1, #f, 2 do if f[i] == name then return f[i + 1] end end\n"           \
	"  return ''\n"                                                                  \
	"end\n"

/* KEYS: jobs, dead ones. ARGV: model, why, quiet ms. */
static const char ask_script[] = MAKE_GROUP
	"for _, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1000)) do\n"
	"  if field(e[2], 'model') == ARGV[1] then return 0 end\n"
	"end\n"
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
	"for _, e in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 100)) "
	"do\n"
	"  local at = tonumber(string.match(e[1], '^(%d+)'))\n"
	"  if field(e[2], 'model') == ARGV[1] and now - at < tonumber(ARGV[3]) then\n"
	"    return 0\n"
	"  end\n"
	"end\n"
	"redis.call('XADD', KEYS[1], '*', 'model', ARGV[1], 'why', ARGV[2])\n"
	"return 1\n";

/* KEYS: jobs, dead ones, reasons. ARGV: who, model, claim ms, tries, kept. Returns id,
 * tries, why, number of the dead, their last reason; id is '' when there is no job. Jobs
 * of other models are left to those who have them. */
static const char claim_script[] = MAKE_GROUP
	"local dead, reason = 0, ''\n"
	"local function bury(id, f)\n"
	"  reason = redis.call('HGET', KEYS[3], id) or 'its replica died'\n"
	"  f[#f + 1] = 'job'; f[#f + 1] = id\n"
	"  f[#f + 1] = 'reason'; f[#f + 1] = reason\n"
	"  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', unpack(f))\n"
	"  redis.call('XACK', KEYS[1], 'predictors', id)\n"
	"  redis.call('XDEL', KEYS[1], id)\n"
	"  redis.call('HDEL', KEYS[3], id)\n"
	"  dead = dead + 1\n"
	"end\n"
	"local late = redis.call('XPENDING', KEYS[1], 'predictors', 'IDLE', ARGV[3],\n"
	"                        '-', '+', 100)\n"
	"for _, p in ipairs(late) do\n"
	"  local e = redis.call('XRANGE', KEYS[1], p[1], p[1])[1]\n"
	"  if not e then\n"
	"    redis.call('XACK', KEYS[1], 'predictors', p[1])\n"
	"  elseif field(e[2], 'model') == ARGV[2] then\n"
	"    if p[4] >= tonumber(ARGV[4]) then\n"
	"      bury(p[1], e[2])\n"
	"    else\n"
	"      redis.call('XCLAIM', KEYS[1], 'predictors', ARGV[1], 0, p[1],\n"
	"                 'RETRYCOUNT', p[4] + 1)\n"
	"      return {p[1], p[4] + 1, field(e[2], 'why'), dead, reason}\n"
	"    end\n"
	"  end\n"
	"end\n"
	"local new = redis.call('XREADGROUP', 'GROUP', 'predictors', ARGV[1], 'COUNT', "
	"1,\n"
	"                       'STREAMS', KEYS[1], '>')\n"
	"local e = new and new[1] and new[1][2][1]\n"
	"if not e then return {'', 0, '', dead, reason} end\n"
	"if field(e[2], 'model') ~= ARGV[2] then\n"
	"  redis.call('XCLAIM', KEYS[1], 'predictors', ARGV[1], 0, e[1],\n"
	"             'IDLE', ARGV[3], 'RETRYCOUNT', 0, 'JUSTID')\n"
	"  return {'', 0, '', dead, reason}\n"
	"end\n"
	"return {e[1], 1, field(e[2], 'why'), dead, reason}\n";

/* KEYS: jobs. ARGV: who, id. */
static const char renew_script[] = TRAINQ_LUA_OURS
	"if not ours then return 0 end\n"
	"redis.call('XCLAIM', KEYS[1], 'predictors', ARGV[1], 0, ARGV[2], 'JUSTID')\n"
	"return 1\n";

/* KEYS: jobs. ARGV: who, id, tries so far. */
static const char release_script[] = TRAINQ_LUA_OURS
	"if not ours then return 0 end\n"
	"redis.call('XCLAIM', KEYS[1], 'predictors', ARGV[1], 0, ARGV[2],\n"
	"           'IDLE', 1000000000, 'RETRYCOUNT', ARGV[3], 'JUSTID')\n"
	"return 1\n";

/* KEYS: jobs, reasons. ARGV: who, id. */
static const char drop_script[] =
	TRAINQ_LUA_OURS "if not ours then return 0 end\n"
			"redis.call('XACK', KEYS[1], 'predictors', ARGV[2])\n"
			"redis.call('XDEL', KEYS[1], ARGV[2])\n"
			"redis.call('HDEL', KEYS[2], ARGV[2])\n"
			"return 1\n";

static int eval_flag(struct vrs_store *s, const char *script, const struct vrs_arg *keys,
		     size_t n_keys, const struct vrs_arg *args, size_t n_args,
		     struct vrs_err *err)
{
	struct vrs_reply *r = NULL;
	int status = vrs_store_eval(s, &r, script, keys, n_keys, args, n_args, err);

	if (status < 0)
		return status;
	status = r->type == VRS_REPLY_INT && r->integer == 1;
	vrs_reply_free(r);
	return status;
}

static const char *number(char ret[24], int64_t x)
{
	(void)snprintf(ret, 24, "%lld", (long long)x);
	return ret;
}

int trainq_ask(struct vrs_store *s, const char *model, const char *why, int64_t quiet_ms,
	       struct vrs_err *err)
{
	char quiet[24];
	const struct vrs_arg keys[] = {VRS_ARG(trainq_key), VRS_ARG(dead_key)};
	const struct vrs_arg args[] = {VRS_ARG(model), VRS_ARG(why),
				       VRS_ARG(number(quiet, quiet_ms))};

	return eval_flag(s, ask_script, keys, 2, args, 3, err);
}

int trainq_claim(struct vrs_store *s, const char *model, const char *who,
		 int64_t claim_ms, struct trainq_job *ret, int *ret_dead,
		 char dead_why[128], struct vrs_err *err)
{
	char claim[24], tries[24], kept[24];
	struct vrs_reply *r = NULL;
	const struct vrs_arg keys[] = {VRS_ARG(trainq_key), VRS_ARG(dead_key),
				       VRS_ARG(trainq_why_key)};
	const struct vrs_arg args[] = {
		VRS_ARG(who), VRS_ARG(model), VRS_ARG(number(claim, claim_ms)),
		VRS_ARG(number(tries, TRAINQ_TRIES)), VRS_ARG(number(kept, DEAD_KEPT))};
	int status = vrs_store_eval(s, &r, claim_script, keys, 3, args, 5, err);

	if (status < 0)
		return status;
	if (r->n_items != 5 || !r->item[0].bytes || !r->item[2].bytes ||
	    !r->item[4].bytes) {
		vrs_reply_free(r);
		return vrs_fail(err, VRS_EPARSE,
				"training jobs: an answer without sense");
	}
	*ret_dead = (int)r->item[3].integer;
	(void)vrs_strcpy(dead_why, 128, r->item[4].bytes);
	status = r->item[0].len > 0;
	if (status == 1) {
		ret->tries = (int)r->item[1].integer;
		(void)vrs_strcpy(ret->id, sizeof(ret->id), r->item[0].bytes);
		(void)vrs_strcpy(ret->why, sizeof(ret->why), r->item[2].bytes);
	}
	vrs_reply_free(r);
	return status;
}

int trainq_renew(struct vrs_store *s, const char *who, const char *id,
		 struct vrs_err *err)
{
	const struct vrs_arg key = VRS_ARG(trainq_key);
	const struct vrs_arg args[] = {VRS_ARG(who), VRS_ARG(id)};

	return eval_flag(s, renew_script, &key, 1, args, 2, err);
}

void trainq_failed(struct vrs_store *s, const char *id, const char *reason)
{
	const struct vrs_arg argv[] = {VRS_ARG("HSET"), VRS_ARG(trainq_why_key),
				       VRS_ARG(id), VRS_ARG(reason)};

	(void)vrs_store_do(s, NULL, argv, 4, NULL);
}

void trainq_release(struct vrs_store *s, const char *who, const struct trainq_job *job)
{
	char tries[24];
	const struct vrs_arg key = VRS_ARG(trainq_key);
	const struct vrs_arg args[] = {VRS_ARG(who), VRS_ARG(job->id),
				       VRS_ARG(number(tries, job->tries - 1))};

	(void)eval_flag(s, release_script, &key, 1, args, 3, NULL);
}

int trainq_drop(struct vrs_store *s, const char *who, const char *id, struct vrs_err *err)
{
	const struct vrs_arg keys[] = {VRS_ARG(trainq_key), VRS_ARG(trainq_why_key)};
	const struct vrs_arg args[] = {VRS_ARG(who), VRS_ARG(id)};

	return eval_flag(s, drop_script, keys, 2, args, 2, err);
}
