#include "http/assets.h"

#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sinks/hmac.h"
#include "vrs/mem.h"

struct assets {
	struct asset *asset;
	size_t n, bytes;
};

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
	};
	size_t n = strlen(name);

	if (n > 3 && strcmp(name + n - 3, ".gz") == 0)
		n -= 3;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t m = strlen(types[i].end);

		if (n > m && strncmp(name + n - m, types[i].end, m) == 0)
			return types[i].type;
	}
	return NULL;
}

/* The name contains ".0123abcd." or "-0123abcd.", at least eight digits. */
static bool names_its_content(const char *name)
{
	for (const char *p = name; *p; p++) {
		size_t n = 0;

		if (*p != '.' && *p != '-')
			continue;
		while (isxdigit((unsigned char)p[1 + n]))
			n++;
		if (n >= 8 && p[1 + n] == '.')
			return true;
	}
	return false;
}

static int take_file(struct assets *a, const char *path, const char *name,
		     struct vrs_err *err)
{
	struct stat st;
	unsigned char hash[32];
	const char *type = type_of(name);

	FILE *f = fopen(path, "rbe");
	if (!f)
		return vrs_fail_errno(err, "www: cannot open %s", path);
	if (!type || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)fclose(f);
		return 0; /* not a file for browsers */
	}
	size_t n = (size_t)st.st_size;
	if (a->n == ASSETS_MAX_FILES || n > ASSETS_MAX_BYTES - a->bytes) {
		(void)fclose(f);
		return vrs_fail(err, VRS_ENOSPC,
				"www: more than %d files or %d MiB, at %s",
				ASSETS_MAX_FILES, ASSETS_MAX_BYTES >> 20, path);
	}
	char *bytes = vrs_calloc(n + 1, 1);
	size_t got = fread(bytes, 1, n, f);
	(void)fclose(f);
	a->asset = vrs_realloc(a->asset, a->n + 1, sizeof(*a->asset));
	struct asset *one = &a->asset[a->n++];
	*one = (struct asset){.name = vrs_strdup(name),
			      .type = type,
			      .bytes = bytes,
			      .n = got,
			      .for_ever = names_its_content(name)};
	size_t len = strlen(name);
	if (len > 3 && strcmp(name + len - 3, ".gz") == 0) {
		one->gzip = true;
		one->name[len - 3] = '\0';
	}
	sign_hash(bytes, got, hash);
	(void)snprintf(one->tag, sizeof(one->tag), "\"%02x%02x%02x%02x%02x%02x%02x%02x\"",
		       hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6],
		       hash[7]);
	a->bytes += got;
	return 0;
}

static int take_folder(struct assets *a, const char *folder, const char *below, int depth,
		       struct vrs_err *err)
{
	const struct dirent *e;
	int status = 0;
	DIR *d = opendir(folder);

	if (!d)
		return vrs_fail_errno(err, "www: cannot open %s", folder);
	while (status == 0 && (e = readdir(d))) {
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		char *path = vrs_asprintf("%s/%s", folder, e->d_name);
		char *name =
			vrs_asprintf("%s%s%s", below, below[0] ? "/" : "", e->d_name);
		if (stat(path, &st) < 0)
			status = vrs_fail_errno(err, "www: %s", path);
		else if (S_ISDIR(st.st_mode) && depth < 3)
			status = take_folder(a, path, name, depth + 1, err);
		else if (S_ISREG(st.st_mode))
			status = take_file(a, path, name, err);
		free(path);
		free(name);
	}
	(void)closedir(d);
	return status;
}

int assets_load(struct assets **ret, const char *folder, struct vrs_err *err)
{
	struct assets *a = vrs_calloc(1, sizeof(*a));
	int status = folder[0] ? take_folder(a, folder, "", 0, err) : 0;

	if (status < 0) {
		assets_free(a);
		return status;
	}
	*ret = a;
	return 0;
}

void assets_free(struct assets *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		free(a->asset[i].name);
		free(a->asset[i].bytes);
	}
	free(a->asset);
	free(a);
}

const struct asset *assets_find(const struct assets *a, const char *path, bool gzip)
{
	const struct asset *plain = NULL;
	const char *name = strcmp(path, "/") == 0 ? "index.html" : path + 1;

	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->asset[i].name, name) != 0)
			continue;
		if (a->asset[i].gzip == gzip)
			return &a->asset[i];
		if (!a->asset[i].gzip)
			plain = &a->asset[i];
	}
	return plain;
}
