/* ssh.h - starts programs on another host; their standard input and output are a channel.
 *
 * The host key must be known; an unknown or changed one is refused with one line and
 * never accepted. libssh must be 0.10.6-0+deb12u3 or later: older versions did not check
 * the tags of AES-GCM (CVE-2026-59847). */
#ifndef MOVER_SSH_SSH_H
#define MOVER_SSH_SSH_H

#include "ssh/channel.h"
#include "ssh/conf.h"

struct ssh_command {
	const char *program; /* its name in errors; borrowed */
	char *text;          /* for the shell; owned by the caller */
	bool logged_in;      /* set when the login succeeded, whatever followed */
};

/* Logs in, installs vrs-image if it is not there, and starts it. A command without text
 * is filled in; one with text is used as it is. */
int ssh_start_image(struct channel **ret, const struct ssh_host *host,
		    struct ssh_command *command, struct vrs_err *err);

/* Logs in and runs a command. If it ends without output: VRS_EUNSUPPORTED. */
int ssh_start_command(struct channel **ret, const struct ssh_host *host,
		      struct ssh_command *command, struct vrs_err *err);

#endif
