/* An image while it is being written over SFTP: the same two files in the same order as
 * in image/part/, without locks. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "remote/sftp_parts.h"
#include "vrs/fault.h"
#include "vrs/mem.h"

enum { ZEROS_BYTES = 1 << TREE_BLOCK_SHIFT };

/* "/dir/name" -> "/dir/.name.vrs-WHAT" */
static char *beside(const char *path, const char *what)
{
	const char *slash = strrchr(path, '/');

	return vrs_asprintf("%.*s/.%s.vrs-%s", (int)(slash - path), path, slash + 1,
			    what);
}

static int put_page(struct sftp_side_file *f, const struct chunkmap *m, size_t page,
		    struct vrs_err *err)
{
	uint8_t bytes[CHUNKMAP_PAGE_BYTES];

	chunkmap_page(m, page, bytes);
	return sftp_side_write(f, bytes, (uint64_t)page * sizeof(bytes), sizeof(bytes),
			       err);
}

static int put_all_pages(struct sftp_side_file *f, const struct chunkmap *m,
			 struct vrs_err *err)
{
	int status = 0;

	for (size_t i = chunkmap_n_pages(m); i-- > 0 && status == 0;) /* head last */
		status = put_page(f, m, i, err);
	return status == 0 ? sftp_side_sync(f, err) : status;
}

static int read_map(struct sftp_side_file *f, struct chunkmap *m)
{
	uint8_t bytes[CHUNKMAP_PAGE_BYTES];

	if (sftp_side_read(f, bytes, 0, sizeof(bytes), NULL) < 0 ||
	    chunkmap_read_head(m, bytes, NULL) < 0)
		return VRS_ENOENT;
	for (size_t i = 1; i < chunkmap_n_pages(m); i++)
		if (sftp_side_read(f, bytes, (uint64_t)i * sizeof(bytes), sizeof(bytes),
				   NULL) == 0)
			(void)chunkmap_read_page(m, i, bytes);
	return 0;
}

/* There is no lock, so the token is read again with every mark. */
static int check_token(struct sftp_worker *w, unsigned slot, struct vrs_err *err)
{
	struct sftp_side_file *f;
	uint8_t token[8];
	int status = sftp_map(w, slot, &f, err);

	if (status == 0)
		status = sftp_side_read(f, token, CHUNKMAP_TOKEN_OFFSET, sizeof(token),
					err);
	if (status == 0 && wire_get64(token) != w->shared->slot[slot].token)
		return vrs_fail(err, VRS_ECONFLICT, "superseded by a newer transfer");
	return status;
}

/* --- opening --- */

/* Chunks that must be compared: all if the source is another one, and those that were not
 * flushed, because the host may have been rebooted since. */
static void doubt_states(struct chunkmap *m, const char *identity)
{
	bool same = strcmp(m->identity, identity) == 0;

	for (uint64_t c = 0; c < m->n_chunks; c++)
		if (m->state[c] == CHUNK_WRITTEN || (!same && m->state[c] != CHUNK_NONE))
			m->state[c] = CHUNK_DOUBT;
}

static int make_part(struct sftp_worker *w, struct sftp_slot *s, struct vrs_err *err)
{
	struct sftp_side_file *f = NULL;
	int status = sftp_side_unlink(w->side, s->file, err);

	if (status == 0)
		status = sftp_side_file_open(w->side, s->file, O_RDWR | O_CREAT | O_EXCL,
					     &f, err);
	if (status < 0)
		return status;
	sftp_side_file_close(f);
	return sftp_side_resize(w->side, s->file, s->size, err);
}

static void fill_map(struct chunkmap *m, const struct sftp_want *want)
{
	m->token = want->token;
	m->open = true;
	m->stage = STAGE_OPEN;
	(void)vrs_strcpy(m->job, sizeof(m->job), want->job);
	(void)vrs_strcpy(m->format, sizeof(m->format), "raw");
	(void)vrs_strcpy(m->identity, sizeof(m->identity), want->identity);
	memset(m->boot, 0, sizeof(m->boot));
}

/* Finds the part of this job, or makes a new one. Returns WIRE_TARGET_* flags. */
static int find_or_begin(struct sftp_worker *w, struct sftp_slot *s,
			 const struct sftp_want *want, struct sftp_side_file *map_file,
			 struct vrs_err *err)
{
	char kind;
	struct wire_stat st;
	bool found = read_map(map_file, &s->map) == 0;
	bool mine = found && strcmp(s->map.job, want->job) == 0;
	int status = sftp_side_stat(w->side, s->file, &kind, &st, err);

