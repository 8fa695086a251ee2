/* parts.h - a session that is logged in, for the files that use libssh. */
#ifndef MOVER_SSH_PARTS_H
#define MOVER_SSH_PARTS_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>

#include "ssh/conf.h"
#include "ssh/proxy.h"

struct login {
	ssh_session session;
	struct proxy *proxy; /* carries the connection; NULL: direct */
	struct ssh_callbacks_struct callbacks;
	const struct ssh_conf *conf; /* only while it is opened */
	const char *key_file;        /* being opened; NULL: libssh chooses */
	bool needs_passphrase;       /* a key has one */
	int n_asked;
};

/* Connects, checks the host key and logs in. conf is borrowed during the call. */
int login_open(struct login **ret, const struct ssh_conf *conf, const struct place *place,
	       struct vrs_err *err);
void login_close(struct login *l);

#endif
