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

/* --- by cluster --- */

struct vrs_key vrs_key_host_facts(const char *cluster)
{
	return make(VRS_KEY "host:{%s}", cluster);
}

struct vrs_key vrs_key_inventory(const char *cluster)
{
	return make(VRS_KEY "inv:{%s}", cluster);
}

struct vrs_key vrs_key_heartbeat(const char *cluster)
{
	return make(VRS_KEY "hb:{%s}", cluster);
}

struct vrs_key vrs_key_watermark(const char *cluster)
{
	return make(VRS_KEY "wm:{%s}", cluster);
}

struct vrs_key vrs_key_host_table(const char *cluster)
{
	return make(VRS_KEY "tab:{%s}", cluster);
}

struct vrs_key vrs_key_forecast(const char *cluster)
{
	return make(VRS_KEY "fc:{%s}", cluster);
}

struct vrs_key vrs_key_operator_claim(const char *cluster)
{
	return make(VRS_KEY "claim:{%s}", cluster);
}

struct vrs_key vrs_key_host_ran(const char *cluster)
{
	return make(VRS_KEY "ran:{%s}", cluster);
}

struct vrs_key vrs_key_rate(const char *source, const char *target)
{
	return make(VRS_KEY "rate:{%s}:{%s}", source, target);
}

struct vrs_key vrs_key_eta(const char *source, const char *target)
{
	return make(VRS_KEY "eta:{%s}:{%s}", source, target);
}

/* --- other keys --- */

struct vrs_key vrs_key_model(const char *name)
{
	return make(VRS_KEY "model:%s", name);
}

struct vrs_key vrs_key_model_before(const char *name)
{
	return make(VRS_KEY "model:%s.before", name);
}

struct vrs_key vrs_key_relocation(const char *vm_id)
{
	return make(VRS_KEY "reloc:%s", vm_id);
}

struct vrs_key vrs_key_journal(const char *vm_id)
{
	return make(VRS_KEY "jrn:%s", vm_id);
}

struct vrs_key vrs_key_transfer(const char *job)
{
	return make(VRS_KEY "xfer:%s", job);
}

struct vrs_key vrs_key_sink(const char *name)
{
	return make(VRS_KEY "sink:%s", name);
}

struct vrs_key vrs_key_service(const char *service)
{
	return make(VRS_KEY "svc:%s", service);
}
