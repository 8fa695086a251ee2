/* request_parts.h - what the files of requests.h share: one request at a time. */
#ifndef MOVER_IMAGE_SERVE_REQUEST_PARTS_H
#define MOVER_IMAGE_SERVE_REQUEST_PARTS_H

#include <pthread.h>

#include "image/disk/disk.h"
#include "image/hash/cache.h"
#include "image/part/part.h"
#include "image/serve/requests.h"

struct slot {
	char path[WIRE_MAX_TEXT];
	struct disk *disk; /* a source */
	struct hashcache *cache;
	struct part *part; /* or a target */
};

struct answerer {
	const struct beneath *beneath;
	const char *join;
	pthread_rwlock_t lock; /* shared by what leaves the slots as they are */
	bool greeted;
	struct slot slot[WIRE_MAX_SLOTS];
};

/* One request: what was asked, where the answer goes. */
struct call {
	struct answerer *a;
	const struct wire_head *head;
	const uint8_t *payload;
	struct wire_head *reply;
	uint8_t *out;
	struct slot *slot;
};

/* Closes what it holds. */
void answer_slot_clear(struct slot *s);

/* Reading (source_requests.c). */
int answer_stat(struct call *c, struct vrs_err *err);
int answer_source(struct call *c, struct vrs_err *err);
int answer_extents(struct call *c, struct vrs_err *err);
int answer_read(struct call *c, struct vrs_err *err);
int answer_hashes(struct call *c, struct vrs_err *err);

/* A target, from its first word to its name (target_requests.c). */
int answer_target(struct call *c, struct vrs_err *err);
int answer_states(struct call *c, struct vrs_err *err);
int answer_write(struct call *c, struct vrs_err *err);
int answer_allocate(struct call *c, struct vrs_err *err);
int answer_mark(struct call *c, struct vrs_err *err);
int answer_sync(struct call *c, struct vrs_err *err);
int answer_reopen(struct call *c, struct vrs_err *err);
int answer_seal(struct call *c, struct vrs_err *err);
int answer_group(struct call *c, struct vrs_err *err);
int answer_discard(struct call *c, struct vrs_err *err);
int answer_remove(struct call *c, struct vrs_err *err);

#endif
