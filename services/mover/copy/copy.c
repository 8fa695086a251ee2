#include "copy/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy/parts.h"
#include "image/part/chunkmap.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { STATES_PIECE = 1 << 18 };

const struct copy_result *copy_result(const struct copy *c)
{
	return &c->result;
}

/* --- the source --- */

static int open_source(struct copy *c, struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_SOURCE, .slot = c->slot};
	const char *texts[] = {c->disk.source_path, c->disk.source_format, NULL};
	struct remote_reply reply;
	struct wire_stat st;
	bool exists;
	int status;

	if ((status = copy_stat(c->env.source, c->disk.source_path, &exists, &st, err)) <
	    0)
		return status;
	c->source_mtime_ns = st.mtime_ns;
	c->source_file_bytes = st.file_bytes;
	if ((status = remote_call(c->env.source, &head, texts, &reply, err)) < 0)
		return status;
	struct wire_text_reader identity = {reply.payload, reply.head.len, 0};
	status = wire_get_text(&identity, c->identity, sizeof(c->identity), err);
	free(reply.payload);
	if (status == 0 && (reply.head.a == 0 || reply.head.a > TREE_MAX_DISK_BYTES))
		status = vrs_fail(err, VRS_EPARSE, "source: invalid disk size");
	if (status < 0)
		return status;
	c->size = reply.head.a;
	c->n_chunks = tree_n_chunks(c->size);
	c->result.disk_bytes = c->size;
	c->plan = vrs_calloc(c->n_chunks, 1);
	c->data_blocks = vrs_calloc(c->n_chunks, TREE_BLOCKS_PER_CHUNK / 8);
	c->source = vrs_calloc(c->n_chunks, sizeof(*c->source));
	c->target = vrs_calloc(c->n_chunks, sizeof(*c->target));
	c->proven = vrs_calloc(c->n_chunks, 1);
	return 0;
}

static void set_blocks(struct copy *c, uint64_t from, uint64_t to)
{
	uint64_t last = (to - 1) >> TREE_BLOCK_SHIFT;

	for (uint64_t b = from >> TREE_BLOCK_SHIFT; b <= last; b++)
		c->data_blocks[b / 8] |= (uint8_t)(1u << (b % 8));
}

/* Where the source may have data. */
static int list_extents(struct copy *c, struct vrs_err *err)
{
	uint64_t off = 0;

	while (off < c->size) {
		struct wire_head head = {
			.type = WIRE_EXTENTS, .slot = c->slot, .a = off, .b = c->size};
		struct remote_reply reply;
		int status = remote_call(c->env.source, &head, NULL, &reply, err);

		if (status < 0)
			return status;
		uint64_t at = off;
		for (uint32_t i = 0; i + 16 <= reply.head.len; i += 16) {
			uint64_t end = wire_get64(reply.payload + i);

			if (end <= at || end > c->size)
				break;
			if (wire_get64(reply.payload + i + 8))
				set_blocks(c, at, end);
			at = end;
		}
		free(reply.payload);
		if (at == off || at != reply.head.b)
			return vrs_fail(err, VRS_EPARSE,
					"source: malformed list of extents");
		off = at;
		if ((status = c->env.tick ? c->env.tick(c->env.arg, err) : 0) < 0)
			return status;
	}
	uint64_t total = 0;
	for (uint64_t i = 0; i < c->n_chunks; i++)
		total += copy_data_bytes(c, i);
	atomic_fetch_add(&c->env.progress->total_bytes, total);
	if (total >= COPY_WIDE_BYTES) {
		remote_add_connections(c->env.target);
		remote_add_connections(c->env.source);
	}
	return 0;
}

/* --- the target --- */

/* An image has the target's name already: is it equal to the source? */
static int check_existing(struct copy *c, bool replaces, struct vrs_err *err)
{
	bool same;
	int status = copy_target_is_source(c, &same, err);

	if (status < 0)
		return status;
	if (!same && !replaces)
		return vrs_fail(err, VRS_ECONFLICT,
				"target: %s already exists with other content; not "
				"changed",
				c->disk.target_path);
	if (!same) {
		c->keep_aside = c->result.kept_aside = true;
		return 0;
	}
	c->result.was_there = true;
	/* an attempt that was killed after its commit may have left its map */
	(void)copy_discard(c->env.target, c->disk.target_path, c->env.job, c->env.token,
			   NULL);
	copy_add_done(c, 0, c->n_chunks);
	copy_set_hashes(c);
	return 0;
}

static int choose_base(struct copy *c, struct vrs_err *err)
{
	bool exists, fits = false;
	bool replaces = strcmp(c->disk.base_path, c->disk.target_path) == 0;
	struct wire_stat st;
	int status = copy_stat(c->env.target, c->disk.target_path, &exists, &st, err);

	if (status < 0)
		return status;
	if (*c->disk.base_path && (exists || !replaces) &&
	    (status = copy_base_fits(c, &fits, err)) < 0)
		return status;
	c->result.base_used = fits;
	if (exists && !(replaces && fits) &&
	    (status = check_existing(c, replaces, err)) < 0)
		return status;
	if (*c->disk.base_path && (exists || !replaces) && !fits && !c->result.was_there)
		log_warn("base has unexpected content, copying everything base=%s%s",
			 c->disk.base_path,
			 c->keep_aside ? "; it will be kept under another name" : "");
	return 0;
}

