/* watch.h - sees what changes, and tells the hub: the journal, the scheduler's views, and
 * how transfers stand.
 *
 * Only looks often while somebody listens. */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

struct gateway;
struct watch;

struct watch *watch_new(struct gateway *g);
/* After the questions to the scheduler have ended. */
void watch_free(struct watch *w);

#endif
