/* sinks.h - delivers every event to web addresses and programs.
 *
 * Each sink has a cursor in Redis, moved after a delivery: every event of the journal
 * arrives at least once and in order, whatever crashes. The file is INI, with one section
 * [sink NAME] each:
 *
 *   url = https://pager.example/vrsas     or: command = /usr/local/bin/on-event --quiet
 *   secret_file = /etc/vrsas/pager.secret signs the body; empty: no signature
 *   token_file =                          bearer token for it
 *   ca_file =                             certificates it is checked against
 *   severity = warning                    and above; info, notice, warning, error */
#ifndef GATEWAY_SINKS_SINKS_H
#define GATEWAY_SINKS_SINKS_H

#include "gateway.h"

struct sinks;

/* path "": none. Changes nothing on failure. A new sink starts with the next event. */
int sinks_load(struct sinks **ret, struct gateway *g, const char *path,
	       struct vrs_err *err);
void sinks_free(struct sinks *s);

void sinks_collect_metrics(const struct sinks *s, struct vrs_page *page);

#endif
