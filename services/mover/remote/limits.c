/* The default number of connections, and how many bytes may be in flight on them. */
#include "remote/limits.h"

#include "remote/parts.h"

bool remote_is_distant(const struct remote *f)
{
	return f->rtt_ms >= REMOTE_DISTANT_MS;
}

size_t remote_connections(const struct remote *f)
{
	size_t n = f->conf.connections > 0 ? (size_t)f->conf.connections
		   : f->sftp               ? REMOTE_SFTP_SESSIONS
		   : remote_is_distant(f)  ? REMOTE_DISTANT_CONNECTIONS
					   : REMOTE_DEFAULT_CONNECTIONS;

	return n < REMOTE_MAX_CONNECTIONS ? n : REMOTE_MAX_CONNECTIONS;
}

size_t remote_connection_window(const struct remote *f)
{
	size_t even = REMOTE_WINDOW_BYTES / remote_connections(f);

	return even < REMOTE_CONNECTION_BYTES ? even : REMOTE_CONNECTION_BYTES;
}

uint64_t remote_window(const struct remote *f)
{
	return (uint64_t)remote_connection_window(f) * remote_connections(f);
}
