/* metrics.h - what the gateway tells of itself: docs/METRICS.md, "Gateway". */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway.h"

struct gateway_metrics *numbers_new(void);
void numbers_request(void *gateway, double seconds);
void numbers_tell(void *gateway, struct vrs_page *page);

#endif
