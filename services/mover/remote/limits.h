/* limits.h - the number of connections to a remote host, and when it counts as distant.
 */
#ifndef MOVER_REMOTE_LIMITS_H
#define MOVER_REMOTE_LIMITS_H

#include <stddef.h>

struct remote;

enum {
	REMOTE_DEFAULT_CONNECTIONS = 2, /* default of --connections */
	REMOTE_DISTANT_CONNECTIONS = 6, /* default if the host is distant */
	REMOTE_DISTANT_MS = 4,          /* shortest round trip to a distant host */
	REMOTE_SFTP_SESSIONS = 4,       /* default if the host offers only SFTP */
};

/* The number of connections that a copy uses: the setting, else the default. */
size_t remote_connections(const struct remote *f);

#endif
