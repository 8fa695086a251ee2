/* place.h - hosts and paths of images, as operators and jobs write them. Pure. */
#ifndef MOVER_SSH_PLACE_H
#define MOVER_SSH_PLACE_H

#include <stdbool.h>

#include "vrs/err.h"

/* A machine; host empty: this one. */
struct place {
	char user[65], host[256];
	int port; /* 0: default */
};

/* "user@host", "user@host:port", "[::1]:22", "local" or "" for this machine. */
int place_parse(struct place *ret, const char *text, struct vrs_err *err);

/* "user@host:/path" or a local path, as in scp: a colon before the first slash ends the
 * host. path is at least 4096 bytes. */
int place_parse_path(struct place *ret, char *path, const char *text,
		     struct vrs_err *err);

/* "user@host", "host:2222", "this machine"; buf holds 360 bytes. Returns buf. */
char *place_text(char *buf, const struct place *p);

/* The format by the suffix of the name (.qcow2, .vmdk, .vhdx), else raw. The content does
 * not count: a guest could write a header into its disk. */
const char *place_format(const char *path);

#endif
