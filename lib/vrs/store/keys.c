#include "vrs/keys.h"

#include <stdarg.h>
#include <stdio.h>

static struct vrs_key make(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static struct vrs_key make(const char *fmt, ...)
{
	struct vrs_key k;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(k.text, sizeof(k.text), fmt, ap);
	va_end(ap);
	return k;
}

/* The key of one thing, and of a pair of clusters. */
#define KEY(name, format)                                                                \
	struct vrs_key name(const char *of)                                              \
	{                                                                                \
		return make(VRS_KEY format, of);                                         \
	}
#define PAIR(name, format)                                                               \
	struct vrs_key name(const char *source, const char *target)                      \
	{                                                                                \
		return make(VRS_KEY format, source, target);                             \
	}

KEY(vrs_key_host_facts, "host:{%s}")
KEY(vrs_key_inventory, "inv:{%s}")
KEY(vrs_key_heartbeat, "hb:{%s}")
KEY(vrs_key_watermark, "wm:{%s}")
KEY(vrs_key_host_table, "tab:{%s}")
KEY(vrs_key_forecast, "fc:{%s}")
KEY(vrs_key_operator_claim, "claim:{%s}")
KEY(vrs_key_host_ran, "ran:{%s}")
PAIR(vrs_key_rate, "rate:{%s}:{%s}")
PAIR(vrs_key_eta, "eta:{%s}:{%s}")
KEY(vrs_key_model, "model:%s")
KEY(vrs_key_model_before, "model:%s.before")
KEY(vrs_key_relocation, "reloc:%s")
KEY(vrs_key_journal, "jrn:%s")
KEY(vrs_key_transfer, "xfer:%s")
KEY(vrs_key_sink, "sink:%s")
KEY(vrs_key_service, "svc:%s")
