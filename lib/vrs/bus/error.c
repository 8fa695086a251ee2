/* NNG's error codes as VRS_E*. */
#include <stdarg.h>
#include <stdio.h>

#include "vrs/bus/nng.h"

static int code_of(int nng_code)
{
	switch (nng_code) {
	case NNG_ETIMEDOUT:
		return VRS_ETIMEOUT;
	case NNG_ECONNREFUSED:
	case NNG_ECONNRESET:
	case NNG_ECONNABORTED:
	case NNG_ECONNSHUT:
	case NNG_EUNREACHABLE:
	case NNG_ENOENT:
	case NNG_ECLOSED:
		return VRS_ECONN;
	case NNG_ECANCELED:
		return VRS_ECANCELLED;
	case NNG_EADDRINUSE:
		return VRS_ECONFLICT;
	case NNG_EADDRINVAL:
	case NNG_EINVAL:
		return VRS_EINVAL;
	case NNG_EPERM:
	case NNG_EPEERAUTH:
	case NNG_ECRYPTO:
		return VRS_EDENIED;
	case NNG_ENOTSUP:
		return VRS_EUNSUPPORTED;
	default:
		return VRS_EIO;
	}
}

int bus_fail(struct vrs_err *err, int nng_code, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return vrs_fail(err, code_of(nng_code), "%s: %s", text, nng_strerror(nng_code));
}
