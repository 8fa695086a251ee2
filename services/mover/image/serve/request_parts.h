/* request_parts.h - what the files of requests.h share. */
#ifndef MOVER_IMAGE_SERVE_REQUEST_PARTS_H
#define MOVER_IMAGE_SERVE_REQUEST_PARTS_H

#include <pthread.h>

#include "image/disk/disk.h"
#include "image/hash/cache.h"
#include "image/part/part.h"
#include "image/serve/requests.h"

struct open_image {
	char path[WIRE_MAX_TEXT];
	struct disk *disk; /* a source */
	struct hashcache *cache;
	struct part *part; /* or a target */
};

struct requests {
	const struct sandbox *sandbox;
	const char *join;
	pthread_rwlock_t lock; /* shared by requests that open and close nothing */
	bool greeted;
	struct open_image image[WIRE_MAX_SLOTS]; /* by the slot of a frame */
};

/* Saves what was hashed, closes the image; the slot is free again (open_image.c). */
void open_image_close(struct open_image *s);

/* Reading (source_requests.c). */
int request_stat(struct image_request *r, struct vrs_err *err);
int request_source(struct image_request *r, struct vrs_err *err);
int request_extents(struct image_request *r, struct vrs_err *err);
int request_read(struct image_request *r, struct vrs_err *err);
int request_hashes(struct image_request *r, struct vrs_err *err);

/* Writing (target_requests.c). */
int request_target(struct image_request *r, struct vrs_err *err);
int request_states(struct image_request *r, struct vrs_err *err);
int request_write(struct image_request *r, struct vrs_err *err);
int request_allocate(struct image_request *r, struct vrs_err *err);
int request_mark(struct image_request *r, struct vrs_err *err);
int request_sync(struct image_request *r, struct vrs_err *err);
int request_reopen(struct image_request *r, struct vrs_err *err);
int request_commit(struct image_request *r, struct vrs_err *err);
int request_commit_group(struct image_request *r, struct vrs_err *err);
int request_discard(struct image_request *r, struct vrs_err *err);
int request_remove(struct image_request *r, struct vrs_err *err);

#endif
