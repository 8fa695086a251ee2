/* proxy.h - a ProxyCommand: a program whose pipes carry an SSH connection. */
#ifndef MOVER_SSH_PROXY_H
#define MOVER_SSH_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

struct proxy;

/* Values of %h, %p, %r and %n in the command. */
struct proxy_names {
	const char *host, *user, *original_host;
	unsigned port;
};

/* The command with its % sequences replaced; VRS_EINVAL if one is unknown. The caller
 * frees it. Pure. */
int proxy_expand(char **ret, const char *command, const struct proxy_names *names,
		 struct vrs_err *err);

/* libssh turns "ProxyJump" into a call of ssh. This adds the settings file (NULL: its
 * default) and, when quiet, no prompts to that call. Other commands stay as they are. The
 * caller frees the result. Pure. */
char *proxy_jump(const char *command, const char *settings_file, bool quiet);

/* Starts the command. *ret_fd, one end of a socket pair, is the caller's; the program
 * ends when it is closed, or by proxy_end. */
int proxy_start(struct proxy **ret, int *ret_fd, const char *command,
		struct vrs_err *err);
/* The last line of its standard error; "" when there is none. */
void proxy_last_line(const struct proxy *p, char *buf, size_t size);
void proxy_end(struct proxy *p);

#endif
