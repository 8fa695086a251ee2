#include "image/part/group_record.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/sandbox.h"
#include "image/base/tree.h"
#include "image/base/wire.h"
#include "vrs/mem.h"

static const char magic[16] = "vrsas-group-1\0\0";
static const char mark_magic[16] = "vrsas-group-go\0";

/* Offsets in the list. */
enum {
	AT_NONCE = 16,
	AT_TOKEN = 24,
	AT_N = 32,
	AT_JOB = 40,
	AT_DISKS = AT_JOB + GROUP_JOB_BYTES,
	DISK_BYTES = 36, /* kind, path length, part, base; then the path */
	SUM_BYTES = 16,
	KIND_AFTER_MARK = 1,
	KIND_DISPLACES = 2,
};

static void checksum(uint8_t out[SUM_BYTES], const uint8_t *bytes, size_t n)
{
	struct tree_digest sum = tree_sum(bytes, n, 0x76727367u);

	memcpy(out, sum.bytes, SUM_BYTES);
}

void group_mark(uint8_t out[GROUP_MARK_BYTES], uint64_t nonce)
{
	memset(out, 0, GROUP_MARK_BYTES);
	memcpy(out, mark_magic, sizeof(mark_magic));
	wire_put64(out + sizeof(mark_magic), nonce);
	checksum(out + GROUP_MARK_BYTES - SUM_BYTES, out, GROUP_MARK_BYTES - SUM_BYTES);
}

size_t group_pack(const struct group *g, uint8_t *out)
{
	uint8_t *list = out + GROUP_LIST_OFFSET;
	size_t at = AT_DISKS;

	memset(out, 0, GROUP_LIST_OFFSET + AT_DISKS);
	memcpy(list, magic, sizeof(magic));
	wire_put64(list + AT_NONCE, g->nonce);
	wire_put64(list + AT_TOKEN, g->token);
	wire_put64(list + AT_N, g->n);
	memcpy(list + AT_JOB, g->job, strlen(g->job));
	for (size_t i = 0; i < g->n; i++) {
		const struct group_disk *d = &g->disk[i];
		size_t len = strlen(d->path);

		list[at] = (uint8_t)((d->after_mark ? KIND_AFTER_MARK : 0) |
				     (d->displaces ? KIND_DISPLACES : 0));
		list[at + 1] = 0;
		list[at + 2] = (uint8_t)(len & 0xff);
		list[at + 3] = (uint8_t)(len >> 8);
		wire_put64(list + at + 4, d->part_inode);
		wire_put64(list + at + 12, d->base_inode);
		wire_put64(list + at + 20, d->base_bytes);
		wire_put64(list + at + 28, d->base_mtime_ns);
		memcpy(list + at + DISK_BYTES, d->path, len);
		at += DISK_BYTES + len;
	}
	checksum(list + at, list, at);
	return GROUP_LIST_OFFSET + at + SUM_BYTES;
}

static bool is_twice(const struct group *g, const char *path)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->disk[i].path, path) == 0)
			return true;
	return false;
}

/* The next disk of the list; false when it makes no sense. */
static bool take_disk(struct group *g, const uint8_t *list, size_t n, size_t *at)
{
	struct group_disk *d = &g->disk[g->n];

	if (n - *at < DISK_BYTES)
		return false;
	const uint8_t *p = list + *at;
	size_t len = (size_t)p[2] | (size_t)p[3] << 8;
	if (p[0] > (KIND_AFTER_MARK | KIND_DISPLACES) || p[1] != 0 || len == 0 ||
	    len > GROUP_MAX_PATH || len > n - *at - DISK_BYTES ||
	    memchr(p + DISK_BYTES, '\0', len))
		return false;
	char *path = vrs_calloc(len + 1, 1);
	memcpy(path, p + DISK_BYTES, len);
	if (sandbox_path_ok(path, NULL) < 0 || is_twice(g, path)) {
		free(path);
		return false;
	}
	*d = (struct group_disk){
		.path = path,
		.after_mark = p[0] & KIND_AFTER_MARK,
		.displaces = p[0] & KIND_DISPLACES,
		.part_inode = wire_get64(p + 4),
		.base_inode = wire_get64(p + 12),
		.base_bytes = wire_get64(p + 20),
		.base_mtime_ns = wire_get64(p + 28),
	};
	g->n++;
	*at += DISK_BYTES + len;
	return true;
}

static bool is_marked(const uint8_t *in, uint64_t nonce)
{
	uint8_t want[GROUP_MARK_BYTES];

	group_mark(want, nonce);
	return memcmp(in, want, sizeof(want)) == 0;
}

int group_unpack(struct group *ret, const uint8_t *in, size_t n, struct vrs_err *err)
{
	struct group g = {.n = 0};
	uint8_t sum[SUM_BYTES];
	size_t at = AT_DISKS;

	if (n < GROUP_LIST_OFFSET + AT_DISKS + SUM_BYTES || n > GROUP_MAX_BYTES)
		return vrs_fail(err, VRS_EPARSE, "not a group record");
	const uint8_t *list = in + GROUP_LIST_OFFSET;
	size_t list_bytes = n - GROUP_LIST_OFFSET - SUM_BYTES;
	checksum(sum, list, list_bytes);
	uint64_t n_disks = wire_get64(list + AT_N);
	if (memcmp(list, magic, sizeof(magic)) != 0 ||
	    memcmp(sum, list + list_bytes, SUM_BYTES) != 0 || n_disks == 0 ||
	    n_disks > GROUP_MAX_DISKS || list[AT_DISKS - 1] != '\0')
		return vrs_fail(err, VRS_EPARSE, "not a group record");
	g.nonce = wire_get64(list + AT_NONCE);
	g.token = wire_get64(list + AT_TOKEN);
	memcpy(g.job, list + AT_JOB, sizeof(g.job));
	bool ok = true;
	while (g.n < n_disks && ok)
		ok = take_disk(&g, list, list_bytes, &at);
	if (!ok || at != list_bytes) {
		group_fini(&g);
		return vrs_fail(err, VRS_EPARSE, "invalid list of disks");
	}
	g.marked = is_marked(in, g.nonce);
	*ret = g;
	return 0;
}

void group_fini(struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->disk[i].path);
	*g = (struct group){.n = 0};
}
