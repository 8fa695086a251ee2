/* How many connections a copy opens by default, and how many bytes are in flight on them.
 */
#include "remote/limits.h"

#include "remote/parts.h"

bool far_is_distant(const struct far *f)
{
	return f->rtt_ms >= REMOTE_DISTANT_MS;
}

size_t remote_connections(const struct far *f)
{
	size_t n = f->conf.connections > 0 ? (size_t)f->conf.connections
		   : far_is_distant(f)     ? REMOTE_DISTANT_CONNECTIONS
					   : REMOTE_DEFAULT_CONNECTIONS;

	return n < FAR_MAX_LANES ? n : FAR_MAX_LANES;
}

size_t far_lane_window(const struct far *f)
{
	size_t even = FAR_WINDOW_BYTES / remote_connections(f);

	return even < FAR_LANE_BYTES ? even : FAR_LANE_BYTES;
}

uint64_t far_window(const struct far *f)
{
	return (uint64_t)far_lane_window(f) * remote_connections(f);
}
