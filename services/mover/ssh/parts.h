/* parts.h - a session that is logged in, for the files that know libssh. */
#ifndef MOVER_SSH_PARTS_H
#define MOVER_SSH_PARTS_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>

#include "ssh/conf.h"
#include "ssh/proxy.h"

struct login {
	ssh_session session;
	struct proxy *proxy; /* what the connection goes through; NULL: nothing */
	struct ssh_callbacks_struct callbacks;
	const struct ssh_conf *conf; /* only while it is opened */
	const char *key_file;        /* that is being opened; NULL: libssh chooses */
	bool wanted_secret;          /* a key has a passphrase */
	int asked;
};

/* Host key checked, logged in. conf is borrowed for the time of the call. */
int login_open(struct login **ret, const struct ssh_conf *conf, const struct place *place,
	       struct vrs_err *err);
void login_close(struct login *l);

#endif
