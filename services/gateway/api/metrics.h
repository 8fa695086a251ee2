/* metrics.h - metrics of the gateway: docs/METRICS.md, "Gateway". */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway.h"

struct gateway_metrics *metrics_new(void);
void metrics_request(void *gateway, double seconds);
void metrics_collect(void *gateway, struct vrs_page *page);

#endif
