/* part_parts.h - what the files of part.h share. */
#ifndef MOVER_IMAGE_PART_PARTS_H
#define MOVER_IMAGE_PART_PARTS_H

#include <limits.h>
#include <sys/stat.h>

#include "image/part.h"

enum { PART_STEP_MS = 20 };

struct part {
	const struct beneath *beneath;
	int dir_fd, map_fd, part_fd; /* part_fd: held with a shared lock while we live */
	char name[NAME_MAX + 1], part_name[NAME_MAX + 1], map_name[NAME_MAX + 1];
	char format[16];
	uint64_t token;
	bool raw;
	bool replaces;   /* the image under the name is the base that we replace */
	bool keep_aside; /* ... or something that is kept under another name */
	struct stat base;
	bool failed; /* a write failed: nothing is believed until it is opened again */
	struct disk *disk;
	struct chunkmap map;
	uint8_t *began_empty; /* one a chunk: where we skipped zeros, zeros are */
};

/* --- the map file (part_map.c) --- */

/* Opens it, or makes it, and holds it with the exclusive lock. */
int part_open_map(struct part *p, struct vrs_err *err);
/* Reads what it says; VRS_ENOENT: nothing that is of use. */
int part_read_map(struct part *p, struct vrs_err *err);
int part_put_page(struct part *p, size_t page, struct vrs_err *err);
int part_put_all_pages(struct part *p, struct vrs_err *err);

/* Takes the lock (flock's LOCK_SH to write, LOCK_EX to change the owner) and checks that
 * nobody came after us. */
int part_enter(struct part *p, int how, struct vrs_err *err);
void part_leave(struct part *p);
/* An exclusive lock, waiting a little for somebody who is in the middle of a write. */
int part_lock_within(int fd, struct vrs_err *err);

/* With the map locked: makes it refuse its writers for ever, takes both names away. */
void part_poison(struct part *p);
void part_remove_files(struct part *p);
void part_pause_ms(long ms);

/* --- opening (part.c) --- */

int part_open_disk(struct part *p, bool writable, struct vrs_err *err);
int part_name_files(struct part *p, const char *name, struct vrs_err *err);

#endif
