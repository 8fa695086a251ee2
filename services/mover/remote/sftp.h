/* sftp.h - remote.h for a host that offers SFTP and nothing else. */
#ifndef MOVER_REMOTE_SFTP_H
#define MOVER_REMOTE_SFTP_H

#include "remote/remote.h"

int far_sftp_open(struct far *f, struct vrs_err *err);
void far_sftp_widen(struct far *f);
void far_sftp_close(struct far *f);

#endif
