/* Runs a copy that is open: sends, verifies, commits. */
#include <string.h>

#include "copy/parts.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { NAMED_CHUNKS = 3, MAX_READINGS = 4 };

/* Flushes the target from time to time, without waiting for it. */
static void sync_sometimes(struct copy *c, uint64_t n)
{
	struct wire_head head = {.type = WIRE_SYNC, .slot = c->slot};

	c->marked_bytes += n;
	if (c->overlap) /* prove.c does it */
		return;
	if (c->marked_bytes < COPY_SYNC_BYTES)
		return;
	c->marked_bytes = 0;
	copy_post(c, c->env.target, &head);
}

static int send_all(struct copy *c, struct vrs_err *err)
{
	int status = 0;

	for (uint64_t i = 0; i < c->n_chunks && status == 0;) {
		uint64_t first = i;

		if (c->plan[i] == PLAN_SEND) {
			status = copy_send_chunk(c, i, err);
			sync_sometimes(c, copy_data_bytes(c, i));
			i++;
		} else if (c->plan[i] == PLAN_HASH) {
			while (i < c->n_chunks && i - first < HASH_BATCH &&
			       c->plan[i] == PLAN_HASH)
				i++;
			struct digest_request r = {.remote = c->env.source,
						   .slot = c->slot,
						   .first = first,
						   .n = i - first,
						   .out = c->source + first};
			status = copy_request_digests(c, &r, err);
			copy_add_done(c, first, i - first);
		} else {
			i++;
		}
	}
	return status;
}

/* Sends what the target does not have. */
static int send_missing(struct copy *c, struct vrs_err *err)
{
	int status = copy_compare(c, err);

	if (status == 0)
		status = send_all(c, err);
	int drained = throttle_drain(&c->throttle, status < 0 ? NULL : err);
	return status < 0 ? status : drained;
}

static int reopen_target(struct copy *c, bool writable, struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_REOPEN, .slot = c->slot, .a = writable};

	return remote_call(c->env.target, &head, NULL, NULL, err);
}

/* Chunks that differ become the new plan; text names the first of them. */
static uint64_t plan_differences(struct copy *c, struct vrs_text *text)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < c->n_chunks; i++) {
		bool differs =
			memcmp(&c->source[i], &c->target[i], sizeof(*c->source)) != 0;

		c->plan[i] = differs ? PLAN_COMPARE : PLAN_NOTHING;
		if (differs && n++ < NAMED_CHUNKS)
			vrs_text_add(text, "%s%llu MiB", n > 1 ? ", " : "",
				     (unsigned long long)i * (TREE_CHUNK_BYTES >> 20));
	}
	return n;
}

/* Reopens the part, unless it can be read past the page cache. */
static int open_for_proof(struct copy *c, struct vrs_err *err)
{
	return c->overlap ? 0 : reopen_target(c, false, err);
}

static int send_again(struct copy *c, struct vrs_err *err)
{
	int status = c->overlap ? 0 : reopen_target(c, true, err);

	c->from_disk = true;
	if (status == 0)
		status = send_missing(c, err);
	if (status == 0)
		status = copy_sync_target(c, err);
	if (status == 0)
		status = open_for_proof(c, err);
	if (status == 0)
		status = copy_read_back(c, true, err);
	return status;
}

/* Reads back what is not proven yet; everything, if another process opened the part. */
static int read_all_back(struct copy *c, struct vrs_err *err)
{
	int status = open_for_proof(c, err);

	for (int i = 0; i < MAX_READINGS && status == 0; i++) {
		if (atomic_exchange(&c->touched, false))
			memset(c->proven, 0, c->n_chunks);
		if ((status = copy_read_back(c, false, err)) == 0 && c->overlap)
			status = copy_sync_target(c, err);
		if (!atomic_load(&c->touched))
			return status;
	}
	return status < 0
		       ? status
		       : vrs_fail(err, VRS_EIO,
				  "target: another process keeps opening the copy of %s",
				  c->disk.target_path);
}

static int verify(struct copy *c, struct vrs_err *err)
{
	struct vrs_text where = {0};

	atomic_store(&c->env.progress->verifying, 1);
	int status = read_all_back(c, err);
	if (status == 0 && plan_differences(c, &where) > 0) {
		log_warn("target differs from the source, sending again path=%s at=%s",
			 c->disk.target_path, where.text);
		status = send_again(c, err);
		vrs_text_fini(&where);
		if (status == 0 && plan_differences(c, &where) > 0)
			status = vrs_fail(err, VRS_EIO,
					  "target: %s still differs from the source at "
					  "%s; discarded",
					  c->disk.target_path, where.text);
	}
	vrs_text_fini(&where);
	return status;
}

static int check_source_unchanged(struct copy *c, struct vrs_err *err)
{
	struct wire_stat st;
	bool exists;
	int status = copy_stat(c->env.source, c->disk.source_path, &exists, &st, err);

	if (status == 0 && (!exists || st.mtime_ns != c->source_mtime_ns ||
			    st.file_bytes != c->source_file_bytes))
		return vrs_fail(err, VRS_EIO, "source: %s was modified during the copy",
				c->disk.source_path);
	return status;
}

int copy_run(struct copy *c, struct vrs_err *err)
{
	struct vrs_err why = {0};
	int status = 0;

	if (c->result.was_there)
		return 0;
	if ((status = send_missing(c, &why)) == 0 &&
	    (status = copy_sync_target(c, &why)) == 0 && (status = verify(c, &why)) == 0)
		status = check_source_unchanged(c, &why);
	if (status == 0)
		copy_set_hashes(c);
	else if (err)
		*err = why;
	return status;
}

static int seal_one(struct copy *c, struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_SEAL, .slot = c->slot};

	(void)vrs_fault("mover.before_seal");
	return remote_call(c->env.target, &head, NULL, NULL, err);
}

int copy_seal(struct copy *const *c, size_t n, struct vrs_err *err)
{
	uint8_t slots[WIRE_MAX_SLOTS];
	struct wire_head head = {.type = WIRE_GROUP};
	int status = 0;

	for (size_t i = 0; i < n; i++)
		if (!c[i]->result.was_there)
			slots[head.len++] = c[i]->slot;
	if (head.len > 1 && !remote_is_sftp_only(c[0]->env.target)) {
		(void)vrs_fault("mover.before_seal");
		return remote_call_bytes(c[0]->env.target, &head, slots, NULL, err);
	}
	for (size_t i = 0; i < n && status == 0; i++)
		if (!c[i]->result.was_there)
			status = seal_one(c[i], err);
	return status;
}

int copy_discard(struct remote *target, const char *path, const char *job, uint64_t token,
		 struct vrs_err *err)
{
	struct wire_head head = {.type = WIRE_DISCARD, .b = token};

	return remote_call(target, &head, (const char *[]){path, job, NULL}, NULL, err);
}
