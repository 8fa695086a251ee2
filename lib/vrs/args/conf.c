#include "vrs/conf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vrs/mem.h"

/* --- values --- */

/* The offset may point into another object (svc.c joins two tables), so it is added as an
 * integer. */
static void *field(void *target, const struct vrs_option *opt)
{
	return (void *)((uintptr_t)target + opt->offset);
}

int vrs_conf_set(const struct vrs_option *opt, void *target, const char *value,
		 struct vrs_err *err)
{
	const struct vrs_value_rule rule = {opt->type, opt->min, opt->max};
	void *at = field(target, opt);

	if (opt->type != VRS_OPT_STRING) {
		int status = vrs_value_read(&rule, value, at, err);

		if (status < 0)
			(void)vrs_context(err, "%s = %s", opt->key, value);
		return status;
	}
	free(*(char **)at);
	*(char **)at = vrs_strdup(value);
	return 0;
}

/* --- files --- */

/* State of the inih callbacks. The line number is counted here, because inih does not
 * pass it. Debian's inih silently drops what exceeds 199 characters: an error here. */
struct reader {
	FILE *file;
	const char *path;
	int line;
	int status;
	struct vrs_err *err;
	vrs_ini_fn fn;
	void *arg;
	uint64_t *seen; /* hashes of section and key */
	size_t n_seen, cap_seen;
};

static char *read_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;

	if (!fgets(buf, size, r->file))
		return NULL;
	r->line++;
	size_t len = strlen(buf);
	if (len > 0 && buf[len - 1] != '\n' && !feof(r->file) && r->status == 0)
		r->status = vrs_fail(r->err, VRS_EPARSE,
				     "%s:%d: line is longer than %d characters", r->path,
				     r->line, size - 2);
	return buf;
}

static bool seen_before(struct reader *r, const char *section, const char *key)
{
	uint64_t h = vrs_hash(vrs_hash(VRS_HASH_BEGIN, section, strlen(section) + 1), key,
			      strlen(key));

	for (size_t i = 0; i < r->n_seen; i++)
		if (r->seen[i] == h)
			return true;
	r->seen = vrs_grow(r->seen, r->n_seen, &r->cap_seen, sizeof(*r->seen));
	r->seen[r->n_seen++] = h;
	return false;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	if (r->status < 0)
		return 1;
	if (seen_before(r, section, name)) {
		r->status = vrs_fail(r->err, VRS_EINVAL, "%s:%d: duplicate key %s",
				     r->path, r->line, name);
		return 1;
	}
	int status = r->fn(r->arg, &(struct vrs_ini_line){section, name, value}, r->err);
	if (status < 0) {
		r->status = status;
		(void)vrs_context(r->err, "%s:%d", r->path, r->line);
	}
	return 1;
}

int vrs_ini_read(const char *path, vrs_ini_fn fn, void *arg, struct vrs_err *err)
{
	struct reader r = {.path = path, .err = err, .fn = fn, .arg = arg};

	r.file = fopen(path, "re");
	if (!r.file)
		return vrs_fail_errno(err, "settings: cannot open %s", path);
	int bad_line = ini_parse_stream(read_line, &r, on_pair, &r);
	if (r.status == 0 && ferror(r.file))
		r.status = vrs_fail(err, VRS_EIO, "settings: cannot read %s", path);
	else if (r.status == 0 && bad_line != 0)
		r.status = vrs_fail(err, VRS_EPARSE,
				    "%s:%d: expected [section] or key = value", path,
				    bad_line);
	(void)fclose(r.file);
	free(r.seen);
	return r.status;
}

/* --- one daemon's settings --- */

struct loading {
	const struct vrs_option *options;
	void *target;
	const char *service;
};

static const struct vrs_option *find(const struct vrs_option *options, const char *key)
{
	for (const struct vrs_option *o = options; o->key; o++)
		if (strcmp(o->key, key) == 0)
			return o;
	return NULL;
}

static int on_setting(void *arg, const struct vrs_ini_line *line, struct vrs_err *err)
{
	struct loading *l = arg;

	if (strcmp(line->section, l->service) != 0 &&
	    strcmp(line->section, "common") != 0)
		return line->section[0] ? 0
					: vrs_fail(err, VRS_EINVAL,
						   "%s is not in a [section]", line->key);
	const struct vrs_option *o = find(l->options, line->key);
	if (!o)
		return vrs_fail(err, VRS_EINVAL, "unknown key %s in [%s]; see vrs-%s -h",
				line->key, line->section, l->service);
	return vrs_conf_set(o, l->target, line->value, err);
}

