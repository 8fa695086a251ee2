#include "vrs/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int vrs_code_of(const struct vrs_code_row *row, int number)
{
	while (row->number != number && row->number != VRS_ELSE)
		row++;
	return row->code;
}

static const struct vrs_code_row errno_codes[] = {
	{ENOENT, VRS_ENOENT},      {ENOTDIR, VRS_ENOENT},   {EACCES, VRS_EDENIED},
	{EPERM, VRS_EDENIED},      {EROFS, VRS_EDENIED},    {ENOSPC, VRS_ENOSPC},
	{EDQUOT, VRS_ENOSPC},      {EFBIG, VRS_ENOSPC},     {ETIMEDOUT, VRS_ETIMEOUT},
	{ECONNREFUSED, VRS_ECONN}, {ECONNRESET, VRS_ECONN}, {EHOSTUNREACH, VRS_ECONN},
	{ENETUNREACH, VRS_ECONN},  {EPIPE, VRS_ECONN},      {EEXIST, VRS_ECONFLICT},
	{EINVAL, VRS_EINVAL},      {EISDIR, VRS_EINVAL},    {ENAMETOOLONG, VRS_EINVAL},
	{VRS_ELSE, VRS_EIO},
};

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
	int code = vrs_code_of(errno_codes, e);

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
	static const char *const names[] = {
		"ok",        "invalid",  "not found",   "malformed",
		"I/O error", "timeout",  "unreachable", "denied",
		"conflict",  "no space", "unsupported", "cancelled",
	};
	int n = sizeof(names) / sizeof(names[0]);

	return code <= 0 && code > -n ? names[-code] : "internal error";
}
