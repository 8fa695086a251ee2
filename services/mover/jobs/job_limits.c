#include "jobs/job_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/place.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

#define KEY VRS_KEY_JOB_LIMITS

/* One entry: w works (else waits), f has a free hand, p priority, q since, b newest beat,
 * m mover, s source, t target, l link. Times are the server's ms. */
#define LUA_READ                                                                         \
	"local now = redis.call('TIME')\n"                                               \
	"now = now[1] * 1000 + math.floor(now[2] / 1000)\n"                              \
	"local all, works, waits = redis.call('HGETALL', KEYS[1]), {}, {}\n"             \
	"for i = 1, #all, 2 do\n"                                                        \
	"  local good, e = pcall(cjson.decode, all[i + 1])\n"                            \
	"  if not good or now - e.b > (e.w and 15000 or 5000) then\n"                    \
	"    redis.call('HDEL', KEYS[1], all[i])\n"                                      \
	"  else\n"                                                                       \
	"    e.j = all[i]\n"                                                             \
	"    if e.w then works[#works + 1] = e else waits[#waits + 1] = e end\n"         \
	"  end\n"                                                                        \
	"end\n"                                                                          \
	"local used = {s = {}, t = {}, l = {}}\n"                                        \
	"local function take(e)\n"                                                       \
	"  for _, k in ipairs({'s', 't', 'l'}) do\n"                                     \
	"    used[k][e[k]] = (used[k][e[k]] or 0) + 1\n"                                 \
	"  end\n"                                                                        \
	"end\n"                                                                          \
	"local function full(e, max)\n"                                                  \
	"  for k, name in pairs({s = 'source', t = 'target', l = 'link'}) do\n"          \
	"    if (used[k][e[k]] or 0) >= max[k] then return name .. ' ' .. e[k] end\n"    \
	"  end\n"                                                                        \
	"end\n"                                                                          \
	"local function before(a, b)\n"                                                  \
	"  if a.p ~= b.p then return a.p > b.p end\n"                                    \
	"  if a.q ~= b.q then return a.q < b.q end\n"                                    \
	"  return a.j < b.j\n"                                                           \
	"end\n"

static const char ask_script[] = LUA_READ
	"local me = {j = ARGV[1], m = ARGV[2], p = tonumber(ARGV[3]), s = ARGV[4],\n"
	"            t = ARGV[5], l = ARGV[6], f = ARGV[7] == '1', q = now, b = now}\n"
	"local max = {s = tonumber(ARGV[8]), t = tonumber(ARGV[9]),\n"
	"             l = tonumber(ARGV[10])}\n"
	"local others = {}\n"
	"for _, e in ipairs(works) do\n"
	"  if e.j ~= me.j then take(e) others[#others + 1] = e\n"
	"  elseif e.m == me.m then me.w = true me.q = e.q end\n"
	"end\n"
	"local line = {}\n"
	"for _, e in ipairs(waits) do\n"
	"  if e.j == me.j then me.q = e.q elseif e.f then line[#line + 1] = e end\n"
	"end\n"
	"local beside, ahead, why = 0, 0, nil\n"
	"for _, e in ipairs(others) do\n"
	"  if e.s == me.s or e.t == me.t or e.l == me.l then beside = beside + 1 end\n"
	"end\n"
	"if not me.w then\n"
	"  table.sort(line, before)\n"
	"  for _, e in ipairs(line) do\n"
	"    if not before(e, me) then break end\n"
	"    ahead = ahead + 1\n"
	"    if not full(e, max) then take(e) end\n"
	"  end\n"
	"  why = full(me, max)\n"
	"  me.w = me.f and not why\n"
	"end\n"
	"redis.call('HSET', KEYS[1], me.j, cjson.encode(me))\n"
	"return {me.w and 'go' or 'wait', tostring(beside), why or '', tostring(ahead),\n"
	"        string.format('%.0f', me.q)}\n";

static const char leave_script[] = "local e = redis.call('HGET', KEYS[1], ARGV[1])\n"
				   "if e and cjson.decode(e).m == ARGV[2] then\n"
				   "  redis.call('HDEL', KEYS[1], ARGV[1])\n"
				   "end\n"
				   "return {'ok'}\n";

static const char find_script[] = LUA_READ
	"local max = {s = tonumber(ARGV[2]), t = tonumber(ARGV[3]),\n"
	"             l = tonumber(ARGV[4])}\n"
	"for _, e in ipairs(works) do take(e) end\n"
	"table.sort(waits, before)\n"
	"for _, e in ipairs(waits) do\n"
	"  if not full(e, max) then\n"
	"    if not e.f and e.m ~= ARGV[1] and now - e.q > 300 then return {e.j} end\n"
	"    take(e)\n"
	"  end\n"
	"end\n"
	"return {''}\n";

