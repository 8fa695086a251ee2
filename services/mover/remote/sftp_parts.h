/* sftp_parts.h - what the files of sftp.h share. */
#ifndef MOVER_REMOTE_SFTP_PARTS_H
#define MOVER_REMOTE_SFTP_PARTS_H

#include <pthread.h>

#include "image/part/chunkmap.h"
#include "image/serve/requests.h"
#include "remote/remote.h"
#include "ssh/sftp.h"

struct sftp_slot {
	unsigned generation; /* changes when the workers must open the files again */
	char *path;          /* of the image; NULL: none is open */
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
	struct remote *remote;
	pthread_rwlock_t lock; /* shared by requests that open and close no image */
	pthread_mutex_t map_lock;
	struct sftp_slot slot[WIRE_MAX_SLOTS];
	struct sftp_worker worker[REMOTE_MAX_CONNECTIONS];
	size_t n_workers;
};

void sftp_slot_clear(struct sftp_slot *s);

/* As requests_run(). */
int sftp_requests_run(struct sftp_worker *w, struct image_request *r,
		      struct vrs_err *err);

/* The files of a slot, opened by this worker. */
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
/* The range is a, b and shift of the head; payload as wire_blocks_ok() has it. */
int sftp_part_write(struct sftp_worker *w, const struct wire_head *head,
		    const uint8_t *payload, struct vrs_err *err);
int sftp_part_mark(struct sftp_worker *w, unsigned slot, uint64_t first, uint64_t n,
		   struct vrs_err *err);
int sftp_part_sync(struct sftp_worker *w, unsigned slot, struct vrs_err *err);
int sftp_part_seal(struct sftp_worker *w, unsigned slot, struct vrs_err *err);
/* Removes what a job left beside path. Nothing there: 0; another job's or a later
 * token's: VRS_ECONFLICT. */
int sftp_part_forget(struct sftp_worker *w, const char *path, const char *job,
		     uint64_t token, struct vrs_err *err);

#endif
