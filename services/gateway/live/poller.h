/* poller.h - sees what changes, and tells the hub: the journal, the scheduler's views,
 * and how transfers stand.
 *
 * Only looks often while somebody listens. */
#ifndef GATEWAY_LIVE_POLLER_H
#define GATEWAY_LIVE_POLLER_H

#include "gateway.h"

struct poller;

enum { POLLER_INCIDENTS_MS = 24 * 3600 * 1000 }; /* those that ended since are told too */

struct poller *poller_new(struct gateway *g);
/* After the questions to the scheduler have ended. */
void poller_free(struct poller *w);

/* Asks the scheduler how things are and calls done with its status and the hosts that are
 * not simply up; NULL where it did not answer. Both are gone when done returns. */
typedef void (*poller_fn)(void *arg, const Vrsas__V1__StatusView *status,
			  const Vrsas__V1__HostViews *down);
void poller_ask(struct poller *w, poller_fn done, void *arg);

/* An incident changed: tell it soon. */
void poller_hurry(struct poller *w);

#endif
