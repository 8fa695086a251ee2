/* remote_ssh_parts.h - a session that is logged in, for the files that know libssh. */
#ifndef MOVER_REMOTE_SSH_PARTS_H
#define MOVER_REMOTE_SSH_PARTS_H

#include <libssh/libssh.h>

#include "far.h"

/* Host key checked, logged in. The caller's by ssh_disconnect and ssh_free. */
int remote_ssh_log_in(ssh_session *ret, const struct far_conf *conf,
		      const struct place *place, struct vrs_err *err);

#endif