static int read_states(struct copy *c, struct vrs_err *err)
{
	for (uint64_t i = 0; i < c->n_chunks; i += STATES_PIECE) {
		uint64_t n =
			c->n_chunks - i < STATES_PIECE ? c->n_chunks - i : STATES_PIECE;
		struct wire_head head = {
			.type = WIRE_STATES, .slot = c->slot, .a = i, .b = n};
		struct remote_reply reply = {.payload = NULL};
		int status = remote_call(c->env.target, &head, NULL, &reply, err);

		if (status == 0 && reply.head.len != n)
			status = vrs_fail(err, VRS_EPARSE,
					  "target: the reply has the wrong size");
		if (status == 0)
			memcpy(c->plan + i, reply.payload, n);
		free(reply.payload);
		if (status < 0)
			return status;
	}
	return 0;
}

static void make_plan(struct copy *c)
{
	for (uint64_t i = 0; i < c->n_chunks; i++) {
		bool data = copy_data_bytes(c, i) > 0;

		switch (c->plan[i]) {
		case CHUNK_NONE:
			c->plan[i] = data ? PLAN_SEND : PLAN_NOTHING;
			break;
		case CHUNK_WRITTEN:
		case CHUNK_DURABLE:
			c->plan[i] = PLAN_HASH;
			break;
		default:
			c->plan[i] = PLAN_COMPARE;
		}
	}
}

static int open_target(struct copy *c, struct vrs_err *err)
{
	const char *base = c->result.base_used ? c->disk.base_path : "";
	const char *texts[] = {c->disk.target_path,
			       c->disk.target_format,
			       c->env.job,
			       c->identity,
			       base,
			       NULL};
	struct remote_reply reply;
	struct wire_head head = {.type = WIRE_TARGET,
				 .slot = c->slot,
				 .shift = c->keep_aside,
				 .a = c->size,
				 .b = c->env.token};
	int status = remote_call(c->env.target, &head, texts, &reply, err);
	if (status < 0)
		return status;
	free(reply.payload);
	c->old_is_there = reply.head.a & WIRE_TARGET_OVERLAY;
	if (reply.head.a & WIRE_TARGET_CUT)
		c->resend_bytes = remote_window(c->env.target);
	if ((status = read_states(c, err)) < 0)
		return status;
	make_plan(c);
	return 0;
}

/* Checked before the first byte is sent. */
static int check_space(struct copy *c, struct vrs_err *err)
{
	uint64_t need = 0;
	bool exists;
	struct wire_stat st;
	int status = copy_stat(c->env.target, c->disk.target_path, &exists, &st, err);

	for (uint64_t i = 0; i < c->n_chunks; i++)
		if (c->plan[i] == PLAN_SEND)
			need += copy_data_bytes(c, i);
	if (status < 0 || need <= st.fs_free_bytes)
		return status;
	return vrs_fail(err, VRS_ENOSPC,
			"target: not enough space for %s: %llu MiB needed, %llu MiB free",
			c->disk.target_path, (unsigned long long)(need >> 20),
			(unsigned long long)(st.fs_free_bytes >> 20));
}

int copy_open(struct copy **ret, const struct copy_env *env, const struct copy_disk *disk,
	      unsigned number, struct vrs_err *err)
{
	struct copy *c = vrs_calloc(1, sizeof(*c));
	struct vrs_err why = {0};
	int status = 0;

	c->env = *env;
	c->disk = *disk;
	c->slot = (uint8_t)number;
	c->base_slot = WIRE_MAX_SLOTS - 1;
	c->compress.mode =
		(remote_is_local(env->source) && remote_is_local(env->target)) ||
				remote_is_sftp_only(env->target)
			? AUTO_COMPRESS_NEVER
			: env->pack;
	c->overlap = strcmp(disk->target_format, "raw") == 0;
	throttle_init(&c->throttle,
		      remote_is_distant(env->source) || remote_is_distant(env->target)
			      ? COPY_DISTANT_WINDOW_BYTES
			      : COPY_WINDOW_BYTES,
		      env->tick, env->arg, env->rate_bytes_per_s);
	if (number >= WIRE_MAX_SLOTS - 1)
		status = vrs_fail(&why, VRS_EINVAL, "more than %d disks",
				  WIRE_MAX_SLOTS - 1);
	if (status == 0 && (status = open_source(c, &why)) == 0 &&
	    (status = list_extents(c, &why)) == 0)
		status = choose_base(c, &why);
	if (status == 0 && !c->result.was_there && (status = open_target(c, &why)) == 0)
		status = check_space(c, &why);
	if (status < 0) {
		copy_free(c);
		if (err)
			*err = why;
		return status;
	}
	*ret = c;
	return 0;
}

void copy_free(struct copy *c)
{
	if (!c)
		return;
	throttle_fini(&c->throttle);
	copy_prove_free(c);
	free(c->plan);
	free(c->data_blocks);
	free(c->source);
	free(c->target);
	free(c);
}