static int run(struct vrs_store *s, const char *script, const struct vrs_arg *args,
	       size_t n_args, size_t n_want, struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_arg key = VRS_ARG(KEY);
	int status = vrs_store_eval(s, ret, script, &key, 1, args, n_args, err);

	if (status < 0)
		return status;
	bool sound = (*ret)->n_items == n_want;
	for (size_t i = 0; sound && i < n_want; i++)
		sound = (*ret)->item[i].bytes != NULL;
	if (sound)
		return 0;
	vrs_reply_free(*ret);
	return vrs_fail(err, VRS_EPARSE, "store: an answer makes no sense");
}

/* The machine alone: two users of one host share its disk. */
static const char *host_of(char buf[256], const char *end)
{
	struct place p;

	if (!end || place_parse(&p, end, NULL) < 0 || !*p.host)
		return "local";
	(void)vrs_strcpy(buf, 256, p.host);
	return buf;
}

int slots_ask(struct vrs_store *s, const Vrsas__V1__TransferJob *job, const char *mover,
	      bool can_begin, const struct slots_limits *limits, struct slots_answer *ret,
	      struct vrs_err *err)
{
	char source[256], target[256], link[160], priority[16], n[3][16];
	struct vrs_reply *r = NULL;

	(void)snprintf(link, sizeof(link), "%.70s > %.70s", job->source_cluster,
		       job->target_cluster);
	(void)snprintf(priority, sizeof(priority), "%u", job->priority);
	(void)snprintf(n[0], sizeof(n[0]), "%d", limits->source);
	(void)snprintf(n[1], sizeof(n[1]), "%d", limits->target);
	(void)snprintf(n[2], sizeof(n[2]), "%d", limits->link);
	const char *from = host_of(source, job->n_source ? job->source[0] : NULL);
	const char *to = host_of(target, job->n_target ? job->target[0] : NULL);
	struct vrs_arg args[] = {VRS_ARG(job->job_id),
				 VRS_ARG(mover),
				 VRS_ARG(priority),
				 VRS_ARG(from),
				 VRS_ARG(to),
				 VRS_ARG(link),
				 VRS_ARG(can_begin ? "1" : "0"),
				 VRS_ARG(n[0]),
				 VRS_ARG(n[1]),
				 VRS_ARG(n[2])};
	int status = run(s, ask_script, args, 10, 5, &r, err);
	if (status < 0)
		return status;
	*ret = (struct slots_answer){.go = strcmp(r->item[0].bytes, "go") == 0};
	ret->beside = (uint32_t)strtoul(r->item[1].bytes, NULL, 10);
	ret->since_ms = strtoll(r->item[4].bytes, NULL, 10);
	if (!ret->go) {
		const char *why = r->item[2].bytes;

		(void)snprintf(ret->waits_for, sizeof(ret->waits_for),
			       "%s%.90s has no room, %s before it",
			       *why ? "" : "the mover", why, r->item[3].bytes);
	}
	vrs_reply_free(r);
	return 0;
}

int slots_leave(struct vrs_store *s, const char *job, const char *mover,
		struct vrs_err *err)
{
	struct vrs_arg args[] = {VRS_ARG(job), VRS_ARG(mover)};
	struct vrs_reply *r = NULL;
	int status = run(s, leave_script, args, 2, 1, &r, err);

	if (status == 0)
		vrs_reply_free(r);
	return status;
}

int slots_find(struct vrs_store *s, const char *mover, const struct slots_limits *limits,
	       char ret_job[132], struct vrs_err *err)
{
	char n[3][16];
	struct vrs_reply *r = NULL;

	(void)snprintf(n[0], sizeof(n[0]), "%d", limits->source);
	(void)snprintf(n[1], sizeof(n[1]), "%d", limits->target);
	(void)snprintf(n[2], sizeof(n[2]), "%d", limits->link);
	struct vrs_arg args[] = {VRS_ARG(mover), VRS_ARG(n[0]), VRS_ARG(n[1]),
				 VRS_ARG(n[2])};
	int status = run(s, find_script, args, 4, 1, &r, err);
	if (status < 0)
		return status;
	(void)vrs_strcpy(ret_job, 132, r->item[0].bytes);
	vrs_reply_free(r);
	return 0;
}