static void env_name(char *buf, size_t size, const char *service, const char *key)
{
	(void)snprintf(buf, size, "VRSAS_%s%s%s", service, *service ? "_" : "", key);
	for (char *p = buf; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

static int from_environment(const struct loading *l, struct vrs_err *err)
{
	for (const struct vrs_option *o = l->options; o->key; o++) {
		char name[128];

		env_name(name, sizeof(name), l->service, o->key);
		const char *value = getenv(name);
		if (!value) {
			env_name(name, sizeof(name), "", o->key);
			value = getenv(name);
		}
		if (value) {
			int status = vrs_conf_set(o, l->target, value, err);

			if (status < 0) {
				(void)vrs_context(err, "environment %s", name);
				return status;
			}
		}
	}
	return 0;
}

static int from_override(const struct loading *l, const char *text, struct vrs_err *err)
{
	const char *eq = strchr(text, '=');
	char key[64];

	if (!eq || (size_t)(eq - text) >= sizeof(key))
		return vrs_fail(err, VRS_EINVAL, "--%s: expected --key=value", text);
	memcpy(key, text, (size_t)(eq - text));
	key[eq - text] = '\0';
	for (char *p = key; *p; p++)
		if (*p == '-')
			*p = '_';
	const struct vrs_option *o = find(l->options, key);
	if (!o)
		return vrs_fail(err, VRS_EINVAL, "unknown option --%s", key);
	return vrs_conf_set(o, l->target, eq + 1, err);
}

int vrs_conf_load(const struct vrs_option *options, void *target,
		  const struct vrs_conf_sources *from, struct vrs_err *err)
{
	struct loading l = {options, target, from->service};
	int status = 0;

	for (const struct vrs_option *o = options; o->key && status == 0; o++)
		if (o->type == VRS_OPT_STRING)
			*(char **)field(target, o) = NULL;
	for (const struct vrs_option *o = options; o->key && status == 0; o++)
		if (o->fallback)
			status = vrs_conf_set(o, target, o->fallback, err);
	if (status == 0 && from->path)
		status = vrs_ini_read(from->path, on_setting, &l, err);
	if (status == 0)
		status = from_environment(&l, err);
	for (const char *const *o = from->overrides; status == 0 && o && *o; o++)
		status = from_override(&l, *o, err);
	for (const struct vrs_option *o = options; o->key && status == 0; o++)
		if (!o->fallback && o->type == VRS_OPT_STRING &&
		    !*(char **)field(target, o))
			status = vrs_fail(err, VRS_EINVAL,
					  "%s is not set: set it in [%s] of the settings "
					  "file or with --%s=VALUE",
					  o->key, from->service, o->key);
	if (status < 0)
		vrs_conf_fini(options, target);
	return status;
}

void vrs_conf_fini(const struct vrs_option *options, void *target)
{
	for (const struct vrs_option *o = options; o->key; o++) {
		char **at = field(target, o);

		if (o->type == VRS_OPT_STRING) {
			free(*at);
			*at = NULL;
		}
	}
}

void vrs_conf_print_help(const struct vrs_option *options, bool roff)
{
	for (const struct vrs_option *o = options; o->key; o++) {
		const struct vrs_value_rule rule = {o->type, o->min, o->max};
		char range[80];

		vrs_value_range(range, &rule);
		const char *fallback = !o->fallback   ? "required"
				       : *o->fallback ? o->fallback
						      : "empty";
		if (roff)
			printf(".TP\n.B %s\n%s (default: %s%s%s)\n", o->key, o->help,
			       fallback, *range ? ", " : "", range);
		else
			printf("  %-22s %s (%s%s%s)\n", o->key, o->help, fallback,
			       *range ? ", " : "", range);
	}
}

int vrs_secret_read(const char *path, char **ret, struct vrs_err *err)
{
	struct stat st;
	char line[1024];
	int status;

	FILE *f = fopen(path, "re");
	if (!f)
		return vrs_fail_errno(err, "secret: cannot open %s", path);
	if (fstat(fileno(f), &st) < 0) {
		status = vrs_fail_errno(err, "secret: cannot stat %s", path);
	} else if (st.st_mode & 0007) {
		status = vrs_fail(err, VRS_EDENIED,
				  "secret: %s is readable by other users; use chmod 600",
				  path);
	} else if (!fgets(line, sizeof(line), f)) {
		status = vrs_fail(err, VRS_EPARSE, "secret: %s is empty", path);
	} else {
		line[strcspn(line, "\r\n")] = '\0';
		*ret = vrs_strdup(line);
		status = 0;
	}
	explicit_bzero(line, sizeof(line));
	(void)fclose(f);
	return status;
}