	if (status < 0)
		return status;
	if (mine && s->map.stage != STAGE_COMMITTING && want->token < s->map.token)
		return vrs_fail(err, VRS_ECONFLICT,
				"superseded by a newer transfer: token %llu, newest %llu",
				(unsigned long long)want->token,
				(unsigned long long)s->map.token);
	if (found && !mine && s->map.open && s->map.stage == STAGE_OPEN)
		return vrs_fail(err, VRS_ECONFLICT,
				"%s: transfer %s left a partial copy; if that transfer "
				"no longer runs, remove %s",
				want->path, s->map.job, s->map_file);
	if (mine && s->map.stage == STAGE_OPEN && !s->map.overlay && kind == 'f' &&
	    strcmp(s->map.format, "raw") == 0 && s->map.disk_bytes == want->size) {
		doubt_states(&s->map, want->identity);
		fill_map(&s->map, want);
		status = put_all_pages(map_file, &s->map, err);
		return status < 0 ? status : WIRE_TARGET_RESUMED | WIRE_TARGET_CUT;
	}
	if (mine && s->map.overlay && s->map.stage == STAGE_COMMITTING)
		return vrs_fail(
			err, VRS_EUNSUPPORTED,
			"%s: a commit was interrupted; only vrs-image on that host can "
			"finish it",
			want->path);
	chunkmap_fini(&s->map);
	if ((status = chunkmap_init(&s->map, want->size, err)) < 0)
		return status;
	fill_map(&s->map, want);
	status = put_all_pages(map_file, &s->map, err);
	return status < 0 ? status : make_part(w, s, err);
}

int sftp_part_open(struct sftp_worker *w, unsigned slot, const struct sftp_want *want,
		   unsigned *ret_flags, struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	struct sftp_side_file *map_file = NULL;
	struct wire_stat st;
	char kind;
	int status = sftp_side_stat(w->side, want->path, &kind, &st, err);

	if (status < 0)
		return status;
	if (want->token == CHUNKMAP_NO_TOKEN)
		return vrs_fail(err, VRS_EINVAL, "invalid token");
	if (kind && (kind != 'f' || !want->keep_aside))
		return vrs_fail(err, VRS_ECONFLICT, "%s: already exists", want->path);
	sftp_slot_clear(s);
	s->path = vrs_strdup(want->path);
	s->file = beside(want->path, "part");
	s->map_file = beside(want->path, "map");
	s->size = want->size;
	s->token = want->token;
	s->keep_aside = kind != 0;
	status = sftp_side_file_open(w->side, s->map_file, O_RDWR | O_CREAT, &map_file,
				     err);
	if (status == 0)
		status = find_or_begin(w, s, want, map_file, err);
	sftp_side_file_close(map_file);
	if (status < 0) {
		sftp_slot_clear(s);
		return status;
	}
	*ret_flags = (unsigned)status;
	s->began_empty = vrs_calloc(s->map.n_chunks, 1);
	return 0;
}

/* --- writing --- */

static int write_zeros(struct sftp_side_file *f, uint64_t off, uint64_t len,
		       struct vrs_err *err)
{
	static const uint8_t zeros[ZEROS_BYTES];
	int status = 0;

	while (len > 0 && status == 0) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		status = sftp_side_write(f, zeros, off, n, err);
		off += n;
		len -= n;
	}
	return status;
}

/* Before a chunk is changed, the map records that it is in doubt. */
static int touch(struct sftp_worker *w, unsigned slot, uint64_t chunk, bool *ret_fresh,
		 struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	struct sftp_side_file *map;
	int status = sftp_map(w, slot, &map, err);

	(void)pthread_mutex_lock(&w->shared->map_lock);
	uint8_t was = s->map.state[chunk];
	if (was == CHUNK_NONE)
		s->began_empty[chunk] = 1;
	*ret_fresh = s->began_empty[chunk];
	if (status == 0 && was != CHUNK_DOUBT) {
		s->map.state[chunk] = CHUNK_DOUBT;
		status = put_page(map, &s->map, chunkmap_page_of(chunk), err);
		if (status == 0 && was == CHUNK_DURABLE)
			status = sftp_side_sync(map, err);
	}
	(void)pthread_mutex_unlock(&w->shared->map_lock);
	return status;
}

int sftp_part_write(struct sftp_worker *w, const struct wire_head *head,
		    const uint8_t *payload, struct vrs_err *err)
{
	struct wire_blocks blocks = {payload, head->a, head->b, head->shift};
	uint64_t chunk = head->a >> TREE_CHUNK_SHIFT;
	struct wire_run run = {0};
	struct sftp_side_file *f;
	bool fresh;
	int status;

	if (chunk != (head->a + head->b - 1) >> TREE_CHUNK_SHIFT)
		return vrs_fail(err, VRS_EPARSE, "write crosses the end of a chunk");
	if ((status = wire_check_blocks(&blocks, err)) < 0 ||
	    (status = sftp_image(w, head->slot, &f, err)) < 0 ||
	    (status = touch(w, head->slot, chunk, &fresh, err)) < 0)
		return status;
	while (status == 0 && wire_next_run(&blocks, &run))
		if (run.data)
			status = sftp_side_write(f, run.data, run.off, (size_t)run.len,
						 err);
		else if (!fresh)
			status = write_zeros(f, run.off, run.len, err);
	return status;
}

