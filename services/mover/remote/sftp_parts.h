/* sftp_parts.h - what the files of sftp.h share. */
#ifndef MOVER_REMOTE_SFTP_PARTS_H
#define MOVER_REMOTE_SFTP_PARTS_H

#include <pthread.h>

#include "image/part/chunkmap.h"
#include "remote/remote.h"
#include "ssh/sftp.h"

struct sftp_slot {
	unsigned generation; /* another one: files are opened anew */
	char *path;          /* of the image; NULL: nothing is open */
	char *file;          /* the image itself, or its part */
	char *map_file;      /* NULL: a source */
	uint64_t size, token;
	bool keep_aside;
	struct chunkmap map;  /* under map_lock */
	uint8_t *began_empty; /* one a chunk */
};

struct sftp_remote;

struct sftp_worker {
	struct sftp_remote *shared;
	struct sftp_side *side;
	pthread_t thread;
	bool started;
	struct {
		unsigned generation;
		struct sftp_side_file *image, *map;
	} open[WIRE_MAX_SLOTS];
};

struct sftp_remote {
	struct remote *far;
	pthread_rwlock_t lock; /* shared by what leaves the slots as they are */
	pthread_mutex_t map_lock;
	struct sftp_slot slot[WIRE_MAX_SLOTS];
	struct sftp_worker worker[REMOTE_MAX_CONNECTIONS];
	size_t n_workers;
};

void sftp_slot_clear(struct sftp_slot *s);

/* As answer() does it; out has REPLY_BYTES. */
int sftp_answer(struct sftp_worker *w, const struct wire_head *head,
		const uint8_t *payload, struct wire_head *reply, uint8_t *out,
		struct vrs_err *err);

/* This worker's files of a slot. */
int sftp_image(struct sftp_worker *w, unsigned slot, struct sftp_side_file **ret,
	       struct vrs_err *err);
int sftp_map(struct sftp_worker *w, unsigned slot, struct sftp_side_file **ret,
	     struct vrs_err *err);

/* --- the part (sftp_part.c) --- */

struct sftp_want {
	const char *path, *job, *identity;
	uint64_t size, token;
	bool keep_aside;
};
int sftp_part_open(struct sftp_worker *w, unsigned slot, const struct sftp_want *want,
		   unsigned *ret_flags, struct vrs_err *err);
int sftp_part_write(struct sftp_worker *w, unsigned slot, const uint8_t *payload,
		    uint64_t off, uint64_t len, unsigned shift, struct vrs_err *err);
int sftp_part_mark(struct sftp_worker *w, unsigned slot, uint64_t first, uint64_t n,
		   struct vrs_err *err);
int sftp_part_sync(struct sftp_worker *w, unsigned slot, struct vrs_err *err);
int sftp_part_seal(struct sftp_worker *w, unsigned slot, struct vrs_err *err);
/* What a job left beside path; nothing there, or not this job's: 0 or VRS_ECONFLICT. */
int sftp_part_forget(struct sftp_worker *w, const char *path, const char *job,
		     uint64_t token, struct vrs_err *err);

#endif
