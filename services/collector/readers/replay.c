#include "readers/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

static const char scheme[] = "replay:";

/* Size of a host if the trace does not have it. */
enum { DEFAULT_VCPUS = 32 };
static const uint64_t default_ram_bytes = 64ULL << 30;

/* Loaded traces, shared by their hosts. Opened and closed on one thread. */
struct shared {
	struct shared *next;
	char *path;
	struct trace *trace;
	int users;
};
static struct shared *all_shared;

struct replay {
	struct shared *file;
	const struct trace_entity *entity; /* NULL: several entities, none selected */
	double speed;
	bool loop;
	int64_t anchor_ms; /* time at which the first row is played */
};

bool replay_is_uri(const char *uri)
{
	return strncmp(uri, scheme, sizeof(scheme) - 1) == 0;
}

static int share(struct shared **ret, const char *path, struct vrs_err *err)
{
	struct shared *s = all_shared;

	while (s && strcmp(s->path, path) != 0)
		s = s->next;
	if (!s) {
		struct trace *t = NULL;
		int status = trace_load(&t, path, err);

		if (status < 0)
			return status;
		s = vrs_calloc(1, sizeof(*s));
		s->path = vrs_strdup(path);
		s->trace = t;
		s->next = all_shared;
		all_shared = s;
	}
	s->users++;
	*ret = s;
	return 0;
}

static void unshare(struct shared *s)
{
	if (!s || --s->users > 0)
		return;
	for (struct shared **p = &all_shared; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	trace_free(s->trace);
	free(s->path);
	free(s);
}

static int set_option(struct replay *r, const char *key, const char *value,
		      struct vrs_err *err)
{
	char *end;

	if (strcmp(key, "speed") == 0) {
		r->speed = strtod(value, &end);
		if (*end || !(r->speed > 0 && r->speed <= 1e6))
			return vrs_fail(err, VRS_EINVAL, "speed=%s: must be above 0",
					value);
	} else if (strcmp(key, "loop") == 0) {
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			return vrs_fail(err, VRS_EINVAL, "loop=%s: must be 0 or 1",
					value);
		r->loop = value[0] == '1';
	} else if (strcmp(key, "shift") == 0 && strcmp(value, "now") == 0) {
		r->anchor_ms = vrs_now_wall_ms() / 60000 * 60000;
	} else if (strcmp(key, "shift") == 0) {
		r->anchor_ms = strtoll(value, &end, 10);
		if (*end || r->anchor_ms < 0)
			return vrs_fail(err, VRS_EINVAL,
					"shift=%s: must be now or Unix time in ms",
					value);
	} else {
		return vrs_fail(err, VRS_EINVAL, "unknown option %s=%s", key, value);
	}
	return 0;
}

static int set_options(struct replay *r, char *text, struct vrs_err *err)
{
	char *save = NULL;
	int status = 0;

	for (char *p = strtok_r(text, "&", &save); p && status == 0;
	     p = strtok_r(NULL, "&", &save)) {
		char *value = strchr(p, '=');

		if (value)
			*value++ = '\0';
		status = set_option(r, p, value ? value : "1", err);
	}
	return status;
}

int replay_open(struct replay **ret, const char *uri, struct vrs_err *err)
{
	struct replay *r = vrs_calloc(1, sizeof(*r));
	char *copy = vrs_strdup(uri + sizeof(scheme) - 1);
	char *entity = NULL, *options = NULL;
	int status;

	/* FILE#ENTITY?OPTIONS or FILE?OPTIONS#ENTITY */
	for (char *p = copy; (p = strpbrk(p, "#?"));) {
		char **part = *p == '#' ? &entity : &options;

		*p++ = '\0';
		*part = p;
	}
	r->speed = 1;
	r->loop = true;
	r->anchor_ms = -1;
	status = share(&r->file, copy, err);
	if (status == 0 && options)
		status = set_options(r, options, err);
	if (status == 0 && entity) {
		r->entity = trace_find(r->file->trace, entity);
		if (!r->entity)
			status = vrs_fail(err, VRS_ENOENT, "%s has no entity '%s'", copy,
					  entity);
	} else if (status == 0 && r->file->trace->n_entities == 1) {
		r->entity = &r->file->trace->entity[0];
	}
	if (status == 0 && r->anchor_ms < 0)
		r->anchor_ms = r->file->trace->from_ms;
	free(copy);
	if (status < 0) {
		vrs_context(err, "%s", uri);
		replay_close(r);
		return status;
	}
	*ret = r;
	return 0;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	unshare(r->file);
	free(r);
}

const struct trace *replay_trace(const struct replay *r)
{
	return r->file->trace;
}

int replay_read(const struct replay *r, int64_t at_ms, struct reading *ret,
		struct vrs_err *err)
{
	const struct trace *t = r->file->trace;
	const struct trace_entity *e = r->entity;
	int64_t length = t->to_ms - t->from_ms;
	int64_t offset = (int64_t)floor((double)(at_ms - r->anchor_ms) * r->speed);

	if (!e)
		return vrs_fail(
			err, VRS_EINVAL,
			"replay: %s has several entities: select one with #ENTITY",
			r->file->path);
	if (r->loop)
		offset = (offset % length + length) % length;
	const struct trace_point *p = trace_at(e, t->from_ms + offset);

	ret->cpu_ratio = p ? p->cpu_ratio : NAN; /* a gap of the trace is a gap */
	ret->vcpus_used = p ? p->vcpus_used : 0;
	ret->host.vcpus = e->vcpus ? e->vcpus : DEFAULT_VCPUS;
	ret->host.ram_total_bytes = e->ram_bytes ? e->ram_bytes : default_ram_bytes;
	if (p && !isnan(p->mem_ratio))
		ret->host.ram_used_bytes =
			(uint64_t)(p->mem_ratio * (double)ret->host.ram_total_bytes);
	ret->has_address = e->address[0] != '\0';
	(void)vrs_strcpy(ret->address, sizeof(ret->address), e->address);
	return 0;
}