int sftp_part_mark(struct sftp_worker *w, unsigned slot, uint64_t first, uint64_t n,
		   struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	struct sftp_side_file *map;
	int status;

	if (!s->map_file || first >= s->map.n_chunks || n > s->map.n_chunks - first ||
	    n == 0)
		return vrs_fail(err, VRS_EPARSE, "chunks beyond the end of the disk");
	if ((status = check_token(w, slot, err)) < 0 ||
	    (status = sftp_map(w, slot, &map, err)) < 0)
		return status;
	(void)pthread_mutex_lock(&w->shared->map_lock);
	for (uint64_t c = first; c < first + n; c++)
		if (s->map.state[c] != CHUNK_DURABLE)
			s->map.state[c] = CHUNK_WRITTEN;
	for (size_t i = chunkmap_page_of(first);
	     i <= chunkmap_page_of(first + n - 1) && status == 0; i++)
		status = put_page(map, &s->map, i, err);
	(void)pthread_mutex_unlock(&w->shared->map_lock);
	(void)vrs_fault("mover.sftp.mark");
	return status;
}

int sftp_part_sync(struct sftp_worker *w, unsigned slot, struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	struct sftp_side_file *f, *map;
	int status;

	if (!s->map_file)
		return vrs_fail(err, VRS_EINVAL, "no target is open in this slot");
	if (!sftp_side_can_sync(w->side))
		return 0; /* nothing becomes durable; after a cut all is compared */
	if ((status = check_token(w, slot, err)) < 0 ||
	    (status = sftp_image(w, slot, &f, err)) < 0 ||
	    (status = sftp_map(w, slot, &map, err)) < 0)
		return status;
	uint8_t *before = vrs_realloc(NULL, s->map.n_chunks, 1);
	(void)pthread_mutex_lock(&w->shared->map_lock);
	memcpy(before, s->map.state, s->map.n_chunks);
	(void)pthread_mutex_unlock(&w->shared->map_lock);
	status = sftp_side_sync(f, err);
	(void)pthread_mutex_lock(&w->shared->map_lock);
	for (uint64_t c = 0; c < s->map.n_chunks && status == 0; c++)
		if (before[c] == CHUNK_WRITTEN && s->map.state[c] == CHUNK_WRITTEN)
			s->map.state[c] = CHUNK_DURABLE;
	for (size_t i = 1; i < chunkmap_n_pages(&s->map) && status == 0; i++)
		status = put_page(map, &s->map, i, err);
	(void)pthread_mutex_unlock(&w->shared->map_lock);
	free(before);
	return status == 0 ? sftp_side_sync(map, err) : status;
}

/* --- the end --- */

int sftp_part_seal(struct sftp_worker *w, unsigned slot, struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	struct sftp_side_file *f, *map;
	struct wire_stat st;
	char kind;
	int status;

	if (!s->map_file)
		return vrs_fail(err, VRS_EINVAL, "no target is open in this slot");
	if ((status = check_token(w, slot, err)) < 0 ||
	    (status = sftp_image(w, slot, &f, err)) < 0 ||
	    (status = sftp_side_sync(f, err)) < 0 ||
	    (status = sftp_map(w, slot, &map, err)) < 0 ||
	    (status = sftp_side_stat(w->side, s->path, &kind, &st, err)) < 0)
		return status;
	if (kind && !s->keep_aside)
		return vrs_fail(err, VRS_ECONFLICT, "%s: already exists", s->path);
	s->map.stage = STAGE_COMMITTING;
	s->map.commit_token = s->token;
	s->map.token = CHUNKMAP_NO_TOKEN; /* refuses every writer */
	s->map.open = false;
	if ((status = put_page(map, &s->map, 0, err)) < 0)
		return status;
	if (kind) {
		char *aside = vrs_asprintf("%s.kept-%llu", s->path,
					   (unsigned long long)s->token);

		status = sftp_side_rename(w->side, s->path, aside, err);
		free(aside);
	}
	if (status == 0)
		status = sftp_side_rename(w->side, s->file, s->path, err);
	if (status == 0)
		(void)sftp_side_unlink(w->side, s->map_file, NULL);
	if (status == 0)
		sftp_slot_clear(s);
	return status;
}

int sftp_part_forget(struct sftp_worker *w, const char *path, const char *job,
		     uint64_t token, struct vrs_err *err)
{
	char *map_path = beside(path, "map"), *part_path = beside(path, "part"), kind;
	struct sftp_side_file *f = NULL;
	struct chunkmap m = {0};
	struct wire_stat st;
	int status = sftp_side_stat(w->side, map_path, &kind, &st, err);

	if (status == 0 && kind == 'f') {
		status = sftp_side_file_open(w->side, map_path, O_RDWR, &f, err);
		if (status == 0 && read_map(f, &m) == 0 &&
		    (strcmp(m.job, job) != 0 ||
		     (m.stage == STAGE_COMMITTING && m.overlay) ||
		     (m.stage != STAGE_COMMITTING && m.token > token)))
			status = vrs_fail(err, VRS_ECONFLICT,
					  "%s: the partial copy belongs to transfer %s",
					  path, m.job);
		sftp_side_file_close(f);
		chunkmap_fini(&m);
		if (status == 0)
			status = sftp_side_unlink(w->side, part_path, err);
		if (status == 0)
			status = sftp_side_unlink(w->side, map_path, err);
	}
	free(map_path);
	free(part_path);
	return status;
}
