/* proxy.h - a ProxyCommand: a program over whose pipes an SSH connection goes. */
#ifndef MOVER_SSH_PROXY_H
#define MOVER_SSH_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

struct proxy;

/* %h, %p, %r and %n of the command. */
struct proxy_names {
	const char *host, *user, *original_host;
	unsigned port;
};

/* The command as the shell is to see it. VRS_EINVAL: it has another % in it. The caller's
 * by free. Pure. */
int proxy_expand(char **ret, const char *command, const struct proxy_names *names,
		 struct vrs_err *err);

/* What libssh makes of "ProxyJump" is a call of ssh; it is to read the same settings file
 * as we (NULL: its usual ones), and not to ask anybody when quiet. Other commands stay as
 * they are. The caller's by free. Pure. */
char *proxy_jump(const char *command, const char *settings_file, bool quiet);

/* Starts it. *ret_fd is the caller's, one end of a pair of sockets; the program ends when
 * it is closed, or by proxy_end. */
int proxy_start(struct proxy **ret, int *ret_fd, const char *command,
		struct vrs_err *err);
/* The last line that it said on stderr; "" when it was silent. */
void proxy_said(const struct proxy *p, char *buf, size_t size);
void proxy_end(struct proxy *p);

#endif
