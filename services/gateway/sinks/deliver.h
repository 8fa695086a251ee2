/* deliver.h - one event to one sink: over HTTP, signed, or to a program. */
#ifndef GATEWAY_SINKS_DELIVER_H
#define GATEWAY_SINKS_DELIVER_H

#include "vrs/err.h"
#include "vrsas/v1/event.pb-c.h"

enum { DELIVER_TIMEOUT_MS = 10000 };

/* Destination of a sink. */
struct deliver_to {
	char *url, *command, *secret, *token, *ca_file;
};

/* Sets one key of the sinks file. */
int deliver_set(struct deliver_to *to, const char *key, const char *value,
		struct vrs_err *err);
/* Checks that it is complete. */
int deliver_ready(const struct deliver_to *to, struct vrs_err *err);
void deliver_fini(struct deliver_to *to);

/* A delivery owns copies of its data, so that it can run on a worker. */
struct delivery;
struct delivery *deliver_new(const struct deliver_to *to, const Vrsas__V1__Event *ev,
			     const char *source);
void deliver_run(struct delivery *d);
const char *deliver_why(const struct delivery *d); /* NULL: delivered */
void deliver_free(struct delivery *d);

#endif
