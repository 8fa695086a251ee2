/* ssh.h - a vrs-image at the far end of an SSH connection: the only door to
 * libssh.
 *
 * The host key must be known; an unknown or changed one is refused with one line and
 * never accepted. libssh must be 0.10.6-0+deb12u3 or later: older ones did not check the
 * tags of AES-GCM (CVE-2026-59847). */
#ifndef MOVER_SSH_SSH_H
#define MOVER_SSH_SSH_H

#include "ssh/channel.h"
#include "ssh/conf.h"

/* Connects, makes sure that the right vrs-image is there, and starts it. *command is what
 * starts it: found when it is NULL (then the caller's), else used as it is.
 * *ret_logged_in is set when the host let us in, whatever came then. */
int remote_ssh_open(struct channel **ret, const struct ssh_conf *conf,
		    const struct place *place, const char *const *roots, size_t n_roots,
		    char **command, bool *ret_logged_in, struct vrs_err *err);

/* Logs in and runs a command of a shell there; program is its name in errors (borrowed).
 * One that ends without a word: VRS_EUNSUPPORTED. */
int remote_ssh_run(struct channel **ret, const struct ssh_conf *conf,
		   const struct place *place, const char *program, const char *command,
		   bool *ret_logged_in, struct vrs_err *err);

#endif
