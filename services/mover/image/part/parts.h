/* parts.h - what the files of part.h share. */
#ifndef MOVER_IMAGE_PART_PARTS_H
#define MOVER_IMAGE_PART_PARTS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "image/part/group_record.h"
#include "image/part/part.h"

enum {
	PART_STEP_MS = 20,
	PART_SHARED_LOCKS = 8,
	PART_MAX_NAME = 240, /* of an image: what is beside it has a longer one */
};

/* A lock of the map belongs to an open file: threads that hold it at once need one each.
 */
struct shared_lock {
	pthread_mutex_t lock;
	int fd; /* -1: not opened yet */
};

struct part {
	const struct sandbox *sandbox;
	int dir_fd, map_fd, part_fd; /* part_fd: held with a shared lock while we live */
	char *path;
	char name[NAME_MAX + 1], part_name[NAME_MAX + 1], map_name[NAME_MAX + 1];
	char bits_name[NAME_MAX + 1], group_name[NAME_MAX + 1];
	char format[16];
	uint64_t token;
	bool raw;
	bool replaces;  /* the image under the name is the base that we replace */
	bool displaces; /* ... or something that is kept under another name */
	struct stat base;
	_Atomic bool failed; /* a write failed: nothing is believed until opened again */
	struct disk *disk, *proof;
	struct overlay *over; /* NULL: the part is a whole image */
	struct fill *fill;    /* NULL: nothing comes from a base any more */
	int watch_fd;         /* tells when somebody else opens the part; -1: not known */
	_Atomic bool touched;
	struct shared_lock shared[PART_SHARED_LOCKS];

	pthread_mutex_t lock; /* what follows */
	struct chunkmap map;
	uint8_t *began_empty; /* one a chunk: where we skipped zeros, zeros are */
	uint8_t *allocated;   /* one a chunk: ... but the room is taken */
	uint64_t *marked;     /* one a chunk: when, by the count of marks */
	uint64_t n_marks;
};

/* --- names and neighbours (base.c) --- */

struct part *part_new(const struct sandbox *b);
int part_name_files(struct part *p, const char *name, struct vrs_err *err);
/* From now on, another program that opens the part is noticed; part_was_touched: has one?
 */
void part_watch(struct part *p);
bool part_was_touched(struct part *p);
/* The image under the name is the one that was found at the start, and no program runs on
 * it. */
int part_check_base(struct part *p, struct stat *ret, struct vrs_err *err);
/* Mode and owner of what had the name go to the part. */
void part_copy_owner(struct part *p, const struct stat *old);
void part_pause_ms(long ms);

/* --- the map file (map.c) --- */

/* Opens it and holds it with the exclusive lock. flags: O_CREAT, or 0: VRS_ENOENT when
 * there is none. */
int part_open_map(struct part *p, int flags, struct vrs_err *err);
/* Reads what it says; VRS_ENOENT: nothing that is of use. */
int part_read_map(struct part *p, struct vrs_err *err);
int part_put_page(struct part *p, size_t page, struct vrs_err *err);
int part_put_all_pages(struct part *p, struct vrs_err *err);

/* What lies beside path, to be looked at: nothing is open but the directory, and
 * part_close() writes nothing. *ret in every case. */
int part_locate(struct part **ret, const struct sandbox *b, const char *path,
		struct vrs_err *err);
/* The same with its map open, neither held nor read yet (map_fd < 0: there is none). */
int part_find(struct part **ret, const struct sandbox *b, const char *path,
	      struct vrs_err *err);

/* Takes the exclusive lock, to change the owner, and checks that nobody came after us. */
int part_lock(struct part *p, struct vrs_err *err);
void part_unlock(struct part *p);
/* The shared one, to write. */
int part_lock_shared(struct part *p, struct shared_lock **ret, struct vrs_err *err);
void part_unlock_shared(struct shared_lock *g);
/* An exclusive lock, waiting a little for somebody who is in the middle of a write. */
int part_lock_wait(int fd, struct vrs_err *err);

/* With the map locked: makes it refuse its writers for ever, takes both names away. */
void part_poison(struct part *p);
void part_remove_files(struct part *p);

/* --- changes of a base, beside it (overlay.c) ---
 *
 * Where the job replaces its own base and the format is raw, the part holds only the
 * leaves that differ, and ".NAME.vrs-bits" says which they are. When they are proven and
 * durable, the map's stage says so; from then on they are written into the image, as
 * often as it takes. */

/* Makes the empty files. */
int overlay_create(struct part *p, struct vrs_err *err);
/* Puts the base below p->disk and p->proof, which become the whole image. */
int overlay_open(struct part *p, struct vrs_err *err);
void overlay_close(struct part *p);
/* Which leaves of these chunks differ is in the file; durable when asked. */
int overlay_put_bits(struct part *p, uint64_t first, uint64_t n, struct vrs_err *err);
int overlay_flush_bits(struct part *p, struct vrs_err *err);
/* Before the stage changes: the image is still what it was, what differs is durable. */
int overlay_prepare(struct part *p, struct vrs_err *err);
/* With the map's stage SEALING and locked: writes what differs into the image. */
int overlay_commit(struct part *p, struct vrs_err *err);
/* The same after a crash: finds out by itself whether there is something to finish. With
 * the map read and locked. */
int overlay_recover(struct part *p, struct vrs_err *err);

/* --- together with others (group_commit.c) --- */

struct member {
	struct part *p;
	const struct group_disk *d;
	bool agrees; /* its map says that it belongs to this group */
};

/* What has been begun is finished (after the mark) or taken back (before). All maps and
 * the record, lock_fd in the first one's directory, are held. Doing it twice is doing it
 * once. */
int group_go_on(struct member *m, size_t n, int lock_fd, uint64_t nonce,
		struct vrs_err *err);
int group_finish(struct member *m, size_t n, struct vrs_err *err);
int group_take_back(struct member *m, size_t n, struct vrs_err *err);
/* When somebody was killed in the middle (recover.c). job NULL: all that is proven
 * gets its name if that can still be; else, when it is this job's and no later token's,
 * all that can be taken back is. Nothing to do: 0. */
int part_recover_group(const struct sandbox *b, const char *path, const char *job,
		       uint64_t token, struct vrs_err *err);

/* --- the end (commit.c) --- */

void part_remove_displaced(const struct part *p);

/* --- chunks that come from a base (fill.c) ---
 *
 * Where the file system cannot clone, the part begins empty, and a chunk of the base
 * comes over when it is compared: it is read once for both. fresh: the part is. */
int fill_open(struct part *p, const char *base, bool fresh, struct vrs_err *err);
void fill_close(struct part *p);

/* --- what it holds open (handles.c) --- */

int part_open_disk(struct part *p, bool writable, struct vrs_err *err);
void part_close_disk(struct part *p);

#endif
