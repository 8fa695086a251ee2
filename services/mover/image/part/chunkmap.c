#include "image/part/chunkmap.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "image/base/wire.h"
#include "vrs/mem.h"

static const char magic[16] = "vrsas-part-map1";

/* Offsets in page 0. */
enum {
	AT_TOKEN = CHUNKMAP_TOKEN_OFFSET,
	AT_SEALING = 24,
	AT_SIZE = 32,
	AT_RECEIVED = 40,
	AT_STAGE = 48,
	AT_OPEN = 49,
	AT_CLONED = 50,
	AT_OVERLAY = 51,
	AT_FILLED = 52,
	AT_BASE_INODE = 56,
	AT_JOB = 64,
	AT_FORMAT = 256,
	AT_BOOT = 320,
	AT_IDENTITY = 384,
	AT_GROUP_NONCE = 640,
	AT_GROUP = 648,
};

int chunkmap_init(struct chunkmap *m, uint64_t disk_bytes, struct vrs_err *err)
{
	if (disk_bytes == 0 || disk_bytes > TREE_MAX_DISK_BYTES)
		return vrs_fail(err, VRS_EINVAL, "invalid disk size of %llu bytes",
				(unsigned long long)disk_bytes);
	*m = (struct chunkmap){.disk_bytes = disk_bytes, .stage = STAGE_OPEN};
	m->n_chunks = tree_n_chunks(disk_bytes);
	m->state = vrs_calloc(m->n_chunks, 1);
	return 0;
}

void chunkmap_fini(struct chunkmap *m)
{
	free(m->state);
	*m = (struct chunkmap){0};
}

size_t chunkmap_page_of(uint64_t chunk)
{
	return 1 + (size_t)(chunk / CHUNKMAP_STATES_PER_PAGE);
}

size_t chunkmap_n_pages(const struct chunkmap *m)
{
	return chunkmap_page_of(m->n_chunks - 1) + 1;
}

static void checksum(uint8_t out[16], const uint8_t *page, size_t number)
{
	struct tree_digest sum =
		tree_sum(page, CHUNKMAP_STATES_PER_PAGE, 0x76727361u + number);

	memcpy(out, sum.bytes, sizeof(sum.bytes));
}

static size_t states_of(const struct chunkmap *m, size_t page, uint64_t *ret_first)
{
	uint64_t first = (uint64_t)(page - 1) * CHUNKMAP_STATES_PER_PAGE;
	uint64_t left = m->n_chunks - first;

	*ret_first = first;
	return left < CHUNKMAP_STATES_PER_PAGE ? (size_t)left : CHUNKMAP_STATES_PER_PAGE;
}

void chunkmap_page(const struct chunkmap *m, size_t page,
		   uint8_t out[CHUNKMAP_PAGE_BYTES])
{
	memset(out, 0, CHUNKMAP_PAGE_BYTES);
	if (page == 0) {
		memcpy(out, magic, sizeof(magic));
		wire_put64(out + AT_TOKEN, m->token);
		wire_put64(out + AT_SEALING, m->commit_token);
		wire_put64(out + AT_SIZE, m->disk_bytes);
		wire_put64(out + AT_RECEIVED, m->received_bytes);
		out[AT_STAGE] = m->stage;
		out[AT_OPEN] = m->open;
		out[AT_CLONED] = m->cloned;
		out[AT_OVERLAY] = m->overlay;
		out[AT_FILLED] = m->filled;
		wire_put64(out + AT_BASE_INODE, m->base_inode);
		memcpy(out + AT_JOB, m->job, sizeof(m->job));
		memcpy(out + AT_FORMAT, m->format, sizeof(m->format));
		memcpy(out + AT_BOOT, m->boot, sizeof(m->boot));
		memcpy(out + AT_IDENTITY, m->identity, sizeof(m->identity));
		wire_put64(out + AT_GROUP_NONCE, m->group_nonce);
		memcpy(out + AT_GROUP, m->group, sizeof(m->group));
	} else {
		uint64_t first;
		size_t n = states_of(m, page, &first);

		memcpy(out, m->state + first, n);
	}
	checksum(out + CHUNKMAP_STATES_PER_PAGE, out, page);
}

static bool page_is_whole(const uint8_t *in, size_t page)
{
	uint8_t sum[16];

	checksum(sum, in, page);
	return memcmp(sum, in + CHUNKMAP_STATES_PER_PAGE, 16) == 0;
}

static void take_text(char *to, size_t size, const uint8_t *from)
{
	memcpy(to, from, size);
	to[size - 1] = '\0';
}

int chunkmap_read_head(struct chunkmap *m, const uint8_t in[CHUNKMAP_PAGE_BYTES],
		       struct vrs_err *err)
{
	struct chunkmap got;

	if (memcmp(in, magic, sizeof(magic)) != 0 || !page_is_whole(in, 0))
		return vrs_fail(err, VRS_EPARSE, "chunk map is damaged");

	int status = chunkmap_init(&got, wire_get64(in + AT_SIZE), err);
	if (status < 0)
		return vrs_fail(err, VRS_EPARSE, "chunk map has an invalid disk size");
	memset(got.state, CHUNK_DOUBT, got.n_chunks);
	got.token = wire_get64(in + AT_TOKEN);
	got.commit_token = wire_get64(in + AT_SEALING);
	got.received_bytes = wire_get64(in + AT_RECEIVED);
	got.stage = in[AT_STAGE];
	got.open = in[AT_OPEN] != 0;
	got.cloned = in[AT_CLONED] != 0;
	got.overlay = in[AT_OVERLAY] != 0;
	got.filled = in[AT_FILLED] != 0;
	got.base_inode = wire_get64(in + AT_BASE_INODE);
	take_text(got.job, sizeof(got.job), in + AT_JOB);
	take_text(got.format, sizeof(got.format), in + AT_FORMAT);
	take_text(got.boot, sizeof(got.boot), in + AT_BOOT);
	take_text(got.identity, sizeof(got.identity), in + AT_IDENTITY);
	got.group_nonce = wire_get64(in + AT_GROUP_NONCE);
	take_text(got.group, sizeof(got.group), in + AT_GROUP);
	*m = got;
	return 0;
}

bool chunkmap_read_page(struct chunkmap *m, size_t page,
			const uint8_t in[CHUNKMAP_PAGE_BYTES])
{
	uint64_t first;
	size_t n = states_of(m, page, &first);
	bool whole = page_is_whole(in, page);

	for (size_t i = 0; i < n; i++)
		m->state[first + i] =
			whole && in[i] <= CHUNK_DURABLE ? in[i] : CHUNK_DOUBT;
	return whole;
}
