/* poller.h - polls the journal, the scheduler's views and the progress of transfers, and
 * sends what changed to the event streams.
 *
 * It polls often only while a stream is open. */
#ifndef GATEWAY_LIVE_POLLER_H
#define GATEWAY_LIVE_POLLER_H

#include "gateway.h"

struct poller;

enum {
	POLLER_INCIDENTS_MS = 24 * 3600 * 1000
}; /* incidents that ended since are included */

struct poller *poller_new(struct gateway *g);
/* After the requests to the scheduler have ended. */
void poller_free(struct poller *w);

/* Queries the scheduler and calls done with its status and the hosts that are not up;
 * NULL if it did not reply. Both are valid until done returns. */
typedef void (*poller_fn)(void *arg, const Vrsas__V1__StatusView *status,
			  const Vrsas__V1__HostViews *down);
void poller_ask(struct poller *w, poller_fn done, void *arg);

/* An incident changed: poll soon. */
void poller_hurry(struct poller *w);

#endif
