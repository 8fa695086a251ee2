/* sftp.h - remote.h for a host that offers only SFTP. */
#ifndef MOVER_REMOTE_SFTP_H
#define MOVER_REMOTE_SFTP_H

#include "remote/remote.h"

int remote_sftp_open(struct remote *f, struct vrs_err *err);
void remote_sftp_add_workers(struct remote *f);
void remote_sftp_close(struct remote *f);

#endif
