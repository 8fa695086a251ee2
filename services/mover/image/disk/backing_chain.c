#include "image/disk/backing_chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/base/wire.h"
#include "image/disk/outside_refs.h"
#include "vrs/mem.h"

static uint64_t be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* The extension of the header that names the backing format. */
static bool find_format(const uint8_t *head, size_t n, char format[16])
{
	const uint32_t backing_format = 0xE2792ACA;
	uint64_t version = be(head + 4, 4), at = version >= 3 ? be(head + 100, 4) : 72;

	while (at + 8 <= n) {
		uint64_t type = be(head + at, 4), len = be(head + at + 4, 4);

		if (type == 0 || len > n - at - 8)
			return false;
		if (type == backing_format && len > 0 && len < 16) {
			memcpy(format, head + at + 8, len);
			format[len] = '\0';
			return strlen(format) == len;
		}
		at += 8 + ((len + 7) & ~(uint64_t)7);
	}
	return false;
}

int backing_chain_next(const uint8_t *head, size_t n, char name[BACKING_CHAIN_NAME_BYTES],
		       char format[16], struct vrs_err *err)
{
	if (n < 104 || memcmp(head, "QFI\xfb", 4) != 0)
		return 0;
	uint64_t at = be(head + 8, 8), len = be(head + 16, 4);
	if (at == 0)
		return 0;
	if (len == 0 || len >= BACKING_CHAIN_NAME_BYTES || at > n || len > n - at ||
	    memchr(head + at, '\0', len))
		return vrs_fail(err, VRS_EPARSE,
				"the name of its backing file is malformed");
	memcpy(name, head + at, len);
	name[len] = '\0';
	if (name[0] != '/' && strchr(name, ':'))
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"its backing file %s is not a local file", name);
	if (!find_format(head, n, format) ||
	    (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0))
		return vrs_fail(
			err, VRS_EUNSUPPORTED,
			"it does not record whether its backing file %s is raw or qcow2 "
			"(set the format with qemu-img rebase -u -F FORMAT)",
			name);
	return 1;
}

static int place_of(const char *path, const char *name, char ret[WIRE_MAX_TEXT],
		    struct vrs_err *err)
{
	const char *slash = strrchr(path, '/');
	int dir = *name == '/' ? 0 : (int)(slash + 1 - path);

	if (strncmp(name, "./", 2) == 0)
		name += 2;
	if (snprintf(ret, WIRE_MAX_TEXT, "%.*s%s", dir, path, name) >= WIRE_MAX_TEXT)
		return vrs_fail(err, VRS_EINVAL,
				"the name of its backing file is too long");
	return 0;
}

/* The layers below the first, each of them checked. */
static int open_layers(struct disk_layers *l, const struct sandbox *b, const char *path,
		       struct vrs_err *err)
{
	char at[WIRE_MAX_TEXT], next[WIRE_MAX_TEXT], name[BACKING_CHAIN_NAME_BYTES];
	uint8_t head[OUTSIDE_REFS_HEAD_BYTES];

	(void)vrs_strcpy(at, sizeof(at), path);
	while (strcmp(l->format[l->n - 1], "qcow2") == 0) {
		ssize_t n = pread(l->fd[l->n - 1], head, sizeof(head), 0);
		int status = n < 0 ? vrs_fail_errno(err, "cannot read the header")
				   : outside_refs_check_layer(head, (size_t)n, err);

		if (status == 0 && l->n == DISK_MAX_LAYERS)
			status = vrs_fail(err, VRS_EUNSUPPORTED,
					  "more than %d backing files",
					  DISK_MAX_LAYERS - 1);
		if (status < 0)
			return status;
		status = backing_chain_next(head, (size_t)n, name, l->format[l->n], err);
		if (status <= 0)
			return status;
		if ((status = place_of(at, name, next, err)) < 0 ||
		    (status = sandbox_open(b, next, O_RDONLY, &l->fd[l->n], err)) < 0)
			return vrs_context(err, "backing file");
		l->n++;
		if ((status = disk_is_free(l->fd[l->n - 1], err)) < 0)
			return vrs_context(err, "backing file %s", next);
		(void)vrs_strcpy(at, sizeof(at), next);
	}
	return 0;
}

int backing_chain_open(struct disk **ret, const struct sandbox *b, const char *path,
		       const char *format, struct vrs_err *err)
{
	char name[BACKING_CHAIN_NAME_BYTES], below[16];
	struct disk_layers l = {.n = 1};
	uint8_t head[OUTSIDE_REFS_HEAD_BYTES];
	int status = sandbox_open(b, path, O_RDONLY, &l.fd[0], err);

	if (status < 0)
		return status;
	ssize_t got =
		strcmp(format, "qcow2") == 0 ? pread(l.fd[0], head, sizeof(head), 0) : 0;
	if (got <= 0 || backing_chain_next(head, (size_t)got, name, below, NULL) == 0) {
		status = disk_open(ret, l.fd[0], format, DISK_READ, err);
		return status < 0 ? vrs_context(err, "%s", path) : 0;
	}
	(void)vrs_strcpy(l.format[0], sizeof(l.format[0]), format);
	status = disk_is_free(l.fd[0], err);
	if (status == 0)
		status = open_layers(&l, b, path, err);
	if (status == 0)
		status = disk_nbd_open_chain(ret, &l, err);
	for (size_t i = status < 0 ? 0 : 1; i < l.n; i++)
		(void)close(l.fd[i]);
	return status < 0 ? vrs_context(err, "%s", path) : 0;
}
