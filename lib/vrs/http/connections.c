/* Which connections stay open, and for how long. */
#include <sys/socket.h>

#include <stdlib.h>

#include "vrs/clock.h"
#include "vrs/http/parts.h"

static void unlink_conn(struct vrs_httpd_conn *c)
{
	struct vrs_httpd *h = c->http;

	if (c->prev)
		c->prev->next = c->next;
	else
		h->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		h->last = c->prev;
	c->prev = c->next = NULL;
}

static void append_conn(struct vrs_httpd_conn *c)
{
	struct vrs_httpd *h = c->http;

	c->since_mono_ms = vrs_now_mono_ms();
	c->prev = h->last;
	c->next = NULL;
	if (h->last)
		h->last->next = c;
	else
		h->first = c;
	h->last = c;
}

void vrs_httpd_conn_set(struct vrs_httpd_conn *c, int state)
{
	if (c->state == CONN_SHUT)
		return;
	c->http->n_waiting += (state == CONN_WAITS) - (c->state == CONN_WAITS);
	c->state = state;
	unlink_conn(c);
	append_conn(c);
}

/* libmicrohttpd sees the end of the socket and closes the connection. */
static void shut(struct vrs_httpd_conn *c)
{
	c->http->n_waiting -= c->state == CONN_WAITS;
	c->state = CONN_SHUT;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* At most half of the connections may wait for a request. */
static void evict_waiting(struct vrs_httpd *h)
{
	struct vrs_httpd_conn *c = h->first;

	while (h->n_waiting > (size_t)h->conf.max_connections / 2 && c) {
		struct vrs_httpd_conn *next = c->next;

		if (c->state == CONN_WAITS) {
			shut(c);
			h->counts.evicted++;
		}
		c = next;
	}
}

void vrs_httpd_on_connection(void *arg, struct MHD_Connection *connection, void **ctx,
			     enum MHD_ConnectionNotificationCode what)
{
	struct vrs_httpd *h = arg;
	struct vrs_httpd_conn *c = *ctx;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!c)
			return;
		h->n_waiting -= c->state == CONN_WAITS;
		h->counts.connections--;
		unlink_conn(c);
		free(c);
		*ctx = NULL;
		return;
	}
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	c = vrs_calloc(1, sizeof(*c));
	c->http = h;
	c->mhd = connection;
	c->fd = fd ? fd->connect_fd : -1;
	c->state = CONN_WAITS;
	append_conn(c);
	h->n_waiting++;
	h->counts.connections++;
	*ctx = c;
	evict_waiting(h);
}

void vrs_httpd_conn_sweep(struct vrs_httpd *h)
{
	int64_t now = vrs_now_mono_ms(), since = now - h->swept_mono_ms;
	struct vrs_httpd_conn *next;

	h->swept_mono_ms = now;
	if (since > 2 * VRS_HTTPD_SWEEP_EVERY_MS)
		return; /* the loop was late: read what has arrived before expiring it */

	for (struct vrs_httpd_conn *c = h->first; c; c = next) {
		int64_t age = now - c->since_mono_ms;

		next = c->next;
		if (((c->state == CONN_WAITS || c->state == CONN_READS) &&
		     age > h->conf.request_ms) ||
		    (c->state == CONN_REPLIES && age > h->conf.reply_ms)) {
			shut(c);
			h->counts.late++;
		}
	}
}
