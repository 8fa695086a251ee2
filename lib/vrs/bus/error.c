/* NNG's error codes as VRS_E*. */
#include <stdarg.h>
#include <stdio.h>

#include "vrs/bus/nng.h"

static const struct vrs_code_row codes[] = {
	{NNG_ETIMEDOUT, VRS_ETIMEOUT},
	{NNG_ECONNREFUSED, VRS_ECONN},
	{NNG_ECONNRESET, VRS_ECONN},
	{NNG_ECONNABORTED, VRS_ECONN},
	{NNG_ECONNSHUT, VRS_ECONN},
	{NNG_EUNREACHABLE, VRS_ECONN},
	{NNG_ENOENT, VRS_ECONN},
	{NNG_ECLOSED, VRS_ECONN},
	{NNG_ECANCELED, VRS_ECANCELLED},
	{NNG_EADDRINUSE, VRS_ECONFLICT},
	{NNG_EADDRINVAL, VRS_EINVAL},
	{NNG_EINVAL, VRS_EINVAL},
	{NNG_EPERM, VRS_EDENIED},
	{NNG_EPEERAUTH, VRS_EDENIED},
	{NNG_ECRYPTO, VRS_EDENIED},
	{NNG_ENOTSUP, VRS_EUNSUPPORTED},
	{VRS_ELSE, VRS_EIO},
};

int bus_fail(struct vrs_err *err, int nng_code, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return vrs_fail(err, vrs_code_of(codes, nng_code), "%s: %s", text,
			nng_strerror(nng_code));
}
