#include "vrs/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int code_of_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return VRS_ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return VRS_EDENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return VRS_ENOSPC;
	case ETIMEDOUT:
		return VRS_ETIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPIPE:
		return VRS_ECONN;
	case EEXIST:
		return VRS_ECONFLICT;
	case EINVAL:
	case EISDIR:
	case ENAMETOOLONG:
		return VRS_EINVAL;
	default:
		return VRS_EIO;
	}
}

int(vrs_fail)(struct vrs_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		err->code = code;
	}
	return code;
}

int(vrs_fail_errno)(struct vrs_err *err, const char *fmt, ...)
{
	int e = errno;
	int code = code_of_errno(e);

	if (err) {
		va_list ap;

		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		size_t len = strlen(err->text);
		(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s",
			       strerror(e));
		err->code = code;
	}
	return code;
}

int(vrs_context)(struct vrs_err *err, const char *fmt, ...)
{
	if (!err)
		return VRS_EIO;

	char was[sizeof(err->text)];
	memcpy(was, err->text, sizeof(was));

	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	size_t len = strlen(err->text);
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", was);
	return err->code;
}

const char *vrs_code_name(int code)
{
	switch (code) {
	case 0:
		return "ok";
	case VRS_EINVAL:
		return "invalid";
	case VRS_ENOENT:
		return "not found";
	case VRS_EPARSE:
		return "malformed";
	case VRS_EIO:
		return "I/O error";
	case VRS_ETIMEOUT:
		return "timeout";
	case VRS_ECONN:
		return "unreachable";
	case VRS_EDENIED:
		return "denied";
	case VRS_ECONFLICT:
		return "conflict";
	case VRS_ENOSPC:
		return "no space";
	case VRS_EUNSUPPORTED:
		return "unsupported";
	case VRS_ECANCELLED:
		return "cancelled";
	default:
		return "internal error";
	}
}
