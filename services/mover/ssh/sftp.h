/* sftp.h - files of a host that offers only SFTP.
 *
 * One session, used by one thread. Every call waits for the reply. Errors name the path;
 * a lost connection is VRS_ECONN. */
#ifndef MOVER_SSH_SFTP_H
#define MOVER_SSH_SFTP_H

#include <stdbool.h>
#include <stdint.h>

#include "image/base/wire.h"
#include "ssh/conf.h"

struct sftp_side;
struct sftp_side_file;

int sftp_side_open(struct sftp_side **ret, const struct ssh_conf *conf,
		   const struct place *place, struct vrs_err *err);
void sftp_side_close(struct sftp_side *s);

/* *ret_kind: 0 not found, 'f' a file, 'l' a symbolic link, '?' something else. */
int sftp_side_stat(struct sftp_side *s, const char *path, char *ret_kind,
		   struct wire_stat *ret, struct vrs_err *err);
/* flags as open(2). */
int sftp_side_file_open(struct sftp_side *s, const char *path, int flags,
			struct sftp_side_file **ret, struct vrs_err *err);
void sftp_side_file_close(struct sftp_side_file *f);
/* Exactly len bytes; beyond the end is VRS_EIO. */
int sftp_side_read(struct sftp_side_file *f, void *buf, uint64_t off, size_t len,
		   struct vrs_err *err);
int sftp_side_write(struct sftp_side_file *f, const void *buf, uint64_t off, size_t len,
		    struct vrs_err *err);
/* False when the server has no fsync: then sftp_side_sync does nothing. */
bool sftp_side_can_sync(struct sftp_side *s);
int sftp_side_sync(struct sftp_side_file *f, struct vrs_err *err);
int sftp_side_resize(struct sftp_side *s, const char *path, uint64_t bytes,
		     struct vrs_err *err);
/* A file with the new name is replaced, if the server supports that. */
int sftp_side_rename(struct sftp_side *s, const char *from, const char *to,
		     struct vrs_err *err);
/* Not found: 0. */
int sftp_side_unlink(struct sftp_side *s, const char *path, struct vrs_err *err);

#endif
