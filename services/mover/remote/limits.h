/* limits.h - how many connections a remote side gets, and when it counts as distant. */
#ifndef MOVER_REMOTE_LIMITS_H
#define MOVER_REMOTE_LIMITS_H

#include <stddef.h>

struct remote;

enum {
	REMOTE_DEFAULT_CONNECTIONS = 2, /* of --connections */
	REMOTE_DISTANT_CONNECTIONS =
		6, /* the same, from a round trip of REMOTE_DISTANT_MS on */
	REMOTE_DISTANT_MS = 4,
	REMOTE_SFTP_SESSIONS = 4, /* the same, if the host offers SFTP only */
};

/* The number of connections that a copy uses: the setting, else the default. */
size_t remote_connections(const struct remote *f);

#endif
